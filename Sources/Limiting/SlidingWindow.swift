// SlidingWindow.swift: two fixed windows, the previous one weighted by the share that the sliding period still covers.
//
//   weighted = previous x (period - t) / period + current        t: how far into the current window
//
// The count is exact, as a fraction; a check passes if weighted + cost <= limit. Memory is constant. The price: the
// previous window's checks are taken as spread evenly, so up to 2 x limit may pass in some period that straddles two
// windows, and under saturating load limit - 1 pass per window after the first.
//
// A window's start is aligned to the Unix epoch. After a reload with another period, the weighted count in force,
// rounded up, becomes the current count of the new period's current window: nothing is forgotten, and what is carried
// leaves within two new periods. Time that steps back: as in FixedWindow.swift.
//
// Source: Cloudflare, "How we built rate limiting capable of scaling to millions of domains" (2017).

public enum SlidingWindow {
  /// Charges `cost` to a key and says whether the sliding period still holds it.
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
    let at = max(now, cell.instant)
    let ahead = at - now
    let counted = weighted(cell, at: at)
    let outcome: Decision.Outcome =
      cost <= 0 ? .allow : cost > limit.limit ? .denyAlways : cost <= limit.limit - counted ? .allow : .deny
    let spent = outcome == .allow ? max(0, cost) : 0
    let remaining = max(0, limit.limit - counted - spent)
    var decision = Decision(outcome: outcome, limit: limit.limit, remaining: remaining)
    if outcome == .deny { decision.retryAfter = Exact.sum(wait(for: cost, cell, limit, at: at), ahead) }
    cell.amount = UInt32(clamping: Int64(cell.amount) + spent)
    if remaining < limit.limit {
      let windows: Int64 = cell.amount > 0 ? 2 : 1
      decision.reset = Exact.difference(Exact.sum(cell.instant, windows * limit.period), now)
      decision.nextUnit = Exact.sum(wait(for: remaining + 1, cell, limit, at: at), ahead)
    }
    return (decision, cell)
  }

  /// The weighted count at `at`, rounded up; `at` lies in the cell's own window.
  private static func weighted(_ cell: Cell, at: Int64) -> Int64 {
    guard cell.previous > 0 else { return Int64(cell.amount) }
    let rest = cell.period - (at - cell.instant)
    return Exact.quotientUp(Int64(cell.previous), times: rest, over: cell.period) + Int64(cell.amount)
  }

  /// Nanoseconds from `at` until `cost`, at most the limit, would pass.
  ///
  /// The weighted count falls without a jump, across the windows' boundaries too, so the first instant is found by
  /// solving for the rest of a window: in this one while the previous count leaves it, else in the next.
  private static func wait(for cost: Int64, _ cell: Cell, _ limit: Limit, at: Int64) -> Int64 {
    let period = limit.period
    let passed = at - cell.instant
    let room = limit.limit - cost - Int64(cell.amount)
    if room >= 0 {
      guard cell.previous > 0 else { return 0 }
      let rest = min(period, Exact.quotient(room, times: period, over: Int64(cell.previous)))
      return max(0, period - rest - passed)
    }
    let rest = min(period, Exact.quotient(limit.limit - cost, times: period, over: Int64(cell.amount)))
    return 2 * period - rest - passed
  }

  /// The counts in force at `now`, in a window of `limit`'s period.
  static func carried(_ cell: Cell, to limit: Limit, now: Int64) -> Cell {
    let period = limit.period
    guard cell.amount > 0 || cell.previous > 0 else {
      return Cell(instant: Exact.windowStart(of: now, period: period), period: period)
    }
    let at = Window.instant(of: cell, period: period, now: now)
    let rolled = rolled(cell, to: at)
    guard cell.period != period else { return rolled }
    let start = Exact.windowStart(of: at, period: period)
    return Cell(amount: UInt32(clamping: weighted(rolled, at: at)), instant: start, period: period)
  }

  /// The cell in its own period's window that holds `at`: the same, the next, or one in which both counts are over. A
  /// cell ahead of `at` keeps both counts.
  private static func rolled(_ cell: Cell, to at: Int64) -> Cell {
    if Window.holds(cell, at) { return cell }
    var next = cell
    next.instant = Exact.windowStart(of: at, period: cell.period)
    guard at >= cell.instant else { return next }
    next.previous = Exact.difference(next.instant, cell.instant) == cell.period ? cell.amount : 0
    next.amount = 0
    return next
  }

  /// Whether both counts of `cell` are over, whatever the numbers in force.
  public static func isIdle(_ cell: Cell, now: Int64) -> Bool {
    if cell.amount == 0 && cell.previous == 0 { return true }
    guard now >= cell.instant else { return false }
    let windows: Int64 = cell.amount > 0 ? 2 : 1
    return Exact.difference(now, cell.instant) >= windows * cell.period
  }

  /// Takes back a charge of `cost` that `charged` allowed at `chargedAt`: exact while its window is the current or the
  /// previous one, nothing after that, nor when a reload changed the period since.
  static func giveBack(_ cell: Cell, limit: Limit, cost: Int64, charged: Decision, chargedAt: Int64) -> Cell {
    let start = Exact.difference(Exact.sum(chargedAt, charged.reset), 2 * limit.period)
    guard cell.period == limit.period else { return cell }
    var cell = cell
    if cell.instant == start {
      cell.amount = UInt32(clamping: Int64(cell.amount) - cost)
    } else if Exact.difference(cell.instant, start) == limit.period {
      cell.previous = UInt32(clamping: Int64(cell.previous) - cost)
    }
    return cell
  }
}
