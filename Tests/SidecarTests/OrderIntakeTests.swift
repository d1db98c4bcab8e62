// OrderIntakeTests.swift: what is read of Redis reaches the book, and what is wrong with it the log.

import Limiting
import Policies
import RedisStore
import Stores
import Telemetry
import Testing

@testable import Sidecar

@Suite struct OrderIntakeTests {
  private static let now = SharedOrdersTests.now

  private final class Rig {
    let lines = Lines()
    let store = MemoryStore(maximumKeys: 100)
    let book: OrderBook
    let intake: OrderIntake

    init() {
      let policy = Policy(
        domain: "api", name: "p", key: [.ip], limit: Limit(algorithm: .tokenBucket, limit: 1, period: 60_000_000_000),
        store: .redis)
      book = OrderBook(PolicySet([policy], slots: [5]))
      intake = OrderIntake(
        book: book, workers: [], store: store,
        logger: EventLogger(logger: Logger(level: .debug, format: .json, sink: { [lines] in lines.add($0) })))
    }

    func take(
      _ changes: [OrderPage.Change], domain: String = "api", isAnew: Bool = false, isLast: Bool = true,
      number: Int64 = 0
    ) {
      var page = SharedOrdersTests.page(changes, domain: domain, isAnew: isAnew, isLast: isLast)
      page.number = number
      intake.take(page, now: OrderIntakeTests.now)
    }
  }

  @Test("orders that are read are in force, and those that are told as ended are not")
  func takes() {
    let rig = Rig()
    rig.take([SharedOrdersTests.change(1), SharedOrdersTests.change(2)], isAnew: true)
    #expect(rig.book.orders.order(slot: 5, key: [1].span)?.kind == .block)
    rig.take([SharedOrdersTests.change(1, isEnded: true)])
    #expect(rig.book.orders.order(slot: 5, key: [1].span) == nil && rig.book.count == 1)
    #expect(rig.lines.count(containing: "") == 0)
  }

  // MARK: Waiting

  @Test("whoever waits for a change hears once the page that goes so far is in force, all pages of a reading anew")
  func waits() {
    let rig = Rig()
    var heard: [Int64] = []
    for number in [0, 3, 5] as [Int64] { rig.intake.whenKnown("api", number: number) { heard.append(number) } }
    #expect(heard == [0])
    rig.take([SharedOrdersTests.change(1)], isAnew: true, isLast: false, number: 4)
    rig.take([], domain: "web", isAnew: true, number: 9)
    #expect(heard == [0], "a domain that is being read anew is as it was")
    rig.take([], number: 4)
    #expect(heard == [0, 3] && rig.book.count == 1)
    rig.take([], isLast: false, number: 5)
    #expect(heard == [0, 3, 5])
    rig.intake.whenKnown("api", number: 5) { heard.append(50) }
    rig.take([], number: 6)
    #expect(heard == [0, 3, 5, 50])
  }

  // MARK: Resets

  @Test("a reset clears what was counted here of its key, once, though it is told again")
  func resets() {
    let rig = Rig()
    let now = Now(monotonic: 0, unix: 0)
    let limit = Limit(algorithm: .tokenBucket, limit: 3, period: 60_000_000_000)
    func spend(_ key: UInt8) {
      var charges = [
        Charge(policy: 0, slot: 5, keyStart: 0, keyCount: 1, effect: .limit, isShadow: false, limit: limit, cost: 1)
      ]
      _ = rig.store.decide(&charges, keys: [key].span, now: now)
    }
    func left(_ key: UInt8) -> Int64 {
      rig.store.state(slot: 5, key: [key].span, limit: limit, now: now).decision.remaining
    }
    let identity = SharedOrdersTests.order([1]).identity
    func tell(_ number: Int64, _ identity: CounterIdentity, isAnew: Bool = false) {
      var page = SharedOrdersTests.page([], isAnew: isAnew)
      page.resets = [OrderPage.Reset(identity, key: [1], number: number)]
      rig.intake.take(page, now: Self.now)
    }
    spend(1)
    spend(2)
    tell(7, identity)
    #expect(left(1) == 3 && left(2) == 2)
    spend(1)
    tell(7, identity, isAnew: true)
    #expect(left(1) == 2, "the same reset, read anew")
    var other = identity
    other.algorithm = .slidingLog
    tell(8, other)
    #expect(left(1) == 2, "the counters of an earlier policy of this name")
    tell(9, identity)
    #expect(left(1) == 3)
  }

  // MARK: Bounds

  @Test("that orders are left out is said once a domain, and again only after all fitted")
  func leftOut() {
    let rig = Rig()
    let long = OrderPage.Change(
      name: [9], order: SharedOrdersTests.order(Array(repeating: 1, count: Bounds.orderKey + 1)))
    func warnings() -> Int { rig.lines.count(containing: "\"orders left out\"") }
    rig.take([long], isAnew: true, isLast: false)
    #expect(warnings() == 0, "not all is read yet")
    rig.take([])
    #expect(warnings() == 1 && rig.lines.count(containing: "\"domain\":\"api\",\"orders\":1") == 1)
    rig.take([SharedOrdersTests.change(1)])
    rig.take([long], isAnew: true)
    #expect(warnings() == 1)
    rig.take([long], domain: "web", isAnew: true)
    #expect(warnings() == 2)
    rig.take([], isAnew: true)
    rig.take([long], isAnew: true)
    #expect(warnings() == 3)
  }
}
