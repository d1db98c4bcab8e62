// NearestWordTests.swift: which slips are understood.

import Testing

@testable import PolicyFiles

@Suite struct NearestWordTests {
  private static let known = ["limit", "period", "burst", "on_store_failure", "token-bucket", "ip"]

  @Test(
    "a slip finds the word that was meant",
    arguments: [
      ("limits", "limit"), ("Limit", "limit"), ("limti", "limit"), ("lmit", "limit"), ("perod", "period"),
      ("on-store-failure", "on_store_failure"), ("onStoreFailure", "on_store_failure"),
      ("token_bucket", "token-bucket"),
      ("tokenbucket", "token-bucket"), ("brust", "burst"), ("IP", "ip"), ("ips", "ip"), ("tok", "token-bucket"),
    ])
  func found(word: String, meant: String) {
    #expect(NearestWord.find(word, in: Self.known) == meant)
  }

  @Test("what resembles no word finds none", arguments: ["rate", "", "x", "xy", "requests", "é"])
  func none(word: String) {
    #expect(NearestWord.find(word, in: Self.known) == nil)
  }

  @Test("a word of any length is answered at once")
  func long() {
    #expect(NearestWord.find(String(repeating: "limit", count: 100_000), in: Self.known) == nil)
  }

  @Test("the first of equally near words is named")
  func ties() {
    #expect(NearestWord.find("cat", in: ["bat", "hat"]) == "bat")
  }

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

  @Test("the nearest is the first of the nearest, however far; none among none, and a very long word costs little")
  func nearest() {
    #expect(NearestWord.nearest(to: "lisen", in: ["drain", "listen", "reset"]) == "listen")
    #expect(NearestWord.nearest(to: "x", in: ["a", "b"]) == "a")
    #expect(NearestWord.nearest(to: "x", in: []) == nil)
    #expect(NearestWord.nearest(to: String(repeating: "a", count: 100_000), in: ["--listen", "--drain"]) != nil)
  }
}
