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
      // A block of the policy file has no end. One that has ended since the check was matched holds for that check.
      let wait = charge.blocked(at: now.unix).reset
      let retry = charge.blockedUntil < .max ? "\(UnixSeconds.roundedUp(wait))" : "null"
      members = [
        ("limit", "0"), ("remaining", "0"), ("reset", "\(UnixSeconds.roundedUp(Self.sum(now.unix, wait)))"),
        ("retry_after", retry),
      ]
    case .limit:
      let retry =
        switch decision.outcome {
        case .allow: "0"
        case .deny: "\(max(1, UnixSeconds.roundedUp(decision.retryAfter)))"
        case .denyAlways: "null"
        }
      members = [
        ("limit", "\(decision.limit)"), ("remaining", "\(decision.remaining)"),
        ("reset", "\(UnixSeconds.roundedUp(Self.sum(now.unix, decision.reset)))"), ("retry_after", retry),
      ]
    }
  }

  /// Saturates: a wait is never negative.
  private static func sum(_ unix: Int64, _ wait: Int64) -> Int64 {
    let (sum, overflow) = unix.addingReportingOverflow(wait)
    return overflow ? .max : sum
  }
}

enum UnixSeconds {
  /// Whole seconds of as many nanoseconds, rounded up.
  static func roundedUp(_ nanoseconds: Int64) -> Int64 {
    let (seconds, rest) = nanoseconds.quotientAndRemainder(dividingBy: Bounds.second)
    return rest > 0 ? seconds + 1 : seconds
  }
}
