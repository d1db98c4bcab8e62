// JSONValueTests.swift: the parts of a JSON text, through the overlay.

import Testing

@testable import CheckAPI

@Suite struct JSONValueTests {
  static func parse(_ text: String) throws -> JSONValue { try JSONValue.parse(Array(text.utf8).span) }

  static func members(_ value: JSONValue) -> [(name: String, value: JSONValue)] {
    var found: [(String, JSONValue)] = []
    var next = value.firstMember
    while let member = next {
      found.append((value.name(of: member), value.value(of: member)))
      next = value.member(after: member)
    }
    return found
  }

  @Test("members come in the order written, with names and values of any characters")
  func order() throws {
    let object = try Self.parse(#"{"z": "1", "a": "", "\u00e9\n": "\u0000x", "": "e"}"#)
    #expect(Self.members(object).map(\.name) == ["z", "a", "\u{e9}\n", ""])
    #expect(Self.members(object).map { $0.value.string } == ["1", "", "\u{0}x", "e"])
  }

  @Test("a kind is not mistaken for another")
  func kinds() throws {
    for (text, integer, string, isObject) in [
      ("1", 1, nil, false), ("-9223372036854775808", Int64.min, nil, false), ("9223372036854775807", .max, nil, false),
      ("1.0", nil, nil, false), ("1e2", nil, nil, false), ("\"1\"", nil, "1", false), ("true", nil, nil, false),
      ("null", nil, nil, false), ("[1]", nil, nil, false), ("{}", nil, nil, true),
    ] as [(String, Int64?, String?, Bool)] {
      let value = try Self.parse(text)
      #expect(value.integer == integer, "\(text)")
      #expect(value.string == string, "\(text)")
      #expect(value.isString == (string != nil), "\(text)")
      #expect(value.isObject == isObject, "\(text)")
      #expect(Self.members(value).isEmpty, "\(text)")
    }
  }

  @Test("a part keeps the whole alive")
  func lifetime() throws {
    func part() throws -> JSONValue {
      let whole = try Self.parse(#"{"a": {"b": "deep"}}"#)
      return Self.members(Self.members(whole)[0].value)[0].value
    }
    let parts = try (0..<100).map { _ in try part() }
    #expect(parts.allSatisfy { $0.string == "deep" })
  }

  @Test("an error names the place", arguments: [("{\n \"a\" 1}", 2), ("{\"a\":}", 1), ("\n\n\n!", 4)])
  func place(text: String, line: Int) {
    #expect {
      try Self.parse(text)
    } throws: { error in
      (error as? Refusal)?.detail.hasPrefix("malformed JSON at line \(line), column ") == true
    }
  }
}
