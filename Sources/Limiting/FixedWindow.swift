// FixedWindow.swift: a count per window; windows are aligned to the Unix epoch, for everybody the same.
//
// A key remembers its window's start and what was spent in it. A window that has ended says nothing. After a reload
// with another period, the count of an old window that has not ended is carried into the new period's current window.
//
// Time that steps back: up to one period, the key stays in its own window and waits are counted from the given `now`;
// a window further ahead is re-based to the window of `now` with its count.
//
// Left out: windows aligned to calendar months or a time zone's midnight.

public enum FixedWindow {
  /// Charges `cost` to a key and says whether the window still holds it.
  ///
  /// - Parameters:
  ///   - cell: The key's state.
  ///   - limit: Its numbers, within `Bounds`.
  ///   - cost: Units to spend. Zero looks without spending and is always allowed.
  ///   - now: Nanoseconds since the Unix epoch; may be negative.
  /// - Returns: `.denyAlways` when `cost` is above the limit. Unless something was spent, `next` says what `cell` said,
  ///   moved to the window in force.
  public static func decide(
    _ cell: Cell, limit: Limit, cost: Int64, now: Int64
  ) -> (decision: Decision, next: Cell) {
    var cell = carried(cell, to: limit, now: now)
    let count = Int64(cell.amount)
    let outcome: Decision.Outcome =
      cost <= 0 ? .allow : cost > limit.limit ? .denyAlways : cost <= limit.limit - count ? .allow : .deny
    let spent = outcome == .allow ? max(0, cost) : 0
    let untilEnd = Exact.difference(Exact.sum(cell.instant, limit.period), now)

    cell.amount = UInt32(clamping: count + spent)
    let isUsed = cell.amount > 0
    let decision = Decision(
      outcome: outcome, limit: limit.limit, remaining: max(0, limit.limit - count - spent),
      retryAfter: outcome == .deny ? untilEnd : 0, reset: isUsed ? untilEnd : 0, nextUnit: isUsed ? untilEnd : 0)
    return (decision, cell)
  }

  /// The count that is in force at `now`, in a window of `limit`'s period.
  static func carried(_ cell: Cell, to limit: Limit, now: Int64) -> Cell {
    let period = limit.period
    guard cell.amount > 0 else { return fresh(at: now, period) }
    let at = Window.instant(of: cell, period: period, now: now)
    if Window.holds(cell, at) {
      if cell.period == period { return cell }
    } else if at >= cell.instant {
      return fresh(at: at, period)
    }
    return Cell(amount: cell.amount, instant: Exact.windowStart(of: at, period: period), period: period)
  }

  private static func fresh(at instant: Int64, _ period: Int64) -> Cell {
    Cell(instant: Exact.windowStart(of: instant, period: period), period: period)
  }

  /// Whether the window of `cell` has ended, whatever the numbers in force.
  public static func isIdle(_ cell: Cell, now: Int64) -> Bool {
    cell.amount == 0 || (now >= cell.instant && !Window.holds(cell, now))
  }

  /// Takes back a charge of `cost` that `charged` allowed at `chargedAt`: exact while its window lasts, nothing after
  /// that, nor when a reload changed the period since.
  static func giveBack(_ cell: Cell, limit: Limit, cost: Int64, charged: Decision, chargedAt: Int64) -> Cell {
    let start = Exact.difference(Exact.sum(chargedAt, charged.reset), limit.period)
    guard cell.period == limit.period, cell.instant == start else { return cell }
    var cell = cell
    cell.amount = UInt32(clamping: Int64(cell.amount) - cost)
    return cell
  }
}

/// What the two window algorithms share.
enum Window {
  /// The instant at which `cell` is judged: `now`, or its own start where that is ahead and believed.
  static func instant(of cell: Cell, period: Int64, now: Int64) -> Int64 {
    guard cell.instant > now, Exact.difference(cell.instant, now) <= Bounds.believedAhead(period) else { return now }
    return cell.instant
  }

  /// Whether `instant` lies in the cell's own window.
  static func holds(_ cell: Cell, _ instant: Int64) -> Bool {
    instant >= cell.instant && Exact.difference(instant, cell.instant) < cell.period
  }
}
