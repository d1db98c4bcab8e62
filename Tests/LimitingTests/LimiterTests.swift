// LimiterTests.swift: the rules that hold for all four algorithms alike, against the naive models.

import Limiting
import TestKit
import Testing

@Suite("every algorithm") struct LimiterTests {
  static let cases = Algorithm.allCases.flatMap { algorithm in Seeds.of(0..<40 as Range<UInt64>).map { (algorithm, $0) }
  }

  /// Random numbers of every size: small ones meet every edge, the maxima meet every overflow.
  static func limit(_ algorithm: Algorithm, _ generator: inout SeededGenerator) -> Limit {
    let top = algorithm == .slidingLog ? Bounds.logLimit.upperBound : Bounds.limit.upperBound
    let limit = generator.pick([1, 2, 3, 7, 10, 100, 997, top, Int64.random(in: 1...top, using: &generator)])
    let periods: [Int64] = [
      1_000_000, 1_000_003, 1_000_000_000, 60_000_000_000, 3_600_000_000_000, Bounds.period.upperBound,
      Int64.random(in: Bounds.period, using: &generator),
    ]
    let burst = generator.pick([1, limit, Bounds.limit.upperBound, Int64.random(in: 1...limit, using: &generator)])
    return Limit(
      algorithm: algorithm, limit: limit, period: generator.pick(periods),
      burst: algorithm == .tokenBucket ? burst : nil)
  }

  /// Instants from below the epoch to near the end of the clock.
  static func start(_ generator: inout SeededGenerator) -> Int64 {
    generator.pick([0, -1, -1_234_567_890_123, 1_700_000_000_123_456_789, Int64.max - 4 * Bounds.period.upperBound])
  }

  static func step(_ limit: Limit, _ last: Decision?, _ now: Int64, _ generator: inout SeededGenerator) -> Int64 {
    let perUnit = max(1, limit.period / limit.limit)
    var steps = [
      0, 1, perUnit, limit.period, limit.period - 1, 2 * limit.period,
      Int64.random(in: 0...limit.period, using: &generator), Int64.random(in: 0...(4 * perUnit), using: &generator),
    ]
    if let last { steps += [last.retryAfter, max(0, last.retryAfter - 1), last.nextUnit, max(0, last.nextUnit - 1)] }
    let step = generator.pick(steps)
    return now > Int64.max - 2 * Bounds.period.upperBound || step > Bounds.period.upperBound ? 0 : step
  }

  /// Equal, or both past the end of the clock.
  static func agree(_ wait: Int64, _ expected: Int64, _ now: Int64) -> Bool {
    wait == expected || (expected == .max && now > 0 && wait >= Int64.max - now)
  }

  @Test("outcome, remaining, retry after, reset and next unit equal the naive model's", arguments: cases)
  func agreesWithModel(_ algorithm: Algorithm, _ seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let limit = Self.limit(algorithm, &generator)
    var key = Key(limit: limit)
    var truth = model(limit)
    var now = Self.start(&generator)
    var last: Decision?
    for turn in 0..<60 {
      now += Self.step(limit, last, now, &generator)
      let costs: [Int64] = [0, 1, 1, 1, 2, limit.capacity, limit.capacity / 2 + 1, limit.capacity + 1]
      let cost = generator.pick(costs)
      let decision = key.decide(cost, at: now)
      let trace: Comment = "seed \(seed) turn \(turn) \(limit) cost \(cost) now \(now)"

      let before = truth.remaining(at: now)
      let expected: Decision.Outcome =
        cost == 0 ? .allow : cost > limit.capacity ? .denyAlways : cost <= before ? .allow : .deny
      #expect(decision.outcome == expected, trace)
      #expect(decision.limit == limit.capacity, trace)
      let retry = firstWait(from: now) { truth.remaining(at: $0) >= cost }
      #expect(Self.agree(decision.retryAfter, expected == .deny ? retry : 0, now), trace)
      if decision.isAllowed, cost > 0 { truth.admit(cost, at: now) }
      let left = truth.remaining(at: now)
      #expect(decision.remaining == left, trace)
      let full = firstWait(from: now) { truth.remaining(at: $0) == limit.capacity }
      #expect(Self.agree(decision.reset, full, now), trace)
      let more = left == limit.capacity ? 0 : firstWait(from: now) { truth.remaining(at: $0) > left }
      #expect(Self.agree(decision.nextUnit, more, now), trace)
      last = decision
    }
  }

