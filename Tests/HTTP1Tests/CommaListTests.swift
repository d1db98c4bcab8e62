// CommaListTests.swift: the elements of a list, empty ones too.

import Testing

@testable import HTTP1

@Suite struct CommaListTests {
  @Test(
    "a list is cut at every comma and its elements are trimmed",
    arguments: [
      ("", [""]), ("a", ["a"]), (" a\t", ["a"]), ("a,b", ["a", "b"]), ("a ,\t b c", ["a", "b c"]),
      (",", ["", ""]), (" , a,,", ["", "a", "", ""]),
    ])
  func elements(text: String, expected: [String]) {
    let bytes = latin1("x,\(text),y")
    var list = CommaList(ByteRange(from: 2, to: bytes.count - 2))
    var elements: [String] = []
    while let element = list.next(bytes.span) { elements.append(String(decoding: bytes[element.range], as: UTF8.self)) }
    #expect(elements == expected)
  }
}
