// LookTests.swift: what memory shows of a check that another store has denied.

import Limiting
import Policies
import Stores
import TestKit
import Testing

@Suite("looking") struct LookTests {
  static let start = MemoryStoreTests.start

  @Test(
    "a look shows what a denied check shows, and changes nothing", arguments: Algorithm.allCases,
    0..<6 as Range<UInt64>)
  func asDenied(_ algorithm: Algorithm, _ seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let hand = StoreAtHand(maximumKeys: seed % 2 == 0 ? 10_000 : 3)
    let looked = StoreAtHand(maximumKeys: seed % 2 == 0 ? 10_000 : 3)
    let limit = MemoryStoreTests.limit(algorithm, 5)
    // Blocks always: the rest of such a check shows what a denied one shows.
    let block = Ask(slot: 7, limit, effect: .block)
    var now = Self.start
    for turn in 0..<200 {
      now += random.pick([0, 1, 700_000, 5_000_000])
      let asks = (0..<3).map { slot in
        Ask(
          slot: UInt32(slot), key: random.pick(["", "a", "bb"]), limit, cost: random.pick([0, 1, 1, 3, 6]),
          isShadow: random.pick([false, true]))
      }
      let expected = hand.ask(asks + [block], at: now)
      var (charges, keys) = Ask.check(asks + [block])
      looked.store.look(&charges, keys: keys.span, now: StoreAtHand.instant(now))
      let decisions = charges.map(\.decision)
      // Where a block is beside it, cost 0 is a look of its own.
      #expect(decisions == expected.decisions, "seed \(seed) turn \(turn): \(asks)")
      #expect(looked.store.metrics.keys == hand.store.metrics.keys)
      if Bool.random(using: &random) {
        #expect(hand.ask(asks, at: now).decisions == looked.ask(asks, at: now).decisions)
      }
    }
  }

  @Test("after what was charged is given back, a look shows the counters without it", arguments: Algorithm.allCases)
  func afterGivingBack(_ algorithm: Algorithm) {
    let hand = StoreAtHand()
    let limit = MemoryStoreTests.limit(algorithm, 10)
    let now = StoreAtHand.instant(Self.start)
    _ = hand.ask([Ask(limit, cost: 2)], at: Self.start)
    var (charges, keys) = Ask.check([Ask(limit, cost: 5), Ask(slot: 1, limit, cost: 5)])
    #expect(hand.decide(&charges, keys: keys, at: Self.start))
    #expect(charges.map(\.decision.remaining) == [3, 5])
    hand.store.giveBack(charges, keys: keys.span, chargedAt: now, now: now)
    hand.store.look(&charges, keys: keys.span, now: now)
    #expect(charges.allSatisfy { $0.decision.isAllowed && $0.cost == 5 })
    #expect(charges.map(\.decision.remaining) == [8, 10])
    // Meanwhile somebody else took the rest: now it would deny, and says so.
    _ = hand.ask([Ask(limit, cost: 7)], at: Self.start)
    hand.store.look(&charges, keys: keys.span, now: now)
    #expect(charges.map(\.decision.outcome) == [.deny, .allow])
    #expect(charges[0].decision.retryAfter > 0 && charges[0].decision.remaining == 1)
  }

  @Test("unlimited charges are not looked at")
  func unlimited() {
    let hand = StoreAtHand()
    let limit = MemoryStoreTests.limit(.tokenBucket, 3)
    var (charges, keys) = Ask.check([Ask(limit, effect: .unlimited)])
    let before = charges[0].decision
    hand.store.look(&charges, keys: keys.span, now: StoreAtHand.instant(Self.start))
    #expect(charges[0].decision == before && hand.store.metrics.keys == 0)
  }
}
