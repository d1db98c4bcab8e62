// Now.swift: the two clocks of a decision, read together once per loop turn and passed down.

/// An instant on both clocks, in nanoseconds.
public struct Now: Sendable, Equatable {
  /// On a clock that never steps: token buckets and logs measure with it.
  public var monotonic: Int64
  /// Since the Unix epoch: windows are aligned to it, and the reset header speaks in it. May step.
  public var unix: Int64

  public init(monotonic: Int64, unix: Int64) {
    self.monotonic = monotonic
    self.unix = unix
  }

  /// The clock that `algorithm` counts on.
  public func clock(for algorithm: Algorithm) -> Int64 {
    switch algorithm {
    case .tokenBucket, .slidingLog: monotonic
    case .fixedWindow, .slidingWindow: unix
    }
  }
}
