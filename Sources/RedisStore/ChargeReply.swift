// ChargeReply.swift: what charge.lua or hold.lua answered. The script has decided who is denied and has kept the states; every
// number of a decision is computed here, from the state that it returned, by the same code as in memory.
//
// A reply comes from another program: it is read to its end before anything is believed, and no number in it is used
// before it is known to be one that arithmetic can bear.

import Limiting
import Policies

/// Reads replies. What it holds is used again, so that it allocates nothing once it is warm.
struct ChargeReply: ~Copyable {
  /// The reply is not one to these tickets.
  struct Malformed: Error, Equatable {
    /// Where in the reply it stops making sense.
    var offset: Int
  }

  /// What the last reply showed: one entry a charge in Redis, in the order of the tickets and of their charges.
  private(set) var states: [ObservedState] = []
  /// Which of them count what others hold: that may be given back, so a denial by them must not be remembered.
  private(set) var countsHolds: [Bool] = []
  private var denials: [Bool] = []
  private var isFull: [Bool] = []

  /// Fills in what Redis decided: each charge in Redis its `decision`, each ticket its outcome, `isAllowed` and `unixNow`.
  ///
  /// Where a check was denied, a charge that would have allowed it describes its counter without the check, as the
  /// memory store does.
  ///
  /// A check that could not hold since too much is held under its key is failed: its outcome says so, and nothing of its
  /// charges has changed.
  ///
  /// - Parameters:
  ///   - tickets: Those of the call, in its order, as they were then.
  ///   - holds: Whether hold.lua was called, which says more.
  /// - Throws: With the tickets as they were.
  mutating func decode(_ reply: Span<UInt8>, into tickets: [Ticket], holds: Bool = false) throws(Malformed) {
    countsHolds.removeAll(keepingCapacity: true)
    isFull.removeAll(keepingCapacity: true)
    states.removeAll(keepingCapacity: true)
    denials.removeAll(keepingCapacity: true)
    var cursor = ReplyCursor()
    let now = try cursor.instant(reply)
    for ticket in tickets {
      for charge in ticket.charges where charge.isForRedis { try read(charge, reply, &cursor, holds) }
    }
    guard cursor.offset == reply.count else { throw cursor.malformed }

    var next = 0
    for ticket in tickets { decide(ticket, now, &next) }
  }

  private mutating func read(
    _ charge: Charge, _ reply: Span<UInt8>, _ cursor: inout ReplyCursor, _ holds: Bool
  ) throws(Malformed) {
    var head = try cursor.number(1, reply)
    countsHolds.append(holds && head & 16 == 16)
    isFull.append(holds && head & 8 == 8)
    if holds { head &= ~24 }
    denials.append(head & 1 == 1)
    switch (head >> 1, charge.limit.algorithm) {
    case (0, _): states.append(.nothing)
    case (1, .tokenBucket), (1, .fixedWindow), (1, .slidingWindow):
      states.append(try cell(charge.limit, reply, &cursor))
    case (2, .slidingLog):
      let summary = LogSummary(
        used: try cursor.number(4, reply), newest: try cursor.instant(reply), freeing: try cursor.instant(reply),
        fitting: try cursor.instant(reply))
      states.append(.log(summary, charge.limit, cost: charge.cost))
    default: throw cursor.malformed
    }
  }

  private func cell(
    _ limit: Limit, _ reply: Span<UInt8>, _ cursor: inout ReplyCursor
  ) throws(Malformed) -> ObservedState {
    let amount = UInt32(truncatingIfNeeded: try cursor.number(4, reply))
    let second = try cursor.number(6, reply)
    let instant = try cursor.instant(reply)
    // The script has carried the state to the charge's period, so that this is no news; but it bounds the arithmetic.
    guard try cursor.number(6, reply) == limit.period / 1000 else { throw cursor.malformed }
    var cell = Cell(amount: amount, instant: instant, period: limit.period)
    if limit.algorithm == .tokenBucket {
      guard second < limit.period / 1000 else { throw cursor.malformed }
      cell.remainder = second * 1000
    } else {
      guard let previous = UInt32(exactly: second) else { throw cursor.malformed }
      cell.previous = previous
    }
    return .cell(cell)
  }

  private func decide(_ ticket: Ticket, _ now: Int64, _ next: inout Int) {
    let first = next
    var isAllowed = true
    var hasFailed = false
    for charge in ticket.charges where charge.isForRedis {
      if isFull[next] { hasFailed = true }
      if denials[next], !charge.isShadow { isAllowed = false }
      next += 1
    }
    guard !hasFailed else {
      ticket.outcome = .failed
      return
    }
    var place = first
    let isCharged = isAllowed && !ticket.onlyLooks
    for index in ticket.charges.indices where ticket.charges[index].isForRedis {
      ticket.charges[index].decision = decision(ticket.charges[index], place, isCharged: isCharged, now)
      place += 1
    }
    ticket.isAllowed = isAllowed
    ticket.unixNow = now
    ticket.outcome = .decided
  }

  private func decision(_ charge: Charge, _ place: Int, isCharged: Bool, _ now: Int64) -> Decision {
    let denies = denials[place]
    let cost = denies || isCharged ? charge.cost : 0
    var decision = states[place].decision(limit: charge.limit, cost: cost, now: now)
    // They agree. But it is the script that has counted, or has not.
    if denies == decision.isAllowed { decision.outcome = denies ? .deny : .allow }
    return decision
  }
}

/// A place in a reply.
private struct ReplyCursor {
  private(set) var offset = 0

  var malformed: ChargeReply.Malformed { ChargeReply.Malformed(offset: offset) }

  /// Big-endian, of at most 7 bytes.
  mutating func number(_ count: Int, _ reply: Span<UInt8>) throws(ChargeReply.Malformed) -> Int64 {
    guard reply.count - offset >= count else { throw malformed }
    var value: Int64 = 0
    for _ in 0..<count {
      value = value << 8 | Int64(reply[offset])
      offset += 1
    }
    return value
  }

  /// An instant of 7 bytes in microseconds, below 2^53; in nanoseconds.
  mutating func instant(_ reply: Span<UInt8>) throws(ChargeReply.Malformed) -> Int64 {
    let value = try number(7, reply)
    guard value < 1 << 53 else { throw malformed }
    return value * 1000
  }
}
