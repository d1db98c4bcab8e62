// TicketTests.swift: what a ticket takes over of a check, and what memory it keeps.

import Limiting
import Policies
import Testing

@testable import RedisStore

@Test("a ticket keeps the charges of a check and the bytes of their keys, and nothing of what it held before")
func ticketTakesOver() {
  let limit = Limit(algorithm: .fixedWindow, limit: 5, period: 1_000_000_000)
  let bytes = Array("--key--other".utf8)
  let charge = Charge(
    policy: 0, slot: 0, keyStart: 2, keyCount: 3, effect: .limit, isShadow: false, place: .redis, limit: limit, cost: 1)
  let ticket = Ticket()
  for _ in 0..<2 {
    ticket.onlyLooks = true
    ticket.fill([charge], keys: bytes.span, names: .none, arrival: 7)
    #expect(ticket.keys == Array("key".utf8))
    #expect(ticket.charges.count == 1 && ticket.charges[0].keyStart == 0 && ticket.charges[0].keyCount == 3)
    #expect(!ticket.onlyLooks && ticket.arrival == 7)
  }
}

@Suite struct TicketMemoryTests {
  private func charge(_ keys: Range<Int>) -> Charge {
    Charge(
      policy: 0, slot: 0, keyStart: Int32(keys.lowerBound), keyCount: Int32(keys.count), effect: .limit,
      isShadow: false, place: .memory, limit: Limit(algorithm: .fixedWindow, limit: 5, period: 1_000_000_000), cost: 1)
  }

  @Test("charges in a row with the same key share its bytes, and each still has its own key")
  func sharedKeys() {
    let bytes = Array("keykeykezkeabkey".utf8)
    let ranges = [0..<3, 3..<6, 6..<9, 9..<11, 11..<11, 13..<16, 0..<3]
    let ticket = Ticket()
    ticket.fill(ranges.map(charge), keys: bytes.span, names: .none, arrival: 0)
    #expect(ticket.keys == Array("keykezkekey".utf8))
    for (range, charge) in zip(ranges, ticket.charges) {
      let start = Int(charge.keyStart)
      #expect(ticket.keys[start..<start + Int(charge.keyCount)] == bytes[range])
    }
  }

  @Test("a ticket that is kept gives back the memory of long keys and of many charges, and no other")
  func trims() {
    let ticket = Ticket()
    let bytes = [UInt8](repeating: 7, count: 60_000)
    ticket.fill([charge(0..<100)], keys: bytes.span, names: .none, arrival: 0)
    let small = ticket.memory
    ticket.trim()
    #expect(ticket.memory == small && small < 4_096)
    ticket.fill([charge(0..<60_000)], keys: bytes.span, names: .none, arrival: 0)
    #expect(ticket.memory >= 60_000)
    ticket.trim()
    #expect(ticket.memory < 4_096)
    ticket.fill((0..<1_000).map { _ in charge(0..<10) }, keys: bytes.span, names: .none, arrival: 0)
    #expect(ticket.memory >= 1_000 * MemoryLayout<Charge>.stride)
    ticket.trim()
    #expect(ticket.memory < 4_096)
    ticket.fill([charge(0..<100)], keys: bytes.span, names: .none, arrival: 0)
    #expect(ticket.keys == bytes.prefix(100).map { $0 } && ticket.charges.count == 1)
  }
}