  @Test("at now + retry after the same cost passes, one nanosecond earlier it is denied", arguments: cases)
  func retryIsExact(_ algorithm: Algorithm, _ seed: UInt64) {
    var generator = SeededGenerator(seed: seed &+ 1000)
    var key = Key(limit: Self.limit(algorithm, &generator))
    var now: Int64 = 1_700_000_000_000_000_000
    var denials = 0
    for _ in 0..<200 {
      let cost = Int64.random(in: 1...key.limit.capacity, using: &generator)
      let decision = key.decide(cost, at: now)
      guard decision.outcome == .deny else { continue }
      denials += 1
      guard decision.retryAfter < Int64.max - now else { break }
      #expect(decision.retryAfter > 0)
      #expect(key.peek(cost, at: now + decision.retryAfter - 1).outcome == .deny, "seed \(seed) \(key.limit)")
      #expect(key.peek(cost, at: now + decision.retryAfter).isAllowed, "seed \(seed) \(key.limit)")
      if now < Int64.max / 2, decision.retryAfter <= Bounds.period.upperBound { now += decision.retryAfter }
    }
    #expect(denials > 0)
  }

  @Test("a denial and a look change no later answer", arguments: cases)
  func denialChangesNothing(_ algorithm: Algorithm, _ seed: UInt64) {
    var generator = SeededGenerator(seed: seed &+ 2000)
    let limit = Self.limit(algorithm, &generator)
    var asked = Key(limit: limit)
    var spared = Key(limit: limit)
    var now = Self.start(&generator)
    for _ in 0..<100 {
      now += Self.step(limit, nil, now, &generator)
      let cost = Int64.random(in: 1...limit.capacity, using: &generator)
      if !asked.peek(cost, at: now).isAllowed { _ = asked.decide(cost, at: now) }
      _ = asked.decide(0, at: now)
      _ = asked.decide(limit.capacity + 1, at: now)
      let small = Int64.random(in: 1...max(1, limit.capacity / 3), using: &generator)
      #expect(asked.decide(small, at: now) == spared.decide(small, at: now), "seed \(seed) \(limit)")
    }
  }

  @Test("cost 0 is allowed and spends nothing", arguments: Algorithm.allCases)
  func lookIsFree(_ algorithm: Algorithm) {
    var key = Key(limit: Limit(algorithm: algorithm, limit: 2, period: 1_000_000_000))
    _ = key.decide(2, at: 0)
    #expect(key.decide(1, at: 0).outcome == .deny)
    for _ in 0..<5 {
      let look = key.decide(0, at: 0)
      #expect(look.outcome == .allow)
      #expect(look.remaining == 0)
      #expect(look.retryAfter == 0)
    }
  }

  @Test("a cost above the capacity is denied for ever, and tells the numbers of a look", arguments: Algorithm.allCases)
  func neverFits(_ algorithm: Algorithm) {
    var key = Key(limit: Limit(algorithm: algorithm, limit: 5, period: 1_000_000_000))
    _ = key.decide(2, at: 0)
    for cost in [6, Bounds.policyCost.upperBound * Bounds.checkCost.upperBound] {
      let decision = key.decide(cost, at: 0)
      let look = key.peek(0, at: 0)
      #expect(decision.outcome == .denyAlways)
      #expect(decision.retryAfter == 0)
      #expect(decision.remaining == look.remaining && decision.reset == look.reset)
    }
  }

  @Test("a key is idle exactly when a look shows it full", arguments: cases)
  func idleMeansFull(_ algorithm: Algorithm, _ seed: UInt64) {
    var generator = SeededGenerator(seed: seed &+ 3000)
    let limit = Self.limit(algorithm, &generator)
    var key = Key(limit: limit)
    var now: Int64 = 1_700_000_000_000_000_000
    #expect(key.isIdleNow(now))
    for _ in 0..<40 {
      now += Self.step(limit, nil, now, &generator)
      let decision = key.decide(Int64.random(in: 1...limit.capacity, using: &generator), at: now)
      #expect(!key.isIdleNow(now))
      guard decision.reset < Int64.max - now else { break }
      #expect(!key.isIdleNow(now + decision.reset - 1), "seed \(seed) \(limit)")
      #expect(key.isIdleNow(now + decision.reset), "seed \(seed) \(limit)")
    }
  }

