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
  /// Bytes that checks may hold together while they wait for Redis, and what they do.
  private let waitingLimit: Int
  private(set) var waitingBytes = 0

  /// - Parameters:
  ///   - redis: nil where there is none; then no policy counts in it.
  init(memory: MemoryStore, redis: RedisStore?, live: LiveWeirs?, waitingLimit: Int = Bounds.waiting) {
    self.waitingLimit = waitingLimit
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
  ///
  /// Charges whose server is away leave Redis first, alone: in a cluster the others are still counted there.
  func begin(_ ticket: Ticket, _ set: PolicySet, at now: Now) -> CheckOutcome? {
    guard let redis else { preconditionFailure("policies in Redis are loaded only where there is one") }
    let isUndecided = Self.leaveRedis(&ticket.charges, set, live) { !redis.canAsk(ticket, $0) }
    if isUndecided { return .undecided }
    // Before anything is charged here that would only be given back.
    if hasLocal(ticket), redis.remembers(ticket) { return denied(ticket, at: now) }
    let isAllowedHere = !hasLocal(ticket) || decideHere(ticket, at: now)
    guard Self.needsRedis(ticket.charges) else { return isAllowedHere ? .allowed : .denied }
    ticket.onlyLooks = !isAllowedHere
    let memory = ticket.memory
    // One alone may always wait, however large.
    let mayWait = waitingBytes == 0 || waitingBytes + memory <= waitingLimit
    guard redis.ask(ticket, mayWait: mayWait) else {
      ticket.claimed = memory
      waitingBytes += memory
      return nil
    }
    return conclude(ticket, set, chargedAt: now, at: now)
  }

  /// What a redeemed ticket comes to.
  ///
  /// - Parameters:
  ///   - chargedAt: The `now` of `begin`.
  func conclude(_ ticket: Ticket, _ set: PolicySet, chargedAt: Now, at now: Now) -> CheckOutcome {
    waitingBytes -= ticket.claimed
    ticket.claimed = 0
    let isAllowedHere = !ticket.onlyLooks
    if ticket.outcome == .decided {
      guard isAllowedHere, !ticket.isAllowed else { return isAllowedHere ? .allowed : .denied }
      giveBack(ticket, chargedAt: chargedAt, at: now)
      return denied(ticket, at: now)
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
    return decideHere(ticket, at: now) ? .allowed : .denied
  }

  private func decideHere(_ ticket: Ticket, at now: Now) -> Bool {
    ticket.withCharges { memory.decide(&$0, keys: $1, now: now) }
  }

  /// Redis, or what it said a moment ago, has denied: what is counted here only tells its numbers.
  private func denied(_ ticket: Ticket, at now: Now) -> CheckOutcome {
    ticket.withCharges { memory.look(&$0, keys: $1, now: now) }
    return .denied
  }

  /// Gives each charge for Redis whose server is away the place that its `on_store_failure` says.
  ///
  /// - Parameter isAway: Of the charge at this place.
  /// - Returns: Whether that leaves the whole check undecided.
  static func leaveRedis(
    _ charges: inout [Charge], _ set: PolicySet, _ live: LiveWeirs?, where isAway: (Int) -> Bool = { _ in true }
  ) -> Bool {
    var isUndecided = false
    for index in charges.indices where charges[index].isForRedis && isAway(index) {
      if charges[index].onStoreFailure == .memory {
        charges[index].place = .fallback
        let share = live?.share(in: set.policies[Int(charges[index].policy)].domain) ?? 1
        charges[index].limit = charges[index].limit.share(of: share)
      } else {
        charges[index].place = .nowhere
        if charges[index].failsClosed { isUndecided = true }
      }
    }
    return isUndecided
  }
}
