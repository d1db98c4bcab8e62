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

  @Test(
    "a key whose own cell has gone gives nothing back to an overflow cell that it never charged",
    arguments: Algorithm.allCases)
  func othersOverflow(_ algorithm: Algorithm) {
    let limit = Limit(algorithm: algorithm, limit: 10, period: 60_000_000_000)
    let hand = StoreAtHand(maximumKeys: 2)
    hand.install([limit])
    let charged = Self.charge(hand, [Ask(key: "mine", limit, cost: 4)], at: Self.start)
    _ = hand.ask([Ask(key: "held", limit)], at: Self.start)
    _ = hand.ask([Ask(key: "new", limit, cost: 9)], at: Self.start)
    #expect(hand.store.reset(slot: 0, key: "mine".utf8.span) == .forgotten)
    hand.store.sweep(budget: 10_000, now: StoreAtHand.instant(Self.start))
    #expect(hand.store.metrics.keys == 1)
    Self.giveBack(hand, charged, from: Self.start, at: Self.start)
    #expect(hand.ask([Ask(key: "new", limit, cost: 0)], at: Self.start).decisions[0].remaining == 1)
  }

  @Test("a bucket's own cell may go before what was charged to it is back: the overflow cell gets none of it")
  func swept() {
    let limit = Limit(algorithm: .tokenBucket, limit: 10, period: 1_000_000_000)
    let slow = Limit(algorithm: .tokenBucket, limit: 10, period: 3_600_000_000_000)
    let hand = StoreAtHand(maximumKeys: 1)
    hand.install([limit, slow])
    // Two checks wait; the first is given back, so that the second's 5 tokens are regained in half its wait.
    let first = Self.charge(hand, [Ask(key: "mine", limit, cost: 5)], at: Self.start)
    let second = Self.charge(hand, [Ask(key: "mine", limit, cost: 5)], at: Self.start)
    Self.giveBack(hand, first, from: Self.start, at: Self.start)
    let regained = Self.start + 530_000
    hand.store.sweep(budget: 10_000, now: StoreAtHand.instant(regained))
    _ = hand.ask([Ask(slot: 1, key: "held", slow)], at: regained)
    _ = hand.ask([Ask(key: "new", limit, cost: 10)], at: regained)
    Self.giveBack(hand, second, from: Self.start, at: regained)
    #expect(hand.ask([Ask(key: "new", limit, cost: 0)], at: regained).decisions[0].remaining == 0)
  }

  @Test(
    "a key that moved from the overflow cell to its own has nothing there to give back", arguments: Algorithm.allCases)
  func moved(_ algorithm: Algorithm) {
    let long = BoundTests.long(algorithm, 10)
    let hand = BoundTests.flooded(long)
    for (key, cost) in [("moved", 2), ("other", 5)] as [(String, Int64)] {
      #expect(hand.ask([Ask(slot: 1, key: key, long, cost: cost)], at: BoundTests.start).allowed)
    }
    BoundTests.drain(hand)
    let charged = Self.charge(hand, [Ask(slot: 1, key: "moved", long, cost: 3)], at: BoundTests.over)
    #expect(BoundTests.left(hand, "moved", long) == 0)
    #expect(hand.store.reset(slot: 1, key: "moved".utf8.span) == .forgotten)
    BoundTests.drain(hand)
    Self.giveBack(hand, charged, from: BoundTests.over, at: BoundTests.over)
    #expect(BoundTests.left(hand, "other", long) == 3)
    #expect(BoundTests.left(hand, "moved", long) == 10)
  }

  @Test(
    "a key whose every charge on the overflow cell was given back has not spent from it; one that kept one has",
    arguments: Algorithm.allCases)
  func returnedSpender(_ algorithm: Algorithm) {
    let long = BoundTests.long(algorithm, 5)
    let hand = BoundTests.flooded(long)
    let now = BoundTests.start
    _ = hand.ask([Ask(slot: 1, key: "other", long)], at: now)
    let returned = Self.charge(hand, [Ask(slot: 1, key: "returned", long)], at: now + 1)
    let kept = Self.charge(hand, [Ask(slot: 1, key: "kept", long)], at: now + 2)
    _ = hand.ask([Ask(slot: 1, key: "kept", long)], at: now + 3)
    Self.giveBack(hand, returned, from: now + 1, at: now + 4)
    Self.giveBack(hand, kept, from: now + 2, at: now + 4)
    BoundTests.drain(hand)
    #expect(BoundTests.left(hand, "returned", long) == 5)
    // One of its own, one of the other's.
    #expect(BoundTests.left(hand, "kept", long) == 3)
  }

  @Test(
    "keys whose charges were given back do not count among those that are remembered", arguments: Algorithm.allCases)
  func manyReturned(_ algorithm: Algorithm) {
    let long = BoundTests.long(algorithm, 5)
    let hand = BoundTests.flooded(long, keys: 1)
    let now = BoundTests.start
    _ = hand.ask([Ask(slot: 1, key: "other", long)], at: now)
    for key in 0..<MemoryStore.rememberedSpenders {
      let charged = Self.charge(hand, [Ask(slot: 1, key: "\(key)", long)], at: now)
      Self.giveBack(hand, charged, from: now, at: now)
    }
    BoundTests.drain(hand)
    #expect(BoundTests.left(hand, "late", long) == 5 && BoundTests.left(hand, "other", long) == 4)
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
