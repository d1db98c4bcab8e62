// GiveBackTests.swift: what memory consumed is returned when another store denies: all of it, and not more.

import Limiting
import Policies
import Stores
import TestKit
import Testing

@Suite("giving back") struct GiveBackTests {
  static let start: Int64 = 1_699_999_980_000_000  // on a minute's boundary, in microseconds

  static func charge(_ hand: StoreAtHand, _ asks: [Ask], at microseconds: Int64) -> ([Charge], [UInt8]) {
    var (charges, keys) = Ask.check(asks)
    #expect(hand.decide(&charges, keys: keys, at: microseconds))
    return (charges, keys)
  }

  static func giveBack(_ hand: StoreAtHand, _ charged: ([Charge], [UInt8]), from: Int64, at: Int64) {
    hand.store.giveBack(
      charged.0, keys: charged.1.span, chargedAt: StoreAtHand.instant(from), now: StoreAtHand.instant(at))
  }

  @Test(
    "under a flood of checks that another store denies, nothing is lost and nothing is gained",
    arguments: Algorithm.allCases, 0..<8 as Range<UInt64>)
  func flood(_ algorithm: Algorithm, _ seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let limit = Limit(algorithm: algorithm, limit: 100, period: 60_000_000_000)
    let hand = StoreAtHand()
    let spared = StoreAtHand()
    var now = Self.start
    for _ in 0..<400 {
      now += generator.pick([0, 1, 999, 100_000, 2_000_000])
      let refused = Ask(limit, cost: generator.pick([1, 3, 20]))
      let reply = now + generator.pick([0, 1, 50_000])
      if hand.ask([Ask(limit, cost: 0)], at: now).decisions[0].remaining >= refused.cost {
        let charged = Self.charge(hand, [refused], at: now)
        let between = Ask(limit, cost: generator.pick([0, 1]))
        // What else came meanwhile saw the charge; where it passed with it, it would have passed without.
        if hand.ask([between], at: reply).allowed { _ = spared.ask([between], at: reply) }
        Self.giveBack(hand, charged, from: now, at: reply)
      }
      now = reply
      let mine = hand.ask([Ask(limit, cost: 0)], at: now).decisions[0]
      let theirs = spared.ask([Ask(limit, cost: 0)], at: now).decisions[0]
      #expect(mine.remaining <= theirs.remaining, "seed \(seed): gained")
      #expect(mine.remaining >= theirs.remaining - (algorithm == .tokenBucket ? 1 : 0), "seed \(seed): lost")
    }
  }

  @Test("a bucket that regained the charge meanwhile gets nothing twice")
  func regained() {
    let limit = Limit(algorithm: .tokenBucket, limit: 10, period: 1_000_000_000)
    let hand = StoreAtHand()
    let charged = Self.charge(hand, [Ask(limit, cost: 5)], at: Self.start)
    let later = Self.start + 900_000
    _ = hand.ask([Ask(limit, cost: 10)], at: later)
    Self.giveBack(hand, charged, from: Self.start, at: later)
    #expect(hand.ask([Ask(limit, cost: 0)], at: later).decisions[0].remaining == 0)
  }

  @Test("a window that has passed is not given back into the next", arguments: [Algorithm.fixedWindow, .slidingWindow])
  func nextWindow(_ algorithm: Algorithm) {
    let limit = Limit(algorithm: algorithm, limit: 10, period: 60_000_000_000)
    let hand = StoreAtHand()
    let charged = Self.charge(hand, [Ask(limit, cost: 5)], at: Self.start)
    let next = Self.start + 60_000_000
    _ = hand.ask([Ask(limit, cost: 5)], at: next)
    Self.giveBack(hand, charged, from: Self.start, at: next)
    #expect(hand.ask([Ask(limit, cost: 0)], at: next).decisions[0].remaining == 5)
  }

  @Test("a charge on the overflow cell goes back to it", arguments: Algorithm.allCases)
  func overflow(_ algorithm: Algorithm) {
    let limit = Limit(algorithm: algorithm, limit: 10, period: 60_000_000_000)
    let hand = StoreAtHand(maximumKeys: 1)
    _ = hand.ask([Ask(key: "held", limit)], at: Self.start)
    let charged = Self.charge(hand, [Ask(key: "new", limit, cost: 4)], at: Self.start)
    Self.giveBack(hand, charged, from: Self.start, at: Self.start)
    #expect(hand.ask([Ask(key: "newer", limit, cost: 0)], at: Self.start).decisions[0].remaining == 10)
  }

  @Test("a shadow charge that denied has nothing to give back", arguments: Algorithm.allCases)
  func shadow(_ algorithm: Algorithm) {
    let limit = Limit(algorithm: algorithm, limit: 1, period: 60_000_000_000)
    let hand = StoreAtHand()
    _ = hand.ask([Ask(limit)], at: Self.start)
    let charged = Self.charge(hand, [Ask(limit, isShadow: true)], at: Self.start)
    Self.giveBack(hand, charged, from: Self.start, at: Self.start)
    #expect(hand.ask([Ask(limit, cost: 0)], at: Self.start).decisions[0].remaining == 0)
  }
}
