// ConformanceCases+Chunks.swift: the syntax of chunked bodies (RFC 9112 section 7.1). The JSON form reads its body, so a
// wrong one is a 400 there. The gateway form has answered by its head before: the connection ends.

extension ConformanceGroup {
  private static let start = "{JSON}Transfer-Encoding: chunked⏎⏎"

  /// A check in the JSON form whose body is `text`.
  private static func json(
    _ id: String, _ source: String, _ rule: String, _ text: String, _ answers: String, own: Int? = nil,
    hidden: Int = 0, finishes: Bool = false
  ) -> ConformanceCase {
    ConformanceCase(
      id, source, rule, start + text, answers, own: own, hidden: hidden, finishes: finishes, cutsBody: true)
  }

  static let chunks = ConformanceGroup(
    name: "chunks",
    cases: [
      json("ch01", "9112 7.1", "in several pieces", "2⏎{x7b}\"⏎{(}attributes\": {x7b}}{)}1⏎}⏎0⏎⏎", "200", own: 0),
      json(
        "ch02", "9112 7.1", "sizes in capitals and with leading zeros", "00A⏎{x7b}\"cost\": 0⏎0000000000000001⏎}⏎0⏎⏎",
        "200", own: 0),
      json("ch03", "9112 7.1", "the last one's size in several zeros", "{(}{body}{)}000⏎⏎", "200"),
      json("ch04", "9112 7.1.1", "an extension", "2;a=b⏎{}⏎0;c⏎⏎", "200", own: 0),
      json("ch05", "9112 7.1.1", "a quoted extension", "2;a=\"b;c\\\"\";d⏎{}⏎0⏎⏎", "200", own: 0),
      json("ch06", "9112 7.1.2", "trailers", "{(}{body}{)}0⏎A: b⏎C:⏎⏎", "200"),
      json(
        "ch07", "9110 6.5.1", "trailers that frame a message frame nothing",
        "{(}{body}{)}0⏎Content-Length: 500⏎Transfer-Encoding: gzip⏎Host: a⏎Connection: close⏎⏎{HID}", "200 200",
        hidden: 1),
      json(
        "ch08", "9110 6.5.1", "trailers that speak for a gateway say nothing",
        "{(}{body}{)}0⏎X-Forwarded-Uri: /hidden/{id}⏎Via: a⏎⏎", "200"),
      json(
        "ch09", "9112 7.1", "what follows the last chunk is the next request", "{(}{body}{)}0⏎⏎{HID}", "200 200",
        hidden: 1),
      json("ch10", "9112 7.1", "two thousand chunks", "{2000*1⏎ ⏎}{(}{body}{)}0⏎⏎", "200"),
      json("ch11", "9112 7.1", "an empty body is no check", "0⏎⏎", "400"),
      json("ch12", "9110 15.5.14", "one chunk above 64 KiB", "10001⏎{65537* }⏎0⏎⏎", "413 close"),
      json(
        "ch13", "9110 15.5.14", "above 64 KiB in several chunks",
        "{17*1000⏎{4096* }⏎}0⏎⏎".replacing("{4096* }", with: String(repeating: " ", count: 4_096)), "413 close"),
      json("ch14", "9112 7.1.1", "extensions of 4 000 bytes", "2;{4000*a}⏎{}⏎0⏎⏎", "200", own: 0),
      json(
        "ch15", "9112 7.1", "a size of 2^63 - 1 whose data end", "7fffffffffffffff⏎{body}", "400 close", finishes: true),
      .init(
        "ch16", "api.md", "the gateway form: dropped with extensions and trailers",
        "{POST}Transfer-Encoding: chunked⏎⏎5;a=b⏎hello⏎0⏎A: b⏎⏎", "200"),
      .init(
        "ch17", "api.md", "the gateway form: not all there, so answered and closed",
        "{POST}Transfer-Encoding: chunked⏎⏎5⏎he", "200 close"),
      .init(
        "ch18", "api.md", "the gateway form: nothing of it there",
        "{POST}Transfer-Encoding: chunked⏎⏎{?}{(}{HID}{)}0⏎⏎{HID}", "200 close"),
      .init(
        "ch19", "api.md", "the gateway form: malformed, so answered and closed",
        "{POST}Transfer-Encoding: chunked⏎⏎zz⏎{HID}", "200 close"),
      .init(
        "ch20", "api.md", "the gateway form: data behind a chunk", "{POST}Transfer-Encoding: chunked⏎⏎1⏎ab⏎0⏎⏎{HID}",
        "200 close"),
    ])

