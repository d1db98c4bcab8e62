// PlaceTests.swift: charges that are counted elsewhere, beside those that are counted in memory.

import Limiting
import Policies
import Stores
import TestKit
import Testing

@Suite("places") struct PlaceTests {
  static let start = MemoryStoreTests.start
  static let elsewhere: [Charge.Place] = [.redis, .nowhere, .unasked]

  static func check(_ asks: [(Ask, Charge.Place)]) -> ([Charge], [UInt8]) {
    var (charges, keys) = Ask.check(asks.map(\.0))
    for index in charges.indices { charges[index].place = asks[index].1 }
    return (charges, keys)
  }

  @Test(
    "a charge that is counted elsewhere is left as it is, and neither allows nor denies",
    arguments: Algorithm.allCases, elsewhere)
  func untouched(_ algorithm: Algorithm, _ place: Charge.Place) {
    let hand = StoreAtHand()
    let limit = MemoryStoreTests.limit(algorithm, 1)
    let told = Decision(outcome: .deny, limit: 77, remaining: 5, retryAfter: 3, reset: 2, nextUnit: 1)
    var (charges, keys) = Self.check([(Ask(limit), place)])
    charges[0].decision = told
    for _ in 0..<3 {
      #expect(hand.decide(&charges, keys: keys, at: Self.start))
      #expect(charges[0].decision == told)
    }
    #expect(hand.store.metrics.keys == 0)

    (charges, keys) = Self.check([(Ask(slot: 1, limit), place), (Ask(slot: 2, limit), .memory)])
    charges[0].decision = told
    #expect(hand.decide(&charges, keys: keys, at: Self.start), "the one in memory allows")
    #expect(charges[0].decision == told && charges[1].decision.remaining == 0)
    #expect(!hand.decide(&charges, keys: keys, at: Self.start), "the one in memory denies")
    #expect(charges[0].decision == told && charges[1].decision.outcome == .deny)
    #expect(hand.store.metrics.keys == 1)
    hand.store.giveBack(
      charges, keys: keys.span, chargedAt: StoreAtHand.instant(Self.start), now: StoreAtHand.instant(Self.start))
    hand.store.look(&charges, keys: keys.span, now: StoreAtHand.instant(Self.start))
    #expect(charges[0].decision == told && hand.store.metrics.keys == 1)
    // Had the counter been here, it would have been spent by now.
    #expect(hand.ask([Ask(limit)], at: Self.start).allowed && hand.ask([Ask(slot: 1, limit)], at: Self.start).allowed)
  }

  @Test("what was charged elsewhere is not given back here", arguments: Algorithm.allCases, elsewhere)
  func givesNothingBack(_ algorithm: Algorithm, _ place: Charge.Place) {
    let hand = StoreAtHand()
    let ask = Ask(MemoryStoreTests.limit(algorithm, 3))
    _ = hand.ask([ask], at: Self.start)
    let (charges, keys) = Self.check([(ask, place)])
    let now = StoreAtHand.instant(Self.start)
    hand.store.giveBack(charges, keys: keys.span, chargedAt: now, now: now)
    #expect(hand.ask([ask], at: Self.start).decisions[0].remaining == 1)
  }

  @Test(
    "a charge that fell back to memory is counted there as any other", arguments: Algorithm.allCases, [false, true])
  func fallback(_ algorithm: Algorithm, _ isBesideRedis: Bool) {
    let hand = StoreAtHand()
    let limit = MemoryStoreTests.limit(algorithm, 3)
    let now = StoreAtHand.instant(Self.start)
    var (charges, keys) = Self.check(
      [(Ask(limit), .fallback)] + (isBesideRedis ? [(Ask(slot: 1, limit), .redis)] : []))
    #expect(hand.decide(&charges, keys: keys, at: Self.start))
    #expect(charges[0].decision.remaining == 2)
    #expect(hand.decide(&charges, keys: keys, at: Self.start))
    hand.store.giveBack(charges, keys: keys.span, chargedAt: now, now: now)
    hand.store.look(&charges, keys: keys.span, now: now)
    #expect(charges[0].decision.remaining == 2)
    #expect(hand.decide(&charges, keys: keys, at: Self.start) && hand.decide(&charges, keys: keys, at: Self.start))
    #expect(!hand.decide(&charges, keys: keys, at: Self.start))
    #expect(charges[0].decision.outcome == .deny)
  }

  @Test("a block denies and an unlimited charge passes, whatever the place", arguments: [0, 1, 2, 3] as [UInt8])
  func effects(_ number: UInt8) throws {
    let place = try #require(Charge.Place(rawValue: number))
    let hand = StoreAtHand()
    let limit = MemoryStoreTests.limit(.fixedWindow, 1)
    var (charges, keys) = Self.check([(Ask(limit, effect: .unlimited), place)])
    for _ in 0..<2 { #expect(hand.decide(&charges, keys: keys, at: Self.start)) }
    for isLooking in [false, true] {
      (charges, keys) = Self.check([(Ask(limit, effect: .block), place), (Ask(slot: 1, limit), .memory)])
      if isLooking {
        hand.store.look(&charges, keys: keys.span, now: StoreAtHand.instant(Self.start))
      } else {
        #expect(!hand.decide(&charges, keys: keys, at: Self.start))
      }
      #expect(charges[0].decision == Decision(outcome: .denyAlways, limit: 0, remaining: 0))
      #expect(charges[1].decision.isAllowed && charges[1].decision.remaining == 1)
    }
  }

  @Test(
    "with charges elsewhere strewn in, random checks get what they get without them", arguments: 0..<8 as Range<UInt64>)
  func strewnIn(_ seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let mixed = StoreAtHand()
    let plain = StoreAtHand()
    var now = Self.start
    for turn in 0..<400 {
      now += random.pick([0, 1, 20_000, 3_000_000])
      let asks = (0..<Int.random(in: 0...5, using: &random)).map { slot in
        (
          Ask(
            slot: UInt32(slot), key: random.pick(["a", "b"]),
            MemoryStoreTests.limit(Algorithm.allCases[slot % 4], 5), cost: random.pick([0, 1, 2, 6]),
            effect: random.pick([.limit, .limit, .limit, .unlimited, .block]),
            isShadow: random.pick([false, false, true])),
          random.pick([.memory, .fallback, .redis, .nowhere, .unasked]) as Charge.Place
        )
      }
      var (charges, keys) = Self.check(asks)
      let allowed = mixed.decide(&charges, keys: keys, at: now)
      let isHere = charges.map { $0.effect != .limit || $0.place == .memory || $0.place == .fallback }
      let expected = plain.ask(zip(asks, isHere).filter(\.1).map(\.0.0), at: now)
      #expect(allowed == expected.allowed, "seed \(seed) turn \(turn)")
      let decisions = zip(charges, isHere).filter(\.1).map(\.0.decision)
      #expect(decisions == expected.decisions, "seed \(seed) turn \(turn)")
    }
    #expect(mixed.store.metrics == plain.store.metrics)
  }
}
