import Limiting
import Policies
import TestKit
import Testing

@testable import RedisStore

@Suite("a reply of charge.lua") struct ChargeReplyTests {
  static let second: Int64 = 1_000_000_000
  static let bucket = Limit(algorithm: .tokenBucket, limit: 10, period: second)
  static let window = Limit(algorithm: .slidingWindow, limit: 10, period: second)
  static let log = Limit(algorithm: .slidingLog, limit: 10, period: second)
  static let now: Int64 = 1_700_000_000_000_000

  static func big(_ value: Int64, _ bytes: Int) -> [UInt8] {
    (0..<bytes).reversed().map { UInt8(truncatingIfNeeded: value >> Int64(8 * $0)) }
  }

  static func cell(_ units: Int64, _ second: Int64, _ instant: Int64, _ period: Int64 = 1_000_000) -> [UInt8] {
    big(units, 4) + big(second, 6) + big(instant, 7) + big(period, 6)
  }

  static func decode(_ bytes: [UInt8], _ tickets: [Ticket]) -> ChargeReply.Malformed? {
    var reply = ChargeReply()
    do {
      try reply.decode(bytes.span, into: tickets)
      return nil
    } catch {
      return error
    }
  }

  @Test("gives every charge in Redis its decision, and leaves the others alone")
  func decodes() {
    let ticket = ChargeCallTests.ticket(
      [Ask(Self.bucket, cost: 2), Ask(Self.window), Ask(Self.window), Ask(Self.log, cost: 3)],
      place: [.redis, .memory, .redis, .redis])
    let untouched = ticket.charges[1].decision
    let bytes =
      Self.big(Self.now, 7) + [2] + Self.cell(3, 500_000, Self.now) + [0]
      + [4] + Self.big(4, 4) + Self.big(Self.now - 10, 7) + Self.big(Self.now - 20, 7) + Self.big(0, 7)
    #expect(Self.decode(bytes, [ticket]) == nil)
    #expect(ticket.outcome == .decided && ticket.isAllowed && ticket.unixNow == Self.now * 1000)
    #expect(ticket.charges.map(\.decision.remaining) == [4, untouched.remaining, 9, 3])
    // 5.5 are owed, ten come in a second.
    #expect(ticket.charges[0].decision.reset == 550_000_000)
    #expect(ticket.charges[1].decision == untouched)
    #expect(ticket.charges[3].decision.nextUnit == Self.second - 20_000)
  }

  @Test("a denied check describes what would have allowed it as a look does; the denials keep their cost")
  func denied() {
    let asks = [Ask(Self.bucket, cost: 2), Ask(Self.bucket, cost: 9), Ask(Self.bucket, cost: 11, isShadow: true)]
    let state = Self.cell(3, 0, Self.now)
    let bytes = Self.big(Self.now, 7) + [2] + state + [3] + state + [3] + state
    for onlyLooks in [false, true] {
      let ticket = ChargeCallTests.ticket(asks, onlyLooks: onlyLooks)
      #expect(Self.decode(bytes, [ticket]) == nil)
      #expect(!ticket.isAllowed)
      #expect(ticket.charges.map(\.decision.outcome) == [.allow, .deny, .denyAlways])
      #expect(ticket.charges.map(\.decision.remaining) == [7, 7, 7])
      #expect(ticket.charges[1].decision.retryAfter == 200_000_000)
    }
  }

  @Test("a shadow charge's denial denies nothing; where another store denied, allowed charges are looks")
  func shadows() {
    let asks = [Ask(Self.bucket, cost: 2), Ask(Self.bucket, cost: 9, isShadow: true)]
    let state = Self.cell(3, 0, Self.now)
    let bytes = Self.big(Self.now, 7) + [2] + state + [3] + state
    for (onlyLooks, left) in [(false, Int64(5)), (true, 7)] {
      let ticket = ChargeCallTests.ticket(asks, onlyLooks: onlyLooks)
      #expect(Self.decode(bytes, [ticket]) == nil)
      #expect(ticket.isAllowed)
      #expect(ticket.charges.map(\.decision.remaining) == [left, 7])
      #expect(ticket.charges[1].decision.outcome == .deny)
    }
  }

