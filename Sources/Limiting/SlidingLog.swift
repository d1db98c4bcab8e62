// SlidingLog.swift: the exact limit: in any half-open interval of one period, never more than `limit`.
//
// An entry made at t counts while now < t + period. A check is decided first and admitted after, so that a check under
// several limits can ask all of them before it spends from any. What has left is forgotten at the next admission, not
// by a decision: until then a clock that lags by microseconds still sees it. Entries hold no time that depends on the
// numbers, so a reload can change limit and period under them.
//
// Time that steps back: up to one period, the log stays at its newest entry's instant and waits are counted from the
// given `now`; a log further ahead is re-based: what was in force at its newest entry becomes one entry at `now`.
//
// Memory grows with what is admitted; `units(forEntries:)` says what a log counts for.

public enum SlidingLog {
  /// Entries that count as one key of a store's bound.
  public static let entriesPerUnit = 16

  /// What a log of `entries` counts for in a store's bound: one key per 16, at least one.
  public static func units(forEntries entries: Int) -> Int {
    max(1, (entries + entriesPerUnit - 1) / entriesPerUnit)
  }

  /// Says whether `cost` fits; remembers nothing.
  ///
  /// - Parameters:
  ///   - log: The key's log, or nil for a key that has none. Changed only where it must be re-based.
  ///   - limit: The key's numbers, within `Bounds`.
  ///   - cost: Units to spend. Zero looks and is always allowed.
  ///   - now: On the clock that wrote `log`.
  /// - Returns: What holds once `admit` has spent `cost`, if `.allow`. `.denyAlways` when `cost` is above the limit.
  public static func decide(_ log: Log?, limit: Limit, cost: Int64, now: Int64) -> Decision {
    if let log { rebase(log, limit, now) }
    return decide(summary(of: log, limit, cost, now), limit: limit, cost: cost, now: now)
  }

  /// The same for a log that is known by its summary, made at `now` for `limit` and `cost`, and not to be re-based.
  public static func decide(_ summary: LogSummary, limit: Limit, cost: Int64, now: Int64) -> Decision {
    let at = max(now, summary.newest)
    let used = summary.used
    let outcome: Decision.Outcome =
      cost <= 0 ? .allow : cost > limit.limit ? .denyAlways : cost <= limit.limit - used ? .allow : .deny
    let spent = outcome == .allow ? max(0, cost) : 0
    var decision = Decision(outcome: outcome, limit: limit.limit, remaining: max(0, limit.limit - used - spent))
    if used + spent > 0 {
      decision.reset = wait(until: spent > 0 ? at : summary.newest, limit, now)
      decision.nextUnit = wait(until: used > 0 ? summary.freeing : at, limit, now)
    }
    if outcome == .deny { decision.retryAfter = wait(until: summary.fitting, limit, now) }
    return decision
  }

  /// Spends what `decide` allowed at the same `now`: remembers `cost`, above 0.
  public static func admit(_ log: Log, cost: Int64, now: Int64) {
    log.append(cost, at: instant(of: log, now))
  }

  /// Forgets what had left when the newest entry was made.
  public static func trim(_ log: Log, limit: Limit) {
    if log.count > 0 { log.trim(through: horizon(log.newest, limit)) }
  }

  /// Forgets everything.
  public static func clear(_ log: Log) { log.collapse(to: 0, at: 0) }

  /// Forgets what has left at `now`.
  public static func trim(_ log: Log, limit: Limit, now: Int64) {
    log.trim(through: horizon(now, limit))
  }

  /// Nanoseconds from `now` until the oldest entry in force leaves; 0 when there is none.
  public static func untilOldestLeaves(_ log: Log, limit: Limit, now: Int64) -> Int64 {
    let horizon = horizon(instant(of: log, now), limit)
    let inForce = log.sum(after: horizon)
    return inForce == 0 ? 0 : wait(until: log.instant(whenLeft: log.sum - inForce + 1), limit, now)
  }

  /// Whether nothing is in force at `now`, so that forgetting the log changes no decision under `limit` or a shorter
  /// period.
  public static func isIdle(_ log: Log, limit: Limit, now: Int64) -> Bool {
    log.count == 0 || (now >= log.newest && log.newest <= horizon(now, limit))
  }

  /// Makes `log` at least as full as `other` at `now`: what is in force there becomes one entry at its newest instant,
  /// so that it leaves no earlier than it would have.
  public static func copy(_ other: Log, into log: Log, limit: Limit, now: Int64) {
    rebase(other, limit, now)
    log.collapse(to: other.sum(after: horizon(instant(of: other, now), limit)), at: other.newest)
  }

  /// Takes back a charge of `cost` that `charged` allowed at `chargedAt`: exact while its entry is remembered.
  public static func giveBack(_ log: Log, limit: Limit, cost: Int64, charged: Decision, chargedAt: Int64) {
    log.retract(cost, at: Exact.difference(Exact.sum(chargedAt, charged.reset), limit.period))
  }

  /// Takes back the admission just made at `now`.
  public static func undo(_ log: Log, cost: Int64, now: Int64) {
    log.retract(cost, at: instant(of: log, now))
  }

  // MARK: Time

  /// The instant at which the log is judged.
  private static func instant(of log: Log?, _ now: Int64) -> Int64 {
    guard let log, log.count > 0 else { return now }
    return max(now, log.newest)
  }

  /// Entries at or before this have left at `at`.
  private static func horizon(_ at: Int64, _ limit: Limit) -> Int64 {
    Exact.difference(at, limit.period)
  }

  private static func rebase(_ log: Log, _ limit: Limit, _ now: Int64) {
    guard log.count > 0, log.newest > now, Exact.difference(log.newest, now) > Bounds.believedAhead(limit.period)
    else { return }
    log.collapse(to: log.sum(after: horizon(log.newest, limit)), at: now)
  }

  /// Nanoseconds from `now` until an entry made at `instant` leaves. 0 where it has left: a summary from elsewhere may
  /// say that it is in force even so.
  private static func wait(until instant: Int64, _ limit: Limit, _ now: Int64) -> Int64 {
    max(0, Exact.difference(Exact.sum(instant, limit.period), now))
  }

  /// What leaves first is the oldest; what has left already stands before what is in force.
  private static func summary(of log: Log?, _ limit: Limit, _ cost: Int64, _ now: Int64) -> LogSummary {
    guard let log, log.count > 0 else { return .empty }
    let used = log.sum(after: horizon(instant(of: log, now), limit))
    var summary = LogSummary(used: used, newest: log.newest)
    let left = log.sum - used
    if used > 0 { summary.freeing = log.instant(whenLeft: left + max(1, used - limit.limit + 1)) }
    if cost > limit.limit - used, cost <= limit.limit {
      summary.fitting = log.instant(whenLeft: left + used + cost - limit.limit)
    }
    return summary
  }
}
