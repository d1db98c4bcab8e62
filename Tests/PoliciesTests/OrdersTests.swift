// OrdersTests.swift: which charges an order changes, how, and until when.

import Limiting
import Testing

@testable import Policies

@Suite struct OrdersTests {
  private static let end: Int64 = 1_700_000_000_000_000_000

  private static func charge(
    slot: UInt32 = 1, _ limit: Limit = .window(10), effect: Charge.Effect = .limit, count: Int32 = 1,
    isShadow: Bool = false
  ) -> Charge {
    Charge(
      policy: 0, slot: slot, keyStart: 2, keyCount: count, effect: effect, isShadow: isShadow, limit: limit, cost: 1)
  }

  /// The charge of key `a`, after the orders.
  private static func applied(_ orders: Orders, _ charge: Charge = charge(), at unix: Int64 = end - 1) -> Charge {
    var charges = [charge]
    let keys = Array("..abc".utf8)
    orders.apply(to: &charges, keys: keys.span, at: unix)
    return charges[0]
  }

  private static func orders(_ kind: Order.Kind, slot: UInt32 = 1, key: String = "a", until: Int64 = end) -> Orders {
    Orders([Orders.Entry(slot: slot, key: Array(key.utf8), order: Order(kind, until: until))], seed: 7)
  }

  // MARK: Grants

  @Test("a grant raises a bucket's burst and leaves its rate; of the others it raises the limit")
  func raises() {
    for algorithm in Algorithm.allCases {
      let limit = Limit(algorithm: algorithm, limit: 10, period: 60, burst: algorithm == .tokenBucket ? 4 : nil)
      let raised = Self.applied(Self.orders(.grant(100)), Self.charge(limit)).limit
      #expect(raised.algorithm == algorithm && raised.period == 60)
      #expect(raised.limit == (algorithm == .tokenBucket ? 10 : 110))
      #expect(raised.burst == (algorithm == .tokenBucket ? 104 : 110))
      #expect(raised.capacity == limit.capacity + 100)
    }
  }

  @Test("a grant is held within the bounds of limits")
  func held() {
    for algorithm in Algorithm.allCases {
      let highest = algorithm == .slidingLog ? Bounds.logLimit.upperBound : Bounds.limit.upperBound
      let limit = Limit(algorithm: algorithm, limit: highest - 1, period: 60)
      for amount in [1, 2, OrderBounds.amount.upperBound] as [Int64] {
        let raised = Order.raise(limit, by: amount)
        #expect(raised.capacity == highest)
        #expect(raised.limit <= highest && raised.burst <= highest)
      }
    }
  }

  // MARK: Blocks

