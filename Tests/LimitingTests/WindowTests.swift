// WindowTests.swift: what is the windows' own: alignment, boundaries, the weighted count's promises, and periods that
// change under a count.

import TestKit
import Testing

@testable import Limiting

@Suite("windows") struct WindowTests {
  static let second: Int64 = 1_000_000_000
  static let hour: Int64 = 3600 * second

  static func key(_ algorithm: Algorithm, _ limit: Int64, period: Int64 = second) -> Key {
    Key(limit: Limit(algorithm: algorithm, limit: limit, period: period))
  }

  @Test("fixed: a window is aligned to the epoch, before it too", arguments: [0, -7, 1_700_000_000] as [Int64])
  func aligned(_ seconds: Int64) {
    var key = Self.key(.fixedWindow, 1)
    let start = seconds * Self.second
    #expect(key.decide(1, at: start).isAllowed)
    #expect(key.decide(1, at: start + Self.second - 1).outcome == .deny)
    #expect(key.decide(1, at: start + Self.second).isAllowed)
  }

  @Test("fixed: a count of a window that has not ended is carried into a new period, an ended one is not")
  func fixedCarry() {
    var key = Self.key(.fixedWindow, 5, period: 60 * Self.second)
    _ = key.decide(4, at: 100 * Self.hour)
    var later = key
    key.limit.period = Self.hour
    #expect(key.decide(1, at: 100 * Self.hour + 59 * Self.second).remaining == 0)
    #expect(key.decide(1, at: 100 * Self.hour + 1800 * Self.second).outcome == .deny)
    later.limit.period = Self.hour
    #expect(later.decide(1, at: 100 * Self.hour + 60 * Self.second).remaining == 4)
  }

  @Test("sliding: a new period carries what is in force, rounded up")
  func slidingCarry() {
    var key = Self.key(.slidingWindow, 100, period: 60 * Self.second)
    _ = key.decide(10, at: 100 * Self.hour - 60 * Self.second)
    _ = key.decide(5, at: 100 * Self.hour)
    // 10 x 59.9/60 + 5, rounded up.
    key.limit.period = Self.hour
    #expect(key.decide(0, at: 100 * Self.hour + Self.second / 10).remaining == 85)
    // It leaves as a current count does: whole until the window ends, then by its share.
    #expect(key.decide(0, at: 101 * Self.hour).remaining == 85)
    #expect(key.decide(0, at: 101 * Self.hour + Self.hour / 2).remaining == 92)
    #expect(key.decide(0, at: 102 * Self.hour).remaining == 100)
  }

  @Test("sliding: never more than 2 x limit in any period", arguments: 0..<40 as Range<UInt64>)
  func twiceTheLimit(_ seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let limit = generator.pick([1, 2, 5, 20]) as Int64
    var key = Self.key(.slidingWindow, limit)
    var now: Int64 = 0
    var admitted: [Int64] = []
    for _ in 0..<600 {
      now += generator.pick([0, 0, 1, Self.second / 2, Self.second - 1, Self.second / (3 * limit)])
      if key.decide(1, at: now).isAllowed { admitted.append(now) }
    }
    for (index, first) in admitted.enumerated() {
      let within = admitted[index...].prefix { $0 < first + Self.second }.count
      #expect(within <= 2 * Int(limit), "seed \(seed) limit \(limit)")
    }
  }

  @Test(
    "sliding: under saturating load limit - 1 pass per window after the first; limit 1: every second window",
    arguments: [1, 2, 3, 10] as [Int64])
  func saturated(_ limit: Int64) {
    var key = Self.key(.slidingWindow, limit)
    var windows = Array(repeating: Int64(0), count: 12)
    for step in 0..<(12 * 1000) where key.decide(1, at: Int64(step) * Self.second / 1000).isAllowed {
      windows[step / 1000] += 1
    }
    let expected = (0..<12).map { window in
      limit == 1 ? (window.isMultiple(of: 2) ? 1 : 0) : window == 0 ? limit : limit - 1
    }
    #expect(windows == expected)
  }

  @Test(
    "worker clocks that differ by microseconds across a boundary neither lose nor double a count",
    arguments: [Algorithm.fixedWindow, .slidingWindow])
  func skew(_ algorithm: Algorithm) {
    var key = Self.key(algorithm, 4)
    let boundary = 1_700_000_000 * Self.second
    _ = key.decide(1, at: boundary + 1)
    // The lagging worker is still in the old window; its charges belong to the one the key is in.
    #expect(key.decide(1, at: boundary - 1).remaining == 2)
    #expect(key.decide(1, at: boundary + 2).remaining == 1)
    #expect(key.decide(1, at: boundary - 1).reset == (algorithm == .fixedWindow ? 1 : 2) * Self.second + 1)
  }

  @Test("the clock's ends neither trap nor give anything away", arguments: [Algorithm.fixedWindow, .slidingWindow])
  func extremes(_ algorithm: Algorithm) {
    let limit = Bounds.limit.upperBound
    for now in [Int64.min, Int64.min + 1, -1, 0, Int64.max - 1, Int64.max] {
      for period in [Bounds.period.lowerBound, Bounds.period.upperBound] {
        var key = Self.key(algorithm, limit, period: period)
        #expect(key.decide(limit, at: now).remaining == 0)
        let denied = key.decide(1, at: now)
        #expect(denied.outcome == .deny && denied.retryAfter >= 0 && denied.reset >= 0)
      }
    }
  }
}
