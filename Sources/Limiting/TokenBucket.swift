// TokenBucket.swift: the token bucket, kept as a debt.
//
// Each key remembers what it has spent and not yet regained (whole units and a remainder in 1/period units) and the
// instant at which that was true. A check pays back what the time since has earned, elapsed x limit / period, then
// spends if the debt stays within the burst. An idle key costs no work, and a key without debt can be forgotten. The
// state holds no time that depends on the rate, so a reload can change limit, period and burst under it.
//
// Time that steps back earns nothing: the key stays at its own instant and waits are counted from the given `now`; a
// state further ahead than `Bounds.believedAhead` is re-based to `now` with its debt.
//
// Source: Turner's token bucket as in RFC 2697 section 3, with whole-number arithmetic: the remainder is kept, not
// dropped, so that the long-run rate is exact. Where burst x period passes 64 bits, the same code runs in 128.

public enum TokenBucket {
  /// Charges `cost` to a key and says whether it fits.
  ///
  /// - Parameters:
  ///   - cell: The key's state.
  ///   - limit: Its numbers, within `Bounds`.
  ///   - cost: Units to spend. Zero looks without spending and is always allowed.
  ///   - now: On the clock that wrote `cell`.
  /// - Returns: `.denyAlways` when `cost` is above the burst, since no wait would help. Unless something was spent,
  ///   `next` says what `cell` said, re-based or rescaled where the clock or the period made that necessary.
  public static func decide(
    _ cell: Cell, limit: Limit, cost: Int64, now: Int64
  ) -> (decision: Decision, next: Cell) {
    let cell = carried(cell, to: limit, now: now)
    let units = max(UInt64(cell.amount) + 1, limit.burst.magnitude)
    let fits = !units.multipliedReportingOverflow(by: limit.period.magnitude).overflow
    return fits
      ? decide(cell, limit, cost, now, in: UInt64.self)
      : decide(cell, limit, cost, now, in: UInt128.self)
  }

  /// The decision on a carried cell, in a width that holds max(amount + 1, burst) x period.
  static func decide<Wide: FixedWidthInteger & UnsignedInteger>(
    _ cell: Cell, _ limit: Limit, _ cost: Int64, _ now: Int64, in width: Wide.Type
  ) -> (decision: Decision, next: Cell) {
    let period = Wide(truncatingIfNeeded: limit.period)
    let rate = Wide(truncatingIfNeeded: limit.limit)
    let at = cell.hasDebt ? max(now, cell.instant) : now
    let ahead = at - now
    let before = debt(of: cell, rate: rate, period: period, at: at)
    let parts = before.quotientAndRemainder(dividingBy: period)
    let owed = Int64(truncatingIfNeeded: parts.quotient) + (parts.remainder > 0 ? 1 : 0)

    let outcome: Decision.Outcome =
      cost <= 0 ? .allow : cost > limit.burst ? .denyAlways : cost <= limit.burst - owed ? .allow : .deny
    let spent = outcome == .allow ? max(0, cost) : 0
    let remaining = max(0, limit.burst - owed - spent)
    var decision = Decision(outcome: outcome, limit: limit.burst, remaining: remaining)

    let after = before + Wide(truncatingIfNeeded: spent) * period
    func wait(untilOwed units: Int64) -> Int64 {
      let excess = after - Wide(truncatingIfNeeded: units) * period
      return Exact.sum(Exact.divideUp(excess, by: rate), ahead)
    }
    if after > 0 {
      decision.reset = wait(untilOwed: 0)
      decision.nextUnit = wait(untilOwed: limit.burst - remaining - 1)
    }
    if outcome == .deny { decision.retryAfter = wait(untilOwed: limit.burst - cost) }

    guard spent > 0 else { return (decision, cell) }
    let amount = Int64(truncatingIfNeeded: parts.quotient) + spent
    let next = Cell(
      amount: UInt32(clamping: amount), remainder: Int64(truncatingIfNeeded: parts.remainder), instant: at,
      period: limit.period)
    return (decision, next)
  }

  /// The debt at `at`, in 1/period units, after what the time since the cell's instant has paid.
  private static func debt<Wide: FixedWidthInteger & UnsignedInteger>(
    of cell: Cell, rate: Wide, period: Wide, at: Int64
  ) -> Wide {
    let debt = Wide(cell.amount) * period + Wide(truncatingIfNeeded: cell.remainder)
    let elapsed = Wide(truncatingIfNeeded: Exact.difference(at, cell.instant))
    let paid = elapsed.multipliedReportingOverflow(by: rate)
    return paid.overflow || paid.partialValue >= debt ? 0 : debt - paid.partialValue
  }

  /// The same debt under the numbers of `limit`: the remainder rescaled to its period and rounded up, so that a reload
  /// gives nothing away; and, where the cell is more than one period ahead of `now`, as of `now`.
  static func carried(_ cell: Cell, to limit: Limit, now: Int64) -> Cell {
    guard cell.hasDebt else { return cell }
    var cell = cell
    if cell.instant > now, Exact.difference(cell.instant, now) > Bounds.believedAhead(limit.period) {
      cell.instant = now
    }
    guard cell.period != limit.period else { return cell }
    if cell.remainder > 0 {
      cell.remainder = Exact.quotientUp(cell.remainder, times: limit.period, over: cell.period)
      if cell.remainder >= limit.period {
        cell.remainder = 0
        cell.amount = UInt32(clamping: UInt64(cell.amount) + 1)
      }
    }
    cell.period = limit.period
    return cell
  }

  /// Whether `cell` owes nothing at `now`, so that forgetting it changes no decision under `limit` or a faster rate.
  public static func isIdle(_ cell: Cell, limit: Limit, now: Int64) -> Bool {
    guard cell.hasDebt else { return true }
    let cell = carried(cell, to: limit, now: now)
    guard now > cell.instant else { return false }
    return debt(
      of: cell, rate: UInt128(limit.limit.magnitude), period: UInt128(limit.period.magnitude), at: now) == 0
  }

  /// Takes back a charge of `cost` that `charged` allowed at `chargedAt`.
  ///
  /// Without the charge, the key would have paid its debt sooner; what it regained since, it cannot get twice. So what
  /// comes back is `cost`, but no more than the debt of that time less all that the time since has earned: exact
  /// within one nanosecond's refill, and never more than the truth.
  static func giveBack(
    _ cell: Cell, limit: Limit, cost: Int64, charged: Decision, chargedAt: Int64, now: Int64
  ) -> Cell {
    var cell = carried(cell, to: limit, now: now)
    guard cell.hasDebt, cost > 0 else { return cell }
    let period = UInt128(limit.period.magnitude)
    var refund = UInt128(cost.magnitude) * period
    if now > chargedAt {
      let left = max(0, Exact.difference(charged.reset, Exact.difference(now, chargedAt)))
      // `reset` was rounded up: what was owed is above (reset - 1 ns) x limit.
      refund = min(refund, left == 0 ? 0 : UInt128((left - 1).magnitude) * UInt128(limit.limit.magnitude) + 1)
    }
    let debt = UInt128(cell.amount) * period + UInt128(cell.remainder.magnitude)
    guard refund < debt else { return .empty }
    let parts = (debt - refund).quotientAndRemainder(dividingBy: period)
    cell.amount = UInt32(clamping: parts.quotient)
    cell.remainder = Int64(truncatingIfNeeded: parts.remainder)
    return cell
  }
}

extension Cell {
  /// Token bucket: whether anything is owed.
  fileprivate var hasDebt: Bool { amount > 0 || remainder > 0 }
}
