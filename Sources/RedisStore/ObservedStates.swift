// ObservedStates.swift: what Redis showed at denials a moment ago, so that a flood on an exhausted key costs it nothing.
//
// A counter only fills while it is charged, so a state that denies a check now, with the time that has passed counted
// in, surely denies it in Redis too. It is judged with the numbers and the cost of the check in hand: a smaller cost or
// a reload with other numbers is asked about. What can empty a counter (its key deleted in Redis, by hand or by
// eviction) is noticed after `Bounds.observedTime`.
//
// A table of a fixed size, one place a counter by its digest; a newer counter takes the place of an older one.

import Limiting
import Policies

struct ObservedStates {
  private struct Place {
    var digest = KeyDigest()
    var slot: UInt32 = 0
    var state = ObservedState.none
    /// On the loop's clock; `Int64.min` in a place that was never used.
    var seenAt = Int64.min
    /// Redis's clock at the same time.
    var unix: Int64 = 0

    /// Redis's clock at `now`, as far as we know.
    func unix(at now: Int64) -> Int64 { unix + max(0, now - seenAt) }

    func decision(_ charge: Charge, cost: Int64, _ now: Int64) -> Decision? {
      if case .log(let log) = state, unix(at: now) >= log.nextFree + charge.limit.period { return nil }
      return state.decision(limit: charge.limit, cost: cost, now: unix(at: now))
    }
  }

  /// Allocated at the first denial.
  private var places: [Place] = []
  /// When the newest state was seen.
  private var newest = Int64.min

  /// Remembers a state that came with a denial.
  ///
  /// - Parameters:
  ///   - unix: Redis's clock when it was so.
  ///   - now: On the loop's clock.
  mutating func note(_ ticket: Ticket, _ index: Int, _ state: ObservedState, unix: Int64, at now: Int64) {
    if places.isEmpty { places = Array(repeating: Place(), count: Bounds.observedStates) }
    let slot = ticket.charges[index].slot
    places[Self.index(ticket.digests[index], slot)] = Place(
      digest: ticket.digests[index], slot: slot, state: state, seenAt: now, unix: unix)
    newest = now
  }

  /// Denies a ticket if what was seen of its counters denies it for sure, and fills in its decisions as a reply would.
  ///
  /// - Parameter now: On the loop's clock.
  func deny(_ ticket: Ticket, at now: Int64) -> Bool {
    guard newest > .min, now - newest <= Bounds.observedTime else { return false }
    var isDenied = false
    for index in ticket.charges.indices where ticket.charges[index].isForRedis {
      let charge = ticket.charges[index]
      guard let place = place(of: ticket, index, now),
        let decision = places[place].decision(charge, cost: charge.cost, now)
      else { return false }
      if !decision.isAllowed, !charge.isShadow { isDenied = true }
    }
    guard isDenied || ticket.onlyLooks else { return false }
    for index in ticket.charges.indices where ticket.charges[index].isForRedis {
      guard let place = place(of: ticket, index, now) else { continue }
      let charge = ticket.charges[index]
      let decision = places[place].decision(charge, cost: charge.cost, now)
      let isAllowed = decision?.isAllowed ?? true
      let shown = isAllowed ? places[place].decision(charge, cost: 0, now) : decision
      if let shown { ticket.charges[index].decision = shown }
      ticket.unixNow = places[place].unix(at: now)
    }
    ticket.isAllowed = !isDenied
    ticket.outcome = .decided
    return true
  }

  /// Where the state of a charge's counter is, if it was seen and is still believed.
  private func place(of ticket: Ticket, _ index: Int, _ now: Int64) -> Int? {
    let digest = ticket.digests[index]
    let slot = ticket.charges[index].slot
    let place = Self.index(digest, slot)
    guard places[place].seenAt > .min, now - places[place].seenAt <= Bounds.observedTime,
      places[place].digest == digest, places[place].slot == slot
    else { return nil }
    return place
  }

  private static func index(_ digest: KeyDigest, _ slot: UInt32) -> Int {
    let mixed = digest.low ^ (UInt64(slot) &* 0x9e37_79b9_7f4a_7c15)
    return Int(truncatingIfNeeded: mixed >> 32) & (Bounds.observedStates - 1)
  }
}
