// Limit.swift: the numbers in force for one key. Identity (which counter) is apart from numbers (how much), so that a
// reload can change the numbers and keep the counter.

/// How much may pass, in what time.
public struct Limit: Sendable, Equatable {
  public var algorithm: Algorithm
  /// Tokens or requests per period, in `Bounds.limit` (`Bounds.logLimit` for a sliding log).
  public var limit: Int64
  /// Nanoseconds, in `Bounds.period`.
  public var period: Int64
  /// The most that passes at one instant from rest: the token bucket's capacity; equal to `limit` for the others.
  public var burst: Int64

  public init(algorithm: Algorithm, limit: Int64, period: Int64, burst: Int64? = nil) {
    self.algorithm = algorithm
    self.limit = limit
    self.period = period
    self.burst = burst ?? limit
  }

  /// What the limit header shows, and the largest cost that can ever pass: the burst of a bucket, else the limit.
  public var capacity: Int64 { algorithm == .tokenBucket ? burst : limit }

  /// One of `count` equal shares of limit and burst, rounded down, at least 1 each. Of a `count` below 2: all of it.
  public func share(of count: Int64) -> Limit {
    guard count > 1 else { return self }
    return Limit(algorithm: algorithm, limit: max(1, limit / count), period: period, burst: max(1, burst / count))
  }
}
