// ExplainedCheckTests.swift: an explanation says what a worker would decide, and changes nothing.

import CheckAPI
import Limiting
import Policies
import RedisStore
import Stores
import TestKit
import Testing

@testable import Sidecar

@Suite struct ExplainedCheckTests {
  private static func world(_ random: inout SeededGenerator) -> [Policy] {
    (0..<random.pick([1, 2, 3, 5])).map { number in
      let algorithm = random.pick(Algorithm.allCases)
      let own = Limit(algorithm: algorithm, limit: 2, period: 1_000_000_000)
      let effect = random.pick([Policy.Override.Effect.block, .unlimited, .limit(own)])
      return ExplainRig.policy(
        "p\(number)", algorithm, limit: random.pick([1, 3, 10, 30]), period: random.pick([1, 10, 60]) * 1_000_000_000,
        match: random.pick([Conditions(), Conditions(), ExplainRig.plan("a", "b")]),
        key: random.pick([[], ["plan"], ["plan", "ip"]]), missing: random.pick([.skip, .share]),
        cost: random.pick([.fixed(1), .fixed(1), .fixed(4)]), mode: random.pick([.enforce, .enforce, .shadow])
      ).overridden(effect, random.pick([nil, "a", "b"]), random.pick([false, false, true]))
    }
  }