  static let brokenChunks = ConformanceGroup(
    name: "chunks that are none",
    cases: [
      json("cb01", "9112 7.1", "no size", "⏎{body}⏎0⏎⏎", "400 close"),
      json("cb02", "9112 7.1", "no digit", "g⏎{body}⏎0⏎⏎", "400 close"),
      json("cb03", "9112 7.1", "0x before the size", "0x2⏎{}⏎0⏎⏎", "400 close"),
      json("cb04", "9112 7.1", "a plus sign", "+2⏎{}⏎0⏎⏎", "400 close"),
      json("cb05", "9112 7.1", "a minus sign", "-2⏎{}⏎0⏎⏎", "400 close"),
      json("cb06", "9112 7.1", "a digit group", "0_2⏎{}⏎0⏎⏎", "400 close"),
      json("cb07", "9112 7.1", "a space before the size", " 2⏎{}⏎0⏎⏎", "400 close"),
      json("cb08", "9112 7.1", "a space behind the size", "2 ⏎{}⏎0⏎⏎", "400 close"),
      json("cb09", "9112 7.1.1", "a space before an extension", "2 ;a=b⏎{}⏎0⏎⏎", "400 close"),
      json("cb10", "9112 7.1", "a tab behind the size", "2\t⏎{}⏎0⏎⏎", "400 close"),
      json("cb11", "9112 7.1", "two sizes", "2 2⏎{}⏎0⏎⏎", "400 close"),
      json("cb12", "9112 7.1", "a size that overflows to 2", "10000000000000002⏎{}⏎0⏎⏎", "400 close"),
      json("cb13", "9112 7.1", "a size that overflows to minus one", "ffffffffffffffff⏎{}⏎0⏎⏎", "400 close"),
      json("cb14", "9112 7.1", "2^63", "8000000000000000⏎{}⏎0⏎⏎", "400 close"),
      json("cb15", "9112 7.1", "seventeen digits", "00000000000000002⏎{}⏎0⏎⏎", "400 close"),
      json("cb16", "9112 2.2", "LF alone behind the size", "2\n{}⏎0⏎⏎", "400 close"),
      json("cb17", "9112 2.2", "CR alone behind the size", "2\r{}⏎0⏎⏎", "400 close"),
      json("cb18", "9112 7.1", "LF alone behind the data", "2⏎{}\n0⏎⏎", "400 close"),
      json("cb19", "9112 7.1", "CR alone behind the data", "2⏎{}\r0⏎⏎", "400 close"),
      json("cb20", "9112 7.1", "nothing behind the data", "2⏎{}0⏎⏎", "400 close"),
      json("cb21", "9112 7.1", "two other bytes behind the data", "2⏎{}XX0⏎⏎{HID}", "400 close"),
      json("cb22", "9112 7.1", "more data than the size says", "1⏎{}⏎0⏎⏎", "400 close"),
      json("cb23", "9112 7.1", "less data than the size says", "3⏎{}⏎0⏎⏎", "400 close"),
      json("cb24", "9112 7.1", "an end before the last chunk", "2⏎{}⏎", "400 close", finishes: true),
      json("cb25", "9112 7.1", "an end before the blank line", "2⏎{}⏎0⏎", "400 close", finishes: true),
      json("cb26", "9112 7.1.1", "LF alone ends an extension", "2;\n{}⏎0⏎⏎{HID}", "400 close"),
      json("cb27", "9112 7.1.1", "LF alone in an extension", "2;a\nb⏎{}⏎0⏎⏎", "400 close"),
      json("cb28", "9112 7.1.1", "CR alone in an extension", "2;a\rb⏎{}⏎0⏎⏎", "400 close"),
      json("cb29", "9112 7.1.1", "a control in an extension", "2;a{x01}⏎{}⏎0⏎⏎", "400 close"),
      json("cb30", "9112 7.1.1", "LF alone in an extension of the last chunk", "2⏎{}⏎0;\n⏎{HID}", "400 close"),
      json("cb31", "9112 7.1.1", "an extension above 4 096 bytes", "2;{4200*a}⏎{}⏎0⏎⏎", "400 close"),
      json(
        "cb32", "9112 7.1.1", "extensions above 64 KiB in all", "{600*1;\(String(repeating: "a", count: 120))⏎ ⏎}0⏎⏎",
        "400 close"),
      json("cb33", "6585 5", "trailers above 64 KiB", "2⏎{}⏎0⏎{8000*A: bcdef⏎}⏎", "431 close"),
      json("cb34", "9112 7.1.2", "a trailer without a colon", "2⏎{}⏎0⏎A⏎⏎", "400 close"),
      json("cb35", "9112 7.1.2", "a trailer without a name", "2⏎{}⏎0⏎: a⏎⏎", "400 close"),
      json("cb36", "9112 5.2", "a folded trailer", "2⏎{}⏎0⏎A: b⏎ c⏎⏎", "400 close"),
      json("cb37", "9112 5.1", "a space before a trailer's colon", "2⏎{}⏎0⏎A : b⏎⏎", "400 close"),
      json("cb38", "9112 2.2", "LF alone behind a trailer", "2⏎{}⏎0⏎A: b\n⏎", "400 close"),
      json("cb39", "9112 2.2", "LF alone for the blank line", "2⏎{}⏎0⏎\n{HID}", "400 close"),
      json("cb40", "9110 5.5", "NUL in a trailer", "2⏎{}⏎0⏎A: b{x00}⏎⏎", "400 close"),
      json("cb41", "9112 7.1.2", "a request for a trailer", "2⏎{}⏎0⏎{HID}", "400 close"),
    ])
}
