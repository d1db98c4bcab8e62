// SlidingLogTests.swift: the log's exactness, its memory, and its chunks against a plain array.

import TestKit
import Testing

@testable import Limiting

@Suite("sliding log") struct SlidingLogTests {
  static let second: Int64 = 1_000_000_000

  @Test("in any half-open interval of one period, never more than the limit", arguments: 0..<40 as Range<UInt64>)
  func anyInterval(_ seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let limit = generator.pick([1, 2, 7, 50]) as Int64
    var key = Key(limit: Limit(algorithm: .slidingLog, limit: limit, period: Self.second))
    var now: Int64 = 0
    var admitted: [(at: Int64, cost: Int64)] = []
    for _ in 0..<500 {
      now += generator.pick([0, 0, 1, Self.second / 10, Self.second - 1, Self.second, -1, -Self.second / 3])
      now = max(now, (admitted.last?.at ?? now) - Self.second)
      let cost = Int64.random(in: 1...limit, using: &generator)
      if key.decide(cost, at: now).isAllowed { admitted.append((max(now, admitted.last?.at ?? now), cost)) }
    }
    for (index, first) in admitted.enumerated() {
      let within = admitted[index...].prefix { $0.at < first.at + Self.second }.reduce(0) { $0 + $1.cost }
      #expect(within <= limit, "seed \(seed) limit \(limit)")
    }
  }

  @Test("a decision remembers nothing: only admit does")
  func twoPhases() {
    let limit = Limit(algorithm: .slidingLog, limit: 2, period: Self.second)
    let log = Log()
    for _ in 0..<5 { #expect(SlidingLog.decide(log, limit: limit, cost: 2, now: 0).isAllowed) }
    #expect(log.count == 0)
    SlidingLog.admit(log, cost: 2, now: 0)
    #expect(!SlidingLog.decide(log, limit: limit, cost: 1, now: 0).isAllowed)
  }

  @Test("a longer period counts entries again that are still remembered")
  func longerPeriod() {
    var key = Key(limit: Limit(algorithm: .slidingLog, limit: 5, period: Self.second))
    _ = key.decide(3, at: 0)
    #expect(key.decide(0, at: Self.second).remaining == 5)
    key.limit.period = 10 * Self.second
    #expect(key.decide(0, at: Self.second).remaining == 2)
  }

  @Test(
    "16 entries are one unit, and no log is less than one", arguments: [(0, 1), (1, 1), (16, 1), (17, 2), (160, 10)])
  func units(_ entries: Int, _ units: Int) {
    #expect(SlidingLog.units(forEntries: entries) == units)
  }

  @Test("a copy is at least as full, and leaves no earlier")
  func copies() {
    let limit = Limit(algorithm: .slidingLog, limit: 10, period: Self.second)
    let log = Log()
    for at in 0..<5 { SlidingLog.admit(log, cost: 1, now: Int64(at)) }
    let copy = Log()
    SlidingLog.copy(log, into: copy, limit: limit, now: 10)
    #expect(copy.count == 1 && copy.sum == 5)
    #expect(SlidingLog.decide(copy, limit: limit, cost: 0, now: Self.second + 3).remaining == 5)
    #expect(SlidingLog.decide(copy, limit: limit, cost: 0, now: Self.second + 4).remaining == 10)
    SlidingLog.copy(log, into: copy, limit: limit, now: 2 * Self.second)
    #expect(copy.count == 0)
  }

  @Test("the chunks do what a plain array does", arguments: 0..<30 as Range<UInt64>)
  func agreesWithArray(_ seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let log = Log()
    var truth: [(instant: Int64, cost: Int64)] = []
    var now: Int64 = 0
    for turn in 0..<800 {
      switch Int.random(in: 0..<10, using: &generator) {
      case 0..<6:
        now += generator.pick([0, 1, 5])
        let cost = Int64.random(in: 1...9, using: &generator)
        log.append(cost, at: now)
        if truth.last?.instant == now { truth[truth.count - 1].cost += cost } else { truth.append((now, cost)) }
      case 6:
        let horizon = now - Int64.random(in: 0...200, using: &generator)
        log.trim(through: horizon)
        truth.removeAll { $0.instant <= horizon }
      default:
        let instant = generator.pick(truth.map(\.instant) + [now + 1])
        let cost = Int64.random(in: 1...9, using: &generator)
        log.retract(cost, at: instant)
        if let index = truth.firstIndex(where: { $0.instant == instant }) {
          truth[index].cost -= min(cost, truth[index].cost)
          if truth[index].cost == 0 { truth.remove(at: index) }
        }
      }
      let total = truth.reduce(0) { $0 + $1.cost }
      let trace: Comment = "seed \(seed) turn \(turn)"
      #expect(log.count == truth.count && log.sum == total, trace)
      #expect(log.newest == truth.last?.instant ?? 0, trace)
      let horizon = now - Int64.random(in: 0...200, using: &generator)
      #expect(log.sum(after: horizon) == truth.filter { $0.instant > horizon }.reduce(0) { $0 + $1.cost }, trace)
      if total > 0 {
        let units = Int64.random(in: 1...total, using: &generator)
        var left: Int64 = 0
        let leaving = truth.first { entry in
          left += entry.cost
          return left >= units
        }
        #expect(log.instant(whenLeft: units) == leaving?.instant, trace)
      }
    }
    log.trim(through: .max)
    #expect(log.count == 0 && log.sum == 0 && log.bytes == Log.ownBytes, "seed \(seed)")
  }

  @Test("the largest log is exact to its last entry, at less than 19 bytes an entry")
  func largest() {
    let limit = Limit(algorithm: .slidingLog, limit: Bounds.logLimit.upperBound, period: Bounds.period.upperBound)
    let log = Log()
    for now in 0..<limit.limit { SlidingLog.admit(log, cost: 1, now: now) }
    #expect(log.count == Int(limit.limit) && log.bytes < 19 * log.count)
    let denied = SlidingLog.decide(log, limit: limit, cost: 70_000, now: limit.limit)
    #expect(denied.outcome == .deny && denied.retryAfter == limit.period + 69_999 - limit.limit)
  }
}