  @Test("a block says until when, and shows limit 0 and the wait; a look is allowed")
  func blocks() {
    var charge = Self.applied(Self.orders(.block))
    #expect(charge.effect == .block && charge.blockedUntil == Self.end && charge.limit == .window(10))
    let wait: Int64 = 1_500
    #expect(
      charge.blocked(at: Self.end - wait)
        == Decision(outcome: .deny, limit: 0, remaining: 0, retryAfter: wait, reset: wait, nextUnit: wait))
    // Ended between the match and the decision.
    for late in [Self.end, Self.end + 1, .max] as [Int64] {
      #expect(charge.blocked(at: late).outcome == .deny && charge.blocked(at: late).retryAfter == 1)
    }
    #expect(charge.blocked(at: .min).retryAfter == .max)
    charge.cost = 0
    #expect(
      charge.blocked(at: Self.end - wait)
        == Decision(outcome: .allow, limit: 0, remaining: 0, reset: wait, nextUnit: wait))
  }

  @Test("a block that an override makes has no end and no wait")
  func overrideBlock() {
    let charge = Self.charge(effect: .block)
    #expect(charge.blocked(at: Self.end) == Decision(outcome: .denyAlways, limit: 0, remaining: 0))
  }

  @Test("a block that ends binds as a denial with its wait: over a shorter one, under one that no wait helps")
  func binds() {
    let block = Self.applied(Self.orders(.block)).blocked(at: Self.end - 100)
    #expect(block.binds(over: Decision(outcome: .deny, limit: 1, remaining: 0, retryAfter: 99)))
    #expect(!block.binds(over: Decision(outcome: .deny, limit: 1, remaining: 0, retryAfter: 101)))
    #expect(!block.binds(over: Decision(outcome: .denyAlways, limit: 1, remaining: 0)))
    #expect(block.binds(over: Decision(outcome: .allow, limit: 1, remaining: 0)))
  }

  // MARK: Whom, and until when

  @Test("a block blocks also whom the policy file exempts; a grant changes nothing there, nor whom the file blocks")
  func overridesOfTheFile() {
    let block = Self.applied(Self.orders(.block), Self.charge(effect: .unlimited))
    #expect(block.effect == .block && block.blockedUntil == Self.end)
    for (kind, effect) in [(Order.Kind.grant(5), Charge.Effect.unlimited), (.grant(5), .block), (.block, .block)] {
      let charge = Self.applied(Self.orders(kind), Self.charge(effect: effect))
      #expect(charge.effect == effect && charge.blockedUntil == .max && charge.limit == .window(10))
    }
  }

  @Test("an order holds until its end, to the nanosecond")
  func ends() {
    for kind in [Order.Kind.grant(5), .block] {
      let before = Self.applied(Self.orders(kind), at: Self.end - 1)
      #expect(before.effect == .block || before.limit == .window(15))
      for late in [Self.end, Self.end + 1, .max] as [Int64] {
        let after = Self.applied(Self.orders(kind), at: late)
        #expect(after.effect == .limit && after.limit == .window(10) && after.blockedUntil == .max)
      }
    }
  }

  @Test("only the charge with the same slot and key is changed, shadow ones too")
  func exactKey() {
    #expect(Self.applied(Self.orders(.block), Self.charge(isShadow: true)).effect == .block)
    #expect(Self.applied(Self.orders(.block), Self.charge(isShadow: true)).isShadow)
    for (slot, key) in [(2, "a"), (65, "a"), (1, "b"), (1, "ab"), (1, "")] as [(UInt32, String)] {
      #expect(Self.applied(Self.orders(.block, slot: slot, key: key)).effect == .limit, "\(slot) \(key)")
    }
    #expect(Self.applied(Self.orders(.block, key: ""), Self.charge(count: 0)).effect == .block)
  }

  @Test("of two orders for one key the later counts")
  func later() {
    let entries = [Order.Kind.block, .grant(3)].map {
      Orders.Entry(slot: 1, key: Array("a".utf8), order: Order($0, until: Self.end))
    }
    #expect(Self.applied(Orders(entries, seed: 1)).limit == .window(13))
    #expect(Orders(entries, seed: 1).count == 1)
  }

  @Test("no orders change nothing")
  func none() {
    #expect(Orders.none.isEmpty && Orders.none.count == 0)
    #expect(Self.applied(.none).effect == .limit)
    #expect(Orders.none.order(slot: 0, key: [UInt8]().span) == nil)
  }

  @Test("a table of any size finds what a dictionary finds", arguments: [1, 2, 3] as [UInt64])
  func againstDictionary(seed: UInt64) {
    struct Name: Hashable {
      var slot: UInt32
      var key: [UInt8]
    }
    var random = Seeded(seed)
    func name() -> Name {
      Name(
        slot: random.pick([0, 1, 64, 65, .max - 1, UInt32(random.below(300))]),
        key: (0..<random.below(12)).map { _ in UInt8(random.below(3)) })
    }
    for size in [1, 7, 8, 9, 100, OrderBounds.orders] {
      var expected: [Name: Order] = [:]
      var entries: [Orders.Entry] = []
      for _ in 0..<size {
        let name = name()
        let order = Order(random.oneIn(2) ? .block : .grant(Int64(random.below(9) + 1)), until: Int64(random.below(99)))
        expected[name] = order
        entries.append(Orders.Entry(slot: name.slot, key: name.key, order: order))
      }
      let orders = Orders(entries, seed: random.next())
      #expect(orders.count == expected.count, "seed \(seed)")
      for (name, order) in expected { #expect(orders.order(slot: name.slot, key: name.key.span) == order) }
      for _ in 0..<2_000 {
        let name = name()
        #expect(orders.order(slot: name.slot, key: name.key.span) == expected[name], "seed \(seed): \(name)")
      }
    }
  }

  // MARK: A check

  @Test("orders meet the keys that a policy set makes, one policy of several, shared counters too")
  func check() {
    let set = PolicySet(
      [
        .with("a", key: ["plan", "method"]), .with("b", key: ["method"]),
        .with("c", key: ["header.h"], missing: .share),
      ], slots: [4, 5, 6])
    var check = Check()
    check.begin(set)
    check.setDomain("default".utf8.span, in: set)
    check.setMethod("GET".utf8.span)
    check.setCustom(set.list(named: "plan".utf8.span), to: "free".utf8.span)
    set.match(&check)
    let key: [UInt8] = [1, 0, 0, 0, 4] + Array("free".utf8) + [1, 0, 0, 0, 3] + Array("GET".utf8)
    let orders = Orders(
      [
        Orders.Entry(slot: 4, key: key, order: Order(.grant(5), until: Self.end)),
        Orders.Entry(slot: 6, key: [0], order: Order(.block, until: Self.end)),
      ], seed: 3)
    orders.apply(to: &check, at: Self.end - 1)
    #expect(check.charges.map(\.limit.capacity) == [15, 10, 10])
    #expect(check.charges.map(\.effect) == [.limit, .limit, .block])
  }
}

extension Limit {
  fileprivate static func window(_ limit: Int64) -> Limit { Limit(algorithm: .fixedWindow, limit: limit, period: 60) }
}
