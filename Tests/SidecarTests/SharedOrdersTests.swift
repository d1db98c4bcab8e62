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

  /// Orders of Redis, and what their changes come to, as a book keeps it.
  struct Rig {
    var shared = SharedOrders()
    var known: [[UInt8]: BookedOrder] = [:]

    /// Takes a page; the keys that it changes.
    @discardableResult
    mutating func take(_ page: OrderPage, now: Int64 = SharedOrdersTests.now) -> Set<[UInt8]> {
      let changes = shared.take(page, now: now)
      for change in changes { known[change.key] = change.order }
      return Set(changes.map(\.key))
    }

    var keys: [[UInt8]] { known.keys.sorted { $0.lexicographicallyPrecedes($1) } }
  }

  @Test("changes add, replace and end orders, and only they are told")
  func changes() {
    var rig = Rig()
    #expect(rig.take(Self.page([Self.change(1), Self.change(2)], isAnew: true)) == [[1], [2]])
    #expect(rig.take(Self.page([Self.change(3), Self.change(1)])) == [[3]], "the same again is no news")
    #expect(rig.keys == [[1], [2], [3]])
    var other = Self.change(1)
    other.order?.order.kind = .grant(4)
    #expect(rig.take(Self.page([other, Self.change(2, isEnded: true), Self.change(9, isEnded: true)])) == [[1], [2]])
    #expect(rig.keys == [[1], [3]] && rig.known[[1]] == other.order && rig.known[[3]] == Self.order([3]))
  }

  @Test("a name that stands for another key than before ends the order of the first")
  func otherKey() {
    var rig = Rig()
    rig.take(Self.page([Self.change(1)], isAnew: true))
    rig.take(Self.page([OrderPage.Change(name: [1], order: Self.order([7]))]))
    #expect(rig.keys == [[7]])
  }

  @Test("a domain that is read anew keeps what it had until the last page has come; what differs is told then")
  func anew() {
    var rig = Rig()
    rig.take(Self.page([Self.change(1), Self.change(2)], isAnew: true))
    rig.take(Self.page([Self.change(9, domain: "web")], domain: "web", isAnew: true))
    #expect(rig.take(Self.page([Self.change(3)], isAnew: true, isLast: false)) == [])
    #expect(rig.take(Self.page([Self.change(2)], isAnew: true, isLast: false)) == [], "begun once more")
    #expect(rig.take(Self.page([Self.change(4)], isLast: false)) == [])
    #expect(rig.keys == [[1], [2], [9]])
    #expect(rig.take(Self.page([])) == [[1], [4]])
    #expect(rig.keys == [[2], [4], [9]])
    #expect(rig.take(Self.page([], isAnew: true, clock: 0)) == [[2], [4]])
    #expect(rig.keys == [[9]])
  }

  @Test("changes of several pages hold as each comes, where nothing is read anew")
  func parts() {
    var rig = Rig()
    rig.take(Self.page([Self.change(1)], isAnew: true))
    #expect(rig.take(Self.page([Self.change(2)], isLast: false)) == [[2]])
  }

  @Test("ends are moved to this machine's clock where Redis's is more than a second away, and only then")
  func clocks() {
    let second = Bounds.second
    func until(_ differences: Int64...) -> Int64? {
      var rig = Rig()
      rig.take(Self.page([Self.change(1)], isAnew: true, clock: Self.now + differences[0]))
      // Of the first order nothing new is told, but its end moves with the clock.
      for difference in differences.dropFirst() { rig.take(Self.page([], clock: Self.now + difference)) }
      return rig.known[[1]].map { $0.order.until - Self.until }
    }
    #expect(until(0) == 0 && until(second) == 0 && until(-second) == 0)
    #expect(until(5 * second) == -5 * second && until(-5 * second) == 5 * second)
    #expect(until(5 * second, 5 * second + 400_000_000) == -5 * second, "a slower reply is no other clock")
    #expect(until(5 * second, 0) == 0, "a clock that was set right")
    #expect(until(5 * second, second / 2) == 0)
  }

  // MARK: Bounds

  private static func many(_ range: Range<Int>, until: Int64 = until) -> [OrderPage.Change] {
    range.map { index in
      let name = [UInt8(index >> 8), UInt8(index & 255)]
      return OrderPage.Change(name: name, order: order(name, until: until))
    }
  }

  @Test("more orders of a domain than Redis takes are left out and counted; each domain has the bound for itself")
  func bounds() {
    var rig = Rig()
    let many = Self.many(0..<OrderBounds.orders + 10)
    rig.take(Self.page(many, isAnew: true))
    #expect(rig.known.count == OrderBounds.orders && rig.shared.leftOut(of: "api") == 10)
    rig.take(Self.page([OrderPage.Change(name: many[0].name, order: nil), Self.change(7)]))
    #expect(rig.known.count == OrderBounds.orders && rig.known[[7]] != nil)
    #expect(rig.take(Self.page([Self.change(8, domain: "web")], domain: "web", isAnew: true)) == [[8]])
    #expect(rig.shared.leftOut(of: "web") == 0)
    rig.take(Self.page(Self.many(0..<5), isAnew: true))
    #expect(rig.shared.leftOut(of: "api") == 0, "read anew it fits")
  }

  @Test("keys as long as a weir may order are taken, however many; a longer one is left out")
  func longKeys() {
    var rig = Rig()
    func change(_ index: Int, _ length: Int) -> OrderPage.Change {
      let name = [UInt8(index >> 8), UInt8(index & 255)]
      return OrderPage.Change(name: name, order: Self.order(name + Array(repeating: 1, count: length - 2)))
    }
    let most = Bounds.orderKeys / Bounds.orderKey
    rig.take(Self.page((0..<most + 5).map { change($0, Bounds.orderKey) }, isAnew: true))
    #expect(rig.known.count == most + 5 && rig.shared.leftOut(of: "api") == 0, "another weir had room for them")
    rig.take(Self.page([change(0xffff, Bounds.orderKey + 1)]))
    #expect(rig.known.count == most + 5 && rig.shared.leftOut(of: "api") == 1)
  }

  @Test("what has ended by Redis's clock makes room here as it does there, though nobody says so")
  func endedMakeRoom() {
    var rig = Rig()
    let ended = Self.now + 10 * Bounds.second
    rig.take(Self.page(Self.many(0..<10, until: ended) + Self.many(10..<OrderBounds.orders), isAnew: true))
    let more = Self.many(OrderBounds.orders..<OrderBounds.orders + 10)
    #expect(rig.take(Self.page(Array(more.prefix(5)), clock: ended - 1), now: ended - 1) == [])
    #expect(rig.shared.leftOut(of: "api") == 5)
    #expect(rig.take(Self.page(more, clock: ended), now: ended).count == 10)
    #expect(rig.shared.leftOut(of: "api") == 5)
  }
}
