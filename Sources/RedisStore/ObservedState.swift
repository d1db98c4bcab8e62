// ObservedState.swift: the state of one counter as Redis told it, and the decision that follows from it by the same
// arithmetic that memory uses. So both stores say the same numbers, and the script need not compute them.

import Limiting

/// What a counter held at one instant of Redis's clock. Instants and periods in nanoseconds.
enum ObservedState: Equatable {
  /// Nothing: nobody has spent.
  case none
  case cell(Cell)
  case log(LogState)

  /// What the script tells of a log, computed for one limit and cost.
  struct LogState: Equatable {
    /// The sum in force.
    var used: Int64
    /// Of the newest entry.
    var newest: Int64
    /// Of the entry with whose leaving one more unit than now is free.
    var nextFree: Int64
    /// Of the entry with whose leaving the cost fits; 0 where it fits, or never will.
    var fits: Int64
    var limit: Limit
    var cost: Int64
  }

  /// The decision about `cost` at `now`, an instant of Redis's clock not before the state was seen; nil where the state
  /// does not tell: a log's does so only for its own limit and cost (or for cost 0), and until its next unit is free.
  func decision(limit: Limit, cost: Int64, now: Int64) -> Decision? {
    switch self {
    case .none:
      guard limit.algorithm == .slidingLog else {
        return Limiter.decide(.empty, limit: limit, cost: cost, now: now).decision
      }
      return SlidingLog.decide(nil, limit: limit, cost: cost, now: now)
    case .cell(let cell):
      guard limit.algorithm != .slidingLog else { return nil }
      return Limiter.decide(cell, limit: limit, cost: cost, now: now).decision
    case .log(let log):
      guard limit == log.limit, cost == log.cost || cost == 0 else { return nil }
      return SlidingLog.decide(
        used: log.used, newest: log.newest, nextFree: log.nextFree, fits: log.fits, limit: limit, cost: cost, now: now)
    }
  }
}
