// OrdersOverTimeTests.swift: grants and blocks that come and go while checks are decided, against a model that changes
// the numbers at those instants.

import Limiting
import Policies
import Stores
import TestKit
import Testing

@Suite("orders over time") struct OrdersOverTimeTests {
  /// What is ordered for one counter, as a person would keep it: a list, of which the newest entry of a key counts.
  private struct Ordered {
    var slot: UInt32
    var key: String
    var order: Order
  }

  private static let slots: UInt32 = 3
  private static let keys = ["", "a", "bb"]

  /// The check as the model asks it: other numbers, or a block, for whom something is ordered.
  private static func changed(_ ask: Ask, _ list: [Ordered], at unix: Int64) -> Ask {
    var ask = ask
    guard ask.effect != .block, let found = list.last(where: { $0.slot == ask.slot && $0.key == ask.key }),
      unix < found.order.until
    else { return ask }
    switch found.order.kind {
    case .block:
      ask.effect = .block
      ask.blockedUntil = found.order.until
    case .grant(let amount):
      guard ask.effect == .limit else { return ask }
      ask.limit.burst += amount
      if ask.limit.algorithm != .tokenBucket { ask.limit.limit += amount }
    }
    return ask
  }

  @Test(
    "decisions are those of a model whose numbers change when orders begin and end, and remaining stays in its range",
    arguments: Algorithm.allCases, Seeds.of(1...12 as ClosedRange<UInt64>))
  func againstModel(_ algorithm: Algorithm, seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let store = MemoryStore(maximumKeys: 10_000, grace: 0)
    let model = ReferenceStore()
    let kind = random.pick([StoreTrace.Kind.usual, .reloads, .steps])
    var list: [Ordered] = []
    var changedAny = 0
    for turn in StoreTrace(kind, algorithm, seed: seed, turns: 400, slots: Int(Self.slots)).turns {
      let now = StoreAtHand.instant(turn.instant)
      if random.pick([true, false, false, false]) {
        // One in four ends an order by one that is over at once.
        let length: Int64 = random.pick([0, 1, 5_000_000, 200_000_000, 3_000_000_000])
        list.append(
          Ordered(
            slot: UInt32.random(in: 0..<Self.slots, using: &random), key: random.pick(Self.keys),
            order: Order(random.pick([.block, .grant(1), .grant(7), .grant(500)]), until: now.unix + length)))
      }
      let orders = Orders(
        list.map { Orders.Entry(slot: $0.slot, key: Array($0.key.utf8), order: $0.order) }, seed: seed)
      var (charges, keys) = Ask.check(turn.asks)
      orders.apply(to: &charges, keys: keys.span, at: now.unix)
      let allowed = store.decide(&charges, keys: keys.span, now: now)

      let asks = turn.asks.map { Self.changed($0, list, at: now.unix) }
      let expected = model.ask(asks, at: turn.instant)
      changedAny += zip(asks, turn.asks).count { $0.limit != $1.limit || $0.effect != $1.effect }
      #expect(allowed == expected.allowed, "seed \(seed) at \(turn.instant): \(asks)")
      #expect(charges.map(\.decision) == expected.decisions, "seed \(seed) at \(turn.instant): \(asks)")
      for (charge, ask) in zip(charges, asks) where ask.effect != .unlimited {
        let most = ask.effect == .block ? 0 : ask.limit.capacity
        #expect(
          (0...most).contains(charge.decision.remaining) && charge.decision.limit == most, "seed \(seed): \(ask)")
      }
    }
    #expect(changedAny > 50, "seed \(seed) orders too little to say anything")
  }

  @Test(
    "once a grant has ended the numbers are the policy's own, and what was spent under it counts",
    arguments: Algorithm.allCases)
  func ends(_ algorithm: Algorithm) {
    let store = MemoryStore(maximumKeys: 100)
    let limit = MemoryStoreTests.limit(algorithm, 3)
    let start = MemoryStoreTests.start
    let until = StoreAtHand.instant(start + 1_000_000).unix
    let orders = Orders([Orders.Entry(slot: 0, key: [0x6b], order: Order(.grant(5), until: until))], seed: 1)
    func ask(at microseconds: Int64) -> Decision {
      var (charges, keys) = Ask.check([Ask(limit)])
      let now = StoreAtHand.instant(microseconds)
      orders.apply(to: &charges, keys: keys.span, at: now.unix)
      _ = store.decide(&charges, keys: keys.span, now: now)
      return charges[0].decision
    }
    for left in (0..<8 as Range<Int64>).reversed() {
      let decision = ask(at: start)
      #expect(decision.isAllowed && decision.limit == 8 && decision.remaining == left)
    }
    #expect(!ask(at: start).isAllowed && ask(at: start + 999_999).limit == 8)
    // Eight of three are spent, 40 s before the windows end.
    let wait: Int64 =
      switch algorithm {
      case .tokenBucket: 6 * 20 - 1  // six of eight must come back, one in 20 s
      case .fixedWindow: 39
      case .slidingWindow: 39 + 45  // when a quarter of the eight still counts
      case .slidingLog: 59
      }
    let denied = ask(at: start + 1_000_000)
    #expect(denied.outcome == .deny && denied.limit == 3 && denied.remaining == 0)
    #expect(denied.retryAfter == wait * 1_000_000_000)
    let over = ask(at: start + 1_000_000 + wait * 1_000_000)
    #expect(over.isAllowed && over.limit == 3)
  }
}