  @Test("a clock that steps back by up to a period neither forgets nor admits more", arguments: cases)
  func smallStepBack(_ algorithm: Algorithm, _ seed: UInt64) {
    var generator = SeededGenerator(seed: seed &+ 4000)
    let limit = Self.limit(algorithm, &generator)
    let now: Int64 = 1_700_000_000_000_000_000
    var key = Key(limit: limit)
    _ = key.decide(limit.capacity, at: now)
    let back = algorithm == .tokenBucket || algorithm == .slidingLog ? limit.period : now % limit.period
    for step in [1, back / 2, back] where step > 0 {
      let there = key.peek(1, at: now)
      let decision = key.peek(1, at: now - step)
      #expect(decision.outcome == .deny, "seed \(seed) \(limit) step \(step)")
      #expect(decision.remaining == 0)
      guard there.retryAfter < Int64.max / 2 else { continue }
      #expect(key.peek(1, at: now - step + decision.retryAfter).isAllowed, "seed \(seed) \(limit) step \(step)")
      #expect(decision.retryAfter == there.retryAfter + step, "seed \(seed) \(limit) step \(step)")
    }
  }

  @Test(
    "a state far in the future is re-based with its count, so that nobody waits much longer than from now",
    arguments: Algorithm.allCases)
  func largeStepBack(_ algorithm: Algorithm) {
    let period: Int64 = 60_000_000_000
    var key = Key(limit: Limit(algorithm: algorithm, limit: 3, period: period))
    let future: Int64 = 1_800_000_000_000_000_000
    _ = key.decide(3, at: future)
    let now: Int64 = 1_700_000_000_000_000_000
    let denied = key.decide(1, at: now)
    #expect(denied.outcome == .deny)
    #expect(denied.retryAfter <= 2 * period)
    #expect(key.decide(1, at: now + denied.retryAfter - 1).outcome == .deny)
    #expect(key.decide(1, at: now + denied.retryAfter).isAllowed)
  }

  @Test(
    "two threads whose clocks differ by many short periods never admit more than one clock would",
    arguments: Algorithm.allCases)
  func skewedThreads(_ algorithm: Algorithm) {
    let limit = Limit(algorithm: algorithm, limit: 3, period: 1_000_000)
    let start: Int64 = 1_800_000_000_000_000_000
    var key = Key(limit: limit)
    _ = key.decide(3, at: start)
    for _ in 0..<50 {
      // The one that lags asks between two questions of the one that does not: nothing has been regained.
      #expect(!key.decide(1, at: start - 20 * limit.period).isAllowed)
      #expect(!key.decide(1, at: start).isAllowed)
    }
  }

  @Test("new numbers apply at once to what was spent", arguments: Algorithm.allCases)
  func reloadKeepsTheCount(_ algorithm: Algorithm) {
    let period: Int64 = 3_600_000_000_000
    let now = period * 400_000
    var key = Key(limit: Limit(algorithm: algorithm, limit: 3, period: period))
    for _ in 0..<3 { _ = key.decide(1, at: now) }
    key.limit = Limit(algorithm: algorithm, limit: 10, period: period)
    #expect(key.decide(0, at: now).remaining == 7)
    key.limit = Limit(algorithm: algorithm, limit: 2, period: period)
    let lowered = key.decide(0, at: now)
    #expect(lowered.remaining == 0)
    let more = lowered.nextUnit
    #expect(key.peek(0, at: now + more - 1).remaining == 0)
    #expect(key.peek(0, at: now + more).remaining >= 1)
    key.limit = Limit(algorithm: algorithm, limit: 4, period: period / 60)
    #expect(key.decide(0, at: now).remaining == 1)
    key.limit = Limit(algorithm: algorithm, limit: 4, period: period * 24)
    #expect(key.decide(0, at: now).remaining == 1)
  }

  @Test("what is given back at once is as if it had never been charged", arguments: cases)
  func giveBackAtOnce(_ algorithm: Algorithm, _ seed: UInt64) {
    var generator = SeededGenerator(seed: seed &+ 5000)
    let limit = Self.limit(algorithm, &generator)
    var charged = Key(limit: limit)
    var spared = Key(limit: limit)
    var now: Int64 = 1_700_000_000_000_000_000
    for _ in 0..<60 {
      now += Self.step(limit, nil, now, &generator)
      let cost = Int64.random(in: 1...limit.capacity, using: &generator)
      let decision = charged.decide(cost, at: now)
      if decision.isAllowed {
        if algorithm == .slidingLog {
          SlidingLog.giveBack(charged.log, limit: limit, cost: cost, charged: decision, chargedAt: now)
        } else {
          charged.cell = Limiter.giveBack(
            charged.cell, limit: limit, cost: cost, charged: decision, chargedAt: now, now: now)
        }
      }
      #expect(charged.peek(0, at: now) == spared.peek(0, at: now), "seed \(seed) \(limit)")
      let small = Int64.random(in: 1...max(1, limit.capacity / 3), using: &generator)
      #expect(charged.decide(small, at: now) == spared.decide(small, at: now), "seed \(seed) \(limit)")
    }
  }
}
