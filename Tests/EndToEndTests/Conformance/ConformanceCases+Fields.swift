// ConformanceCases+Fields.swift: header lines (RFC 9112 section 5, RFC 9110 section 5) and Host.

extension ConformanceGroup {
  static let fieldLines = ConformanceGroup(
    name: "header lines",
    cases: [
      .init("hf01", "9112 5.1", "a space before the colon", "{GET}A : b⏎⏎", "400 close"),
      .init("hf02", "9112 5.1", "a tab before the colon", "{GET}A\t: b⏎⏎", "400 close"),
      .init("hf03", "9110 5.1", "no name", "{GET}: b⏎⏎", "400 close"),
      .init("hf04", "9112 5", "no colon", "{GET}A⏎⏎", "400 close"),
      .init("hf05", "9110 5.1", "a space in a name", "{GET}A b: c⏎⏎", "400 close"),
      .init("hf06", "9110 5.6.2", "a delimiter in a name", "{GET}A(b: c⏎⏎", "400 close"),
      .init("hf07", "9110 5.6.2", "a byte above 0x7f in a name", "{GET}A{xc3}{xa9}: c⏎⏎", "400 close"),
      .init("hf08", "9110 5.6.2", "NUL in a name", "{GET}A{x00}: c⏎⏎", "400 close"),
      .init("hf09", "9110 5.6.2", "a control in a name", "{GET}{x0b}A: c⏎⏎", "400 close"),
      .init("hf10", "9110 5.6.2", "a semicolon behind a name", "{GET}Content-Length;: 4⏎⏎", "400 close"),
      .init("hf11", "9112 2.2", "white space before the first header", "{GET} A: b⏎⏎", "400 close"),
      .init("hf12", "9112 5.2", "a line folded with a space", "{GET}A: b⏎ c⏎⏎", "400 close"),
      .init("hf13", "9112 5.2", "a line folded with a tab", "{GET}A: b⏎\tc⏎⏎", "400 close"),
      .init("hf14", "9112 5.2", "a length that is folded away", "{GET}A: b⏎ Content-Length: {L}⏎⏎{HID}", "400 close"),
      .init(
        "hf15", "9112 5.2", "a value that is folded to the next line", "{GET}Content-Length:⏎ {L}⏎⏎{HID}", "400 close"),
      .init("hf16", "9112 5.2", "a line of blanks", "{GET}A: b⏎ ⏎⏎", "400 close"),
      .init("hf17", "9112 2.2", "LF alone ends no header line", "{GET}A: b\n⏎", "400 close"),
      .init("hf18", "9112 2.2", "LF alone hides no length", "{GET}A: b\nContent-Length: {L}⏎⏎{HID}", "400 close"),
      .init("hf19", "9112 2.2", "LF alone is no blank line", "{GET}A: b⏎\n", "400 close"),
      .init("hf20", "9112 2.2", "CR alone in a value", "{GET}A: b\rc⏎⏎", "400 close"),
      .init("hf21", "9112 2.2", "CR alone hides no length", "{GET}A: b\rContent-Length: {L}⏎⏎{HID}", "400 close"),
      .init("hf22", "9112 2.2", "CR CR LF ends no line", "{GET}A: b\r⏎⏎", "400 close"),
      .init("hf23", "9112 2.2", "CR CR LF is no blank line", "{GET}A: b⏎\r⏎", "400 close"),
      .init("hf24", "9110 5.5", "NUL in a value", "{GET}A: b{x00}c⏎⏎", "400 close"),
      .init(
        "hf25", "api.md", "other controls in a value pass, as gateways pass them", "{GET}A: b{x01}{x0b}{x7f}c⏎⏎", "200"),
      .init("hf26", "9110 5.5", "bytes above 0x7f in a value pass", "{GET}A: {x80}{xff}⏎⏎", "200"),
      .init("hf27", "9110 5.5", "an empty value", "{GET}A:⏎⏎", "200"),
      .init("hf28", "9110 5.5", "a value of blanks", "{GET}A: \t ⏎⏎", "200"),
      .init("hf29", "9112 5.1", "no blank behind the colon", "{GET}A:b⏎⏎", "200"),
      .init("hf30", "9112 5.1", "blanks around a value", "{GET}A:\t b \t⏎⏎", "200"),
      .init("hf31", "9110 5.5", "colons in a value", "{GET}A: :b::c⏎⏎", "200"),
      .init("hf32", "9110 5.3", "a header again and again", "{GET}{50*A: b⏎}⏎", "200"),
      .init("hf33", "9110 5.4", "ten thousand headers", "{GET}{10000*A:b⏎}⏎", "200"),
      .init("hf34", "9110 5.4", "a value of 60 000 bytes", "{GET}A: {60000*b}⏎⏎", "200"),
      .init("hf35", "6585 5", "a head of 65 536 bytes", "{GET}A: {fill 65536}⏎⏎", "200"),
      .init("hf36", "6585 5", "one byte more", "{GET}A: {fill 65537}⏎⏎", "431 close"),
      .init("hf37", "6585 5", "a value without end", "{GET}A: {90000*b}", "431 close"),
      .init("hf38", "6585 5", "headers without end", "{GET}{20000*A:b⏎}", "431 close"),
      .init("hf39", "6585 5", "a name without end", "{GET}{90000*b}", "431 close"),
      .init(
        "hf40", "9110 5.1", "a length with an underscore is none", "{GET}Content_Length: 4⏎⏎{HID}", "200 200", hidden: 1
      ),
      .init("hf41", "9112 2.2", "a head that ends with the connection", "{GET}A: b⏎", "400 close", finishes: true),
    ])

