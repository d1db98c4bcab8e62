// ConformanceCases+RequestLine.swift: the request line (RFC 9112 section 3) and what its target may be.

extension ConformanceGroup {
  static let requestLines = ConformanceGroup(
    name: "request line",
    cases: [
      .init("rl01", "9110 9.1", "a method that nobody knows is a check", "BREW {own} HTTP/1.1⏎⏎", "200"),
      .init(
        "rl02", "9110 9.1", "methods are case-sensitive tokens, all of which are checks", "get {own} HTTP/1.1⏎⏎", "200"),
      .init(
        "rl03", "9110 5.6.2", "every token character may stand in a method", "!#$%&'*+-.^_`|~aZ09 {own} HTTP/1.1⏎⏎",
        "200"),
      .init("rl04", "9112 3", "a long method is one", "{9000*M} {own} HTTP/1.1⏎⏎", "200"),
      .init("rl05", "9112 3", "a method without end is cut off at 64 KiB", "{70000*M}", "431 close", own: 0),
      .init("rl06", "9110 5.6.2", "a delimiter in a method", "G(T {own} HTTP/1.1⏎⏎", "400 close"),
      .init("rl07", "9110 5.6.2", "a byte above 0x7f in a method", "G{xc3}T {own} HTTP/1.1⏎⏎", "400 close"),
      .init("rl08", "9112 3", "white space before the method", " {GET}⏎", "400 close"),
      .init("rl09", "9112 3", "two spaces behind the method", "GET  {own} HTTP/1.1⏎⏎", "400 close"),
      .init("rl10", "9112 3", "two spaces before the version", "GET {own}  HTTP/1.1⏎⏎", "400 close"),
      .init("rl11", "9112 3", "a tab for a space", "GET\t{own}\tHTTP/1.1⏎⏎", "400 close"),
      .init("rl12", "9112 3", "a vertical tab for a space", "GET{x0b}{own} HTTP/1.1⏎⏎", "400 close"),
      .init("rl13", "9112 3", "white space behind the version", "GET {own} HTTP/1.1 ⏎⏎", "400 close"),
      .init("rl14", "9112 3.2", "a space in the target", "GET {own} HTTP/1.1 HTTP/1.1⏎⏎", "400 close"),
      .init("rl15", "9112 2.2", "an empty line before the request is skipped", "⏎{GET}⏎", "200"),
      .init("rl16", "9112 2.2", "four empty lines are", "⏎⏎⏎⏎{GET}⏎", "200"),
      .init("rl17", "9112 2.2", "but no fifth", "⏎⏎⏎⏎⏎{GET}⏎", "400 close"),
      .init("rl18", "9112 2.2", "LF alone is no empty line", "\n{GET}⏎", "400 close"),
      .init("rl19", "9112 2.2", "CR alone is no empty line", "\r{GET}⏎", "400 close"),
      .init("rl20", "9112 2.2", "LF alone ends no request line", "GET {own} HTTP/1.1\n⏎", "400 close"),
      .init(
        "rl21", "9112 2.2", "LF alone ends no line of a request that has no CR", "GET {own} HTTP/1.1\nHost: a\n\n",
        "400 close"),
      .init("rl22", "9112 2.2", "CR alone ends no request line", "GET {own} HTTP/1.1\rHost: a⏎⏎", "400 close"),
      .init("rl23", "1945 4.1", "a request without a version (HTTP/0.9)", "GET {own}⏎", "400 close"),
      .init("rl24", "9112 2.3", "the protocol's name is in capitals", "GET {own} http/1.1⏎⏎", "400 close"),
      .init("rl25", "9112 2.3", "a version without a minor one", "GET {own} HTTP/1⏎⏎", "400 close"),
      .init("rl26", "9112 2.3", "a version's minor is one digit", "GET {own} HTTP/1.10⏎⏎", "400 close"),
      .init("rl27", "9112 2.3", "a version with a sign", "GET {own} HTTP/-1.1⏎⏎", "400 close"),
      .init("rl28", "9112 2.3", "a version with a comma", "GET {own} HTTP/1,1⏎⏎", "400 close"),
      .init("rl29", "9112 2.3", "another protocol", "GET {own} HTCPCP/1.0⏎⏎", "400 close"),
      .init("rl30", "9110 15.6.6", "HTTP/2.0 in words", "GET {own} HTTP/2.0⏎⏎", "505 close"),
      .init("rl31", "9110 15.6.6", "HTTP/0.9 in words", "GET {own} HTTP/0.9⏎⏎", "505 close"),
      .init("rl32", "9110 15.6.6", "HTTP/3 in words", "GET {own} HTTP/3⏎⏎", "505 close"),
      .init("rl33", "9110 2.5", "a higher minor version is served as 1.1", "GET {own} HTTP/1.2⏎⏎", "200"),
      .init("rl34", "9112 9.3", "HTTP/1.0 closes", "GET {own} HTTP/1.0⏎⏎", "200 close"),
      .init(
        "rl35", "9112 3", "nothing but an end of sending behind half a line", "GET {own} HT", "400 close",
        finishes: true),
      .init("rl36", "9112 2.2", "bytes that are no text", "{x80}{xff}{x00}{x01}⏎⏎", "400 close"),
    ])

