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
  }

  /// Allocated at the first denial.
  private var places: [Place] = []
  /// Of the newest state.
  private var newest = Int64.min

  /// Denies a ticket if what was seen of its counters denies it for sure, and fills in its decisions as a reply would.
  ///
  /// - Parameter now: On the loop's clock.
  mutating func deny(_ ticket: Ticket, at now: Int64) -> Bool {
    guard newest > .min, now - newest <= Bounds.observedTime else { return false }
    var isDenied = ticket.onlyLooks
    for index in ticket.charges.indices where ticket.charges[index].isForRedis {
      guard let place = place(of: ticket, index, now),
        let decision = decision(places[place], ticket.charges[index], cost: ticket.charges[index].cost, now)
      else { return false }
      if !decision.isAllowed, !ticket.charges[index].isShadow { isDenied = true }
    }
    guard isDenied else { return false }
    for index in ticket.charges.indices where ticket.charges[index].isForRedis {
      guard let place = place(of: ticket, index, now),
        let decision = decision(places[place], ticket.charges[index], cost: ticket.charges[index].cost, now),
        let look = decision.isAllowed ? self.decision(places[place], ticket.charges[index], cost: 0, now) : decision
      else { return false }
      ticket.charges[index].decision = look
      if !look.isAllowed, !ticket.charges[index].isShadow { ticket.isAllowed = false }
      ticket.unixNow = unix(places[place], now)
    }
    return true
  }
}
