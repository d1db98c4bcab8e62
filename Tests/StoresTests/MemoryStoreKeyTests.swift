// MemoryStoreKeyTests.swift: the state of one key, and forgetting it: under every algorithm, in a full store, and while
// other threads ask.

import Limiting
import Policies
import Stores
import Synchronization
import TestKit
import Testing

@Suite("one key") struct MemoryStoreKeyTests {
  static let start = MemoryStoreTests.start

  private static func state(
    _ hand: StoreAtHand, slot: UInt32 = 0, key: String = "k", _ limit: Limit, at microseconds: Int64 = start
  ) -> KeyState {
    hand.store.state(
      slot: slot, key: Array(key.utf8).span, limit: limit, now: StoreAtHand.instant(microseconds))
  }

  private static func reset(_ hand: StoreAtHand, slot: UInt32 = 0, key: String = "k") -> KeyReset {
    hand.store.reset(slot: slot, key: Array(key.utf8).span)
  }

  // MARK: State

  @Test(
    "the state is what a check of cost 1 would get, at any time, and looking changes nothing",
    arguments: Algorithm.allCases, 1...4 as ClosedRange<UInt64>)
  func foresees(_ algorithm: Algorithm, seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let hand = StoreAtHand()
    let reference = ReferenceStore()
    let limit = MemoryStoreTests.limit(algorithm, 4, period: 1_000_000_000)
    var now = Self.start
    for turn in 0..<300 {
      now += random.pick([0, 1, 1_000, 90_000, 700_000])
      let key = random.pick(["a", "b"])
      let before = reference.ask([Ask(key: key, limit, cost: 0)], at: now).decisions[0]
      let seen = Self.state(hand, key: key, limit, at: now)
      #expect(Self.state(hand, key: key, limit, at: now) == seen)
      let ask = [Ask(key: key, limit, cost: random.pick([0, 1, 1, 2]))]
      let one = ask[0].cost == 1 ? hand.ask(ask, at: now).decisions[0] : nil
      if let one {
        #expect(seen.decision.outcome == one.outcome, "seed \(seed) turn \(turn)")
        #expect(seen.decision.retryAfter == one.retryAfter)
      } else {
        _ = hand.ask(ask, at: now)
      }
      #expect(seen.decision.remaining == before.remaining && seen.decision.reset == before.reset)
      _ = reference.ask(ask, at: now)
    }
  }

  @Test("a key without a counter has its whole limit, lives nowhere, and gets no cell", arguments: Algorithm.allCases)
  func fresh(_ algorithm: Algorithm) {
    let hand = StoreAtHand()
    let state = Self.state(hand, MemoryStoreTests.limit(algorithm, 4))
    #expect(state.place == .none && state.decision.isAllowed && state.decision.remaining == 4)
    #expect(state.decision.reset == 0 && hand.store.metrics.keys == 0)
  }

  @Test("the state is under the numbers given, not those that were spent under", arguments: Algorithm.allCases)
  func numbers(_ algorithm: Algorithm) {
    let hand = StoreAtHand()
    for _ in 0..<3 { _ = hand.ask([Ask(MemoryStoreTests.limit(algorithm, 3))], at: Self.start) }
    #expect(Self.state(hand, MemoryStoreTests.limit(algorithm, 3)).decision.outcome == .deny)
    #expect(Self.state(hand, MemoryStoreTests.limit(algorithm, 3)).place == .own)
    #expect(Self.state(hand, MemoryStoreTests.limit(algorithm, 10)).decision.remaining == 7)
  }

  // MARK: Reset

