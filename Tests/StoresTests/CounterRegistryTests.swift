// CounterRegistryTests.swift: which reload keeps a counter.

import Limiting
import Policies
import Stores
import Testing

@Suite("counter numbers") struct CounterRegistryTests {
  static let second: Int64 = 1_000_000_000

  static func policy(
    _ name: String, limit: Int64 = 1, period: Int64 = 60, algorithm: Algorithm = .tokenBucket,
    store: Policy.StoreKind = .memory, mode: Policy.Mode = .enforce, overrides: [Policy.Override] = []
  ) -> Policy {
    Policy(
      name: name, key: [.ip], limit: Limit(algorithm: algorithm, limit: limit, period: period * second), store: store,
      mode: mode, overrides: overrides)
  }

  @Test("new numbers, another mode and another order keep a policy's number")
  func keeps() {
    var registry = CounterRegistry()
    let first = registry.assign([Self.policy("a"), Self.policy("b")], now: 0)
    #expect(Set(first).count == 2)
    let second = registry.assign([Self.policy("b", limit: 9, mode: .shadow), Self.policy("a", period: 1)], now: 1)
    #expect(second == first.reversed())
  }

  @Test("another algorithm, store or name is another counter")
  func changes() {
    var registry = CounterRegistry()
    let all = registry.assign(
      [
        Self.policy("a"), Self.policy("b"), Self.policy("a", algorithm: .fixedWindow), Self.policy("a", store: .redis),
      ], now: 0)
    #expect(Set(all).count == 4)
  }

  @Test("a removed policy keeps its number for 10 s, then starts afresh")
  func lingers() {
    var registry = CounterRegistry()
    let slot = registry.assign([Self.policy("a")], now: 0)[0]
    _ = registry.assign([], now: 5 * Self.second)
    #expect(registry.rules.map(\.retiresAt) == [15 * Self.second])
    _ = registry.assign([Self.policy("b")], now: 8 * Self.second)
    #expect(registry.assign([Self.policy("a")], now: 15 * Self.second - 1) == [slot])
    #expect(registry.rules.first { $0.slot == slot }?.retiresAt == .max)
    _ = registry.assign([], now: 20 * Self.second)
    #expect(registry.assign([Self.policy("a")], now: 30 * Self.second) != [slot])
  }

  @Test("endless reloads with new names keep no more than what is in force and what lingers")
  func bounded() {
    var registry = CounterRegistry()
    var seen: Set<UInt32> = []
    for load in 0..<500 {
      let slots = registry.assign([Self.policy("p\(load)")], now: Int64(load) * Self.second)
      #expect(seen.insert(slots[0]).inserted)
      #expect(registry.rules.count <= 11)
    }
  }

  @Test("a slot's rules are the slowest of a policy's numbers, and divided where it shares a Redis")
  func slowest() {
    let overrides: [Policy.Override] = [
      .init(key: ["x"], effect: .limit(Limit(algorithm: .tokenBucket, limit: 1, period: 3600 * Self.second))),
      .init(key: ["y"], effect: .limit(Limit(algorithm: .tokenBucket, limit: 1_000_000, period: 86400 * Self.second))),
      .init(key: ["z"], effect: .block),
    ]
    let bucket = SlotRules(slot: 1, policy: Self.policy("a", overrides: overrides))
    #expect(bucket.slowest.limit == 1 && bucket.slowest.period == 3600 * Self.second)
    let longer = Limit(algorithm: .slidingLog, limit: 9, period: 90 * Self.second)
    let log = SlotRules(
      slot: 1, policy: Self.policy("a", algorithm: .slidingLog, overrides: [.init(key: ["x"], effect: .limit(longer))]))
    #expect(log.slowest.period == 90 * Self.second)
    var registry = CounterRegistry()
    _ = registry.assign([Self.policy("a", limit: 100, store: .redis)], share: 7, now: 0)
    #expect(registry.rules.map(\.slowest.limit) == [14])
  }

  @Test("numbers are divided before the slowest is chosen: a faster override may have the slower share")
  func slowestShare() {
    let faster = Limit(algorithm: .tokenBucket, limit: 3, period: 2_900_000_000)
    let policy = Self.policy("a", limit: 2, period: 2, overrides: [.init(key: ["x"], effect: .limit(faster))])
    #expect(SlotRules(slot: 1, policy: policy).slowest.period == 2 * Self.second)
    let shared = SlotRules(slot: 1, policy: policy, share: 2).slowest
    #expect(shared.limit == 1 && shared.period == 2_900_000_000)
  }
}
