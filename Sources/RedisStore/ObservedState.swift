// ObservedState.swift: the state of one counter as a reply of charge.lua showed it, in nanoseconds.
//
// It is the state on which the script decided, before anything was spent on it. A denial spends nothing, so the state of
// a charge that denied stands in Redis until somebody else spends or time passes: enough to deny again without asking.

import Limiting

/// What Redis held under one key at the time of a reply, carried to that time and the charge's period.
enum ObservedState: Sendable, Equatable {
  /// Nothing that says anything.
  case nothing
  case cell(Cell)
  /// For this limit and this cost.
  case log(LogSummary, Limit, cost: Int64)

  /// What a store that holds this state says, without spending.
  ///
  /// - Parameters:
  ///   - limit: The charge's numbers. For a log, those it was observed for.
  ///   - cost: For a log, the one it was observed for, or 0.
  ///   - now: Nanoseconds since the Unix epoch, on Redis's clock. For a log, the reply's own time, or a later one before
  ///     its next unit is free.
  func decision(limit: Limit, cost: Int64, now: Int64) -> Decision {
    switch self {
    case .log(let summary, _, _): SlidingLog.decide(summary, limit: limit, cost: cost, now: now)
    case .cell(let cell) where limit.algorithm != .slidingLog:
      Limiter.decide(cell, limit: limit, cost: cost, now: now).decision
    case .nothing where limit.algorithm != .slidingLog:
      Limiter.decide(.empty, limit: limit, cost: cost, now: now).decision
    default: SlidingLog.decide(.empty, limit: limit, cost: cost, now: now)
    }
  }

  /// The denial that this state surely gives at `now`, which is not before the reply's time, unless somebody has taken
  /// the counter away meanwhile; nil where it would allow, or where only Redis can say.
  func denial(limit: Limit, cost: Int64, now: Int64) -> Decision? {
    switch self {
    case .nothing: return nil
    case .cell: if limit.algorithm == .slidingLog { return nil }
    case .log(let summary, let observed, let observedCost):
      // What else leaves once the next unit is free, the summary does not know.
      guard limit == observed, cost == observedCost, summary.used > 0,
        now - summary.freeing < limit.period
      else { return nil }
    }
    let decision = decision(limit: limit, cost: cost, now: now)
    return decision.isAllowed ? nil : decision
  }
}
