// KeyNumbersTests.swift: the numbers of a key, for each kind of effect and at the ends of time.

import Limiting
import Policies
import Testing

@testable import Sidecar

@Suite struct KeyNumbersTests {
  static let second: Int64 = 1_000_000_000
  /// Half a second after a whole one, so that rounding shows.
  static let now = Now(monotonic: 5, unix: 1_700_000_000 * second + second / 2)

  /// The members as `name:value`, without their names where these are in the order promised.
  static func numbers(
    _ effect: Charge.Effect, until: Int64 = .max, _ decision: Decision? = nil, at now: Now = now
  ) -> [String] {
    let charge = Charge(
      policy: 0, slot: 0, keyStart: 0, keyCount: 0, effect: effect, blockedUntil: until, isShadow: false,
      limit: Limit(algorithm: .fixedWindow, limit: 5, period: second), cost: 1)
    let members = KeyNumbers(charge, decision ?? charge.decision, at: now).members
    #expect(members.map(\.0) == ["limit", "remaining", "reset", "retry_after"])
    return members.map(\.1)
  }

  static func decision(
    _ outcome: Decision.Outcome, remaining: Int64 = 0, retryAfter: Int64 = 0, reset: Int64 = 0
  ) -> Decision {
    Decision(outcome: outcome, limit: 5, remaining: remaining, retryAfter: retryAfter, reset: reset)
  }

  @Test("a key that would pass: its numbers, and no wait")
  func allowed() {
    #expect(Self.numbers(.limit, Self.decision(.allow, remaining: 5)) == ["5", "5", "1700000001", "0"])
    #expect(
      Self.numbers(.limit, Self.decision(.allow, remaining: 1, reset: 10 * Self.second)) == [
        "5", "1", "1700000011", "0",
      ])
    // To the nanosecond: exactly a whole second, and one more.
    let half = Self.second / 2
    #expect(Self.numbers(.limit, Self.decision(.allow, reset: half))[2] == "1700000001")
    #expect(Self.numbers(.limit, Self.decision(.allow, reset: half + 1))[2] == "1700000002")
  }

  @Test("a key that would be denied: the wait rounded up, at least a second, and null where none helps")
  func denied() {
    for (wait, shown) in [(1, "1"), (0, "1"), (Self.second, "1"), (Self.second + 1, "2"), (90 * Self.second, "90")] {
      let decision = Self.decision(.deny, retryAfter: wait, reset: Self.second)
      #expect(Self.numbers(.limit, decision) == ["5", "0", "1700000002", shown], "\(wait)")
    }
    #expect(Self.numbers(.limit, Self.decision(.denyAlways)) == ["5", "0", "1700000001", "null"])
  }

  @Test("an unlimited key has no numbers and never waits")
  func unlimited() { #expect(Self.numbers(.unlimited) == ["null", "null", "null", "0"]) }

  @Test("a block of the policy file has no end; an ordered one ends when it says")
  func blocked() {
    #expect(Self.numbers(.block) == ["0", "0", "1700000001", "null"])
    let end = Self.now.unix + 60 * Self.second
    #expect(Self.numbers(.block, until: end) == ["0", "0", "1700000061", "60"])
    #expect(Self.numbers(.block, until: end + 1) == ["0", "0", "1700000061", "61"])
    #expect(Self.numbers(.block, until: Self.now.unix + 1) == ["0", "0", "1700000001", "1"])
  }

  @Test("an ordered block that has just ended still holds for its check, with the shortest wait")
  func justEnded() {
    for end in [Self.now.unix, Self.now.unix - 1, Self.now.unix - 3_600 * Self.second, 0] {
      #expect(Self.numbers(.block, until: end) == ["0", "0", "1700000001", "1"], "\(end)")
    }
  }

  @Test("at the ends of time nothing overflows")
  func extremes() {
    let last = "9223372037"
    let late = Now(monotonic: .max, unix: .max)
    #expect(Self.numbers(.limit, Self.decision(.deny, retryAfter: .max, reset: .max)) == ["5", "0", last, last])
    #expect(Self.numbers(.limit, Self.decision(.allow, reset: 1), at: late)[2] == last)
    #expect(Self.numbers(.block, until: .max - 1)[2] == last)
    #expect(Self.numbers(.block, at: late) == ["0", "0", last, "null"])
    #expect(Self.numbers(.block, until: 0, at: late) == ["0", "0", last, "1"])
  }

  @Test("seconds are rounded up, before the epoch too")
  func rounding() {
    let cases: [(Int64, Int64)] = [
      (0, 0), (1, 1), (Self.second - 1, 1), (Self.second, 1), (Self.second + 1, 2), (-1, 0), (-Self.second, -1),
      (-Self.second - 1, -1), (.max, 9_223_372_037), (.min, -9_223_372_036),
    ]
    for (nanoseconds, seconds) in cases {
      #expect(UnixSeconds.roundedUp(nanoseconds) == seconds, "\(nanoseconds)")
    }
  }
}
