// Limiter.swift: asks the algorithm that a limit names, for the three whose whole state is a cell.

public enum Limiter {
  /// Charges `cost` to a key: see the algorithms' own `decide`. Not for a sliding log, whose state is a `Log`.
  public static func decide(
    _ cell: Cell, limit: Limit, cost: Int64, now: Int64
  ) -> (decision: Decision, next: Cell) {
    switch limit.algorithm {
    case .tokenBucket: TokenBucket.decide(cell, limit: limit, cost: cost, now: now)
    case .fixedWindow: FixedWindow.decide(cell, limit: limit, cost: cost, now: now)
    case .slidingWindow: SlidingWindow.decide(cell, limit: limit, cost: cost, now: now)
    case .slidingLog: preconditionFailure("a sliding log is asked through SlidingLog")
    }
  }

  /// Whether `cell` carries no information at `now`, so that forgetting it changes no decision. A bucket is judged by
  /// `limit`: pass the slowest rate under which the key may be asked. Not for a sliding log.
  public static func isIdle(_ cell: Cell, limit: Limit, now: Int64) -> Bool {
    switch limit.algorithm {
    case .tokenBucket: TokenBucket.isIdle(cell, limit: limit, now: now)
    case .fixedWindow: FixedWindow.isIdle(cell, now: now)
    case .slidingWindow: SlidingWindow.isIdle(cell, now: now)
    case .slidingLog: preconditionFailure("a sliding log is asked through SlidingLog")
    }
  }

  /// The state of a key whose charge is taken back.
  ///
  /// - Parameters:
  ///   - cell: The key's state now.
  ///   - limit: The numbers under which it was charged.
  ///   - cost: What was charged, above 0.
  ///   - charged: The decision that allowed it.
  ///   - chargedAt: That decision's `now`.
  ///   - now: On the same clock.
  /// - Returns: `cell` without the charge, as far as time has not already given it back: never less than what the key
  ///   would hold if it had not been charged.
  public static func giveBack(
    _ cell: Cell, limit: Limit, cost: Int64, charged: Decision, chargedAt: Int64, now: Int64
  ) -> Cell {
    switch limit.algorithm {
    case .tokenBucket:
      TokenBucket.giveBack(cell, limit: limit, cost: cost, charged: charged, chargedAt: chargedAt, now: now)
    case .fixedWindow: FixedWindow.giveBack(cell, limit: limit, cost: cost, charged: charged, chargedAt: chargedAt)
    case .slidingWindow: SlidingWindow.giveBack(cell, limit: limit, cost: cost, charged: charged, chargedAt: chargedAt)
    case .slidingLog: preconditionFailure("a sliding log is asked through SlidingLog")
    }
  }
}