  @Test(
    "what is allowed, what binds and its numbers are those of the answer, and nothing is consumed",
    arguments: Seeds.of(0..<60 as Range<UInt64>))
  func agreesWithAnswer(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var rig = ExplainRig(Self.world(&random))
    let untouched = MemoryStore(maximumKeys: 10_000)
    for turn in 0..<150 {
      rig.clock.advance(by: random.pick([0, 0, 1, 300_000_000, 2_000_000_000]))
      let attributes = random.pick(["{}", #"{"plan":"a"}"#, #"{"plan":"b","ip":"192.0.2.1"}"#, #"{"plan":"c"}"#])
      let body = #"{"cost":\#(random.pick([0, 1, 1, 1, 2, 7])),"attributes":\#(attributes)}"#
      let explained = try rig.explain(body)
      let (isAllowed, charges) = try rig.decide(body)
      let twin = try rig.decide(body, in: untouched)
      #expect(twin.charges.map(\.decision) == charges.map(\.decision), "seed \(seed) turn \(turn): a look consumed")
      #expect(explained.isAllowed == isAllowed, "seed \(seed) turn \(turn): \(body)")
      let binding = Answer.bindingIndex(charges)
      #expect(explained.binding ?? -1 == binding, "seed \(seed) turn \(turn): \(body)")
      guard binding >= 0, explained.binding == binding else { continue }
      let told = explained.charges[binding]
      let own = isAllowed ? ExplainedCheck.charged(told).decision : told.decision
      #expect(own.remaining == charges[binding].decision.remaining, "seed \(seed) turn \(turn): \(body)")
      #expect(own.outcome == charges[binding].decision.outcome, "seed \(seed) turn \(turn): \(body)")
      #expect(own.retryAfter == charges[binding].decision.retryAfter, "seed \(seed) turn \(turn): \(body)")
    }
  }

  // MARK: Redis

  private static let shared: [Policy] = [
    ExplainRig.policy("here", limit: 9), ExplainRig.policy("falls-back", limit: 8, store: .redis),
    ExplainRig.policy("lets-pass", limit: 1, store: .redis, onStoreFailure: .allow),
    ExplainRig.policy("watches", limit: 1, store: .redis, onStoreFailure: .deny, mode: .shadow),
  ]

  @Test("what a look in Redis said is told of the policies that count there, by its clock")
  func fromRedis() throws {
    let rig = ExplainRig(Self.shared)
    var check = try rig.read("{}")
    #expect(check.needsRedis)
    let ticket = Ticket()
    check.fill(ticket, arrival: rig.clock.now.monotonic)
    #expect(ticket.onlyLooks)
    #expect(ticket.charges.map(\.place) == [.memory, .redis, .redis, .redis])
    var answer = ticket.charges
    answer[0].decision = Decision(outcome: .denyAlways, limit: 0, remaining: 0)  // not Redis's to say
    answer[1].decision = Decision(outcome: .deny, limit: 8, remaining: 0, retryAfter: 1, reset: 5_000_000_000)
    check.take(.decided(answer, unixNow: 1_600_000_000_000_000_000), live: nil)
    check.look(in: rig.memory, at: rig.clock.now)
    #expect(check.binding == 1)
    #expect(!check.isAllowed)
    let policies = try #require(JSON(try check.json(at: rig.clock.now))?["policies"])
    #expect(policies[0]?["decision"]?.string == "allow")
    #expect(policies[0]?["reset"]?.int == 1_700_000_000)
    #expect(policies[1]?["decision"]?.string == "deny")
    #expect(policies[1]?["retry_after"]?.int == 1)
    #expect(policies[1]?["reset"]?.int == 1_600_000_005)
    #expect(policies[1]?["store"]?.string == "redis")
  }

  @Test("without an answer from Redis each policy's on_store_failure holds")
  func redisAway() throws {
    let rig = ExplainRig(Self.shared)
    var check = try rig.read("{}")
    check.take(.failed, live: nil)
    check.look(in: rig.memory, at: rig.clock.now)
    #expect(check.isAllowed)
    #expect(check.binding == 1)
    let policies = try #require(JSON(try check.json(at: rig.clock.now))?["policies"])
    let each = (0..<4).map { policies[$0] }
    #expect(each.map { $0?["store"]?.string } == ["memory", "fallback", "none", "none"])
    #expect(each.map { $0?["decision"]?.string } == ["allow", "allow", "allow", "allow"])
    #expect(each.map { $0?["remaining"]?.int } == [9, 8, nil, nil])
    #expect(each.map { $0?["retry_after"]?.int } == [0, 0, 0, 0])
  }

  @Test("a policy that fails closed leaves the whole check undecided, and says so")
  func undecided() throws {
    let closed = ExplainRig.policy("closed", store: .redis, onStoreFailure: .deny)
    let rig = ExplainRig([ExplainRig.policy("here", limit: 1), closed])
    try rig.decide("{}")
    var check = try rig.read("{}")
    check.take(.failed, live: nil)
    check.look(in: rig.memory, at: rig.clock.now)
    #expect(!check.isAllowed)
    #expect(check.binding == nil)
    let json = try #require(JSON(try check.json(at: rig.clock.now)))
    #expect(json["binding"] == .null)
    #expect(json["why"]?.string == "closed cannot decide, since its store does not answer (on_store_failure: deny)")
    #expect(json["policies"]?[1]?["decision"]?.string == "undecided")
    #expect(json["policies"]?[1]?["retry_after"] == .null)
  }

  // MARK: Orders

  @Test("orders about keys hold as for a check")
  func orders() throws {
    let rig = ExplainRig([ExplainRig.policy("p", key: ["plan"])])
    let now = rig.clock.now
    var check = try rig.read(#"{"attributes":{"plan":"a"}}"#)
    let key = check.key(of: check.charges[0])
    #expect(key == [1, 0, 0, 0, 1, UInt8(ascii: "a")])
    func order(_ kind: Order.Kind) -> Orders {
      Orders([Orders.Entry(slot: 100, key: key, order: Order(kind, until: now.unix + 2_500_000_000))], seed: 1)
    }
    check.obey(order(.grant(7)), at: now)
    check.look(in: rig.memory, at: now)
    #expect(check.charges[0].decision.remaining == 12)
    check = try rig.read(#"{"attributes":{"plan":"a"}}"#)
    check.obey(order(.block), at: now)
    check.look(in: rig.memory, at: now)
    #expect(!check.isAllowed)
    #expect(check.reason == "an order blocks this key of p for 3 s")
    check.orders[0] = #"{"kind":"block"}"#
    let policy = try #require(JSON(try check.json(at: now))?["policies"]?[0])
    #expect(policy["order"]?["kind"]?.string == "block")
    #expect(policy["retry_after"]?.int == 3)
    #expect(policy["limit"]?.int == 0)
  }

  // MARK: Fresh counters

  @Test("fresh counters are full, wherever they are counted, and keep their place")
  func fresh() throws {
    let rig = ExplainRig(Self.shared)
    var check = try rig.read("{}")
    check.lookAtFreshCounters(at: rig.clock.now)
    #expect(check.charges.map(\.decision.remaining) == [9, 8, 1, 1])
    #expect(check.charges.map(\.place) == [.memory, .redis, .redis, .redis])
    #expect(check.binding == 2)
  }
}

extension Policy {
  /// The same policy, if `wanted` and it has a key, with an override for one plan (nil: any).
  fileprivate func overridden(_ effect: Override.Effect, _ plan: String?, _ wanted: Bool) -> Policy {
    guard wanted, !key.isEmpty else { return self }
    var policy = self
    policy.overrides = [Override(key: [plan] + key.dropFirst().map { _ in nil }, effect: effect)]
    return policy
  }
}
