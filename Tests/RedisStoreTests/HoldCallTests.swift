import Limiting
import Policies
import TestKit
import Testing

@testable import RedisStore

@Suite("calls of hold.lua and settle.lua") struct HoldCallTests {
  typealias Calls = ChargeCallTests
  static let hash = Array("weir:{ungWv48Bz-pBQUDeXa4iIw}".utf8)

  static func ticket(_ asks: [Ask], _ work: Ticket.Work, token: UInt64 = 0, life: Int64 = 0) -> Ticket {
    let ticket = Calls.ticket(asks)
    for index in asks.indices { ticket.charges[index].policy = Int32(asks[index].slot) }
    ticket.work = work
    ticket.token = token
    ticket.holdLife = life
    return ticket
  }

  static func field(_ policy: Int) -> [UInt8] {
    var field: [UInt8] = []
    Calls.names.appendField(policy: policy, to: &field)
    return field
  }

  static let bucket: [UInt8] = [0x3b, 0x9a, 0xca, 0, 0, 0, 1, 2, 0x1c, 0xc2, 0xa9, 0xeb, 0x40, 0]
  static let log: [UInt8] = [0, 0, 0, 5, 0, 0, 0, 5, 0, 0, 0, 0, 3, 0xe8]

  @Test("hold.lua gets one hash, each log once, a record and a field a charge, and token and life of what holds")
  func hold() {
    let asks = [Ask(slot: 0, key: "abc", Calls.bucket), Ask(slot: 1, key: "abc", Calls.log, cost: 7, isShadow: true)]
    let tickets = [
      Self.ticket(asks, .charge), Self.ticket(asks, .hold, token: 0x0102_0304_0506_0708, life: 50_000_999),
      Self.ticket([asks[1]], .hold, token: .max, life: .max), Self.ticket([asks[0]], .hold, token: 5, life: -1),
    ]
    var call = HoldCall()
    var buffer: [UInt8] = [1]
    for ticket in tickets { call.append(ticket) }
    let look = Self.ticket([asks[0]], .hold, token: 9, life: 9)
    look.onlyLooks = true
    call.append(look)
    #expect(call.charges == 7)
    call.write(to: &buffer)
    var list: [UInt8] = []
    Calls.names.append(policy: 1, key: KeyDigest(Array("abc".utf8).span), to: &list)
    let one: [UInt8] = [0, 0, 0, 1]
    let seven: [UInt8] = [0, 0, 0, 7]
    let records: [[UInt8]] = [
      [0] + Self.bucket + one, [3 + 4 + 16] + Self.log + seven, [32] + Self.bucket + one,
      [3 + 4 + 16 + 32] + Self.log + seven, [3 + 4 + 16 + 32] + Self.log + seven, [16 + 32] + Self.bucket + one,
      [8 + 16] + Self.bucket + one,
    ]
    let holds: [UInt8] =
      [1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0xc3, 0x50] + Array(repeating: 0xff, count: 8) + [0, 0x98, 0x96, 0x80]
      + [0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0]
    let words =
      [Array("EVALSHA".utf8), Script.hold.digest, [UInt8(ascii: "2")], Self.hash, list, records.flatMap { $0 }, holds]
      + [0, 1, 0, 1, 1, 0, 0].map(Self.field)
    #expect(Array(buffer.dropFirst()) == ScriptRig.bytes(words))
    #expect(call.charges == 0)
  }

