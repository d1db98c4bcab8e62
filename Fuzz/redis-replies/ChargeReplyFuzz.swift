// ChargeReplyFuzz.swift: what charge.lua, hold.lua and settle.lua answer to checks that are made of the input.
//
// Two ways: any bytes as the answer, which a slow reader must understand alike or refuse alike; and an honest answer,
// made of known states and of what Limiting decides on them, which must come out as these states and decisions.
// Nothing that is refused changes a ticket, so that no admission is ever made up.

import Limiting

@testable import Policies
@testable import RedisStore

enum ChargeReplyFuzz {
  /// The state of one counter, as it stands in an answer.
  private struct Shown {
    var head: UInt8
    var state: ObservedState
  }

  private struct Slow {
    var now: Int64
    /// One a charge.
    var shown: [Shown]
  }

  // MARK: Any answer

  static func checkAny(_ bytes: [UInt8]) throws(Broken) {
    var choices = Choices(bytes)
    let holds = choices.flag()
    let tickets = Self.tickets(&choices)
    let answer = choices.rest()
    let slow = read(answer, tickets, holds: holds)
    let isTaken = try decode(answer, tickets, holds: holds)
    try require(isTaken == (slow != nil), isTaken ? "a wrong answer was believed" : "a proper answer was refused")
    if let slow { try checkDecided(tickets, slow, holds: holds, isHonest: false) }
    try checkSettled(answer, tickets)
  }

  private static func checkSettled(_ answer: [UInt8], _ tickets: [Ticket]) throws(Broken) {
    let before = tickets.map(\.isAllowed)
    let isProper = answer.count == tickets.count && answer.allSatisfy { $0 <= 1 }
    let isTaken = (try? SettleCall.decode(answer.span, into: tickets)) != nil
    try require(isTaken == isProper, "a wrong settlement was believed, or a proper one refused")
    let after = tickets.map(\.isAllowed)
    try require(after == (isTaken ? answer.map { $0 == 1 } : before), "settled otherwise than told")
  }

  // MARK: Honest answers

  static func checkHonest(_ bytes: [UInt8]) throws(Broken) {
    var choices = Choices(bytes)
    let holds = choices.flag()
    let tickets = Self.tickets(&choices)
    let now = 1_000 * (choices.number(7) & (1 << 50 - 1))
    var answer = big(now / 1_000, 7)
    var slow = Slow(now: now, shown: [])
    for charge in tickets.flatMap(\.charges) where charge.isForRedis {
      let state = state(of: charge.limit, cost: charge.cost, now: now, &choices)
      let isAllowed = decide(state, charge.limit, charge.cost, now).isAllowed
      // What a script says of holds goes with any state.
      let flags: UInt8 = holds && choices.below(8) == 0 ? choices.pick([8, 16, 24]) : 0
      let shown = Shown(head: kind(of: state) << 1 | (isAllowed ? 0 : 1) | flags, state: state)
      answer += [shown.head] + self.bytes(state, charge.limit)
      slow.shown.append(shown)
    }
    for wrong in [answer + [0], Array(answer.dropLast()), big(1 << 53, 7) + answer.dropFirst(7)] {
      try require(!(try decode(wrong, tickets, holds: holds)), "an answer of a wrong shape was believed")
    }
    try require(try decode(answer, tickets, holds: holds), "an honest answer was refused")
    try checkDecided(tickets, slow, holds: holds, isHonest: true)
    try checkCall(tickets)
  }

  /// The call that asks is one RESP array of strings, with a record of 19 bytes a charge.
  private static func checkCall(_ tickets: [Ticket]) throws(Broken) {
    let charges = tickets.flatMap(\.charges).count { $0.isForRedis }
    guard charges > 0 else { return }
    var call = ChargeCall()
    for ticket in tickets { call.append(ticket) }
    var bytes: [UInt8] = []
    call.write(to: &bytes)
    guard case .value(let command, bytes.count) = ReferenceRESP.read(bytes), let words = command.elements else {
      throw Broken("a call that is no command")
    }
    try require(words.count == 4 + charges && words.last?.bytes.count == 19 * charges, "a call of another length")
    try require(words[2] == .text(String(charges)), "a call with another number of keys")
  }

  // MARK: What came of it

