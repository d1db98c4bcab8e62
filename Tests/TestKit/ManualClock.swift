// ManualClock.swift: time that stands still until a test moves it.

public import Limiting

/// The two clocks of a check, moved by hand.
public struct ManualClock: Sendable {
  public private(set) var now: Now

  /// The monotonic clock starts at another origin than the Unix one, so that code that confuses them fails.
  public init(monotonic: Int64 = 5_000_000_000, unix: Int64 = 1_700_000_000_000_000_000) {
    now = Now(monotonic: monotonic, unix: unix)
  }

  /// Moves both clocks by `nanoseconds`, which may be negative.
  public mutating func advance(by nanoseconds: Int64) {
    now.monotonic += nanoseconds
    now.unix += nanoseconds
  }

  /// Steps the Unix clock alone, as an operator or NTP does.
  public mutating func stepUnix(by nanoseconds: Int64) {
    now.unix += nanoseconds
  }
}
