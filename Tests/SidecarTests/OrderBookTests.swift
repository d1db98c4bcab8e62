// OrderBookTests.swift: which orders the book takes, how long it keeps them, and what is then in force.

import Limiting
import Policies
import TestKit
import Testing

@testable import Sidecar

@Suite struct OrderBookTests {
  private static let now: Int64 = 1_700_000_000_000_000_000
  private static let minute: Int64 = 60_000_000_000
  private static let key: [UInt8] = [1, 2, 3]

  /// A book, and how often it said that it has changed.
  private final class Rig {
    let book: OrderBook
    var changes = 0

    init(_ policies: [Policy], slots: [UInt32]? = nil) {
      book = OrderBook(OrderBookTests.set(policies, slots))
      book.onChange = { [unowned self] in changes += 1 }
    }

    func block(
      _ policy: String = "a", domain: String = "default", key: [UInt8] = OrderBookTests.key,
      until: Int64 = OrderBookTests.now + OrderBookTests.minute, now: Int64 = OrderBookTests.now
    ) throws(OrderRefusal) -> OrderChange {
      try book.block(domain: domain, policy: policy, key: key, until: until, by: "ann", now: now)
    }

    func grant(
      _ amount: Int64, _ policy: String = "a", key: [UInt8] = OrderBookTests.key,
      until: Int64 = OrderBookTests.now + OrderBookTests.minute
    ) throws(OrderRefusal) -> OrderChange {
      try book.grant(
        domain: "default", policy: policy, key: key, amount: amount, until: until, by: "bob", now: OrderBookTests.now)
    }

    /// What workers obey for one key.
    func order(slot: UInt32, key: [UInt8] = OrderBookTests.key) -> Order? {
      book.orders.order(slot: slot, key: key.span)
    }
  }

  private static func set(_ policies: [Policy], _ slots: [UInt32]? = nil) -> PolicySet {
    PolicySet(policies, slots: slots ?? policies.indices.map { UInt32($0) + 10 })
  }

  private static func policy(_ name: String, store: Policy.StoreKind = .memory, limit: Int64 = 5) -> Policy {
    RuleCompilerTests.policy(name, limit: limit, store: store)
  }

  // MARK: Taking and ending

  @Test("a block and a grant are in force for the policy's slot, and say who ordered them")
  func takes() throws {
    let rig = Rig([Self.policy("a"), Self.policy("b")])
    let change = try rig.block("b")
    let end = Self.now + Self.minute
    #expect(change.order?.order == Order(.block, until: end) && change.replaced == nil && !change.isShared)
    #expect(rig.order(slot: 11) == Order(.block, until: end) && rig.order(slot: 10) == nil)
    _ = try rig.grant(7)
    #expect(rig.order(slot: 10) == Order(.grant(7), until: end))
    #expect(rig.changes == 2 && rig.book.version == 2 && rig.book.count == 2)
    #expect(try rig.book.order(domain: "default", policy: "a", key: Self.key, now: Self.now)?.by == "bob")
    #expect(try rig.book.order(domain: "default", policy: "a", key: Self.key, now: end) == nil)
    #expect(try rig.book.order(domain: "default", policy: "a", key: [9], now: Self.now) == nil)
  }

  @Test("a key has one order: the later takes the earlier one's place")
  func replaces() throws {
    let rig = Rig([Self.policy("a")])
    _ = try rig.block()
    let change = try rig.grant(3)
    #expect(change.replaced?.order.kind == .block)
    #expect(rig.book.count == 1 && rig.order(slot: 10)?.kind == .grant(3))
  }

  @Test("unblock ends a block or a grant, and says whether there was one")
  func unblocks() throws {
    let rig = Rig([Self.policy("a")])
    for place in [{ try rig.block() }, { try rig.grant(1) }] as [() throws -> OrderChange] {
      _ = try place()
      let change = try rig.book.unblock(domain: "default", policy: "a", key: Self.key, now: Self.now)
      #expect(change.replaced != nil && change.order == nil)
      #expect(rig.book.count == 0 && rig.book.orders.isEmpty)
    }
    let version = rig.book.version
    let again = try rig.book.unblock(domain: "default", policy: "a", key: Self.key, now: Self.now)
    #expect(again.replaced == nil && rig.book.version == version)
  }

