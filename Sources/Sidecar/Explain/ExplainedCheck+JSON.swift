// ExplainedCheck+JSON.swift: an explained check as JSON, one line:
//
//   {"domain":"api","allowed":true,"binding":"per-client","why":"…","policies":[…]}
//
// A policy that does not apply has the members `domain`, `policy`, `source`, `applies` and `why`. One that applies has
// besides: `key`, `override` (the one that gave the numbers, or null), `algorithm`, `period`, those of `KeyNumbers` for
// the check's cost, `cost`, `decision`, `mode`, `store` and `order`. What a policy without a counter cannot tell is null.

import CheckAPI
import Limiting
import Policies
import PolicyFiles

extension ExplainedCheck {
  /// - Parameter now: When the counters were looked at.
  /// - Throws: A 413 where the answer would be longer than `Bounds.explanation`.
  func json(at now: Now) throws(Refusal) -> String {
    var policies: [String] = []
    var length = 0
    var next = 0
    for explanation in explanations {
      let applies = next < charges.count && Int(charges[next].policy) == explanation.policy
      var members = head(explanation, applies: applies)
      if applies {
        members += self.members(charges[next], explanation, now)
        next += 1
      }
      let policy = JSONText.object(members)
      length += policy.utf8.count
      guard length <= Bounds.explanation else {
        throw Refusal(413, "the explanation is longer than \(Bounds.explanation) bytes; ask about shorter values")
      }
      policies.append(policy)
    }
    let binding = binding.map { JSONText.quoted(policy(Int(charges[$0].policy)).name) } ?? "null"
    return JSONText.object([
      ("domain", JSONText.quoted(domain)), ("allowed", "\(isAllowed)"), ("binding", binding),
      ("why", JSONText.quoted(reason)), ("policies", JSONText.array(policies)),
    ]) + "\n"
  }

  private func head(_ explanation: Explanation, applies: Bool) -> [(String, String)] {
    let policy = policy(explanation.policy)
    return [
      ("domain", JSONText.quoted(policy.domain)), ("policy", JSONText.quoted(policy.name)),
      ("source", JSONText.quoted("\(policy.source.file):\(policy.source.line)")), ("applies", "\(applies)"),
      ("why", JSONText.quoted(explanation.why)),
    ]
  }

  private func members(_ charge: Charge, _ explanation: Explanation, _ now: Now) -> [(String, String)] {
    let isLimited = charge.effect == .limit
    return [
      ("key", explanation.terms.map { KeyJSON.text($0.key, of: policy(explanation.policy).key) } ?? "null"),
      ("override", override(explanation)),
      ("algorithm", JSONText.quoted("\(charge.limit.algorithm.name)")),
      ("period", isLimited ? JSONText.quoted(DurationText.text(charge.limit.period)) : "null"),
    ] + numbers(charge, now) + [
      ("cost", "\(charge.cost)"), ("decision", JSONText.quoted(Self.decision(charge).rawValue)),
      ("mode", JSONText.quoted(charge.isShadow ? "shadow" : "enforce")),
      ("store", JSONText.quoted(Self.store(charge))), ("order", orders[explanation.policy] ?? "null"),
    ]
  }

  private func numbers(_ charge: Charge, _ now: Now) -> [(String, String)] {
    guard Self.isCounted(charge) || charge.effect == .unlimited else {
      let retry = Self.decision(charge) == .allow ? "0" : "null"
      return [("limit", "null"), ("remaining", "null"), ("reset", "null"), ("retry_after", retry)]
    }
    let isByRedis = charge.isForRedis
    return KeyNumbers(
      charge, charge.decision,
      at: Now(monotonic: now.monotonic, unix: isByRedis ? redisUnix ?? now.unix : now.unix)
    ).members
  }

  /// `{"number":1,"key":["203.0.113.7",null],"effect":"limit"}`, counted from 1 as in the file; null in its key
  /// matches any value.
  private func override(_ explanation: Explanation) -> String {
    guard let place = explanation.terms?.override else { return "null" }
    let override = policy(explanation.policy).overrides[place]
    let effect =
      switch override.effect {
      case .limit: "limit"
      case .unlimited: "unlimited"
      case .block: "block"
      }
    return JSONText.object([
      ("number", "\(place + 1)"), ("key", JSONText.array(override.key.map { $0.map(JSONText.quoted) ?? "null" })),
      ("effect", JSONText.quoted(effect)),
    ])
  }

  /// Where the counter lives: `none` where its store does not answer and nothing stands in for it.
  static func store(_ charge: Charge) -> String {
    switch charge.place {
    case .memory: "memory"
    case .redis: "redis"
    case .fallback: "fallback"
    case .nowhere, .unasked: "none"
    }
  }
}