  /// Whether the answer was believed. Where it was not, the tickets must be as they were.
  private static func decode(_ answer: [UInt8], _ tickets: [Ticket], holds: Bool) throws(Broken) -> Bool {
    let before = tickets.map { $0.charges.map(\.decision) }
    var reply = ChargeReply()
    do throws(ChargeReply.Malformed) {
      try reply.decode(answer.span, into: tickets, holds: holds)
    } catch {
      try require((0...answer.count).contains(error.offset), "an error outside the answer")
      for (ticket, before) in zip(tickets, before) {
        try require(ticket.outcome == .pending && !ticket.isAllowed, "a refused answer decides")
        try require(ticket.charges.map(\.decision) == before, "a refused answer changes a decision")
      }
      return false
    }
    return true
  }

  private static func checkDecided(
    _ tickets: [Ticket], _ slow: Slow, holds: Bool, isHonest: Bool
  ) throws(Broken) {
    var rest = slow.shown[...]
    for ticket in tickets {
      let charges = ticket.charges.filter(\.isForRedis)
      let shown = Array(rest.prefix(charges.count))
      rest = rest.dropFirst(charges.count)
      guard !holds || shown.allSatisfy({ $0.head & 8 == 0 }) else {
        try require(ticket.outcome == .failed && !ticket.isAllowed, "a check that could not hold was decided")
        continue
      }
      let isAllowed = zip(charges, shown).allSatisfy { charge, shown in shown.head & 1 == 0 || charge.isShadow }
      try require(ticket.outcome == .decided && ticket.isAllowed == isAllowed, "allowed, or not, otherwise than told")
      try require(ticket.unixNow == slow.now, "decided at another time")
      for (charge, shown) in zip(charges, shown) {
        let denies = shown.head & 1 == 1
        try require(charge.decision.isAllowed != denies, "a charge is allowed otherwise than told")
        let spends = denies || (isAllowed && !ticket.onlyLooks)
        let expected = decide(shown.state, charge.limit, spends ? charge.cost : 0, slow.now)
        try require(!isHonest || expected.isAllowed != denies, "an honest denial that Limiting does not give")
        if expected.isAllowed != denies { try require(charge.decision == expected, "other numbers than Limiting's") }
        let decision = charge.decision
        try require((0...decision.limit).contains(decision.remaining), "\(decision.remaining) remaining")
        try require(
          min(decision.retryAfter, decision.reset, decision.nextUnit) >= 0, "a negative wait in \(decision) of \(shown)"
        )
      }
      for charge in ticket.charges where !charge.isForRedis {
        try require(charge.decision.remaining == charge.limit.capacity, "a charge that is not in Redis was decided")
      }
    }
  }

  private static func decide(_ state: ObservedState, _ limit: Limit, _ cost: Int64, _ now: Int64) -> Decision {
    switch state {
    case .cell(let cell): Limiter.decide(cell, limit: limit, cost: cost, now: now).decision
    case .log(let summary, _, _): SlidingLog.decide(summary, limit: limit, cost: cost, now: now)
    case .nothing where limit.algorithm == .slidingLog: SlidingLog.decide(nil, limit: limit, cost: cost, now: now)
    case .nothing: Limiter.decide(Cell(), limit: limit, cost: cost, now: now).decision
    }
  }

  // MARK: Tickets

  private static let names = KeyNames(
    Algorithm.allCases.map {
      Policy(name: "p\($0.rawValue)", limit: Limit(algorithm: $0, limit: 1, period: 1_000_000), store: .redis)
    })

  private static func tickets(_ choices: inout Choices) -> [Ticket] {
    (0..<1 + choices.below(3)).map { _ in
      let charges = (0..<choices.below(4)).map { _ in charge(&choices) }
      let ticket = Ticket()
      let keys: [UInt8] = [1, 2, 3]
      ticket.fill(charges, keys: keys.span, names: names, arrival: 0)
      ticket.onlyLooks = choices.below(4) == 3
      return ticket
    }
  }

  private static func charge(_ choices: inout Choices) -> Charge {
    let algorithm = choices.pick(Algorithm.allCases)
    var limit = Limit(
      algorithm: algorithm, limit: choices.pick([1, 2, 10, 99_999, 100_000]),
      period: choices.pick([1_000_000, 1_000_000_000, 60_000_000_000, Limiting.Bounds.period.upperBound]))
    if algorithm == .tokenBucket { limit.burst = choices.pick([1, 7, 1_000_000_000]) }
    return Charge(
      policy: Int32(algorithm.rawValue), slot: 1, keyStart: 0, keyCount: 3, effect: .limit, isShadow: choices.flag(),
      place: choices.below(8) == 7 ? .memory : .redis, limit: limit,
      cost: choices.pick([1, 0, 2, 10, 100_001, 1_000_000_000_000_000]))
  }

