// Order.swift: a temporary word about one key: more than its limit for a while, or nothing.

public import Limiting

/// What somebody ordered for one key of one policy.
public struct Order: Sendable, Equatable {
  public enum Kind: Sendable, Equatable {
    /// So much more may pass: see `raise`. In `OrderBounds.amount`.
    case grant(Int64)
    /// Nothing may pass.
    case block
  }

  public var kind: Kind
  /// Nanoseconds since the Unix epoch: from then on it does not hold.
  public var until: Int64

  public init(_ kind: Kind, until: Int64) {
    self.kind = kind
    self.until = until
  }

  /// The numbers under a grant: the capacity is `amount` higher, and the same amount is there at once. A bucket's rate
  /// stays; a window or a log admits `amount` more in each period. Held within `Limiting.Bounds`.
  public static func raise(_ limit: Limit, by amount: Int64) -> Limit {
    var raised = limit
    switch limit.algorithm {
    case .tokenBucket:
      raised.burst = min(limit.burst + amount, Limiting.Bounds.limit.upperBound)
    case .fixedWindow, .slidingWindow:
      raised.limit = min(limit.limit + amount, Limiting.Bounds.limit.upperBound)
      raised.burst = raised.limit
    case .slidingLog:
      raised.limit = min(limit.limit + amount, Limiting.Bounds.logLimit.upperBound)
      raised.burst = raised.limit
    }
    return raised
  }
}

/// The bounds of orders.
public enum OrderBounds {
  /// More than the highest limit grants nothing more.
  public static let amount: ClosedRange<Int64> = 1...Limiting.Bounds.limit.upperBound
  /// Orders of a domain at one time, in memory and again in Redis: a list that a person can still look through by its
  /// policy, and whose table is made anew in a millisecond whenever it changes.
  public static let orders = 10_000
  /// Bytes of the keys in one table, over all domains: offsets into them are 32 bits. Dozens of domains would have to be
  /// full of the longest keys.
  static let tableKeys = 1 << 30
}