  static let targets = ConformanceGroup(
    name: "request target",
    cases: [
      .init("rt01", "9112 3.2", "a control in the target", "GET {own}{x01} HTTP/1.1⏎⏎", "400 close"),
      .init("rt02", "9112 3.2", "DEL in the target", "GET {own}{x7f} HTTP/1.1⏎⏎", "400 close"),
      .init("rt03", "9112 3.2", "NUL in the target", "GET {own}{x00} HTTP/1.1⏎⏎", "400 close"),
      .init("rt04", "9112 3.2", "a tab in the target", "GET {own}\t HTTP/1.1⏎⏎", "400 close"),
      .init("rt05", "9112 3.2", "CR in the target", "GET {own}\rX HTTP/1.1⏎⏎", "400 close"),
      .init("rt06", "9112 3.2", "LF in the target", "GET {own}\nX HTTP/1.1⏎⏎", "400 close"),
      .init(
        "rt07", "api.md", "bytes above 0x7f pass, as gateways pass them", "GET {own}?q={x80}{xff} HTTP/1.1⏎⏎", "200"),
      .init("rt08", "9112 3.2.2", "the absolute form", "GET http://h{own} HTTP/1.1⏎Host: h⏎⏎", "200"),
      .init("rt09", "9110 4.2.3", "a scheme in capitals", "GET HTTPS://h:1{own} HTTP/1.1⏎Host: h⏎⏎", "200"),
      .init(
        "rt10", "9110 4.2.4", "user information in the absolute form is no path", "GET http://u:p@h{own} HTTP/1.1⏎⏎",
        "200"),
      .init("rt11", "9112 3.2.2", "the absolute form without a path is no check", "GET http://h HTTP/1.1⏎⏎", "404"),
      .init("rt12", "9112 3.2.2", "a scheme that is none of HTTP", "GET ftp://h{own} HTTP/1.1⏎⏎", "404"),
      .init("rt13", "9112 3.2.3", "the authority form", "CONNECT h:443 HTTP/1.1⏎Host: h⏎⏎", "404"),
      .init("rt14", "9112 3.2.4", "the asterisk form", "OPTIONS * HTTP/1.1⏎⏎", "404"),
      .init("rt15", "9112 3.2.1", "a target without a slash", "GET check/own/{id} HTTP/1.1⏎⏎", "404"),
      .init(
        "rt16", "3986 6.2.2.3", "dot segments of a check are removed", "GET /check/x/../own/./{id} HTTP/1.1⏎⏎", "200"),
      .init("rt17", "api.md", "empty segments of a check are removed", "GET /check//own///{id}/ HTTP/1.1⏎⏎", "200"),
      .init("rt18", "3986 6.2.2.2", "escapes of a check are decoded", "GET /check/%6fwn/{id} HTTP/1.1⏎⏎", "200"),
      .init("rt19", "api.md", "escapes are decoded once", "GET /check/%256fwn/{id} HTTP/1.1⏎⏎", "200", own: 0),
      .init("rt20", "api.md", "dot segments lead to no other page", "GET /check/../healthz HTTP/1.1⏎⏎", "200", own: 0),
      .init("rt21", "api.md", "escaped ones neither", "GET /check/%2e%2e/own/{id} HTTP/1.1⏎⏎", "200"),
      .init("rt22", "api.md", "a wrong escape is taken as it stands", "GET {own}?%zz%0 HTTP/1.1⏎⏎", "200"),
      .init("rt23", "api.md", "an escaped NUL is taken as it stands", "GET {own}?%00 HTTP/1.1⏎⏎", "200"),
      .init(
        "rt24", "api.md", "escaped line ends make no request", "GET {own}?%0d%0aGET%20/check/hidden/{id} HTTP/1.1⏎⏎",
        "200"),
      .init(
        "rt25", "api.md", "nothing is removed from a path that is no check", "GET //check/own/{id} HTTP/1.1⏎⏎", "404"),
      .init("rt26", "api.md", "case counts", "GET /Check/own/{id} HTTP/1.1⏎⏎", "404"),
      .init("rt27", "api.md", "no other page begins like a check", "GET /checks/own/{id} HTTP/1.1⏎⏎", "404"),
      .init("rt28", "api.md", "no parameter of a segment either", "GET /check;a/own/{id} HTTP/1.1⏎⏎", "404"),
      .init("rt29", "api.md", "the metrics are not on the data listener", "GET /metrics HTTP/1.1⏎⏎", "404"),
      .init("rt30", "9110 15.5.15", "a target of 16 384 bytes", "GET {own}?{16368*a} HTTP/1.1⏎⏎", "200"),
      .init("rt31", "9110 15.5.15", "one byte more", "GET {own}?{16369*a} HTTP/1.1⏎⏎", "414 close"),
      .init("rt32", "9110 15.5.15", "a target without end", "GET {own}?{40000*a}", "414 close"),
      .init(
        "rt33", "9110 9.3.2", "a HEAD is a check, and its answer has no content", "HEAD {own} HTTP/1.1⏎⏎{HID}",
        "200 200", hidden: 1, isHead: true),
    ])
}
