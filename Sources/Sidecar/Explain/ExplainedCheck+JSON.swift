// ExplainedCheck+JSON.swift: an explained check as JSON, one line:
//
//   {"domain":"api","allowed":true,"binding":"per-client","why":"…","policies":[…]}
//
// A policy that does not apply has the members `domain`, `policy`, `source`, `applies` and `why`. One that applies has
// besides: `key`, `override` (the one that gave the numbers, or null), `algorithm`, `limit`, `period`, `burst`
// (token-bucket only), `cost`, `remaining`, `reset` (Unix seconds), `retry_after` (seconds; null where no wait helps),
// `decision`, `mode`, `store` and `order`. What a policy without a counter cannot tell is null.

import CheckAPI
import Limiting
import Policies
import PolicyFiles

extension ExplainedCheck {
  /// - Parameter now: When the counters were looked at.
  /// - Throws: A 413 where the answer would be longer than `Bounds.explanation`.
  func json(at now: Now) throws(Refusal) -> String {
    var text = "{\"domain\":\(JSONText.quoted(domain)),\"allowed\":\(isAllowed),\"binding\":"
    text += binding.map { JSONText.quoted(policy(Int(charges[$0].policy)).name) } ?? "null"
    text += ",\"why\":\(JSONText.quoted(reason)),\"policies\":["
    var next = 0
    for (number, explanation) in explanations.enumerated() {
      if number > 0 { text += "," }
      text += head(explanation, applies: next < charges.count && Int(charges[next].policy) == explanation.policy)
      if next < charges.count, Int(charges[next].policy) == explanation.policy {
        text += members(charges[next], explanation, now)
        next += 1
      }
      text += "}"
      guard text.utf8.count <= Bounds.explanation else {
        throw Refusal(413, "the explanation is longer than \(Bounds.explanation) bytes; ask about shorter values")
      }
    }
    return text + "]}\n"
  }

  private func head(_ explanation: Explanation, applies: Bool) -> String {
    let policy = policy(explanation.policy)
    return "{\"domain\":\(JSONText.quoted(policy.domain)),\"policy\":\(JSONText.quoted(policy.name))"
      + ",\"source\":\(JSONText.quoted("\(policy.source.file):\(policy.source.line)"))"
      + ",\"applies\":\(applies),\"why\":\(JSONText.quoted(explanation.why))"
  }

  private func members(_ charge: Charge, _ explanation: Explanation, _ now: Now) -> String {
    let isLimited = charge.effect == .limit
    let isCounted = Self.isCounted(charge)
    func number(_ value: Int64?) -> String { value.map(String.init) ?? "null" }
    var members = [
      ("key", Self.key(explanation.terms?.key)), ("override", override(explanation)),
      ("algorithm", JSONText.quoted("\(charge.limit.algorithm.name)")),
      ("limit", number(isLimited ? charge.limit.limit : charge.effect == .block ? 0 : nil)),
      ("period", isLimited ? JSONText.quoted(DurationText.text(charge.limit.period)) : "null"),
    ]
    if isLimited, charge.limit.algorithm == .tokenBucket { members.append(("burst", number(charge.limit.burst))) }
    members += [
      ("cost", number(charge.cost)), ("remaining", number(isCounted ? charge.decision.remaining : nil)),
      ("reset", number(isCounted ? reset(charge, now) : nil)), ("retry_after", number(Self.retryAfter(charge))),
      ("decision", JSONText.quoted(Self.decision(charge).rawValue)),
      ("mode", JSONText.quoted(charge.isShadow ? "shadow" : "enforce")),
      ("store", JSONText.quoted(Self.store(charge))), ("order", orders[explanation.policy] ?? "null"),
    ]
    return members.map { ",\"\($0)\":\($1)" }.joined()
  }

  /// One string a part, an array of them where a part has several values; null for the shared counter.
  private static func key(_ parts: [Explanation.KeyPart]?) -> String {
    guard let parts else { return "null" }
    return array(
      parts.map { part in
        let texts = part.texts.map(JSONText.quoted)
        return texts.count == 1 ? texts[0] : array(texts)
      })
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
    let key = Self.array(override.key.map { $0.map(JSONText.quoted) ?? "null" })
    return "{\"number\":\(place + 1),\"key\":\(key),\"effect\":\(JSONText.quoted(effect))}"
  }

  private static func array(_ elements: [String]) -> String { "[" + elements.joined(separator: ",") + "]" }

  /// Where the counter lives: `none` where its store does not answer and nothing stands in for it.
  static func store(_ charge: Charge) -> String {
    switch charge.place {
    case .memory: "memory"
    case .redis: "redis"
    case .fallback: "fallback"
    case .nowhere: "none"
    }
  }

  /// Unix seconds at which `remaining` is whole again if nothing more comes, rounded up.
  private func reset(_ charge: Charge, _ now: Now) -> Int64 {
    let isByRedis = charge.effect == .limit && charge.place == .redis
    let sum = (isByRedis ? redisUnix ?? now.unix : now.unix).addingReportingOverflow(charge.decision.reset)
    return Self.seconds(sum.overflow ? Int64.max : sum.partialValue)
  }
}