  @Test(
    "is refused, with the tickets as they were, where it is none to them",
    arguments: [
      ("nothing", []), ("half a time", [0, 1, 2]), ("no charge", big(now, 7)), ("a head alone", big(now, 7) + [2]),
      ("a short cell", big(now, 7) + [2] + cell(1, 0, now).dropLast()),
      ("a byte too many", big(now, 7) + [2] + cell(1, 0, now) + [0]),
      ("a charge too many", big(now, 7) + [0] + [0]),
      ("a time beyond 2^53", big(1 << 53, 7) + [0]),
      ("an instant beyond 2^53", big(now, 7) + [2] + cell(1, 0, 1 << 53)),
      ("another period", big(now, 7) + [2] + cell(1, 0, now, 1_000_001)),
      ("no period", big(now, 7) + [2] + cell(1, 0, now, 0)),
      ("a whole remainder", big(now, 7) + [2] + cell(1, 1_000_000, now)),
      ("a log for a cell", big(now, 7) + [4] + Array(repeating: 0, count: 25)),
      ("an unknown head", big(now, 7) + [8]), ("an error", Array("ERR something".utf8)),
    ] as [(String, [UInt8])])
  func malformed(_ what: String, _ bytes: [UInt8]) {
    let tickets = [ChargeCallTests.ticket([]), ChargeCallTests.ticket([Ask(Self.bucket)])]
    let before = tickets[1].charges[0].decision
    #expect(Self.decode(bytes, tickets) != nil, "\(what)")
    #expect(tickets.allSatisfy { $0.outcome == .pending })
    #expect(tickets[1].charges[0].decision == before)
    // A cell for a log, and a previous count above 32 bits.
    let log = ChargeCallTests.ticket([Ask(Self.log)])
    #expect(Self.decode(Self.big(Self.now, 7) + [2] + Self.cell(1, 0, Self.now), [log]) != nil)
    let window = ChargeCallTests.ticket([Ask(Self.window)])
    #expect(Self.decode(Self.big(Self.now, 7) + [2] + Self.cell(1, 1 << 32, Self.now), [window]) != nil)
  }

  @Test("a log that is said to be in force though all of it has left makes no wait negative")
  func leftLog() {
    let before = Self.now - 5_000_000
    for (head, cost) in [(UInt8(5), Int64(1)), (4, 0)] {
      let ticket = ChargeCallTests.ticket([Ask(Self.log, cost: cost)])
      let log = Self.big(10, 4) + Self.big(before, 7) + Self.big(before, 7) + Self.big(before, 7)
      #expect(Self.decode(Self.big(Self.now, 7) + [head] + log, [ticket]) == nil)
      let decision = ticket.charges[0].decision
      #expect(decision.isAllowed == (head == 4))
      #expect([decision.retryAfter, decision.reset, decision.nextUnit] == [0, 0, 0])
    }
  }

  @Test("random bytes are refused or decoded, and never more than that", arguments: Algorithm.allCases)
  func random(_ algorithm: Algorithm) {
    var generator = SeededGenerator(seed: 11)
    var decoded = 0
    let periods: [Int64] = [1_000_000, Limiting.Bounds.period.upperBound]
    for turn in 0..<4000 {
      var limit = Limit(
        algorithm: algorithm, limit: generator.pick([1, 10, 100_000]), period: generator.pick(periods))
      if algorithm == .tokenBucket { limit.burst = generator.pick([1, 1_000_000_000]) }
      let ticket = ChargeCallTests.ticket([Ask(limit, cost: generator.pick([0, 1, 7, 1_000_000_000_000_000]))])
      let head: UInt8 = algorithm == .slidingLog ? 4 : 2
      var bytes = [UInt8](repeating: 0, count: 7 + 1 + (algorithm == .slidingLog ? 25 : 23))
      for index in bytes.indices {
        bytes[index] = generator.pick([0, 0x1f, 0xff, UInt8.random(in: 0...255, using: &generator)])
      }
      bytes[0] = 0
      bytes[7] = head + UInt8.random(in: 0...1, using: &generator)
      if algorithm != .slidingLog { bytes.replaceSubrange(25..., with: Self.big(limit.period / 1000, 6)) }
      if Self.decode(bytes, [ticket]) == nil {
        decoded += 1
        let decision = ticket.charges[0].decision
        #expect(decision.isAllowed == (bytes[7] & 1 == 0), "turn \(turn): the script's outcome stands")
      }
    }
    #expect(decoded > 100, "\(decoded) of 4000 were well-formed")
  }
}
