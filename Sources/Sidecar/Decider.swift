// Decider.swift: from a check to its decisions, over both stores. Memory decides at once; Redis may take a ticket.
//
// A check's charges in memory come first and are given back if Redis denies. Where Redis does not answer, each policy's
// `on_store_failure` says what holds: it is let through, counted in memory under this weir's share of its limit, or it
// leaves the whole check undecided. Whatever was charged before is given back then, and all that is left is decided
// anew in one step, so that it stays all or nothing.

import CheckAPI
import Limiting
import Policies
import RedisStore
import Stores

/// Decides the checks of one worker.
final class Decider {
  private let memory: MemoryStore
  /// nil where there is no Redis.
  let redis: RedisStore?
  private let live: LiveWeirs?

  /// - Parameters:
  ///   - redis: nil where there is none; then no policy counts in it.
  init(memory: MemoryStore, redis: RedisStore?, live: LiveWeirs?) {
    self.memory = memory
    self.redis = redis
    self.live = live
  }

  // MARK: Memory alone

  /// Decides a check that asks nothing of Redis.
  func decide(_ check: inout Check, at now: Now) -> Bool {
    check.withCharges { memory.decide(&$0, keys: $1, now: now) }
  }

  // MARK: With Redis

  /// Whether any of a check's charges is for Redis.
  static func needsRedis(_ charges: borrowing [Charge]) -> Bool {
    for index in charges.indices where charges[index].isForRedis { return true }
    return false
  }

  /// Decides what a ticket asks, if that can be done at once; nil where its holder will be told.
  func begin(_ ticket: Ticket, _ set: PolicySet, at now: Now) -> CheckOutcome? {
    guard let redis else { preconditionFailure("policies in Redis are loaded only where there is one") }
    let hasLocal = hasLocal(ticket)
    if hasLocal, redis.remembers(ticket) {
      ticket.withCharges { memory.look(&$0, keys: $1, now: now) }
      return .denied
    }
    guard redis.canAsk() else { return fallBack(ticket, set, at: now) }
    let isAllowedHere = !hasLocal || ticket.withCharges { memory.decide(&$0, keys: $1, now: now) }
    ticket.onlyLooks = !isAllowedHere
    guard redis.ask(ticket) else { return nil }
    return conclude(ticket, set, chargedAt: now, at: now)
  }

  /// What a redeemed ticket comes to.
  ///
  /// - Parameters:
  ///   - chargedAt: The `now` of `begin`.
  func conclude(_ ticket: Ticket, _ set: PolicySet, chargedAt: Now, at now: Now) -> CheckOutcome {
    let isAllowedHere = !ticket.onlyLooks
    if ticket.outcome == .decided {
      guard isAllowedHere, !ticket.isAllowed else { return isAllowedHere ? .allowed : .denied }
      giveBack(ticket, chargedAt: chargedAt, at: now)
      ticket.withCharges { memory.look(&$0, keys: $1, now: now) }
      return .denied
    }
    if isAllowedHere { giveBack(ticket, chargedAt: chargedAt, at: now) }
    return fallBack(ticket, set, at: now)
  }

  /// Whether any charge is decided here, whatever Redis says.
  private func hasLocal(_ ticket: Ticket) -> Bool {
    ticket.charges.contains { $0.place != .redis || $0.effect == .block }
  }

  private func giveBack(_ ticket: Ticket, chargedAt: Now, at now: Now) {
    ticket.withCharges { memory.giveBack($0, keys: $1, chargedAt: chargedAt, now: now) }
  }

  /// Decides without Redis.
  private func fallBack(_ ticket: Ticket, _ set: PolicySet, at now: Now) -> CheckOutcome {
    if Self.leaveRedis(&ticket.charges, set, live) { return .undecided }
    return ticket.withCharges { memory.decide(&$0, keys: $1, now: now) } ? .allowed : .denied
  }

  /// Gives each charge for Redis the place that its `on_store_failure` says.
  ///
  /// - Returns: Whether that leaves the whole check undecided.
  static func leaveRedis(_ charges: inout [Charge], _ set: PolicySet, _ live: LiveWeirs?) -> Bool {
    var isUndecided = false
    for index in charges.indices where charges[index].isForRedis {
      if charges[index].onStoreFailure == .memory {
        charges[index].place = .fallback
        divide(&charges[index].limit, by: live?.share(in: set.policies[Int(charges[index].policy)].domain) ?? 1)
      } else {
        charges[index].place = .nowhere
        if charges[index].onStoreFailure == .deny, !charges[index].isShadow { isUndecided = true }
      }
    }
    return isUndecided
  }

  /// This weir's share of a limit, at least 1.
  private static func divide(_ limit: inout Limit, by share: Int64) {
    guard share > 1 else { return }
    limit.limit = max(1, limit.limit / share)
    limit.burst = max(1, limit.burst / share)
  }
}
