// Cell.swift: the state under one key, 32 bytes whatever the algorithm. A sliding log has a `Log` instead.

/// What a key remembers. All zero means: nothing spent.
public struct Cell: Sendable, Equatable {
  /// Token bucket: whole units of debt. Windows: the count of the current window.
  public var amount: UInt32
  /// Sliding window: the count of the previous window. Else 0.
  public var previous: UInt32
  /// Token bucket: the part of a unit of debt beyond `amount`, in 1/`period` units; below `period`. Else 0.
  public var remainder: Int64
  /// Nanoseconds. Token bucket: when the debt was true. Windows: the start of the current window, since the Unix epoch.
  public var instant: Int64
  /// The period under which this state was written, so that a reload can carry it over. 0 in an empty cell.
  public var period: Int64

  public init(amount: UInt32 = 0, previous: UInt32 = 0, remainder: Int64 = 0, instant: Int64 = 0, period: Int64 = 0) {
    self.amount = amount
    self.previous = previous
    self.remainder = remainder
    self.instant = instant
    self.period = period
  }

  public static let empty = Cell()
}
