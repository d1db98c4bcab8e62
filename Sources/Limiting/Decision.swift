// Decision.swift: what one limit says about one check. A denial is an answer, not an error.

/// The answer of one limit to one check.
public struct Decision: Sendable, Equatable {
  public enum Outcome: UInt8, Sendable {
    case allow
    /// Not now: `retryAfter` says when.
    case deny
    /// Never, however long the wait: the cost is above the capacity, or the key is blocked.
    case denyAlways
  }

  public var outcome: Outcome
  /// The capacity in force: what the limit header shows.
  public var limit: Int64
  /// What could still be spent at once, after this check; never negative, never above `limit`.
  public var remaining: Int64
  /// Nanoseconds from the check's `now` until the same cost would pass if nothing else came; 0 unless `.deny`.
  /// One nanosecond earlier it would not pass. Saturates at `Int64.max`.
  public var retryAfter: Int64
  /// Nanoseconds from the check's `now` until `remaining` equals `limit` if nothing else came. Saturates.
  public var reset: Int64
  /// Nanoseconds until `remaining` is greater than now if nothing else came; 0 when it equals `limit`.
  public var nextUnit: Int64

  public init(
    outcome: Outcome, limit: Int64, remaining: Int64, retryAfter: Int64 = 0, reset: Int64 = 0, nextUnit: Int64 = 0
  ) {
    self.outcome = outcome
    self.limit = limit
    self.remaining = remaining
    self.retryAfter = retryAfter
    self.reset = reset
    self.nextUnit = nextUnit
  }

  public var isAllowed: Bool { outcome == .allow }
}
