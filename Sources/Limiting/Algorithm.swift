// Algorithm.swift: the four ways of counting. What each promises is said in the file named after it.

/// How the checks of one key are counted.
public enum Algorithm: UInt8, Sendable, CaseIterable {
  /// A bucket of `burst` tokens, refilled continuously at limit / period.
  case tokenBucket
  /// A count per window; windows are aligned to the Unix epoch.
  case fixedWindow
  /// Two fixed windows, the previous one weighted by the share of it that the sliding period still covers.
  case slidingWindow
  /// A log of what was admitted: exact in every interval, memory grows with what it admits.
  case slidingLog

  /// The name that policy files, metrics and messages use.
  public var name: StaticString {
    switch self {
    case .tokenBucket: "token-bucket"
    case .fixedWindow: "fixed-window"
    case .slidingWindow: "sliding-window"
    case .slidingLog: "sliding-log"
    }
  }
}
