// ConformanceCases+Lengths.swift: Content-Length (RFC 9112 section 6.2, RFC 9110 section 8.6).

extension ConformanceGroup {
  static let contentLengths = ConformanceGroup(
    name: "Content-Length",
    cases: [
      .init("cl01", "9112 6.2", "a body is no request", "{GET}Content-Length: {L}⏎⏎{HID}", "200"),
      .init(
        "cl02", "9112 6.2", "what follows an empty body is one", "{GET}Content-Length: 0⏎⏎{HID}", "200 200", hidden: 1),
      .init("cl03", "9112 6.3", "what follows a head without a length is one", "{POST}⏎{HID}", "200 200", hidden: 1),
      .init("cl04", "9110 8.6", "a plus sign", "{POST}Content-Length: +5⏎⏎hello", "400 close"),
      .init("cl05", "9110 8.6", "a minus sign", "{POST}Content-Length: -5⏎⏎hello", "400 close"),
      .init("cl06", "9110 8.6", "minus zero", "{POST}Content-Length: -0⏎⏎{HID}", "400 close"),
      .init("cl07", "9110 8.6", "a space in it", "{POST}Content-Length: 5 5⏎⏎hello", "400 close"),
      .init("cl08", "9110 8.6", "hexadecimal", "{POST}Content-Length: 0x5⏎⏎hello", "400 close"),
      .init(
        "cl09", "9110 8.6", "hexadecimal without a sign for it", "{POST}Content-Length: a⏎⏎0123456789", "400 close"),
      .init("cl10", "9110 8.6", "empty", "{POST}Content-Length:⏎⏎{HID}", "400 close"),
      .init("cl11", "9110 8.6", "a fraction", "{POST}Content-Length: 5.0⏎⏎hello", "400 close"),
      .init("cl12", "9110 8.6", "an exponent", "{POST}Content-Length: 5e0⏎⏎hello", "400 close"),
      .init("cl13", "9110 8.6", "a digit group", "{POST}Content-Length: 1_0⏎⏎0123456789", "400 close"),
      .init("cl14", "9110 8.6", "quotes", "{POST}Content-Length: \"5\"⏎⏎hello", "400 close"),
      .init("cl15", "9110 8.6", "letters behind it", "{POST}Content-Length: 5a⏎⏎hello", "400 close"),
      .init("cl16", "9110 8.6", "a parameter", "{POST}Content-Length: 5;a⏎⏎hello", "400 close"),
      .init("cl17", "9110 8.6", "digits that are not ASCII", "{POST}Content-Length: ５⏎⏎hello", "400 close"),
      .init("cl18", "9110 5.6.3", "a vertical tab is no blank", "{POST}Content-Length: {x0b}5⏎⏎hello", "400 close"),
      .init("cl19", "9110 5.6.3", "a form feed is no blank", "{POST}Content-Length: 5{x0c}⏎⏎hello", "400 close"),
      .init("cl20", "9110 5.6.3", "a no-break space is no blank", "{POST}Content-Length: {xa0}5⏎⏎hello", "400 close"),
      .init("cl21", "9110 5.5", "NUL behind it", "{POST}Content-Length: 5{x00}⏎⏎hello", "400 close"),
      .init("cl22", "9110 8.6", "a list of equal numbers", "{POST}Content-Length: 5, 5⏎⏎hello", "400 close"),
      .init("cl23", "9110 8.6", "a list of different numbers", "{POST}Content-Length: 0, 5⏎⏎hello", "400 close"),
      .init("cl24", "9110 8.6", "a comma behind it", "{POST}Content-Length: 5,⏎⏎hello", "400 close"),
      .init("cl25", "9112 6.3", "twice the same", "{POST}Content-Length: 5⏎Content-Length: 5⏎⏎hello", "400 close"),
      .init("cl26", "9112 6.3", "twice, first none", "{POST}Content-Length: 0⏎Content-Length: {L}⏎⏎{HID}", "400 close"),
      .init("cl27", "9112 6.3", "twice, last none", "{POST}Content-Length: {L}⏎content-length: 0⏎⏎{HID}", "400 close"),
      .init(
        "cl28", "9112 5.1", "twice, one with a space before the colon",
        "{POST}Content-Length: 0⏎Content-Length : {L}⏎⏎{HID}", "400 close"),
      .init("cl29", "9110 8.6", "2^63", "{POST}Content-Length: 9223372036854775808⏎⏎", "400 close"),
      .init("cl30", "9110 8.6", "2^64 + 5", "{POST}Content-Length: 18446744073709551621⏎⏎hello", "400 close"),
      .init("cl31", "9110 8.6", "a thousand digits", "{POST}Content-Length: {1000*9}⏎⏎", "400 close"),
      .init(
        "cl32", "api.md", "2^63 - 1: decided by its head, and closed",
        "{POST}Content-Length: 9223372036854775807⏎⏎{HID}", "200 close"),
      .init("cl33", "9110 8.6", "leading zeros", "{POST}Content-Length: 0005⏎⏎hello", "200"),
      .init("cl34", "9110 5.6.3", "blanks around it", "{POST}Content-Length: \t 5 \t⏎⏎hello", "200"),
      .init("cl35", "9110 5.1", "a name in any case", "{POST}cONTENT-lENGTH: {L}⏎⏎{HID}", "200"),
      .init(
        "cl36", "api.md", "a body that is not all there: answered and closed", "{POST}Content-Length: 500⏎⏎{HID}",
        "200 close"),
      .init(
        "cl37", "api.md", "one that comes behind the answer is dropped", "{POST}Content-Length: {L}⏎⏎{?}{HID}",
        "200 close"),
      .init(
        "cl38", "9112 6.2", "in HTTP/1.0 too", "POST {own} HTTP/1.0⏎Connection: keep-alive⏎Content-Length: {L}⏎⏎{HID}",
        "200"),
      .init(
        "cl39", "9110 9.3.2", "a HEAD with a body", "HEAD {own} HTTP/1.1⏎Content-Length: {L}⏎⏎{HID}", "200",
        isHead: true),
      .init(
        "cl40", "9110 15.5.6", "the body of a 405 is no request", "POST /healthz HTTP/1.1⏎Content-Length: {L}⏎⏎{HID}",
        "405"),
      .init(
        "cl41", "9110 15.5.5", "the body of a 404 is no request", "POST /nowhere HTTP/1.1⏎Content-Length: {L}⏎⏎{HID}",
        "404"),
      .init(
        "cl42", "9110 15.5.16", "the body of a 415 is no request",
        "POST /json/check HTTP/1.1⏎Content-Length: {L}⏎⏎{HID}", "415"),
      .init("cl43", "api.md", "the JSON form takes a body", "{JSON}Content-Length: {L}⏎⏎{body}", "200", cutsBody: true),
      .init(
        "cl44", "9112 6.2", "what a length leaves over is the next request", "{JSON}Content-Length: 2⏎⏎{}{HID}",
        "200 200", own: 0, hidden: 1),
      .init(
        "cl45", "9112 6.2", "a body that breaks off", "{JSON}Content-Length: 100⏎⏎{body}", "400 close", finishes: true,
        cutsBody: true),
      .init(
        "cl46", "9112 6.3", "without a length the body is empty, and what follows no request", "{JSON}⏎{body}",
        "400 400 close", cutsBody: true),
      .init(
        "cl47", "9110 15.5.14", "a body of 65 536 bytes", "{JSON}Content-Length: 65536⏎⏎{65499* }{body}", "200",
        cutsBody: true),
      .init("cl48", "9110 15.5.14", "one byte more", "{JSON}Content-Length: 65537⏎⏎{65500* }{body}", "413 close"),
      .init(
        "cl49", "9110 15.5.14", "a body that is too large by far, unsent",
        "{JSON}Content-Length: 9223372036854775807⏎⏎{HID}", "413 close"),
    ])
}
