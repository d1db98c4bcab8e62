// ExplainedCheck+Text.swift: an explained check for a person at a terminal: a block a policy, then what binds.

import Limiting
import Policies
import PolicyFiles
import Telemetry

extension ExplainedCheck {
  /// Lines, each ended.
  var text: String {
    var text = ""
    var next = 0
    for explanation in explanations {
      let policy = policy(explanation.policy)
      text += "\(policy.name) (\(policy.source.file):\(policy.source.line))\n"
      guard next < charges.count, Int(charges[next].policy) == explanation.policy else {
        text += "  does not apply: \(explanation.why)\n\n"
        continue
      }
      text += "  applies: \(explanation.why)\n" + lines(charges[next], explanation).map { "  \($0)\n" }.joined() + "\n"
      next += 1
    }
    return text + "\(isAllowed ? "Allowed" : isUndecided ? "Undecided" : "Denied"): \(reason).\n"
  }

  private func lines(_ charge: Charge, _ explanation: Explanation) -> [String] {
    var lines = ["key: " + (explanation.terms.map { Self.text($0.key) } ?? "")]
    if let place = explanation.terms?.override {
      let key = policy(explanation.policy).overrides[place].key.map { $0.map(LogLine.quoted) ?? "*" }
      lines.append("numbers: of override \(place + 1), key \(key.joined(separator: ", "))")
    }
    switch charge.effect {
    case .unlimited: lines.append("limit: none")
    case .block: lines.append("limit: blocked")
    case .limit:
      lines.append(
        "limit: \(PolicySummary.limit(charge.limit)), \(charge.limit.algorithm.name), in \(Self.store(charge))")
      lines.append("this check: \(Self.verdict(charge))")
    }
    if charge.isShadow { lines.append("mode: shadow, so that it denies nothing") }
    return lines
  }

  private static func text(_ key: KeyText) -> String {
    guard let parts = key.parts else { return "the counter of checks that lack it" }
    guard !parts.isEmpty else { return "none, one counter for all" }
    func quoted(_ value: [UInt8]) -> String { LogLine.quoted(String(decoding: value, as: UTF8.self)) }
    return parts.map { part in
      switch part {
      case .value(let value): quoted(value)
      case .values(let values): "{" + values.map(quoted).joined(separator: ", ") + "}"
      }
    }.joined(separator: ", ")
  }

  private static func verdict(_ charge: Charge) -> String {
    let costs = "costs \(charge.cost) of \(charge.decision.remaining) left"
    switch decision(charge) {
    case .allow: return "\(costs), passes"
    case .deny: return "\(costs), must wait \(retryAfter(charge) ?? 0) s"
    case .denyAlways: return "\(costs), never passes"
    case .undecided: return "undecided"
    }
  }
}
