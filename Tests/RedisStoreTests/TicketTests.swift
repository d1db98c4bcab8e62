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
