// DurationTextTests.swift: the grammar of durations.

import Testing

@testable import Sidecar

@Suite struct DurationTextTests {
  @Test(
    "a duration is a number and a unit, or a sum from the largest unit down",
    arguments: [
      ("0s", 0), ("0ms", 0), ("250ms", 250_000_000), ("10s", 10_000_000_000), ("1m", 60_000_000_000),
      ("1h", 3_600_000_000_000), ("1d", 86_400_000_000_000), ("1h30m", 5_400_000_000_000), ("1m1ms", 60_001_000_000),
      ("1d1h1m1s1ms", 90_061_001_000_000), ("007s", 7_000_000_000), ("90m", 5_400_000_000_000),
    ] as [(String, Int64)])
  func good(text: String, nanoseconds: Int64) {
    #expect(DurationText.parse(text) == nanoseconds)
  }

  @Test(
    "anything else is no duration",
    arguments: [
      "", "10", "s", "1.5s", "-1s", "+1s", "1S", "1 s", " 1s", "1s ", "10/fortnight", "1w", "1us", "1ns", "30m1h",
      "1s1s", "1h30", "h1", "999999999999999d", "99999999999999999999s", "106751d24h", "1\u{0}s", "١s",
    ])
  func bad(text: String) {
    #expect(DurationText.parse(text) == nil)
  }

  @Test("the text of a duration is read back as the same duration")
  func roundTrip() {
    for value: Int64 in [0, 1, 59, 999, 1_000, 60_000, 61_001, 86_400_000, 90_061_001] {
      #expect(DurationText.parse(DurationText.text(value * 1_000_000)) == value * 1_000_000)
    }
    #expect(DurationText.text(5_400_000_000_000) == "1h30m")
    #expect(DurationText.text(0) == "0s")
  }
}
