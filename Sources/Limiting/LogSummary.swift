// LogSummary.swift: what a decision needs to know of a sliding log. A store that keeps its logs elsewhere sends this
// instead of the log, and decides by the same arithmetic.

/// A sliding log at one instant, under one limit, for one cost.
public struct LogSummary: Sendable, Equatable {
  /// The costs in force, 0 to `UInt32.max`.
  public var used: Int64
  /// The instant of the newest entry, in force or not; the log is judged no earlier. `Int64.min` in an empty log.
  public var newest: Int64
  /// The instant of the entry with whose leaving more remains than now. Meaningless where nothing is in force.
  public var freeing: Int64
  /// The instant of the entry with whose leaving the cost fits. Meaningless unless the cost is denied, and not for ever.
  public var fitting: Int64

  public init(used: Int64 = 0, newest: Int64 = .min, freeing: Int64 = 0, fitting: Int64 = 0) {
    self.used = used
    self.newest = newest
    self.freeing = freeing
    self.fitting = fitting
  }

  public static let empty = LogSummary()
}