  @Test("a reset key has its whole limit again; other keys and slots keep theirs", arguments: Algorithm.allCases)
  func resets(_ algorithm: Algorithm) {
    let hand = StoreAtHand()
    let limit = MemoryStoreTests.limit(algorithm, 3)
    for ask in [Ask(limit), Ask(key: "other", limit), Ask(slot: 1, limit, isShadow: true)] {
      for _ in 0..<4 { _ = hand.ask([ask], at: Self.start) }
    }
    #expect(Self.reset(hand) == .forgotten)
    #expect(Self.state(hand, limit).decision.remaining == 3)
    #expect(Self.state(hand, key: "other", limit).decision.remaining == 0)
    #expect(Self.state(hand, slot: 1, limit).decision.remaining == 0)
    #expect(Self.reset(hand, slot: 1) == .forgotten)
    #expect(Self.state(hand, slot: 1, limit).decision.remaining == 3)
    for left in [2, 1, 0] { #expect(hand.ask([Ask(limit)], at: Self.start).decisions[0].remaining == left) }
    #expect(!hand.ask([Ask(limit)], at: Self.start).allowed)
  }

  @Test("what has nothing to forget says so", arguments: Algorithm.allCases)
  func nothing(_ algorithm: Algorithm) {
    let hand = StoreAtHand()
    let limit = MemoryStoreTests.limit(algorithm, 3)
    #expect(Self.reset(hand) == .nothing)
    _ = hand.ask([Ask(limit)], at: Self.start)
    #expect(Self.reset(hand, slot: 1) == .nothing)
    #expect(Self.reset(hand, key: "") == .nothing)
    #expect(Self.reset(hand) == .forgotten)
    #expect(Self.reset(hand) == .nothing)
  }

  @Test(
    "with resets in between, the store decides as the model that forgets the key", arguments: Algorithm.allCases,
    1...6 as ClosedRange<UInt64>)
  func againstModel(_ algorithm: Algorithm, seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let kind = random.pick([StoreTrace.Kind.usual, .reloads])
    let hand = StoreAtHand()
    let reference = ReferenceStore()
    for turn in StoreTrace(kind, algorithm, seed: seed, turns: 400).turns {
      if random.pick([true, false, false]) {
        let slot = UInt32.random(in: 0..<4, using: &random)
        let key = random.pick(["", "a", "bb"])
        reference.forget(slot: slot, key: key)
        _ = Self.reset(hand, slot: slot, key: key)
      }
      let expected = reference.ask(turn.asks, at: turn.instant)
      let answer = hand.ask(turn.asks, at: turn.instant)
      #expect(answer.allowed == expected.allowed, "seed \(seed) at \(turn.instant): \(turn.asks)")
      #expect(answer.decisions == expected.decisions, "seed \(seed) at \(turn.instant): \(turn.asks)")
    }
  }

  @Test("a forgotten log gives back the keys and the memory that its entries took, and the sweep takes the rest")
  func logMemory() {
    let hand = StoreAtHand()
    let limit = MemoryStoreTests.limit(.slidingLog, 1000)
    hand.install([limit])
    _ = hand.ask([Ask(limit)], at: Self.start)
    let small = hand.store.metrics
    for turn in 1..<100 { _ = hand.ask([Ask(limit)], at: Self.start + Int64(turn)) }
    #expect(hand.store.metrics.keys == 7 && hand.store.metrics.bytes > small.bytes)
    #expect(Self.reset(hand) == .forgotten)
    #expect(hand.store.metrics.keys == 1 && hand.store.metrics.bytes < small.bytes)
    hand.store.sweep(budget: 10_000, now: StoreAtHand.instant(Self.start + 1_000))
    #expect(hand.store.metrics.keys == 0)
  }

  // MARK: A full store

  @Test(
    "in a full store, a reset key with a cell of its own begins afresh, whatever the overflow cell has spent",
    arguments: Algorithm.allCases)
  func resetAtTheBound(_ algorithm: Algorithm) {
    let limit = MemoryStoreTests.limit(algorithm, 3)
    let hand = BoundTests.full(limit, keys: 50)
    for key in 0..<10 { _ = hand.ask([Ask(key: "new \(key)", limit)], at: Self.start) }
    #expect(Self.reset(hand, key: "held 7") == .forgotten)
    for left in [2, 1, 0] {
      #expect(hand.ask([Ask(key: "held 7", limit)], at: Self.start).decisions[0].remaining == left)
    }
    #expect(!hand.ask([Ask(key: "held 7", limit)], at: Self.start).allowed)
    #expect(hand.store.metrics.keys == 50)
  }

  @Test("a key in the overflow cell is told to be there, and is not reset alone", arguments: Algorithm.allCases)
  func overflow(_ algorithm: Algorithm) {
    let limit = MemoryStoreTests.limit(algorithm, 3)
    let hand = BoundTests.full(limit, keys: 50)
    #expect(Self.state(hand, key: "new", limit).place == .none)
    for key in 0..<4 { _ = hand.ask([Ask(key: "new \(key)", limit)], at: Self.start) }
    #expect(Self.state(hand, key: "new 1", limit).place == .overflow)
    #expect(Self.state(hand, key: "new 1", limit).decision.outcome == .deny)
    #expect(Self.reset(hand, key: "new 1") == .overflow)
    #expect(Self.state(hand, key: "new 1", limit).decision.outcome == .deny)
    #expect(Self.reset(hand, slot: 1, key: "new 1") == .nothing)
    #expect(Self.state(hand, key: "held 1", limit).place == .own)
  }

  @Test(
    "once there is room, a key is told the overflow cell's numbers only if it has spent from it",
    arguments: Algorithm.allCases)
  func afterOverflow(_ algorithm: Algorithm) {
    let long = BoundTests.long(algorithm)
    let hand = BoundTests.flooded(long)
    let now = BoundTests.over
    for _ in 0..<3 { _ = hand.ask([Ask(slot: 1, key: "spender", long)], at: BoundTests.start) }
    #expect(Self.state(hand, slot: 1, key: "late", long, at: BoundTests.start).place == .overflow)
    #expect(Self.state(hand, slot: 1, key: "late", long, at: BoundTests.start).decision.outcome == .deny)
    BoundTests.drain(hand)
    let late = Self.state(hand, slot: 1, key: "late", long, at: now)
    #expect(late.place == .none && late.decision.isAllowed && late.decision.remaining == 3)
    #expect(Self.reset(hand, slot: 1, key: "late") == .nothing)
    let spender = Self.state(hand, slot: 1, key: "spender", long, at: now)
    #expect(spender.place == .overflow && spender.decision.outcome == .deny)
    #expect(Self.reset(hand, slot: 1, key: "spender") == .overflow)
  }

  // MARK: Threads

  @Test(
    "each reset under load lets the key pass at most its limit once more, and checks of several policies stay whole",
    arguments: Algorithm.allCases)
  func concurrent(_ algorithm: Algorithm) {
    let store = MemoryStore(maximumKeys: 1_000)
    let limit = ConcurrencyTests.limit(algorithm, 20)
    let whole = ConcurrencyTests.limit(algorithm, 100_000)
    let passed = Atomic<Int>(0)
    let resets = Atomic<Int>(0)
    ConcurrencyTests.onThreads { index in
      if index == 0 {
        for _ in 0..<200 where store.reset(slot: 0, key: "k".utf8.span) == .forgotten {
          resets.wrappingAdd(1, ordering: .relaxed)
        }
        return
      }
      for _ in 0..<2_000 {
        var (charges, keys) = Ask.check([Ask(limit), Ask(slot: 1, whole)])
        if store.decide(&charges, keys: keys.span, now: ConcurrencyTests.now) {
          passed.wrappingAdd(1, ordering: .relaxed)
        }
      }
    }
    let (all, times) = (passed.load(ordering: .relaxed), resets.load(ordering: .relaxed))
    #expect(all <= 20 * (times + 1), "\(all) passed, \(times) resets")
    #expect(all >= 20)
    // A denial took back what it had from the other policy, across every reset.
    let other = store.state(slot: 1, key: "k".utf8.span, limit: whole, now: ConcurrencyTests.now)
    #expect(other.decision.remaining == 100_000 - Int64(all))
  }
}