  // MARK: States

  private static func kind(of state: ObservedState) -> UInt8 {
    switch state {
    case .nothing: 0
    case .cell: 1
    case .log: 2
    }
  }

  /// Any state that a counter of this limit can be in.
  private static func state(of limit: Limit, cost: Int64, now: Int64, _ choices: inout Choices) -> ObservedState {
    if choices.below(4) == 0 { return .nothing }
    let ago = 1_000 * choices.pick([0, 1, choices.number(3), limit.period / 1_000, choices.number(5)] as [Int64])
    let instant = max(0, now - ago)
    switch limit.algorithm {
    case .tokenBucket:
      var cell = Cell(amount: amount(limit, &choices), instant: instant, period: limit.period)
      cell.remainder = choices.number(6) % (limit.period / 1_000) * 1_000
      return .cell(cell)
    case .fixedWindow, .slidingWindow:
      var cell = Cell(
        amount: amount(limit, &choices), instant: instant / limit.period * limit.period, period: limit.period)
      cell.instant = cell.instant / 1_000 * 1_000
      cell.previous = amount(limit, &choices)
      return .cell(cell)
    case .slidingLog:
      let used = Int64(amount(limit, &choices))
      // What is in force has not left.
      let entered = used > 0 ? max(instant, now - limit.period + 1_000) : instant
      return .log(LogSummary(used: used, newest: entered, freeing: entered, fitting: entered), limit, cost: cost)
    }
  }

  private static func amount(_ limit: Limit, _ choices: inout Choices) -> UInt32 {
    let most = UInt32(limit.capacity)
    return choices.pick([0, 1, most / 2, most - 1, most, most + 1, .max, UInt32(choices.number(3))])
  }

  private static func bytes(_ state: ObservedState, _ limit: Limit) -> [UInt8] {
    switch state {
    case .nothing: return []
    case .cell(let cell):
      let second = limit.algorithm == .tokenBucket ? cell.remainder / 1_000 : Int64(cell.previous)
      return big(Int64(cell.amount), 4) + big(second, 6) + big(cell.instant / 1_000, 7) + big(limit.period / 1_000, 6)
    case .log(let summary, _, _):
      let instants = [summary.newest, summary.freeing, summary.fitting]
      return big(summary.used, 4) + instants.flatMap { big($0 / 1_000, 7) }
    }
  }

  private static func big(_ number: Int64, _ count: Int64) -> [UInt8] {
    (0..<count).reversed().map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
  }

  // MARK: The slow reading

  /// nil where it is no answer to these tickets.
  private static func read(_ answer: [UInt8], _ tickets: [Ticket], holds: Bool) -> Slow? {
    var rest = answer[...]
    func take(_ count: Int) -> Int64? {
      guard rest.count >= count else { return nil }
      defer { rest = rest.dropFirst(count) }
      return rest.prefix(count).reduce(0) { $0 << 8 | Int64($1) }
    }
    func instant() -> Int64? { take(7).flatMap { $0 < 1 << 53 ? $0 * 1_000 : nil } }
    guard let now = instant() else { return nil }
    var slow = Slow(now: now, shown: [])
    for charge in tickets.flatMap(\.charges) where charge.isForRedis {
      guard let first = take(1) else { return nil }
      let head = UInt8(first)
      let isLog = charge.limit.algorithm == .slidingLog
      let state: ObservedState
      switch (holds ? head & 0xe7 : head) >> 1 {
      case 0: state = .nothing
      case 1 where !isLog:
        guard let amount = take(4), let second = take(6), let at = instant(), let period = take(6),
          period * 1_000 == charge.limit.period
        else { return nil }
        var cell = Cell(amount: UInt32(amount), instant: at, period: charge.limit.period)
        if charge.limit.algorithm == .tokenBucket {
          guard second < period else { return nil }
          cell.remainder = second * 1_000
        } else {
          guard second <= Int64(UInt32.max) else { return nil }
          cell.previous = UInt32(second)
        }
        state = .cell(cell)
      case 2 where isLog:
        guard let used = take(4), let newest = instant(), let freeing = instant(), let fitting = instant() else {
          return nil
        }
        let summary = LogSummary(used: used, newest: newest, freeing: freeing, fitting: fitting)
        state = .log(summary, charge.limit, cost: charge.cost)
      default: return nil
      }
      slow.shown.append(Shown(head: head, state: state))
    }
    return rest.isEmpty ? slow : nil
  }
}