  @Test("a change is told once until somebody asks for the orders")
  func coalesces() throws {
    let rig = Rig([Self.policy("a")])
    for number in 0..<10 { _ = try rig.block(key: [UInt8(number)]) }
    #expect(rig.changes == 1 && rig.book.version == 10 && rig.book.orders.count == 10)
    _ = try rig.block()
    #expect(rig.changes == 2)
  }

  // MARK: Refusals

  @Test("what no policy in force is, or is out of bounds, is refused, and changes nothing")
  func refusals() throws {
    let rig = Rig([Self.policy("a")])
    #expect(throws: OrderRefusal.unknownPolicy(domain: "default", policy: "x")) { try rig.block("x") }
    #expect(throws: OrderRefusal.unknownPolicy(domain: "api", policy: "a")) { try rig.block(domain: "api") }
    #expect(throws: OrderRefusal.unknownPolicy(domain: "default", policy: "x")) {
      try rig.book.unblock(domain: "default", policy: "x", key: [], now: Self.now)
    }
    #expect(throws: OrderRefusal.unknownPolicy(domain: "default", policy: "x")) {
      try rig.book.order(domain: "default", policy: "x", key: [], now: Self.now)
    }
    for amount in [0, -1, 1_000_000_001, .max, .min] as [Int64] {
      #expect(throws: OrderRefusal.amount(amount)) { try rig.grant(amount) }
    }
    for until in [Self.now, Self.now - 1, 0, .min] {
      #expect(throws: OrderRefusal.over) { try rig.block(until: until) }
    }
    for until in [Self.now + Bounds.orderTime + 1, .max] {
      #expect(throws: OrderRefusal.tooLong) { try rig.block(until: until) }
    }
    #expect(throws: OrderRefusal.tooLong) { try rig.block(until: .max, now: -2) }
    let long = [UInt8](repeating: 1, count: Bounds.orderKey + 1)
    #expect(throws: OrderRefusal.keyTooLong) { try rig.block(key: long) }
    #expect(rig.book.version == 0 && rig.book.count == 0)
    _ = try rig.block(key: long.dropLast(), until: Self.now + Bounds.orderTime)
    _ = try rig.grant(1_000_000_000, key: [])
    #expect(rig.book.count == 2)
  }

  @Test("each refusal has a status and a sentence")
  func sentences() {
    let all: [(OrderRefusal, Int)] = [
      (.unknownPolicy(domain: "d", policy: "p"), 404), (.amount(0), 400), (.over, 400), (.tooLong, 400),
      (.keyTooLong, 400), (.full, 409),
    ]
    for (refusal, status) in all { #expect(refusal.status == status && refusal.detail.count > 20) }
    #expect(OrderRefusal.full.detail.contains("10000 orders"))
  }

  @Test("a full book refuses new keys, takes other orders for those it has, and has room once some have ended")
  func full() throws {
    let rig = Rig([Self.policy("a")])
    func key(_ number: Int) -> [UInt8] { [UInt8(number & 255), UInt8(number >> 8)] }
    for number in 0..<OrderBounds.orders {
      _ = try rig.block(key: key(number), until: Self.now + (number == 77 ? 1 : Self.minute))
    }
    #expect(throws: OrderRefusal.full) { try rig.block(key: Self.key) }
    _ = try rig.grant(1, key: key(5))
    #expect(rig.book.count == OrderBounds.orders && rig.book.orders.count == OrderBounds.orders)
    _ = try rig.block(key: Self.key, now: Self.now + 1)
    #expect(rig.book.count == OrderBounds.orders)
    #expect(rig.order(slot: 10, key: key(77)) == nil && rig.order(slot: 10)?.kind == .block)
  }

  @Test("long keys fill the book before their number does, and leave it whole")
  func fullOfBytes() throws {
    let rig = Rig([Self.policy("a")])
    let most = Bounds.orderKeys / Bounds.orderKey
    func key(_ number: Int) -> [UInt8] {
      [UInt8(number & 255), UInt8(number >> 8)] + Array(repeating: 0, count: 8_190)
    }
    for number in 0..<most { _ = try rig.block(key: key(number)) }
    #expect(throws: OrderRefusal.full) { try rig.block(key: key(most)) }
    _ = try rig.book.unblock(domain: "default", policy: "a", key: key(0), now: Self.now)
    _ = try rig.block(key: key(most))
    #expect(rig.book.count == most)
  }

  // MARK: Time

  @Test("orders that have ended are forgotten by a sweep, which is nothing before the first has ended")
  func sweeps() throws {
    let rig = Rig([Self.policy("a")])
    _ = try rig.block(key: [1], until: Self.now + 100)
    _ = try rig.block(key: [2], until: Self.now + 200)
    rig.book.sweep(now: Self.now + 99)
    #expect(rig.book.count == 2 && rig.book.version == 2)
    rig.book.sweep(now: Self.now + 100)
    #expect(rig.book.count == 1 && rig.book.version == 3)
    rig.book.sweep(now: Self.now + 199)
    #expect(rig.book.version == 3)
    rig.book.sweep(now: Self.now + 1_000)
    #expect(rig.book.count == 0 && rig.book.orders.isEmpty)
    rig.book.sweep(now: .max - 1)
    #expect(rig.book.version == 4)
  }

  // MARK: Reloads

  @Test("an order follows its policy's identity through reloads, wherever its slot goes")
  func reloads() throws {
    let rig = Rig([Self.policy("a"), Self.policy("b")])
    _ = try rig.block()
    _ = rig.book.adopt(Self.set([Self.policy("b"), Self.policy("a", limit: 9)], [11, 10]), now: Self.now)
    #expect(rig.order(slot: 10)?.kind == .block && rig.order(slot: 11) == nil)
    // Gone: kept, and without effect. Nobody can change what is not there.
    _ = rig.book.adopt(Self.set([Self.policy("b")], [11]), now: Self.now)
    #expect(rig.book.orders.isEmpty && rig.book.count == 1)
    #expect(throws: OrderRefusal.self) { try rig.book.unblock(domain: "default", policy: "a", key: [], now: Self.now) }
    // Another identity of the same name.
    let other = RuleCompilerTests.policy("a", algorithm: .fixedWindow)
    _ = rig.book.adopt(Self.set([other], [12]), now: Self.now)
    #expect(rig.book.orders.isEmpty)
    // Back, with a new counter.
    _ = rig.book.adopt(Self.set([Self.policy("a")], [30]), now: Self.now)
    #expect(rig.order(slot: 30)?.kind == .block)
    // It ends while its policy is gone.
    _ = rig.book.adopt(Self.set([], []), now: Self.now)
    #expect(rig.book.orders.isEmpty)
    rig.book.sweep(now: Self.now + Self.minute)
    #expect(rig.book.count == 0)
    #expect(rig.changes == 2, "reloads call nobody by themselves")
  }

  @Test("a reload says which orders it puts out of force, how many, and not those that were so or have ended")
  func losesOrders() throws {
    let rig = Rig([Self.policy("a"), Self.policy("b"), Self.policy("r", store: .redis)])
    for key in 1...3 as ClosedRange<UInt8> { _ = try rig.block(key: [key]) }
    _ = try rig.block(key: [4], until: Self.now + 1)
    _ = try rig.block("b")
    rig.book.takeShared([Self.made(Self.held([1]))], now: Self.now)
    func adopt(_ policies: Policy...) -> (orders: Int, policies: [String]) {
      rig.book.adopt(Self.set(policies), now: Self.now + 1)
    }
    let other = RuleCompilerTests.policy("a", algorithm: .fixedWindow)
    #expect(adopt(Self.policy("r", store: .redis), Self.policy("b", limit: 9), Self.policy("a")) == (0, []))
    #expect(adopt(other, Self.policy("b"), Self.policy("r")) == (4, ["default/a", "default/r"]))
    #expect(adopt(other) == (1, ["default/b"]))
    #expect(adopt() == (0, []))
    #expect(adopt(Self.policy("a")) == (0, []))
    #expect(rig.book.orders.count == 4)
    #expect(adopt() == (3, ["default/a"]))
  }

  // MARK: Redis

  @Test("an order for a policy in Redis is passed on and changes nothing here until Redis has it")
  func shared() throws {
    let rig = Rig([Self.policy("a"), Self.policy("r", store: .redis)])
    let change = try rig.block("r")
    #expect(change.isShared && change.order?.identity.store == .redis && rig.book.version == 0 && rig.book.count == 0)
    let order = try #require(change.order)
    rig.book.takeShared([Self.made(order)], now: Self.now)
    #expect(rig.order(slot: 11)?.kind == .block && rig.book.version == 1)
    rig.book.takeShared([Self.made(order)], now: Self.now)
    #expect(rig.book.version == 1, "the same again is no news")
    _ = try rig.block("a")
    #expect(rig.order(slot: 10)?.kind == .block && rig.order(slot: 11)?.kind == .block)
    #expect(try rig.grant(1, "r").replaced == order)
    let ending = try rig.book.unblock(domain: "default", policy: "r", key: Self.key, now: Self.now)
    #expect(ending.isShared && ending.replaced == order && rig.order(slot: 11) != nil)
    rig.book.takeShared([SharedChange(identity: order.identity, key: order.key, order: nil)], now: Self.now)
    #expect(rig.order(slot: 11) == nil && rig.order(slot: 10)?.kind == .block)
  }

  private static func made(_ order: BookedOrder) -> SharedChange {
    SharedChange(identity: order.identity, key: order.key, order: order)
  }

  private static func held(_ key: [UInt8], domain: String = "default", until: Int64 = now + minute) -> BookedOrder {
    var identity = CounterIdentity(policy("r", store: .redis))
    identity.domain = domain
    return BookedOrder(identity: identity, key: key, order: Order(.block, until: until), by: "x")
  }

  @Test("of what Redis holds, what has ended is left out, again and again without news")
  func sharedEnds() throws {
    let rig = Rig([Self.policy("r", store: .redis)])
    let held = [Self.held([1], until: Self.now), Self.held([2], until: Self.now + 50)].map(Self.made)
    rig.book.takeShared(held, now: Self.now)
    #expect(rig.book.count == 1 && rig.order(slot: 10, key: [2]) != nil && rig.book.version == 1)
    rig.book.sweep(now: Self.now + 50)
    #expect(rig.book.count == 0 && rig.book.version == 2)
    for _ in 0..<3 { rig.book.takeShared(held, now: Self.now + 50) }
    #expect(rig.book.version == 2)
    rig.book.takeShared([Self.made(Self.held([3]))], now: Self.now)
    rig.book.takeShared([Self.made(Self.held([3], until: Self.now - 1))], now: Self.now)
    #expect(rig.book.count == 0, "one that is replaced by one that has ended")
  }

  @Test("each domain has the bound for itself, and each source: memory and Redis")
  func boundADomain() throws {
    let rig = Rig([
      Self.policy("a"), Self.policy("r", store: .redis), RuleCompilerTests.policy("b", domain: "other"),
      RuleCompilerTests.policy("s", domain: "other", store: .redis),
    ])
    func key(_ number: Int) -> [UInt8] { [UInt8(number & 255), UInt8(number >> 8)] }
    let many = (0..<OrderBounds.orders).map { Self.made(Self.held(key($0))) }
    rig.book.takeShared(many, now: Self.now)
    #expect(rig.book.count == OrderBounds.orders)
    #expect(throws: OrderRefusal.full) { try rig.block("r", key: [7]) }
    #expect(try rig.block("r", key: key(5)).isShared, "it takes the place of one")
    #expect(try rig.block("s", domain: "other", key: [7]).isShared)
    for number in 0..<OrderBounds.orders { _ = try rig.block(key: key(number)) }
    #expect(throws: OrderRefusal.full) { try rig.block(key: [7]) }
    _ = try rig.block("b", domain: "other", key: [7])
    #expect(rig.book.count == 2 * OrderBounds.orders + 1 && rig.book.orders.count == rig.book.count)
  }

  @Test("an order for Redis whose key would be too much with those that are known there is refused")
  func sharedFullOfBytes() throws {
    let rig = Rig([Self.policy("r", store: .redis)])
    let long = (0..<Bounds.orderKeys / Bounds.orderKey).map { number in
      Self.held([UInt8(number & 255), UInt8(number >> 8)] + Array(repeating: 0, count: Bounds.orderKey - 2))
    }
    rig.book.takeShared(long.map(Self.made), now: Self.now)
    #expect(rig.book.count == long.count)
    #expect(throws: OrderRefusal.full) { try rig.block("r", key: Self.key) }
    rig.book.takeShared([SharedChange(identity: long[0].identity, key: long[0].key, order: nil)], now: Self.now)
    #expect(try rig.block("r", key: Self.key).isShared)
  }
}
