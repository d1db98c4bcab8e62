// OrderIntakeTests.swift: what is read of Redis reaches the book, and what is wrong with it the log.

import Limiting
import Policies
import RedisStore
import Telemetry
import Testing

@testable import Sidecar

@Suite struct OrderIntakeTests {
  private static let now = SharedOrdersTests.now

  private final class Rig {
    let lines = Lines()
    let book: OrderBook
    let intake: OrderIntake

    init() {
      let policy = Policy(
        domain: "api", name: "p", key: [.ip], limit: Limit(algorithm: .tokenBucket, limit: 1, period: 60_000_000_000),
        store: .redis)
      book = OrderBook(PolicySet([policy], slots: [5]))
      intake = OrderIntake(
        book: book, workers: [],
        logger: EventLogger(logger: Logger(level: .debug, format: .json, sink: { [lines] in lines.add($0) })))
    }

    func take(
      _ changes: [OrderPage.Change], domain: String = "api", isAnew: Bool = false, isLast: Bool = true
    ) {
      let page = SharedOrdersTests.page(changes, domain: domain, isAnew: isAnew, isLast: isLast)
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
