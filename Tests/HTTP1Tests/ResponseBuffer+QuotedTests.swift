// ResponseBuffer+QuotedTests.swift: quoted strings are well formed whatever is put into them.

import HTTP1
import TestKit
import Testing

@Suite struct QuotedStringTests {
  private func json(_ bytes: [UInt8]) -> [UInt8] {
    var buffer = ResponseBuffer()
    buffer.append(jsonString: bytes.span)
    return buffer.copy
  }

  /// RFC 8259 section 7, slowly, over Swift's own repair of UTF-8.
  private func slowJSON(_ bytes: [UInt8]) -> String {
    let short: [Unicode.Scalar: String] = [
      "\"": "\\\"", "\\": "\\\\", "\u{8}": "\\b", "\t": "\\t", "\n": "\\n", "\u{c}": "\\f", "\r": "\\r",
    ]
    let scalars = String(decoding: bytes, as: UTF8.self).unicodeScalars.map { scalar in
      if let escape = short[scalar] { return escape }
      guard scalar.value < 0x20 else { return String(scalar) }
      let hex = String(scalar.value, radix: 16)
      return "\\u" + String(repeating: "0", count: 4 - hex.utf8.count) + hex
    }
    return "\"" + scalars.joined() + "\""
  }

  @Test("every single byte and every pair of bytes is quoted as the slow way does it")
  func pairs() {
    for first in UInt8.min...UInt8.max {
      #expect(json([first]) == Array(slowJSON([first]).utf8), "byte \(first)")
      for second in stride(from: UInt8(0x20), through: 0xff, by: first < 0x80 ? 37 : 1) {
        let bytes = [first, second]
        if json(bytes) != Array(slowJSON(bytes).utf8) { Issue.record("bytes \(bytes): \(json(bytes))") }
      }
    }
  }

  @Test("broken and proper UTF-8 is repaired as Swift repairs it", arguments: 0..<20 as Range<UInt64>)
  func repairs(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let edges: [UInt8] = [
      0x00, 0x1f, 0x22, 0x5c, 0x61, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec,
      0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff,
    ]
    for _ in 0..<400 {
      let bytes = (0..<Int.random(in: 0...7, using: &generator)).map { _ in edges.randomElement(using: &generator)! }
      #expect(json(bytes) == Array(slowJSON(bytes).utf8), "\(bytes)")
    }
  }

  @Test("text in any script comes through as it is")
  func text() {
    let text = "a/b é 日本 🌊 </script> \u{7f}\u{2028}"
    var buffer = ResponseBuffer()
    buffer.append(jsonString: text)
    let copy = buffer.copy
    #expect(copy == Array("\"\(text)\"".utf8))
  }

  @Test(
    "a structured string holds printable ASCII only, with quotes and backslashes escaped",
    arguments: [
      ("", "\"\""), ("per-client", "\"per-client\""), ("a\"b\\c", "\"a\\\"b\\\\c\""),
      ("a\r\nSet-Cookie: b", "\"a??Set-Cookie: b\""),
      ("\u{0}\u{1f} ~\u{7f}", "\"?? ~?\""), ("é", "\"??\""),
    ])
  func structured(text: String, expected: String) {
    var buffer = ResponseBuffer()
    buffer.append(structuredString: text)
    let copy = buffer.copy
    #expect(copy == Array(expected.utf8))
  }
}
