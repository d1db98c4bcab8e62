// ConformanceCases+Forms.swift: the two forms of a check (docs/api.md), and a sample on every other listener: one parser
// serves them all.

extension ConformanceGroup {
  static let forms = ConformanceGroup(
    name: "both forms",
    cases: [
      .init(
        "fo01", "api.md", "exactly /check: the target is in its header",
        "GET /check HTTP/1.1⏎X-Forwarded-Uri: /own/{id}⏎⏎", "200"),
      .init(
        "fo02", "api.md", "without it there is no path, and the body says nothing",
        "POST /check HTTP/1.1⏎Content-Length: {L}⏎⏎{body}", "200", own: 0),
      .init(
        "fo03", "api.md", "JSON at /check is the JSON form",
        "POST /check HTTP/1.1⏎Content-Type: application/json⏎Content-Length: {L}⏎⏎{body}", "200", cutsBody: true),
      .init(
        "fo04", "api.md", "unless a gateway has left its mark: then the body says nothing",
        "POST /check HTTP/1.1⏎Content-Type: application/json⏎Via: 1.1 a⏎Content-Length: {L}⏎⏎{body}", "200", own: 0),
      .init(
        "fo05", "api.md", "or the method is another",
        "PUT /check HTTP/1.1⏎Content-Type: application/json⏎Content-Length: {L}⏎⏎{body}", "200", own: 0),
      .init(
        "fo06", "api.md", "or a query stands behind it",
        "POST /check?a=b HTTP/1.1⏎Content-Type: application/json⏎Content-Length: {L}⏎⏎{body}", "200", own: 0),
      .init(
        "fo07", "api.md", "a request in the target's header is part of the target",
        "GET /check HTTP/1.1⏎X-Forwarded-Uri: /own/{id}?%0d%0a%0d%0a{HID}⏎", "200"),
      .init(
        "fo08", "api.md", "an escaped one is a target",
        "GET /check HTTP/1.1⏎X-Forwarded-Uri: /own/{id}?%0d%0aGET%20/check/hidden/{id}⏎⏎", "200"),
      .init("fo09", "api.md", "a domain by its name", "GET /domains/default/check/own/{id} HTTP/1.1⏎⏎", "200"),
      .init("fo10", "api.md", "a name that is none", "GET /domains/de%66ault/check/own/{id} HTTP/1.1⏎⏎", "404"),
      .init(
        "fo11", "api.md", "/json/check takes POST", "GET /json/check HTTP/1.1⏎Content-Type: application/json⏎⏎", "405"),
      .init("fo12", "8259 2", "two texts are no JSON", "{JSON}Content-Length: 4⏎⏎{}{}", "400", cutsBody: true),
      .init(
        "fo13", "8259 8.1", "nor is what is no UTF-8", "{JSON}Content-Length: 4⏎⏎{x22}{xff}{xff}{x22}", "400",
        cutsBody: true),
      .init(
        "fo14", "8259 4", "a member twice", "{JSON}Content-Length: {L}⏎⏎{x7b}\"cost\": 0, \"cost\": 1}", "400",
        cutsBody: true),
    ])

  private static let admin = "GET /healthz HTTP/1.1⏎Host: localhost⏎"

  /// The same few on one listener that has no checks.
  private static func sample(_ prefix: String, _ listener: ConformanceCase.Listener) -> [ConformanceCase] {
    [
      .init(
        "\(prefix)01", "9112 6.2", "a body is no request", admin + "Content-Length: {L}⏎⏎{HID}", "200", own: 0,
        on: listener),
      .init(
        "\(prefix)02", "9112 6.3", "a length and a coding",
        admin + "Content-Length: {L}⏎Transfer-Encoding: chunked⏎⏎0⏎⏎{HID}", "400 close", on: listener),
      .init(
        "\(prefix)03", "9112 5.1", "a space before the colon", admin + "Transfer-Encoding : chunked⏎⏎0⏎⏎{HID}",
        "400 close", on: listener),
      .init(
        "\(prefix)04", "9112 2.2", "LF alone", admin + "A: b\nContent-Length: {L}⏎⏎{HID}", "400 close", on: listener),
      .init("\(prefix)05", "9112 3.2", "two Host", admin + "Host: localhost⏎⏎{HID}", "400 close", on: listener),
      .init("\(prefix)06", "6585 5", "a head above 64 KiB", admin + "A: {70000*b}", "431 close", on: listener),
      .init(
        "\(prefix)07", "9112 9.6", "nothing follows a request that closes", admin + "Connection: close⏎⏎{HID}",
        "200 close", own: 0, on: listener),
      .init(
        "\(prefix)08", "9112 7.1", "a malformed chunk ends the connection",
        admin + "Transfer-Encoding: chunked⏎⏎zz⏎{HID}", "200 close", own: 0, on: listener),
    ]
  }

  static let listeners = ConformanceGroup(
    name: "other listeners",
    cases: sample("ad", .admin) + sample("me", .metrics) + sample("ux", .unix) + [
      .init(
        "ux09", "9112 6.1", "a check over a Unix socket", "{POST}Transfer-Encoding: chunked⏎⏎{(}{HID}{)}0⏎⏎", "200",
        on: .unix),
      .init("ux10", "9112 9.3.2", "two over a Unix socket", "{GET}⏎{HID}", "200 200", hidden: 1, on: .unix),
    ])
}
