// ExplainRig.swift: a policy set, a store and a clock, and what an explanation of a check says.

import CheckAPI
import Limiting
import Policies
import Stores
import TestKit

@testable import Sidecar

struct ExplainRig {
  let rules: Rules
  let memory = MemoryStore(maximumKeys: 10_000)
  var clock = ManualClock()

  init(_ policies: [Policy]) {
    let settings = APISettings()
    rules = Rules(PolicySet(policies, slots: policies.indices.map { UInt32($0 + 100) }), settings)
  }

  var explainer: Explainer { Explainer(rules, APISettings()) }

  /// The check before any counter was looked at.
  func read(_ body: String) throws(Refusal) -> ExplainedCheck { try explainer.read(body.utf8.span) }

  /// The check with the counters of the store.
  func explain(_ body: String) throws(Refusal) -> ExplainedCheck {
    var check = try read(body)
    check.look(in: memory, at: clock.now)
    return check
  }

  /// What a worker makes of the same check, which is charged.
  @discardableResult
  func decide(_ body: String, in store: MemoryStore? = nil) throws(Refusal) -> (isAllowed: Bool, charges: [Charge]) {
    var check = Check()
    _ = try JSONCheck.fill(&check, body.utf8.span, rules.set)
    rules.set.match(&check)
    let now = clock.now
    let isAllowed = check.withCharges { (store ?? memory).decide(&$0, keys: $1, now: now) }
    return (isAllowed, check.charges)
  }

  /// A policy of the default domain.
  static func policy(
    _ name: String, _ algorithm: Algorithm = .fixedWindow, limit: Int64 = 5, period: Int64 = 60_000_000_000,
    match: Conditions = Conditions(), key: [String] = [], missing: Policy.Missing = .skip,
    cost: Policy.Cost = .fixed(1),
    store: Policy.StoreKind = .memory, onStoreFailure: Policy.OnStoreFailure = .memory, mode: Policy.Mode = .enforce,
    overrides: [Policy.Override] = []
  ) -> Policy {
    Policy(
      name: name, source: SourceLine(file: "a.yaml", line: 3), match: match, key: key.map { AttributeName($0)! },
      missing: missing, limit: Limit(algorithm: algorithm, limit: limit, period: period), cost: cost, store: store,
      onStoreFailure: onStoreFailure, mode: mode, overrides: overrides)
  }

  static func plan(_ plans: String...) -> Conditions {
    Conditions(attributes: [AttributeCondition(name: .custom("plan"), test: .oneOf(plans))])
  }
}
