// NearestWordTests.swift: distances between words.

import Testing

@testable import Sidecar

@Suite struct NearestWordTests {
  @Test(
    "the distance counts insertions, deletions, substitutions and swaps, without regard to case",
    arguments: [
      ("", "", 0), ("", "abc", 3), ("abc", "", 3), ("abc", "abc", 0), ("abc", "ABC", 0), ("abc", "acb", 1),
      ("abc", "abd", 1), ("abc", "ab", 1), ("abc", "xabc", 1), ("kitten", "sitting", 3), ("ca", "abc", 3),
      ("lisetn", "listen", 1),
    ])
  func distances(a: String, b: String, expected: Int) {
    #expect(NearestWord.distance(a, b) == expected)
    #expect(NearestWord.distance(b, a) == expected)
  }

  @Test("the first of the nearest words is found; none among none")
  func find() {
    #expect(NearestWord.find("lisen", in: ["drain", "listen", "reset"]) == "listen")
    #expect(NearestWord.find("x", in: ["a", "b"]) == "a")
    #expect(NearestWord.find("x", in: []) == nil)
  }

  @Test("no word is near where more than half of it would have to change")
  func near() {
    #expect(NearestWord.findNear("warn", in: ["debug", "warning"]) == "warning")
    #expect(NearestWord.findNear("true", in: ["on", "off"]) == nil)
  }

  @Test("a very long word costs no more than a long one, and nothing traps")
  func long() {
    #expect(NearestWord.find(String(repeating: "a", count: 100_000), in: ["--listen", "--drain"]) != nil)
  }
}
