// MemoryStoreTests.swift: the memory store under the contract of all stores, and what is its own: the bound, the
// overflow cells, the sweep, giving back, and many threads.

import Limiting
import Policies
import Stores
import TestKit
import Testing

/// A memory store with its clock in the test's hands; slots 0 to 7 are in force.
final class StoreAtHand: StoreUnderTest {
  let store: MemoryStore

  init(maximumKeys: Int = 10_000, grace: Int64 = MemoryStore.grace) {
    store = MemoryStore(maximumKeys: maximumKeys, hashKey: HashKey(low: 1, high: 2), grace: grace)
  }

  static func instant(_ microseconds: Int64) -> Now {
    Now(monotonic: microseconds * 1000, unix: microseconds * 1000)
  }

  func decide(_ charges: inout [Charge], keys: [UInt8], at microseconds: Int64) -> Bool {
    store.decide(&charges, keys: keys.span, now: Self.instant(microseconds))
  }

  func install(_ limits: [Limit]) {
    store.install(limits.enumerated().map { SlotRules(slot: UInt32($0.offset), slowest: $0.element) })
  }
}

@Suite("the memory store") struct MemoryStoreTests {
  static let start: Int64 = 1_700_000_000_000_000
  static let minute: Int64 = 60_000_000_000

  static func limit(_ algorithm: Algorithm, _ limit: Int64, period: Int64 = minute) -> Limit {
    Limit(algorithm: algorithm, limit: limit, period: period)
  }

  /// The contract is about one clock.
  @Test("keeps the contract of all stores", arguments: StoreContract.allCases)
  func contract(_ rule: StoreContract) {
    #expect(rule.failures { StoreAtHand(grace: 0) } == [], "\(rule.rawValue)")
  }

  @Test("a look, an unlimited charge, a block and a denial create no cell", arguments: Algorithm.allCases)
  func createsNothing(_ algorithm: Algorithm) {
    let hand = StoreAtHand()
    let limit = Self.limit(algorithm, 3)
    _ = hand.ask([Ask(limit, cost: 0)], at: Self.start)
    _ = hand.ask([Ask(limit, cost: 4)], at: Self.start)
    _ = hand.ask([Ask(limit, effect: .unlimited), Ask(slot: 1, limit, effect: .block)], at: Self.start)
    _ = hand.ask([Ask(limit), Ask(slot: 1, limit), Ask(slot: 2, limit, cost: 4)], at: Self.start)
    #expect(hand.store.metrics.keys == 0)
    _ = hand.ask([Ask(limit), Ask(slot: 1, limit)], at: Self.start)
    #expect(hand.store.metrics.keys == 2)
  }

  @Test("a window that has ended is not forgotten for a look or a denial: to a clock that lags it still lasts")
  func laggingClock() {
    let hand = StoreAtHand()
    let limit = Self.limit(.fixedWindow, 3)
    let end: Int64 = 1_700_000_040_000_000
    #expect(hand.ask([Ask(limit, cost: 3)], at: end - 10).allowed)
    #expect(hand.ask([Ask(limit, cost: 0)], at: end + 1).decisions[0].remaining == 3)
    #expect(!hand.ask([Ask(limit), Ask(slot: 1, limit, cost: 4)], at: end + 1).allowed)
    #expect(!hand.ask([Ask(limit)], at: end - 5).allowed)
    #expect(hand.ask([Ask(limit)], at: end + 2).decisions[0].remaining == 2)
    // With something spent in the new one the old one is over, for all.
    #expect(hand.ask([Ask(limit)], at: end - 5).decisions[0].remaining == 1)
    // None lags by more than the grace: then a look is enough, as it is in Redis, which has one clock.
    #expect(hand.ask([Ask(limit, cost: 0)], at: end + 60_020_001).decisions[0].remaining == 3)
    #expect(hand.ask([Ask(limit)], at: end + 59_999_999).decisions[0].remaining == 2)
  }

  @Test("two charges of one check on one cell both count, and a denial takes both back", arguments: Algorithm.allCases)
  func sameCellTwice(_ algorithm: Algorithm) {
    let hand = StoreAtHand()
    let twice = [Ask(Self.limit(algorithm, 3)), Ask(Self.limit(algorithm, 3))]
    #expect(hand.ask(twice, at: Self.start).allowed)
    #expect(!hand.ask(twice, at: Self.start).allowed)
    let denied = hand.ask(twice + [Ask(slot: 1, Self.limit(algorithm, 1), cost: 2)], at: Self.start)
    #expect(!denied.allowed)
    #expect(hand.ask([twice[0]], at: Self.start).decisions[0].remaining == 0)
    let larger = [Ask(key: "l", Self.limit(algorithm, 9)), Ask(key: "l", Self.limit(algorithm, 9))]
    _ = hand.ask(larger, at: Self.start)
    #expect(!hand.ask(larger + [Ask(slot: 1, Self.limit(algorithm, 1), cost: 2)], at: Self.start).allowed)
    #expect(hand.ask([larger[0]], at: Self.start).decisions[0].remaining == 6)
  }

  @Test("a check that matches thousands of policies is one decision")
  func manyCharges() {
    let hand = StoreAtHand()
    var asks = (0..<3000).map { Ask(slot: UInt32($0), Self.limit(.fixedWindow, 2)) }
    #expect(hand.ask(asks, at: Self.start).allowed)
    asks[1500].limit.limit = 1
    #expect(!hand.ask(asks, at: Self.start).allowed)
    asks[1500].limit.limit = 2
    let answer = hand.ask(asks, at: Self.start)
    #expect(answer.allowed && answer.decisions.allSatisfy { $0.remaining == 0 })
  }

  @Test("each store hashes under a secret of its own: no key has the same hash in two of them")
  func ownSecret() {
    func hashes() -> [UInt64] {
      let store = MemoryStore(maximumKeys: 100)
      return (0..<16).map { number in
        var (charges, keys) = Ask.check([Ask(key: "key \(number)", Self.limit(.tokenBucket, 1))])
        _ = store.decide(&charges, keys: keys.span, now: StoreAtHand.instant(Self.start))
        return charges[0].keyHash
      }
    }
    // Of 64 bits each: by chance, two of these are equal once in 2^54 runs.
    #expect(Set(hashes() + hashes()).count == 32)
  }

  @Test("windows follow the Unix clock, buckets and logs the monotonic one")
  func clocks() {
    let store = MemoryStore(maximumKeys: 10)
    var clock = ManualClock()
    func passes(_ algorithm: Algorithm) -> Bool {
      var (charges, keys) = Ask.check([Ask(slot: UInt32(algorithm.rawValue), Self.limit(algorithm, 1))])
      return store.decide(&charges, keys: keys.span, now: clock.now)
    }
    for algorithm in Algorithm.allCases { #expect(passes(algorithm)) }
    clock.stepUnix(by: 2 * Self.minute)
    #expect(passes(.fixedWindow) && passes(.slidingWindow))
    #expect(!passes(.tokenBucket) && !passes(.slidingLog))
    clock.advance(by: Self.minute)
    #expect(passes(.tokenBucket) && passes(.slidingLog))
  }
}
