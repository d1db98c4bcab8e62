// KeyNumbers.swift: what a key has left, in the members that every page calls alike.

import CheckAPI
import Limiting
import Policies

/// The numbers of a look at cost 1.
struct KeyNumbers {
  /// `limit`, `remaining`, `reset` (Unix seconds, rounded up) and `retry_after` (seconds, rounded up: 0 where a check of
  /// cost 1 would pass, null where no wait helps). All null but the last where the key is unlimited.
  let members: [(String, String)]

  init(_ charge: Charge, _ decision: Decision, at now: Now) {
    switch charge.effect {
    case .unlimited:
      members = [("limit", "null"), ("remaining", "null"), ("reset", "null"), ("retry_after", "0")]
    case .block:
      let end = charge.blockedUntil
      // A block of the policy file has no end.
      let isOrdered = end > now.unix && end < .max
      members = [
        ("limit", "0"), ("remaining", "0"), ("reset", "\(UnixSeconds.roundedUp(isOrdered ? end : now.unix))"),
        ("retry_after", isOrdered ? "\(UnixSeconds.roundedUp(end - now.unix))" : "null"),
      ]
    case .limit:
      let (reset, overflow) = now.unix.addingReportingOverflow(decision.reset)
      let retry =
        switch decision.outcome {
        case .allow: "0"
        case .deny: "\(max(1, UnixSeconds.roundedUp(decision.retryAfter)))"
        case .denyAlways: "null"
        }
      members = [
        ("limit", "\(decision.limit)"), ("remaining", "\(decision.remaining)"),
        ("reset", "\(UnixSeconds.roundedUp(overflow ? .max : reset))"), ("retry_after", retry),
      ]
    }
  }
}

enum UnixSeconds {
  /// Whole seconds of as many nanoseconds, rounded up.
  static func roundedUp(_ nanoseconds: Int64) -> Int64 {
    let (seconds, rest) = nanoseconds.quotientAndRemainder(dividingBy: Bounds.second)
    return rest > 0 ? seconds + 1 : seconds
  }
}