  static let hosts = ConformanceGroup(
    name: "Host",
    cases: [
      .init("ho01", "9112 3.2", "none: accepted, since gateways pass HTTP/1.0 clients on", "{GET}⏎", "200"),
      .init("ho02", "9112 3.2", "an empty one", "{GET}Host:⏎⏎", "200"),
      .init("ho03", "9112 3.2", "one with a port", "{GET}Host: example.com:8080⏎⏎", "200"),
      .init("ho04", "9112 3.2", "an IPv6 address", "{GET}Host: [::1]:80⏎⏎", "200"),
      .init("ho05", "9112 3.2", "two", "{GET}Host: a⏎Host: b⏎⏎", "400 close"),
      .init("ho06", "9112 3.2", "two that are equal", "{GET}Host: a⏎Host: a⏎⏎", "400 close"),
      .init("ho07", "9112 3.2", "two in different case", "{GET}Host: a⏎hOST: b⏎⏎", "400 close"),
      .init("ho08", "9112 3.2", "two, one of them empty", "{GET}Host: a⏎Host:⏎⏎", "400 close"),
      .init("ho09", "9112 3.2", "two, with others between", "{GET}Host: a⏎A: b⏎Host: a⏎⏎", "400 close"),
      .init("ho10", "9112 5.1", "a space before its colon", "{GET}Host : a⏎⏎", "400 close"),
      .init("ho11", "9112 5.2", "a folded one", "{GET}Host: a⏎ b⏎⏎", "400 close"),
      .init(
        "ho12", "9110 7.2", "what is no host is taken as it stands: a client must not cause a 400",
        "{GET}Host: a b/c@d⏎⏎", "200"),
      .init("ho13", "9112 3.2.2", "another in the absolute form", "GET http://a{own} HTTP/1.1⏎Host: b⏎⏎", "200"),
      .init("ho14", "9112 3.2", "two in HTTP/1.0", "GET {own} HTTP/1.0⏎Host: a⏎Host: b⏎⏎", "400 close"),
      .init(
        "ho15", "api.md", "two X-Forwarded-Host are no two Host", "{GET}X-Forwarded-Host: a⏎X-Forwarded-Host: b⏎⏎",
        "200"),
    ])
}
