// SharedOrdersTests.swift: pages from Redis become the orders of this process.

import Limiting
import Policies
import RedisStore
import Testing

@testable import Sidecar

@Suite struct SharedOrdersTests {
  static let now: Int64 = 1_700_000_000_000_000_000
  static let until = now + 600 * Bounds.second

  static func order(_ key: [UInt8], domain: String = "api", until: Int64 = until) -> BookedOrder {
    BookedOrder(
      identity: CounterIdentity(domain: domain, name: "p", algorithm: .tokenBucket, key: [.ip], store: .redis),
      key: key,
      order: Order(.block, until: until), by: "ann")
  }

  static func change(_ key: UInt8, domain: String = "api", isEnded: Bool = false) -> OrderPage.Change {
    OrderPage.Change(name: [key], order: isEnded ? nil : order([key], domain: domain))
  }

  static func page(
    _ changes: [OrderPage.Change], domain: String = "api", isAnew: Bool = false, isLast: Bool = true, clock: Int64 = now
  ) -> OrderPage {
    OrderPage(
      domain: domain, unixNow: clock, beginsAnew: isAnew, isLast: isLast, changes: changes)
  }

  static func keys(_ orders: SharedOrders) -> [[UInt8]] { orders.all.map(\.key) }

  @Test("changes add, replace and end orders; the one that was changed first stands first")
  func changes() {
    var orders = SharedOrders()
    let mayDiffer1 = orders.take(Self.page([Self.change(1), Self.change(2)], isAnew: true), now: Self.now)
    #expect(mayDiffer1)
    let mayDiffer2 = orders.take(Self.page([Self.change(3)]), now: Self.now)
    #expect(mayDiffer2)
    #expect(Self.keys(orders) == [[1], [2], [3]])
    let mayDiffer3 = orders.take(Self.page([Self.change(1), Self.change(2, isEnded: true)]), now: Self.now)
    #expect(mayDiffer3)
    #expect(Self.keys(orders) == [[3], [1]])
    #expect(orders.all[0] == Self.order([3]))
  }

  @Test("a domain that is read anew keeps what it had until the last page has come")
  func anew() {
    var orders = SharedOrders()
    _ = orders.take(Self.page([Self.change(1), Self.change(2)], isAnew: true), now: Self.now)
    _ = orders.take(Self.page([Self.change(9, domain: "web")], domain: "web", isAnew: true), now: Self.now)
    let mayDiffer4 = orders.take(Self.page([Self.change(3)], isAnew: true, isLast: false), now: Self.now)
    #expect(!mayDiffer4)
    #expect(Self.keys(orders) == [[1], [2], [9]])
    let mayDiffer5 = orders.take(Self.page([Self.change(2)], isAnew: true, isLast: false), now: Self.now)
    #expect(!mayDiffer5, "begun once more")
    let mayDiffer6 = orders.take(Self.page([Self.change(4)], isLast: false), now: Self.now)
    #expect(!mayDiffer6)
    let mayDiffer7 = orders.take(Self.page([]), now: Self.now)
    #expect(mayDiffer7)
    #expect(Self.keys(orders) == [[2], [4], [9]])
    let mayDiffer8 = orders.take(Self.page([], isAnew: true, clock: 0), now: Self.now)
    #expect(mayDiffer8)
    #expect(Self.keys(orders) == [[9]])
  }

  @Test("changes of several pages hold as each comes, where nothing is read anew")
  func parts() {
    var orders = SharedOrders()
    _ = orders.take(Self.page([Self.change(1)], isAnew: true), now: Self.now)
    let mayDiffer9 = orders.take(Self.page([Self.change(2)], isLast: false), now: Self.now)
    #expect(mayDiffer9)
    #expect(Self.keys(orders) == [[1], [2]])
  }

  @Test("ends are moved to this machine's clock where Redis's is more than a second away, and only then")
  func clocks() {
    let second = Bounds.second
    func until(_ differences: Int64...) -> Int64? {
      var orders = SharedOrders()
      for difference in differences {
        _ = orders.take(Self.page([Self.change(1)], isAnew: true, clock: Self.now + difference), now: Self.now)
      }
      return orders.all.first.map { $0.order.until - Self.until }
    }
    #expect(until(0) == 0 && until(second) == 0 && until(-second) == 0)
    #expect(until(5 * second) == -5 * second && until(-5 * second) == 5 * second)
    #expect(until(5 * second, 5 * second + 400_000_000) == -5 * second, "a slower reply is no other clock")
    #expect(until(5 * second, 0) == 0, "a clock that was set right")
    #expect(until(5 * second, second / 2) == 0)
  }

  @Test("what is beyond the bounds is left out")
  func bounds() {
    var orders = SharedOrders()
    let many = (0..<OrderBounds.orders + 10).map { index in
      let name = [UInt8(index >> 8), UInt8(index & 255)]
      return OrderPage.Change(name: name, order: Self.order(name))
    }
    _ = orders.take(Self.page(many, isAnew: true), now: Self.now)
    #expect(orders.all.count == OrderBounds.orders)
    _ = orders.take(Self.page([OrderPage.Change(name: many[0].name, order: nil), Self.change(7)]), now: Self.now)
    #expect(orders.all.count == OrderBounds.orders && orders.all.last?.key == [7])

    var large = SharedOrders()
    let long = OrderPage.Change(name: [1], order: Self.order(Array(repeating: 1, count: Bounds.orderKey + 1)))
    _ = large.take(Self.page([long], isAnew: true), now: Self.now)
    #expect(large.all.isEmpty)
    let fill = (0..<Bounds.orderKeys / Bounds.orderKey + 5).map { index in
      OrderPage.Change(
        name: [UInt8(index >> 8), UInt8(index & 255)],
        order: Self.order(Array(repeating: 1, count: Bounds.orderKey)))
    }
    _ = large.take(Self.page(fill), now: Self.now)
    let most = Bounds.orderKeys / Bounds.orderKey
    #expect(large.all.count == most)
    for change in fill { _ = large.take(Self.page([OrderPage.Change(name: change.name, order: nil)]), now: Self.now) }
    #expect(large.all.isEmpty)
    _ = large.take(Self.page(Array(fill.prefix(1))), now: Self.now)
    #expect(large.all.count == 1, "what went makes room")
  }
}