  @Test("settle.lua gets token, task and number of charges of each check")
  func settle() {
    let asks = [Ask(slot: 1, key: "abc", Calls.log), Ask(slot: 0, key: "abc", Calls.bucket)]
    var call = SettleCall()
    var buffer: [UInt8] = []
    call.append(Self.ticket(asks, .confirm, token: 1))
    call.append(Self.ticket([asks[1]], .cancel, token: 2))
    #expect(call.checks == 2 && call.charges == 3)
    call.write(to: &buffer)
    var list: [UInt8] = []
    Calls.names.append(policy: 1, key: KeyDigest(Array("abc".utf8).span), to: &list)
    let one: [UInt8] = [0, 0, 0, 1]
    let records = [3] + Self.log + one + [16] + Self.bucket + one + [16] + Self.bucket + one
    let tasks: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 2] + [0, 0, 0, 0, 0, 0, 0, 2, 2, 0, 1]
    let words =
      [Array("EVALSHA".utf8), Script.settle.digest, [UInt8(ascii: "2")], Self.hash, list, records, tasks]
      + [1, 0, 0].map(Self.field)
    #expect(buffer == ScriptRig.bytes(words))
    #expect(call.checks == 0 && call.charges == 0)
  }

  @Test("a call starts empty once it is written or forgotten, also for another key; no charge in Redis adds nothing")
  func empties() {
    var hold = HoldCall()
    var settle = SettleCall()
    var buffers: [[UInt8]] = []
    for key in ["x", "y", "x"] {
      let ask = Ask(slot: 1, key: key, Calls.log)
      hold.append(Self.ticket([Ask(slot: 1, key: "z", Calls.log)], .hold))
      hold.removeAll()
      settle.append(Self.ticket([Ask(slot: 1, key: "z", Calls.log)], .cancel))
      settle.removeAll()
      var buffer: [UInt8] = []
      hold.append(Calls.ticket([Ask(Calls.bucket, effect: .block)]))
      hold.append(Self.ticket([ask], .hold, token: 7, life: 1000))
      hold.write(to: &buffer)
      settle.append(Self.ticket([Ask(Calls.bucket, effect: .block)], .confirm))
      settle.append(Self.ticket([ask], .confirm, token: 7))
      settle.write(to: &buffer)
      buffers.append(buffer)
    }
    #expect(buffers[0] == buffers[2] && buffers[0] != buffers[1])
  }

  @Test("a reply of settle.lua is a byte a check, and anything else is refused with the tickets as they were")
  func settled() {
    let tickets = (0..<2).map { _ in Self.ticket([Ask(key: "x", Calls.bucket)], .confirm) }
    for wrong: [UInt8] in [[], [1], [1, 2], [0, 1, 1], Array("ERR".utf8)] {
      #expect(throws: ChargeReply.Malformed.self) { try SettleCall.decode(wrong.span, into: tickets) }
      #expect(tickets.allSatisfy { $0.outcome == .pending })
    }
    let right: [UInt8] = [0, 1]
    #expect(throws: Never.self) { try SettleCall.decode(right.span, into: tickets) }
    #expect(tickets.map(\.isAllowed) == [false, true] && tickets.allSatisfy { $0.outcome == .decided })
  }

  @Test("a reply of hold.lua says which states count holds, and which checks could not hold; charge.lua never does")
  func flags() {
    let asks = [Ask(key: "x", ChargeReplyTests.bucket), Ask(key: "x", ChargeReplyTests.bucket)]
    let head = ChargeReplyTests.big(ChargeReplyTests.now, 7)
    let state = ChargeReplyTests.cell(3, 0, ChargeReplyTests.now)
    let bytes = head + [16 + 2] + state + [8] + [2] + state + [16 + 3] + state
    let tickets = [Calls.ticket(asks), Calls.ticket(asks)]
    var reply = ChargeReply()
    #expect(throws: Never.self) { try reply.decode(bytes.span, into: tickets, holds: true) }
    #expect(tickets.map(\.outcome) == [.failed, .decided] && tickets.map(\.isAllowed) == [false, false])
    #expect(reply.countsHolds == [true, false, false, true] && reply.states.count == 4)
    #expect(tickets[1].charges.map(\.decision.outcome) == [.allow, .deny])
    #expect(throws: ChargeReply.Malformed.self) { try reply.decode(bytes.span, into: tickets) }
    for unknown: UInt8 in [32, 4, 6, 64] {
      let bytes = head + [unknown] + state
      #expect(throws: ChargeReply.Malformed.self) {
        try reply.decode(bytes.span, into: [Calls.ticket([asks[0]])], holds: true)
      }
    }
  }
}
