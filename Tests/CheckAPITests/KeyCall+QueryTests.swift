// KeyCall+QueryTests.swift: a key in a query names just one key, in either form.

import Policies
import Testing

@testable import CheckAPI

@Suite struct KeyCallQueryTests {
  private static func key(_ values: String...) throws -> NamedKey {
    try KeyCall.key(query: values.map { Array($0.utf8) })
  }

  @Test("values are parts in their order, as bytes")
  func plain() throws {
    #expect(try Self.key() == NamedKey(parts: []))
    #expect(try Self.key("a", "", #"{"hex":"ff"}"#, "null", " [").parts?.count == 5)
    #expect(try KeyCall.key(query: [[0xff]]) == NamedKey(parts: [.value(.text([0xff]))]))
  }

  @Test("one value that begins with [ is read as the key of a body is: texts, lists and bytes")
  func array() throws {
    #expect(try Self.key("[]") == NamedKey(parts: []))
    #expect(
      try Self.key(#"["a",["b","c"],{"hex":"ff"}]"#)
        == NamedKey(
          parts: [.value(.text([0x61])), .values([.text([0x62]), .text([0x63])]), .value(.bytes([0xff]))]))
    #expect(try Self.key(#"["[x]"]"#) == NamedKey(parts: [.value(.text(Array("[x]".utf8)))]))
  }

  @Test(
    "what begins with [ and is no JSON array of parts is refused, not taken as a text",
    arguments: [["["], ["[x]"], ["[1]"], [#"["a"]b"#], [#"["a"]"#, "b"], ["b", #"["a"]"#], ["[]", "[]"], ["[[[]]]"]])
  func refused(values: [String]) {
    do throws(Refusal) {
      _ = try KeyCall.key(query: values.map { Array($0.utf8) })
      Issue.record("read: \(values)")
    } catch {
      #expect(error.status == 400 && error.detail.contains("key"))
    }
    #expect(throws: Refusal.self) { try KeyCall.key(query: [[0x5b, 0x22, 0xff, 0x22, 0x5d]]) }
  }
}
