// ChargeCall.swift: one call of charge.lua, which says what travels: tickets to the bytes of an EVALSHA, and its reply
// back to decisions. The buffers are used again, so that a call allocates nothing once they are warm.

import Limiting
import Policies

/// A reply that the script would not give.
struct MalformedReply: Error, Equatable {}

/// Encodes and decodes calls. Holds nothing between two of them.
struct ChargeCall {
  /// Keys, each as an argument.
  private var keys: [UInt8] = []
  /// The argument that describes the checks.
  private var checks: [UInt8] = []
  private(set) var chargeCount = 0

  mutating func begin() {
    keys.removeAll(keepingCapacity: true)
    checks.removeAll(keepingCapacity: true)
    chargeCount = 0
  }

  /// Adds a check.
  mutating func append(_ ticket: Ticket) {
    checks.append(ticket.onlyLooks ? 1 : 0)
    checks.append(bigEndian: UInt64(ticket.redisCharges), count: 2)
    for index in ticket.charges.indices where ticket.charges[index].isForRedis {
      ticket.names.appendArgument(ticket.digests[index], policy: ticket.charges[index].policy, to: &keys)
      append(ticket.charges[index])
    }
    chargeCount += ticket.redisCharges
  }

  private mutating func append(_ charge: Charge) {
    let limit = charge.limit
    checks.append(limit.algorithm.rawValue)
    checks.append(charge.isShadow ? 1 : 0)
    checks.append(bigEndian: limit.limit.magnitude, count: 4)
    checks.append(bigEndian: limit.burst.magnitude, count: 4)
    checks.append(bigEndian: (limit.period / Self.microsecond).magnitude, count: 6)
    checks.append(bigEndian: min(charge.cost, Self.largestCost).magnitude, count: 4)
  }

  /// No limit holds a cost above it, so that all such costs are the same.
  private static let largestCost = Limiting.Bounds.limit.upperBound + 1
  static let microsecond: Int64 = 1_000

  /// Appends the command.
  func write(to bytes: inout [UInt8]) {
    RedisArgument.command(arguments: 4 + chargeCount, in: &bytes)
    bytes.append("$7\r\nEVALSHA\r\n")
    RedisArgument.append(Scripts.charge.digest, to: &bytes)
    RedisArgument.append(number: chargeCount, to: &bytes)
    bytes.append(contentsOf: keys)
    RedisArgument.append(checks, to: &bytes)
  }

  // MARK: The reply

  /// Fills in what Redis decided about `tickets`, which are those of the call, in order.
  ///
  /// - Parameter observe: Told the state of each counter before its check, where the check was denied.
  static func decode(
    _ reply: Span<UInt8>, into tickets: [Ticket], _ observe: (Ticket, Int, ObservedState) -> Void
  ) throws(MalformedReply) {
    var reader = StateReader(offset: 0)
    let now = try reader.instant(reply)
    for ticket in tickets {
      let isAllowed = try reader.number(reply, count: 1) == 1
      ticket.unixNow = now
      for index in ticket.charges.indices where ticket.charges[index].isForRedis {
        let charge = ticket.charges[index]
        let state = try reader.state(reply, of: charge)
        guard var decision = state.decision(limit: charge.limit, cost: charge.cost, now: now) else {
          throw MalformedReply()
        }
        if !isAllowed || ticket.onlyLooks {
          observe(ticket, index, state)
          // What a denied check shows of a counter that would have allowed it.
          if decision.isAllowed, charge.cost > 0 {
            decision = state.decision(limit: charge.limit, cost: 0, now: now) ?? decision
          }
        }
        ticket.charges[index].decision = decision
      }
      ticket.isAllowed = isAllowed
    }
    guard reader.offset == reply.count else { throw MalformedReply() }
  }
}

/// Takes a reply apart, from front to back.
struct StateReader {
  var offset: Int

  /// `count` bytes, the most significant first.
  mutating func number(_ bytes: Span<UInt8>, count: Int) throws(MalformedReply) -> Int64 {
    guard bytes.count - offset >= count else { throw MalformedReply() }
    var value: UInt64 = 0
    for index in offset..<offset + count { value = value << 8 | UInt64(bytes[index]) }
    offset += count
    // What a Lua number holds exactly.
    guard value < 1 << 53 else { throw MalformedReply() }
    return Int64(value)
  }

  /// Eight bytes of microseconds, as nanoseconds.
  mutating func instant(_ bytes: Span<UInt8>) throws(MalformedReply) -> Int64 {
    try time(bytes, count: 8)
  }

  private mutating func time(_ bytes: Span<UInt8>, count: Int) throws(MalformedReply) -> Int64 {
    let microseconds = try number(bytes, count: count)
    let (nanoseconds, overflows) = microseconds.multipliedReportingOverflow(by: ChargeCall.microsecond)
    guard !overflows else { throw MalformedReply() }
    return nanoseconds
  }

  mutating func state(_ bytes: Span<UInt8>, of charge: Charge) throws(MalformedReply) -> ObservedState {
    switch try number(bytes, count: 1) {
    case 0: return .none
    case 1 where charge.limit.algorithm != .slidingLog: return .cell(try cell(bytes, charge.limit.algorithm))
    case 2 where charge.limit.algorithm == .slidingLog:
      return .log(
        ObservedState.LogState(
          used: try number(bytes, count: 8), newest: try instant(bytes), nextFree: try instant(bytes),
          fits: try instant(bytes), limit: charge.limit, cost: charge.cost))
    default: throw MalformedReply()
    }
  }

  private mutating func cell(_ bytes: Span<UInt8>, _ algorithm: Algorithm) throws(MalformedReply) -> Cell {
    let amount = try number(bytes, count: 4)
    let isBucket = algorithm == .tokenBucket
    let second = isBucket ? try time(bytes, count: 6) : try number(bytes, count: 6)
    let instant = try time(bytes, count: 7)
    let period = try time(bytes, count: 6)
    guard period > 0, isBucket ? second < period : second <= UInt32.max else { throw MalformedReply() }
    return Cell(
      amount: UInt32(amount), previous: isBucket ? 0 : UInt32(second), remainder: isBucket ? second : 0,
      instant: instant, period: period)
  }
}
