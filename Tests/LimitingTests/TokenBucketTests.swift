// TokenBucketTests.swift: what is the bucket's own: the rate, the two widths, and numbers that change under a debt.

import TestKit
import Testing

@testable import Limiting

@Suite("token bucket") struct TokenBucketTests {
  static let second: Int64 = 1_000_000_000

  @Test("never more than burst + rate x time in any interval", arguments: 0..<40 as Range<UInt64>)
  func anyInterval(_ seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let limit = Limit(
      algorithm: .tokenBucket, limit: generator.pick([1, 3, 10, 1000]),
      period: generator.pick([1_000_003, Self.second]),
      burst: generator.pick([1, 2, 10, 50]))
    var key = Key(limit: limit)
    var now: Int64 = 0
    var admitted: [(at: Int64, cost: Int64)] = []
    for _ in 0..<400 {
      // Bursts after pauses just short of full, and steps back.
      let full = limit.burst * limit.period / limit.limit
      now += generator.pick([
        0, 0, 0, 1, full - 1, full / 2, -1, -full / 3, Int64.random(in: 0...full, using: &generator),
      ])
      now = max(now, (admitted.last?.at ?? now) - limit.period)
      let cost = Int64.random(in: 1...limit.burst, using: &generator)
      if key.decide(cost, at: now).isAllowed { admitted.append((max(now, admitted.last?.at ?? now), cost)) }
    }
    for first in admitted.indices {
      var spent: Int64 = 0
      for last in first..<admitted.count {
        spent += admitted[last].cost
        let earned = (admitted[last].at - admitted[first].at) * limit.limit / limit.period
        #expect(spent <= limit.burst + earned, "seed \(seed) \(limit)")
      }
    }
  }

  // With a burst of 1 every admission finds no debt; only with a larger one is a fraction of a token owed.
  @Test("a period that the limit does not divide loses nothing in the long run, and gives nothing", arguments: [1, 5])
  func noDrift(burst: Int64) {
    var key = Key(limit: Limit(algorithm: .tokenBucket, limit: 7, period: Self.second, burst: burst))
    var now: Int64 = 0
    var passed = 0
    while now < 1000 * Self.second {
      let decision = key.decide(1, at: now)
      if decision.isAllowed { passed += 1 } else { now += decision.retryAfter }
    }
    #expect(passed == 6999 + Int(burst))
  }

  @Test("64 and 128 bits give the same decision and state", arguments: 0..<50 as Range<UInt64>)
  func widthsAgree(_ seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<300 {
      let limit = Limit(
        algorithm: .tokenBucket, limit: Int64.random(in: 1...1_000_000, using: &generator),
        period: Int64.random(in: 1_000_000...3_600_000_000_000, using: &generator),
        burst: Int64.random(in: 1...1_000_000, using: &generator))
      let cell = Cell(
        amount: UInt32.random(in: 0...1_000_000, using: &generator),
        remainder: Int64.random(in: 0..<limit.period, using: &generator), instant: 1000, period: limit.period)
      let cost = Int64.random(in: 0...limit.burst, using: &generator)
      let now = generator.pick([0, 1000, 1000 + Int64.random(in: 0...(.max / 2), using: &generator), .max])
      let narrow = TokenBucket.decide(cell, limit, cost, now, in: UInt64.self)
      let wide = TokenBucket.decide(cell, limit, cost, now, in: UInt128.self)
      #expect(narrow == wide, "seed \(seed) \(limit) \(cell) cost \(cost) now \(now)")
    }
  }

  @Test("a change of period rounds the debt up, by less than one unit of the new period")
  func rescales() {
    for (old, new) in [(3, 7), (1_000_003, 1_000_000), (1_000_000, 366 * 86_400 * Self.second)] as [(Int64, Int64)] {
      for remainder in [1, old / 2, old - 1] {
        let cell = Cell(amount: 5, remainder: remainder, instant: 0, period: old)
        let limit = Limit(algorithm: .tokenBucket, limit: 10, period: new)
        let carried = TokenBucket.carried(cell, to: limit, now: 0)
        let before = Int128(5) * Int128(old) + Int128(remainder)
        let after = Int128(carried.amount) * Int128(new) + Int128(carried.remainder)
        #expect(after * Int128(old) >= before * Int128(new))
        #expect((after - 1) * Int128(old) < before * Int128(new))
        #expect(carried.remainder < new)
      }
    }
  }

  @Test("the clock's ends and the largest numbers neither trap nor give anything away")
  func extremes() {
    let limit = Limit(
      algorithm: .tokenBucket, limit: 1, period: Bounds.period.upperBound, burst: Bounds.limit.upperBound)
    for start in [Int64.min, -1, 0, Int64.max - 1] {
      let spent = TokenBucket.decide(.empty, limit: limit, cost: limit.burst, now: start)
      #expect(spent.decision.isAllowed && spent.decision.remaining == 0)
      #expect(spent.decision.reset == .max)
      let denied = TokenBucket.decide(spent.next, limit: limit, cost: 1, now: start)
      #expect(denied.decision.outcome == .deny && denied.next == spent.next)
      let late = TokenBucket.decide(spent.next, limit: limit, cost: limit.burst, now: .max)
      #expect(late.decision.outcome == .deny)
    }
  }
}
