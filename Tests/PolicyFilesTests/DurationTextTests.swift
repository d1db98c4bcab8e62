// DurationTextTests.swift: what is a duration and what is not.

import Testing

@testable import PolicyFiles

@Suite struct DurationTextTests {
  @Test(
    "a duration is a sum of whole numbers with units",
    arguments: [
      ("250ms", 250_000_000), ("10s", 10_000_000_000), ("1m", 60_000_000_000), ("1h", 3_600_000_000_000),
      ("1d", 86_400_000_000_000), ("1h30m", 5_400_000_000_000), ("1m1m", 120_000_000_000), ("0s", 0),
      ("30m1h", 5_400_000_000_000), ("1d2h3m4s5ms", 93_784_005_000_000), ("007s", 7_000_000_000),
      ("9223372036854ms", 9_223_372_036_854_000_000), ("106751d", 9_223_286_400_000_000_000),
    ] as [(String, Int64)])
  func sums(text: String, nanoseconds: Int64) throws {
    #expect(try DurationText.parse(text) == nanoseconds)
  }

  @Test(
    "what is no duration says what would be one",
    arguments: [
      ("", "needs a number and a unit, as in 250ms, 10s or 1h30m"),
      ("10", "needs a unit after 10; use ms, s, m, h or d"), ("1h30", "needs a unit after 30; use ms, s, m, h or d"),
      ("s", "needs a whole number before each unit, as in 250ms, 10s or 1h30m"),
      ("-1s", "needs a whole number before each unit, as in 250ms, 10s or 1h30m"),
      ("1.5s", "must be whole numbers; use a smaller unit, as in 1500ms or 1h30m"),
      ("10/fortnight", "unknown unit; use ms, s, m, h or d"), ("10 s", "unknown unit; use ms, s, m, h or d"),
      ("10S", "unknown unit; use ms, s, m, h or d"), ("10us", "unknown unit; use ms, s, m, h or d"),
      ("1s ", "unknown unit; use ms, s, m, h or d"), ("106752d", "is too long; at most 106751d"),
      ("9223372036854ms1s", "is too long; at most 106751d"),
      ("99999999999999999999999999s", "is too long; at most 106751d"),
    ])
  func refusals(text: String, message: String) {
    #expect(throws: DurationText.Malformed(message: message)) { try DurationText.parse(text) }
  }

  @Test(
    "a duration is written with the largest units first",
    arguments: [
      (60_000_000_000, "1m"), (90_000_000_000, "1m30s"), (1_000_000, "1ms"), (31_622_400_000_000_000, "366d"),
      (0, "0s"),
      (-5, "0s"), (5_400_000_000_000, "1h30m"), (1_000_000_001, "1s"),
    ] as [(Int64, String)])
  func texts(nanoseconds: Int64, text: String) {
    #expect(DurationText.text(nanoseconds) == text)
  }

  @Test("what is written reads back as the same milliseconds")
  func roundTrip() throws {
    let seed: UInt64 = 20_261
    var state = seed
    for _ in 0..<2_000 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let nanoseconds = Int64(state >> (1 + state % 40)) / 1_000_000 * 1_000_000
      #expect(try DurationText.parse(DurationText.text(nanoseconds)) == nanoseconds, "seed \(seed)")
    }
  }
}
