// ExplanationTests.swift: explanations against matches. The two are decided apart; they must agree on everything.

import Limiting
import TestKit
import Testing

@testable import Policies

struct ExplanationTests {
  /// What is compared of a policy that applies.
  private struct Terms: Equatable {
    var policy: Int
    var key: KeyText?
    var effect: Charge.Effect
    var limit: Limit
    var cost: Int64
  }

  @Test(
    "an explanation and a match agree on what applies, its key, cost and numbers",
    arguments: Seeds.of(1...60 as ClosedRange<UInt64>))
  func agreesWithMatch(seed: UInt64) {
    var world = World(random: Seeded(seed + 1_000))
    let policies = world.policies()
    let set = PolicySet(policies, ipv6Prefix: [0, 32, 48, 64, 128][Int(seed % 5)])
    var check = Check()
    for _ in 0..<150 {
      let facts = world.check().facts
      check.fill(facts, set)
      set.match(&check)
      let matched = check.outcomes.map {
        Terms(
          policy: $0.policy, key: Self.key($0, set), effect: $0.effect, limit: $0.effect == .limit ? $0.limit : .ten,
          cost: $0.cost)
      }
      let explanations = set.explain(&check, domain: facts.domain)
      let explained = explanations.compactMap { explanation in
        explanation.terms.map { terms in
          Terms(
            policy: explanation.policy, key: terms.key, effect: terms.effect,
            limit: terms.effect == .limit ? terms.limit : .ten, cost: terms.cost)
        }
      }
      #expect(explained == matched, "seed \(seed): \(facts)")
      #expect(
        explanations.map(\.policy) == policies.indices.filter { policies[$0].domain == facts.domain },
        "seed \(seed): every policy of the domain, in order")
      #expect(explanations.allSatisfy { !$0.why.isEmpty && !$0.why.contains("\n") }, "seed \(seed): \(facts)")
      for explanation in explanations {
        guard let number = explanation.terms?.override else { continue }
        let effect = policies[explanation.policy].overrides[number].effect
        #expect(Self.effect(explanation.terms) == effect, "seed \(seed): the override named gave the numbers")
      }
    }
  }

  @Test("a check is explained alike before and after it was matched")
  func afterMatch() {
    let set = PolicySet([.with(key: ["header.h", "ip"])])
    var check = Check()
    check.fill(Facts(ip: "10.0.0.1", headers: [("h", "\"a, b"), ("h", "c\"")]), set)
    let before = set.explain(&check, domain: "default")
    set.match(&check)
    #expect(set.explain(&check, domain: "default") == before)
    #expect(before[0].terms?.key == Self.key(check.outcomes[0], set))
  }

  @Test("a list too long to sort makes the same key here and there")
  func longList() {
    let set = PolicySet([.with(key: ["header.h"])])
    for count in [CheckBounds.sortedValues, CheckBounds.sortedValues + 1] {
      let line = (0..<count).map { String($0 % 7) }.joined(separator: ",")
      var check = Check()
      check.fill(Facts(headers: [("h", line)]), set)
      let key = set.explain(&check, domain: "default")[0].terms?.key
      set.match(&check)
      #expect(key == Self.key(check.outcomes[0], set), "\(count) values")
    }
  }

  @Test("a domain without policies has nothing to explain")
  func unknownDomain() {
    let set = PolicySet([.with()])
    var check = Check()
    check.fill(Facts(domain: "none"), set)
    #expect(set.explain(&check, domain: "none").isEmpty)
  }

  /// The key of a match, read from its bytes.
  private static func key(_ outcome: Outcome, _ set: PolicySet) -> KeyText? {
    KeyText(outcome.key.span, of: set.policies[outcome.policy].key, ipv6Prefix: set.ipv6Prefix)
  }

  private static func effect(_ terms: Explanation.Terms?) -> Policy.Override.Effect? {
    switch terms?.effect {
    case .limit: terms.map { .limit($0.limit) }
    case .unlimited: .unlimited
    case .block: .block
    case nil: nil
    }
  }
}
