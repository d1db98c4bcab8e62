// ExplainedCheck+Words.swift: what becomes of a check and which policy binds, as a sentence.

import Limiting
import Policies

extension ExplainedCheck {
  /// Which policy binds and why, or why none does; a sentence without its full stop.
  var reason: String {
    if let undecided = charges.first(where: { Self.decision($0) == .undecided && !$0.isShadow }), isUndecided {
      return "\(name(undecided)) cannot decide, since its store does not answer (on_store_failure: deny)"
    }
    guard let binding else { return reasonWithoutBinding }
    let charge = charges[binding]
    let rivals = charges.count { !$0.isShadow && Self.isCounted($0) && $0.decision.outcome == charge.decision.outcome }
    switch charge.decision.outcome {
    case .denyAlways where charge.effect == .block: return "\(name(charge)) blocks this key"
    case .denyAlways:
      return "\(name(charge)) never lets \(charge.cost) pass at once, since its capacity is \(charge.decision.limit)"
    case .deny where charge.effect == .block:
      return "an order blocks this key of \(name(charge)) for \(Self.retryAfter(charge) ?? 0) s"
    case .deny:
      return "\(name(charge)) denies for \(Self.retryAfter(charge) ?? 0) s"
        + (rivals > 1 ? ", the longest of \(rivals) policies that deny" : "")
    case .allow:
      let left = Self.charged(charge).decision.remaining
      return rivals > 1
        ? "\(name(charge)) has the least left of \(rivals) policies: \(left) after this check"
        : "\(name(charge)) is the only policy that limits it, and has \(left) left after this check"
    }
  }

  private var reasonWithoutBinding: String {
    if explanations.isEmpty {
      let domains = Set(rules.set.policies.map(\.domain)).sorted()
      return "domain \(domain) has no policies"
        + (domains.isEmpty ? "" : "; those that have are \(domains.prefix(Self.shownDomains).joined(separator: ", "))")
    }
    return charges.isEmpty
      ? "no policy applies"
      : "no policy that applies limits it: they are shadow, unlimited, or let it through without Redis"
  }

  /// Domains that a sentence names, so that it stays one.
  private static let shownDomains = 8

  private func name(_ charge: Charge) -> String { policy(Int(charge.policy)).name }

  /// What one policy says.
  enum DecisionWord: String {
    case allow, deny
    case denyAlways = "deny_always"
    /// Its store does not answer, and it has no fallback.
    case undecided
  }

  static func decision(_ charge: Charge) -> DecisionWord {
    if charge.effect == .unlimited { return .allow }
    guard isCounted(charge) else { return charge.failsClosed ? .undecided : .allow }
    switch charge.decision.outcome {
    case .allow: return .allow
    case .deny: return .deny
    case .denyAlways: return .denyAlways
    }
  }

  /// Whole seconds until the check would pass, 0 where it does now; nil where no wait helps or nobody can tell.
  static func retryAfter(_ charge: Charge) -> Int64? {
    switch decision(charge) {
    case .allow: 0
    case .deny: max(1, UnixSeconds.roundedUp(charge.decision.retryAfter))
    case .denyAlways, .undecided: nil
    }
  }
}
