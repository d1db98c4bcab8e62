// WordsTests.swift: values in a sentence.

import Testing

@testable import Policies

struct WordsTests {
  @Test("what would end a line, steer a terminal or turn the text round is escaped")
  func controls() {
    #expect(
      Words.bare(Array("a\nb\u{1b}[31m\u{7f}\u{85}\u{202e}\u{2028}ü".utf8))
        == "a\\u{a}b\\u{1b}[31m\\u{7f}\\u{85}\\u{202e}\\u{2028}ü")
    #expect(Words.bare([0x61, 0xff]) == "a\u{fffd}")
    #expect(Words.quoted(Array(#"a"\"#.utf8)) == #""a\"\\""#)
  }

  @Test("a long value is cut, and so is a long list")
  func long() {
    let longest = String(repeating: "x", count: ExplanationBounds.shownValue)
    #expect(Words.bare(Array(longest.utf8)) == longest)
    #expect(Words.bare(Array((longest + "y").utf8)) == longest + "…")
    let items = (0..<ExplanationBounds.shownItems).map(String.init)
    #expect(Words.list(items) == items.joined(separator: ", "))
    #expect(Words.list(items + ["a", "b"]) == items.joined(separator: ", ") + " and 2 more")
  }

  @Test("every kind of attribute has a noun")
  func nouns() {
    let nouns = ["method", "ip", "header.x-a", "query.q", "path.id", "plan"].map { Words.noun(AttributeName($0)!) }
    #expect(nouns == ["method", "ip", "header x-a", "query parameter q", "capture id", "attribute plan"])
  }
}
