import Limiting
import Policies
import TestKit
import Testing

@testable import RedisStore

@Suite("a call of charge.lua") struct ChargeCallTests {
  static let names = KeyNames([KeyNamesTests.policy("a"), KeyNamesTests.policy("b", .slidingLog)])

  static func ticket(_ asks: [Ask], place: [Charge.Place] = [], onlyLooks: Bool = false) -> Ticket {
    var (charges, keys) = Ask.check(asks)
    for index in charges.indices { charges[index].place = place.isEmpty ? .redis : place[index] }
    let ticket = Ticket()
    ticket.fill(charges, keys: keys.span, names: names, arrival: 0)
    ticket.onlyLooks = onlyLooks
    return ticket
  }

  static func written(_ tickets: [Ticket]) -> [UInt8] {
    var call = ChargeCall()
    var buffer: [UInt8] = [1]
    for ticket in tickets { call.append(ticket) }
    call.write(to: &buffer)
    return Array(buffer.dropFirst())
  }

  static func key(_ policy: Int, _ key: String) -> [UInt8] {
    var bytes: [UInt8] = []
    names.append(policy: policy, key: Array(key.utf8).span, to: &bytes)
    return bytes
  }

  static func words(_ keys: [[UInt8]], _ records: [[UInt8]]) -> [[UInt8]] {
    [Array("EVALSHA".utf8), Script.charge.digest, Array(String(keys.count).utf8)] + keys + [records.flatMap { $0 }]
  }

  static let bucket = Limit(algorithm: .tokenBucket, limit: 1_000_000_000, period: 366 * 86_400_000_000_000, burst: 258)
  static let log = Limit(algorithm: .slidingLog, limit: 5, period: 1_000_000)

  @Test("is EVALSHA with a key and a record for each charge in Redis, check by check")
  func form() {
    let first = Self.ticket(
      [Ask(key: "x", Self.bucket), Ask(key: "y", Self.bucket), Ask(key: "z", Self.log, cost: 7, isShadow: true)],
      place: [.redis, .memory, .redis])
    first.charges[2].policy = 1
    let second = Self.ticket([Ask(key: "x", Self.bucket, cost: 1_000_000_000_000_000)], onlyLooks: true)
    let bucket: [UInt8] = [0x3b, 0x9a, 0xca, 0, 0, 0, 1, 2, 0x1c, 0xc2, 0xa9, 0xeb, 0x40, 0]
    let expected = Self.words(
      [Self.key(0, "x"), Self.key(1, "z"), Self.key(0, "x")],
      [
        [0] + bucket + [0, 0, 0, 1], [3 + 4 + 16, 0, 0, 0, 5, 0, 0, 0, 5, 0, 0, 0, 0, 3, 0xe8, 0, 0, 0, 7],
        [0 + 8 + 16] + bucket + [0x3b, 0x9a, 0xca, 1],
      ])
    #expect(Self.written([first, second]) == ScriptRig.bytes(expected))
  }

  @Test("has the same form with any number of charges", arguments: [1, 9, 10, 95, 96, 99, 100, 1000])
  func counts(_ count: Int) {
    let ticket = Self.ticket(Array(repeating: Ask(key: "k", Self.log), count: count))
    for index in ticket.charges.indices { ticket.charges[index].policy = 1 }
    let record: [UInt8] = [3, 0, 0, 0, 5, 0, 0, 0, 5, 0, 0, 0, 0, 3, 0xe8, 0, 0, 0, 1]
    var records = Array(repeating: record, count: count)
    records[count - 1][0] += 16
    let keys = Array(repeating: Self.key(1, "k"), count: count)
    #expect(Self.written([ticket]) == ScriptRig.bytes(Self.words(keys, records)))
  }

  @Test("a check without a charge in Redis adds nothing, and a written call starts empty")
  func empties() {
    var call = ChargeCall()
    let ticket = Self.ticket([Ask(key: "x", Self.bucket)])
    var buffer: [UInt8] = []
    for _ in 0..<2 {
      call.append(Self.ticket([Ask(Self.bucket, effect: .unlimited), Ask(Self.bucket, effect: .block)]))
      #expect(call.charges == 0)
      call.append(ticket)
      #expect(call.charges == 1)
      buffer = []
      call.write(to: &buffer)
      #expect(buffer == Self.written([ticket]))
    }
    call.append(ticket)
    call.removeAll()
    #expect(call.charges == 0)
  }
}
