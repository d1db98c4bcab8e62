// BoundTests.swift: the bound on keys is never passed, never forgets, and is no way round a limit.

import Limiting
import Policies
import Stores
import TestKit
import Testing

@Suite("the memory bound") struct BoundTests {
  static let start: Int64 = 1_700_000_000_000_000
  /// Microseconds; more than the sweep's grace.
  static let later: Int64 = 1_000_000

  static func limit(_ algorithm: Algorithm, _ limit: Int64 = 3, seconds: Int64 = 60) -> Limit {
    Limit(algorithm: algorithm, limit: limit, period: seconds * 1_000_000_000)
  }

  static func full(_ limit: Limit, keys: Int) -> StoreAtHand {
    let hand = StoreAtHand(maximumKeys: keys)
    hand.install([limit, limit])
    for key in 0..<keys { #expect(hand.ask([Ask(key: "held \(key)", limit)], at: start).allowed) }
    return hand
  }

  @Test("whoever invents keys gets one key's limit for all of them", arguments: Algorithm.allCases)
  func inventedKeys(_ algorithm: Algorithm) {
    let limit = Self.limit(algorithm)
    let hand = Self.full(limit, keys: 50)
    let passed = (0..<1000).count { hand.ask([Ask(key: "invented \($0)", limit)], at: Self.start).allowed }
    #expect(passed == 3)
    #expect(hand.store.metrics.keys == 50)
    #expect(hand.store.metrics.overflowed == 1000)
    #expect(hand.store.metrics.evicted == 0)
  }

  @Test("keys that are held keep their counters, whatever else is asked", arguments: Algorithm.allCases)
  func heldKeysStay(_ algorithm: Algorithm) {
    let limit = Self.limit(algorithm)
    let hand = Self.full(limit, keys: 50)
    for key in 0..<1000 { _ = hand.ask([Ask(key: "invented \(key)", limit)], at: Self.start) }
    for key in 0..<50 {
      #expect(hand.ask([Ask(key: "held \(key)", limit)], at: Self.start).decisions[0].remaining == 1)
    }
  }

  @Test("an overflow cell belongs to one policy", arguments: Algorithm.allCases)
  func overflowPerSlot(_ algorithm: Algorithm) {
    let limit = Self.limit(algorithm)
    let hand = Self.full(limit, keys: 20)
    for key in 0..<10 { _ = hand.ask([Ask(key: "\(key)", limit)], at: Self.start) }
    let other = hand.ask([Ask(slot: 1, key: "x", limit)], at: Self.start)
    #expect(other.allowed && other.decisions[0].remaining == 2)
  }

  @Test("a cell that turned idle makes room for a new key", arguments: Algorithm.allCases)
  func idleCellsGo(_ algorithm: Algorithm) {
    let limit = Self.limit(algorithm, seconds: 1)
    let hand = Self.full(limit, keys: 50)
    let idle = Self.start + 2_000_000 + Self.later
    for key in 0..<50 { #expect(hand.ask([Ask(key: "new \(key)", limit)], at: idle).decisions[0].remaining == 2) }
    #expect(hand.store.metrics.evicted == 50)
    #expect(hand.store.metrics.overflowed == 0)
    #expect(hand.store.metrics.keys == 50)
  }

  @Test("sweeps say how many cells they looked at and how many they dropped")
  func sweepFigures() {
    let limit = Self.limit(.tokenBucket, seconds: 1)
    let hand = Self.full(limit, keys: 50)
    hand.store.sweep(budget: 1_000_000, now: StoreAtHand.instant(Self.start))
    #expect(hand.store.metrics.sweeps == 1 && hand.store.metrics.swept == 50)
    #expect(hand.store.metrics.sweptAway == 0)
    let idle = Self.start + 2_000_000 + Self.later
    _ = hand.ask([Ask(key: "held 0", limit)], at: idle)
    hand.store.sweep(budget: 1_000_000, now: StoreAtHand.instant(idle))
    #expect(hand.store.metrics.sweeps == 2 && hand.store.metrics.swept == 100)
    #expect(hand.store.metrics.sweptAway == 49 && hand.store.metrics.keys == 1)
    #expect(hand.store.metrics.evicted == 0)
  }

  @Test("a key that leaves the overflow cell takes its state along", arguments: Algorithm.allCases)
  func copiesOverflow(_ algorithm: Algorithm) {
    let short = Self.limit(algorithm, seconds: 1)
    let long = Self.limit(algorithm, seconds: 3600)
    let hand = StoreAtHand(maximumKeys: 1)
    hand.install([short, long])
    _ = hand.ask([Ask(slot: 0, key: "held", short)], at: Self.start)
    for _ in 0..<3 { #expect(hand.ask([Ask(slot: 1, key: "mine", long)], at: Self.start).allowed) }
    // Room again: the held key is idle. The new cell must not start empty: its key has spent its limit.
    let later = Self.start + 2_000_000 + Self.later
    let answer = hand.ask([Ask(slot: 1, key: "mine", long)], at: later)
    #expect(!answer.allowed && answer.decisions[0].retryAfter > 0)
    // Once the overflow cell says nothing, a new key starts afresh.
    let over = later + 2 * 3_600_000_000
    hand.store.sweep(budget: 10_000, now: StoreAtHand.instant(over))
    #expect(hand.ask([Ask(slot: 1, key: "mine", long)], at: over).decisions[0].remaining == 2)
    #expect(hand.store.metrics.keys == 1)
  }

  @Test("what is left of an overflow cell is left to a key that gets a cell of its own", arguments: Algorithm.allCases)
  func copiesRemaining(_ algorithm: Algorithm) {
    let short = Self.limit(algorithm, seconds: 1)
    let long = Self.limit(algorithm, seconds: 360_000)
    let hand = StoreAtHand(maximumKeys: 1)
    hand.install([short, long])
    _ = hand.ask([Ask(slot: 0, key: "held", short)], at: Self.start)
    for _ in 0..<2 { #expect(hand.ask([Ask(slot: 1, key: "mine", long)], at: Self.start).allowed) }
    let later = Self.start + 2_000_000 + Self.later
    #expect(hand.ask([Ask(slot: 1, key: "mine", long)], at: later).allowed)
    #expect(hand.store.metrics.evicted == 1)
    let seen = hand.ask([Ask(slot: 1, key: "mine", long, cost: 0)], at: later).decisions[0]
    #expect(seen.remaining == 0)
  }

  // MARK: After the bound

  /// Long enough that nothing comes back in a test.
  static func long(_ algorithm: Algorithm, _ limit: Int64 = 3) -> Limit {
    Self.limit(algorithm, limit, seconds: 31_000_000)
  }

  /// A store of `keys` places, all taken by short-lived keys of slot 0; slots 1 and 2 count for long.
  static func flooded(_ long: Limit, keys: Int = 20) -> StoreAtHand {
    let short = Self.limit(long.algorithm, seconds: 1)
    let hand = StoreAtHand(maximumKeys: keys)
    hand.install([short, long, long])
    for key in 0..<keys { #expect(hand.ask([Ask(key: "held \(key)", short)], at: start).allowed) }
    return hand
  }

  /// When the short-lived keys of `flooded` are idle.
  static let over = start + 2_000_000 + later

  static func drain(_ hand: StoreAtHand, at microseconds: Int64 = over) {
    hand.store.sweep(budget: 1_000_000, now: StoreAtHand.instant(microseconds))
  }

  /// What is left of the limit of a key of `slot`, told without spending.
  static func left(
    _ hand: StoreAtHand, _ key: String, _ limit: Limit, slot: UInt32 = 1, at instant: Int64 = over
  ) -> Int64 {
    hand.ask([Ask(slot: slot, key: key, limit, cost: 0)], at: instant).decisions[0].remaining
  }

  @Test(
    "once there is room, a key that spent nothing from the overflow cell has its full limit; a spender has no second",
    arguments: Algorithm.allCases)
  func newcomers(_ algorithm: Algorithm) {
    let long = Self.long(algorithm)
    let hand = Self.flooded(long)
    for key in 0..<3 { #expect(hand.ask([Ask(slot: 1, key: "invented \(key)", long)], at: Self.start).allowed) }
    for key in ["early", "invented 0"] { #expect(!hand.ask([Ask(slot: 1, key: key, long)], at: Self.start).allowed) }
    Self.drain(hand)
    #expect(hand.store.metrics.keys == 0)
    for key in ["early", "late", "later"] {
      for left in [2, 1, 0] {
        #expect(hand.ask([Ask(slot: 1, key: key, long)], at: Self.over).decisions[0].remaining == left, "\(key)")
      }
      #expect(!hand.ask([Ask(slot: 1, key: key, long)], at: Self.over).allowed)
    }
    for key in 0..<3 { #expect(!hand.ask([Ask(slot: 1, key: "invented \(key)", long)], at: Self.over).allowed) }
    #expect(hand.store.metrics.keys == 3)
  }

  @Test(
    "whoever finds no room later is answered from the same overflow cell, and no key with a cell pays for it",
    arguments: Algorithm.allCases)
  func stillNoRoom(_ algorithm: Algorithm) {
    let long = Self.long(algorithm)
    let hand = Self.flooded(long, keys: 2)
    for _ in 0..<3 { #expect(hand.ask([Ask(slot: 1, key: "invented", long)], at: Self.start).allowed) }
    Self.drain(hand)
    for key in ["a", "b"] { #expect(hand.ask([Ask(slot: 1, key: key, long)], at: Self.over).allowed) }
    for key in 0..<100 { #expect(!hand.ask([Ask(slot: 1, key: "\(key)", long)], at: Self.over).allowed) }
    #expect(hand.store.metrics.keys == 2)
    #expect(Self.left(hand, "a", long) == 2 && Self.left(hand, "b", long) == 2)
  }

  @Test("a denied check makes no key one that has spent from the overflow cell", arguments: Algorithm.allCases)
  func undoneSpender(_ algorithm: Algorithm) {
    let long = Self.long(algorithm)
    let hand = Self.flooded(long)
    let never = Ask(slot: 2, key: "never", long, cost: 4)
    #expect(!hand.ask([Ask(slot: 1, key: "first", long), never], at: Self.start).allowed)
    #expect(hand.ask([Ask(slot: 1, key: "spender", long)], at: Self.start).allowed)
    for key in ["denied", "spender"] {
      #expect(!hand.ask([Ask(slot: 1, key: key, long), never], at: Self.start).allowed)
    }
    Self.drain(hand)
    #expect(Self.left(hand, "first", long) == 3 && Self.left(hand, "denied", long) == 3)
    #expect(Self.left(hand, "spender", long) == 2)
  }

  @Test("a denied check that would have given a spender a cell leaves it a spender", arguments: Algorithm.allCases)
  func undoneMove(_ algorithm: Algorithm) {
    let long = Self.long(algorithm)
    let hand = Self.flooded(long)
    #expect(hand.ask([Ask(slot: 1, key: "spender", long, cost: 2)], at: Self.start).allowed)
    Self.drain(hand)
    let asks = [Ask(slot: 1, key: "spender", long), Ask(slot: 2, key: "never", long, cost: 4)]
    #expect(!hand.ask(asks, at: Self.over).allowed)
    #expect(hand.store.metrics.keys == 0)
    #expect(Self.left(hand, "spender", long) == 1)
    #expect(hand.ask([Ask(slot: 1, key: "spender", long)], at: Self.over).decisions[0].remaining == 0)
    #expect(!hand.ask([Ask(slot: 1, key: "spender", long)], at: Self.over).allowed)
  }

  @Test(
    "where too many keys spent to be remembered, all keys of that policy start from its overflow cell until it is swept",
    arguments: Algorithm.allCases)
  func tooManySpenders(_ algorithm: Algorithm) {
    let many = Self.long(algorithm, 100_000)
    let hand = Self.flooded(many, keys: 1)
    #expect(hand.ask([Ask(slot: 2, key: "few", many)], at: Self.start).allowed)
    for key in 1..<MemoryStore.rememberedSpenders {
      _ = hand.ask([Ask(slot: 1, key: "\(key)", many)], at: Self.start)
    }
    // A key that is known is not one more.
    #expect(hand.ask([Ask(slot: 1, key: "1", many)], at: Self.start).allowed)
    Self.drain(hand)
    #expect(Self.left(hand, "late", many) == 100_000)
    #expect(Self.left(hand, "1", many) <= 100_000 - 60_000)

    // One more key, of the policy that has few.
    let short = Self.limit(algorithm, seconds: 1)
    #expect(hand.ask([Ask(key: "held", short)], at: Self.over).allowed)
    #expect(hand.ask([Ask(slot: 2, key: "one more", many)], at: Self.over).allowed)
    let again = Self.over + 2_000_000 + Self.later
    Self.drain(hand, at: again)
    #expect(Self.left(hand, "late", many, at: again) <= 100_000 - 60_000)
    #expect(Self.left(hand, "late", many, slot: 2, at: again) == 100_000)
    for key in ["few", "one more"] {
      #expect((99_998...99_999).contains(Self.left(hand, key, many, slot: 2, at: again)), "\(key)")
    }
    #expect(hand.ask([Ask(slot: 1, key: "late", many)], at: again).decisions[0].remaining < 100_000 - 60_000)

    let end = again + 70_000_000 * 1_000_000
    Self.drain(hand, at: end)
    #expect(Self.left(hand, "late", many, at: end) == 100_000)
    // The next overflow cells know nothing of the last ones' keys.
    #expect(hand.ask([Ask(key: "held", short)], at: end).allowed)
    for slot in [1, 2] as [UInt32] { #expect(hand.ask([Ask(slot: slot, key: "other", many)], at: end).allowed) }
    let next = end + 2_000_000 + Self.later
    Self.drain(hand, at: next)
    for (slot, key) in [(1, "late"), (1, "1"), (2, "few")] as [(UInt32, String)] {
      #expect(Self.left(hand, key, many, slot: slot, at: next) == 100_000, "\(key)")
      #expect(Self.left(hand, "other", many, slot: slot, at: next) < 100_000)
    }
  }

  @Test(
    "whatever is asked, given back, swept and asked again, no key passes more than its limit",
    arguments: Algorithm.allCases, Seeds.of(0..<20 as Range<UInt64>))
  func neverTwice(_ algorithm: Algorithm, _ seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let short = Self.limit(algorithm, seconds: 1)
    let long = Self.long(algorithm, 5)
    let hand = StoreAtHand(maximumKeys: 8)
    hand.install([short, long])
    var spent: [String: Int64] = [:]
    var pending: [(charges: [Charge], keys: [UInt8], at: Int64)] = []
    var now = Self.start
    for turn in 0..<300 {
      now += generator.pick([0, 0, 1, 300_000])
      if turn.isMultiple(of: 40) {
        now += 3_000_000
        Self.drain(hand, at: now)
      }
      _ = hand.ask([Ask(key: "\(turn)", short)], at: now)
      let key = "\(Int.random(in: 0..<12, using: &generator))"
      var asks = [Ask(slot: 1, key: key, long, cost: generator.pick([1, 1, 2]))]
      if Int.random(in: 0..<4, using: &generator) == 0 { asks.append(Ask(slot: 0, key: "never", short, cost: 4)) }
      var (charges, keys) = Ask.check(asks)
      let isAllowed = hand.decide(&charges, keys: keys, at: now)
      if isAllowed {
        spent[key, default: 0] += charges[0].cost
        #expect(spent[key, default: 0] <= 5, "seed \(seed) turn \(turn) key \(key)")
        if Int.random(in: 0..<3, using: &generator) == 0 { pending.append((charges, keys, now)) }
      }
      if let back = pending.first, Bool.random(using: &generator) {
        pending.removeFirst()
        hand.store.giveBack(
          back.charges, keys: back.keys.span, chargedAt: StoreAtHand.instant(back.at), now: StoreAtHand.instant(now))
        let name = String(decoding: back.keys, as: UTF8.self)
        spent[name, default: 0] -= back.charges[0].cost
      }
    }
    #expect(hand.store.metrics.overflowed > 0, "seed \(seed)")
  }

  @Test("a denied check leaves the overflow cell as it was", arguments: Algorithm.allCases)
  func overflowIsUndone(_ algorithm: Algorithm) {
    let limit = Self.limit(algorithm)
    let hand = Self.full(limit, keys: 20)
    for _ in 0..<5 {
      #expect(!hand.ask([Ask(key: "x", limit), Ask(slot: 1, key: "y", limit, cost: 4)], at: Self.start).allowed)
    }
    #expect(hand.ask([Ask(key: "x", limit)], at: Self.start).decisions[0].remaining == 2)
  }

  @Test("every 16 remembered entries of a log count as one key")
  func logUnits() {
    let limit = Self.limit(.slidingLog, 1000)
    let hand = StoreAtHand(maximumKeys: 100)
    hand.install([limit])
    for (turn, units) in [(1, 1), (16, 1), (17, 2), (32, 2), (33, 3)] {
      while hand.store.metrics.keys == 0 || Self.asked(hand) < turn { Self.ask(hand, limit) }
      #expect(hand.store.metrics.keys == units, "after \(turn) entries")
    }
  }

  private static func asked(_ hand: StoreAtHand) -> Int { Int(1000 - look(hand).remaining) }
  private static func look(_ hand: StoreAtHand) -> Decision {
    hand.ask([Ask(limit(.slidingLog, 1000), cost: 0)], at: start + 1000).decisions[0]
  }
  private static func ask(_ hand: StoreAtHand, _ limit: Limit) {
    _ = hand.ask([Ask(limit)], at: start + Int64(asked(hand)))
  }

  @Test("a log that cannot grow because of the bound denies until its oldest entry leaves")
  func logAtTheBound() {
    let limit = Self.limit(.slidingLog, 1000, seconds: 10)
    let hand = StoreAtHand(maximumKeys: 2)
    hand.install([limit])
    for turn in 0..<32 { #expect(hand.ask([Ask(limit)], at: Self.start + Int64(turn)).allowed) }
    let denied = hand.ask([Ask(limit)], at: Self.start + 100)
    #expect(!denied.allowed && denied.decisions[0].outcome == .deny)
    #expect(denied.decisions[0].remaining == 0)
    #expect(hand.store.metrics.overflowed == 1)
    #expect(denied.decisions[0].retryAfter == 10_000_000_000 - 100_000)
    #expect(!hand.ask([Ask(limit)], at: Self.start + 10_000_000 - 1).allowed)
    #expect(hand.ask([Ask(limit)], at: Self.start + 10_000_000).allowed)
    #expect(hand.store.metrics.keys == 2)
  }

  @Test("a log that is re-based counts for what is left of it")
  func rebasedLog() {
    let limit = Self.limit(.slidingLog, 1000, seconds: 10)
    let hand = StoreAtHand()
    hand.install([limit])
    for turn in 0..<100 { #expect(hand.ask([Ask(limit)], at: Self.start + Int64(turn)).allowed) }
    #expect(hand.store.metrics.keys == 7)
    #expect(hand.ask([Ask(limit, cost: 0)], at: Self.start - 60_000_000).decisions[0].remaining == 900)
    #expect(hand.store.metrics.keys == 1)
  }

  @Test("the sweep removes idle cells only, a bounded number of places a call, and gives memory back")
  func sweep() {
    let short = Self.limit(.fixedWindow, seconds: 1)
    let long = Self.limit(.tokenBucket, seconds: 3600)
    let hand = StoreAtHand(maximumKeys: 100_000)
    hand.install([short, long])
    for key in 0..<20_000 { _ = hand.ask([Ask(key: "\(key)", short)], at: Self.start) }
    for key in 0..<100 { _ = hand.ask([Ask(slot: 1, key: "\(key)", long)], at: Self.start) }
    let full = hand.store.metrics.bytes
    let later = StoreAtHand.instant(Self.start + 1_000_000 + Self.later)
    #expect(hand.store.sweep(budget: 100, now: later) <= 100)
    var calls = 0
    while hand.store.metrics.keys > 100, calls < 1000 {
      hand.store.sweep(budget: 1000, now: later)
      calls += 1
    }
    #expect(hand.store.metrics.keys == 100)
    #expect(calls <= 40, "about 31 000 places")
    hand.store.sweep(budget: 100_000, now: later)
    #expect(hand.store.metrics.bytes < full / 4)
    #expect(hand.store.metrics.evicted == 0)
    for key in 0..<100 {
      #expect(hand.ask([Ask(slot: 1, key: "\(key)", long, cost: 0)], at: Self.start).decisions[0].remaining == 2)
    }
  }

  @Test("the cells of a retired slot go, those of a slot yet to be installed stay", arguments: Algorithm.allCases)
  func retiredSlots(_ algorithm: Algorithm) {
    let limit = Self.limit(algorithm, seconds: 3600)
    let hand = StoreAtHand()
    hand.install([limit, limit, limit])
    for slot in 0..<4 { _ = hand.ask([Ask(slot: UInt32(slot), limit)], at: Self.start) }
    let now = StoreAtHand.instant(Self.start)
    hand.store.install([
      SlotRules(slot: 1, slowest: limit, retiresAt: now.monotonic),
      SlotRules(slot: 2, slowest: limit, retiresAt: now.monotonic + 1),
    ])
    hand.store.sweep(budget: 10_000, now: now)
    let remaining = (0..<4).map { slot in
      hand.ask([Ask(slot: UInt32(slot), limit, cost: 0)], at: Self.start).decisions[0].remaining
    }
    #expect(remaining == [3, 3, 2, 2])
    #expect(hand.store.metrics.keys == 2)
  }

  @Test(
    "bytes and keys return to nothing when everything is swept", arguments: Algorithm.allCases,
    Seeds.of(0..<5 as Range<UInt64>))
  func sumsAreExact(_ algorithm: Algorithm, _ seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let limit = Self.limit(algorithm, 40, seconds: 1)
    let hand = StoreAtHand(maximumKeys: 30)
    hand.install([limit, limit])
    var now = Self.start
    for _ in 0..<3000 {
      now += generator.pick([0, 1, 50, 3000])
      let asks = (0..<2).map { slot in
        Ask(
          slot: slot, key: "\(Int.random(in: 0..<40, using: &generator))", limit, cost: generator.pick([1, 1, 5, 30]))
      }
      _ = hand.ask(asks, at: now)
      #expect((0...30).contains(hand.store.metrics.keys), "seed \(seed)")
    }
    let over = StoreAtHand.instant(now + 10_000_000)
    hand.store.sweep(budget: 100_000, now: over)
    #expect(hand.store.metrics.keys == 0, "seed \(seed)")
    #expect(hand.store.metrics.bytes <= 64 * 200 * 56, "no logs left, seed \(seed)")
  }

  @Test("from a hundred token-bucket keys a shard on, a key takes at most 90 bytes, however the tables grow")
  func bytesPerKey() {
    let limit = Self.limit(.tokenBucket)
    // 64 shards, as full when full as those of a million keys are.
    let hand = StoreAtHand(maximumKeys: 65_536)
    hand.install([limit])
    for key in 0..<20_000 {
      _ = hand.ask([Ask(key: "\(key)", limit)], at: Self.start)
      guard key >= 6_400, key.isMultiple(of: 100) else { continue }
      let metrics = hand.store.metrics
      #expect(metrics.bytes <= 90 * metrics.keys, "at \(metrics.keys)")
    }
    #expect(hand.store.metrics.keys == 20_000)
    #expect(hand.store.metrics.bytes >= 56 * 20_000, "an entry each, at least")
  }
}
