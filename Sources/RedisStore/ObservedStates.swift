// ObservedStates.swift: what Redis showed at denials a moment ago, so that a flood on an exhausted key costs it nothing.
//
// A counter only fills while it is charged, so a state that denies a check now, with the time that has passed counted
// in, surely denies it in Redis too. It is judged with the numbers and the cost of the check in hand: a smaller cost or
// a reload with other numbers is asked about, and so is a counter of which this process has admitted since
// (`AdmissionTimes`). One counter that denies is enough: the check's others, which the whole world may be charging, need
// not be known. What can empty a counter (its key deleted in Redis, by hand or by eviction) is noticed after
// `Bounds.observedTime`.
//
// One a worker, shared by its connections. A table of a fixed size, one place a counter by its digest; a newer counter
// takes the place of an older one.

import Limiting
import Policies

final class ObservedStates {
  private struct Place {
    var digest = KeyDigest()
    var slot: UInt32 = 0
    var state = ObservedState.nothing
    /// On the loop's clock; `Int64.min` in a place that was never used.
    var seenAt = Int64.min
    /// Redis's clock when it decided, between asking and `seenAt`.
    var unix: Int64 = 0
    /// Nanoseconds from asking to `seenAt`.
    var latency: Int64 = 0

    var askedAt: Int64 { seenAt - latency }

    /// The earliest that Redis's clock may show at `now`: numbers that count from it are never too small.
    func unix(at now: Int64) -> Int64 { unix + max(0, now - seenAt) }

    /// What the charge surely gets; nil unless that is a denial, also at the latest that Redis's clock may show.
    func denial(_ charge: Charge, _ now: Int64) -> Decision? {
      let earliest = unix(at: now)
      guard state.denial(limit: charge.limit, cost: charge.cost, now: earliest + latency) != nil else { return nil }
      return state.denial(limit: charge.limit, cost: charge.cost, now: earliest)
    }

    /// The denial, or the numbers of a counter that may allow, as they were but for the time that has passed; nil where
    /// only Redis can say: of a log, once its next unit is free or its limit is another.
    func shown(_ charge: Charge, _ now: Int64) -> Decision? {
      if let denial = denial(charge, now) { return denial }
      if case .log(let summary, let limit, _) = state {
        guard limit == charge.limit, summary.used == 0 || unix(at: now) - summary.freeing < limit.period else {
          return nil
        }
      }
      return state.decision(limit: charge.limit, cost: 0, now: unix(at: now))
    }
  }

  private let admissions: AdmissionTimes
  /// Allocated at the first denial.
  private var places: [Place] = []
  /// When the newest state was seen.
  private var newest = Int64.min
  /// When keys were forgotten last. What was asked before that may have been answered before their reset.
  private var forgottenAt = Int64.min

  init(_ admissions: AdmissionTimes) { self.admissions = admissions }

  /// Remembers a state that came with a denial.
  ///
  /// - Parameters:
  ///   - ticket: Decided just now.
  ///   - index: Of the charge.
  ///   - askedAt: When the call was sent, on the loop's clock.
  ///   - now: On the same clock.
  func note(
    _ ticket: Ticket, _ index: Int, _ state: ObservedState, askedAt: Int64, at now: Int64
  ) {
    guard askedAt > forgottenAt else { return }
    if places.isEmpty { places = Array(repeating: Place(), count: Bounds.observedStates) }
    let slot = ticket.charges[index].slot
    places[Self.index(ticket.digests[index], slot)] = Place(
      digest: ticket.digests[index], slot: slot, state: state, seenAt: now, unix: ticket.unixNow,
      latency: max(0, now - askedAt))
    newest = now
  }

  /// Forgets what was seen of keys that were reset, under whichever policy.
  ///
  /// - Parameter now: On the loop's clock. What is sent later is answered by counters that began anew.
  func forget(_ keys: ResetKeys, at now: Int64) {
    guard !keys.isEmpty else { return }
    forgottenAt = now
    for place in places.indices where keys.contains(places[place].digest) { places[place].seenAt = .min }
  }

  /// Tells all workers that the counters of an admitted check hold more than was seen: a denial would name too short a
  /// wait.
  ///
  /// - Parameter now: After the reply that admitted it; on the loop's clock, which is that of all workers.
  func admitted(_ ticket: Ticket, at now: Int64) {
    for index in ticket.charges.indices where ticket.charges[index].isForRedis {
      admissions.note(Self.index(ticket.digests[index], ticket.charges[index].slot), at: now)
    }
  }

  /// What is known of a ticket's counters.
  private struct Known {
    /// Of the denials by enforcing charges the one that binds; and whether nothing was admitted there since.
    var binding: Decision?
    var isFresh = false
    /// Whether something is known of each counter; and of each whose policy fails closed.
    var isWhole = true
    var isWholeOfClosed = true
    /// The latest that the servers' clocks show.
    var unix: Int64 = 0
  }

  /// Denies a ticket if what was seen of its counters denies it for sure, and fills in its decisions as a reply would.
  ///
  /// One counter that denies is enough, if nothing was admitted there since, so that its wait is right, and its charge
  /// binds. The others tell what was seen of them last, without what was admitted since; a charge of whose counter
  /// nothing is known becomes `.unasked`. But where that fails closed Redis is asked: only Redis can say whether it can
  /// decide. A ticket that only looks is denied already; for that, something must be known of each counter.
  ///
  /// - Parameter now: On the loop's clock.
  func deny(_ ticket: Ticket, at now: Int64) -> Bool {
    guard newest > .min, now - newest <= Bounds.observedTime else { return false }
    let known = known(ticket, now)
    let isDenied = known.binding != nil
    guard known.isWholeOfClosed, isDenied ? known.isFresh : ticket.onlyLooks && known.isWhole else { return false }
    for index in ticket.charges.indices where ticket.charges[index].isForRedis {
      guard let place = place(of: ticket, index, now), var shown = places[place].shown(ticket.charges[index], now)
      else {
        ticket.charges[index].place = .unasked
        continue
      }
      // Counted from one instant, as in a reply.
      shown.reset = max(0, shown.reset - (known.unix - places[place].unix(at: now)))
      ticket.charges[index].decision = shown
    }
    ticket.unixNow = known.unix
    ticket.isAllowed = !isDenied
    ticket.outcome = .decided
    return true
  }

  private func known(_ ticket: Ticket, _ now: Int64) -> Known {
    var known = Known()
    for index in ticket.charges.indices where ticket.charges[index].isForRedis {
      let charge = ticket.charges[index]
      guard let place = place(of: ticket, index, now), let shown = places[place].shown(charge, now) else {
        known.isWhole = false
        if charge.failsClosed { known.isWholeOfClosed = false }
        continue
      }
      known.unix = max(known.unix, places[place].unix(at: now))
      guard !charge.isShadow, !shown.isAllowed else { continue }
      if let binding = known.binding, !shown.binds(over: binding) { continue }
      known.binding = shown
      known.isFresh = admissions.last(place) < places[place].askedAt
    }
    return known
  }

  /// Where the state of a charge's counter is, if it was seen not too long ago.
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
