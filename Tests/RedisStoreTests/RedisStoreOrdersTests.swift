// RedisStoreOrdersTests.swift: orders, resets and looks through the store, against a real Redis, and against one that
// misbehaves.

import EventLoop
import Limiting
import Policies
import Synchronization
import TestKit
import Testing

@testable import RedisStore

/// What a store has read, as its process takes it.
private final class Pages: Sendable {
  private let pages = Mutex<[OrderPage]>([])
  let isFull = Atomic(false)
  let refused = Atomic(0)

  var all: [OrderPage] { pages.withLock { $0 } }
  /// What the newest words about all orders leave.
  var orders: [BookedOrder] {
    let known = all.reduce(into: [String: [[UInt8]: BookedOrder]]()) { known, page in
      if page.beginsAnew { known[page.domain] = [:] }
      for change in page.changes { known[page.domain, default: [:]][change.name] = change.order }
    }
    return known.values.flatMap(\.values)
  }
  var resets: Int { all.reduce(0) { $0 + $1.reset.digests.count } }

  func take(_ page: OrderPage) -> Bool {
    guard !isFull.load(ordering: .relaxed) else {
      refused.add(1, ordering: .relaxed)
      return false
    }
    pages.withLock { $0.append(page) }
    return true
  }
}

/// A store that reads and writes.
private final class OrderRig {
  let pages = Pages()
  let rig: StoreRig
  var store: RedisStore { rig.store }
  static let identity = CounterIdentity(
    Policy(name: "p0", limit: Limit(algorithm: .fixedWindow, limit: 1, period: 1_000_000_000), store: .redis))

  init(_ test: TestLoop, _ target: RedisTarget, timeoutMilliseconds: Int64 = 5_000) {
    let pages = pages
    rig = StoreRig(test, target, timeoutMilliseconds: timeoutMilliseconds, takeOrders: { pages.take($0) })
  }

  static func order(_ key: String, _ kind: Order.Kind = .block, seconds: Int64 = 600) -> BookedOrder {
    BookedOrder(
      identity: identity, key: Array(key.utf8),
      order: Order(kind, until: (UnixClock.nanoseconds() / 1000 + seconds * 1_000_000) * 1000), by: "test")
  }

  func wait<Value>(_ work: (@escaping (Result<Value, WordFailure>) -> Void) -> Void) -> Result<Value, WordFailure>? {
    var result: Result<Value, WordFailure>?
    work { result = $0 }
    #expect(rig.test.run { result != nil })
    return result
  }

  func write(_ order: BookedOrder) -> Result<OrderWritten, WordFailure>? { receipt(order)?.map(\.outcome) }

  func receipt(_ order: BookedOrder) -> Result<OrderReceipt<OrderWritten>, WordFailure>? {
    wait { store.write(order, for: order.identity, key: order.key, unixNow: UnixClock.nanoseconds(), reply: $0) }
  }

  func end(_ key: String) -> Result<OrderWritten, WordFailure>? {
    wait { store.write(nil, for: Self.identity, key: Array(key.utf8), unixNow: UnixClock.nanoseconds(), reply: $0) }?
      .map(\.outcome)
  }

  func reset(_ key: String) -> Result<KeyForgotten, WordFailure>? {
    wait { store.reset(Self.identity, key: Array(key.utf8), reply: $0) }?.map(\.outcome)
  }

  func look(_ key: String, limit: Int64 = 3, cost: Int64 = 1, algorithm: Algorithm = .fixedWindow)
    -> Result<SharedKeyState, WordFailure>?
  {
    let ticket = rig.ticket(key, limit: limit, cost: cost, algorithm: algorithm)
    return wait { store.look(ticket.charges[0], key: Array(key.utf8), names: rig.names, reply: $0) }
  }

  /// Whether the orders of these keys, and no others, are what was read.
  func obeys(_ keys: String...) -> Bool {
    rig.test.run { self.pages.orders.map { String(decoding: $0.key, as: UTF8.self) }.sorted() == keys.sorted() }
  }
}

@Suite struct RedisStoreOrdersTests {
  @Test("what one weir orders, another reads, and one that comes later; ended is ended for all")
  func shares() throws {
    let server = try RedisServer()
    let test = try TestLoop()
    let (one, two) = (OrderRig(test, server.target), OrderRig(test, server.target))
    #expect(one.rig.connect() && two.rig.connect())
    let order = OrderRig.order("a", .grant(5))
    #expect(one.write(order) == .success(.done) && two.write(OrderRig.order("b")) == .success(.done))
    #expect(one.obeys("a", "b") && two.obeys("a", "b"))
    #expect(two.pages.orders.contains(order), "as it was written")
    let three = OrderRig(test, server.target)
    #expect(three.obeys("a", "b"))
    #expect(two.end("a") == .success(.done) && two.end("a") == .success(.nothing))
    #expect(one.obeys("b") && two.obeys("b") && three.obeys("b"))
    #expect(one.rig.observer.kinds.isEmpty)
    #expect(try server.keysWithoutExpiry() == [])
  }

  @Test("an order that has ended goes from Redis with its keys")
  func ends() throws {
    let server = try RedisServer()
    let one = OrderRig(try TestLoop(), server.target)
    #expect(one.rig.connect())
    #expect(one.write(OrderRig.order("a", seconds: 2)) == .success(.done) && one.obeys("a"))
    #expect(one.rig.test.run { (try? server.keys("weir:orders:*")) == [] })
    #expect(one.obeys())
  }

  @Test("orders outlive a lost script, a lost connection and wrong types; one that Redis lost is lost")
  func survives() throws {
    let server = try RedisServer()
    let one = OrderRig(try TestLoop(), server.target)
    #expect(one.rig.connect())
    #expect(one.write(OrderRig.order("a")) == .success(.done) && one.obeys("a"))
    try server.run("SCRIPT", "FLUSH")
    #expect(one.write(OrderRig.order("b")) == .success(.done) && one.obeys("a", "b"))
    try server.run("SCRIPT", "FLUSH")
    #expect(one.reset("a") == .success(.nothing))
    try server.run("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    #expect(one.rig.test.run { one.rig.observer.connects == 2 && one.store.isReady })
    #expect(one.obeys("a", "b"))
    let key = String(decoding: OrderKeys(domain: "default").changes, as: UTF8.self)
    try server.run("DEL", key)
    try server.run("SET", key, "hello")
    #expect(one.write(OrderRig.order("c")) == .success(.done) && one.obeys("c"))
    try server.run("FLUSHALL")
    #expect(one.obeys())
    #expect(try server.keysWithoutExpiry() == [])
  }

  @Test("pages that the process does not take are read again")
  func full() throws {
    let server = try RedisServer()
    let one = OrderRig(try TestLoop(), server.target)
    #expect(one.rig.connect())
    #expect(one.rig.test.run { !one.pages.all.isEmpty })
    one.pages.isFull.store(true, ordering: .relaxed)
    for index in 0..<Bounds.orderPage + 20 { #expect(one.write(OrderRig.order("\(index)")) == .success(.done)) }
    one.pages.isFull.store(false, ordering: .relaxed)
    #expect(one.rig.test.run { one.pages.orders.count == Bounds.orderPage + 20 })
  }

  @Test("that the orders of several domains are gone is told again of each, where nobody took it")
  func goneUntaken() throws {
    let server = try RedisServer()
    let test = try TestLoop()
    let one = OrderRig(test, server.target)
    #expect(one.rig.connect())
    let policies = ["default", "other"].map {
      Policy(
        domain: $0, name: "p0", limit: Limit(algorithm: .fixedWindow, limit: 1, period: 1_000_000_000), store: .redis)
    }
    one.store.adopt(KeyNames(policies))
    var order = OrderRig.order("b")
    order.identity = CounterIdentity(policies[1])
    #expect(one.write(OrderRig.order("a")) == .success(.done) && one.write(order) == .success(.done))
    #expect(one.obeys("a", "b"))
    one.pages.isFull.store(true, ordering: .relaxed)
    try server.run("FLUSHALL")
    #expect(test.run { one.pages.refused.load(ordering: .relaxed) >= 4 }, "each domain twice")
    one.pages.isFull.store(false, ordering: .relaxed)
    #expect(one.obeys())
  }

  @Test("a connection that ends between two pages of orders: all of them are read by the next one")
  func cut() throws {
    let test = try TestLoop()
    let server = try FakeRedis(test.loop)
    let one = OrderRig(test, server.target)
    let orders = (0..<3).map { OrderRig.order("\($0)") }
    func page(_ number: Int, isAnew: Int, hasMore: Int) -> FakeAnswer {
      // Its end in bytes that are ASCII, as the server's answers are text.
      let record = OrderRecordTests.value(OrderRecord.bytes(orders[number]), until: 0x01_0203_0405_0607 * 1000)
      return .say(
        String(
          decoding: Value.array([
            .integer(1_700_000_000_000_000), .text("7"), .integer(Int64(number) + 1), .integer(Int64(isAnew)),
            .integer(Int64(hasMore)), .text("o\(number)"), .string(record),
          ]).wire + [0], as: UTF8.self))
    }
    server.answer = { command, connection in
      if command.first == "MGET" { return .say("*1\r\n$3\r\n7:3") }
      guard command.count > 7, command[1] == String(decoding: Script.changes.digest, as: UTF8.self) else {
        return FakeRedis.healthy(command)
      }
      switch command[7] {
      case "0": return page(0, isAnew: 1, hasMore: 1)
      case "1" where connection == 0: return .close
      case "1": return page(1, isAnew: 0, hasMore: 1)
      default: return page(2, isAnew: 0, hasMore: 0)
      }
    }
    #expect(one.obeys("0", "1", "2"))
    #expect(one.rig.observer.connects == 2)
    let whole = one.pages.all.filter(\.beginsAnew)
    #expect(whole.count == 2, "the second connection began anew")
  }

  @Test("a reset lets the key pass its limit once more; every worker that hears of it forgets the denial")
  func resets() throws {
    let server = try RedisServer()
    let test = try TestLoop()
    let (one, two) = (OrderRig(test, server.target), OrderRig(test, server.target))
    #expect(one.rig.connect() && two.rig.connect())
    func passes(_ weir: OrderRig) -> Bool {
      let ticket = weir.rig.ticket("k")
      return weir.rig.ask(ticket) == .decided && ticket.isAllowed
    }
    #expect([passes(one), passes(one), passes(two), passes(one), passes(two)] == [true, true, true, false, false])
    #expect(one.reset("k") == .success(.forgotten))
    #expect(passes(one), "whoever resets forgets at once")
    #expect(test.run { two.pages.resets == 1 })
    #expect([passes(two), passes(two), passes(two), passes(one)] == [true, true, false, false])
    #expect(one.reset("other") == .success(.nothing))
  }

  @Test("a denial that was asked for before a reset was heard is not remembered after it")
  func lateDenial() throws {
    let test = try TestLoop()
    let server = try RedisServer()
    let one = OrderRig(test, server.target)
    #expect(one.rig.connect())
    for _ in 0..<3 { #expect(one.rig.ask(one.rig.ticket("k")) == .decided) }
    let asked = one.rig.ticket("k")
    #expect(!one.store.ask(asked))
    one.rig.node.turnEnded()
    one.store.forget(ResetKeys(digests: [KeyDigest(Array("k".utf8).span)]))
    #expect(test.run { asked.outcome == .decided } && !asked.isAllowed)
    #expect(!one.store.remembers(one.rig.ticket("k")))
    #expect(one.rig.ask(one.rig.ticket("k")) == .decided)
    #expect(one.store.remembers(one.rig.ticket("k")), "what is asked later is")
  }

  @Test(
    "a look says what a check of its cost would get, spends nothing, and asks though a denial is remembered",
    arguments: Algorithm.allCases)
  func looks(algorithm: Algorithm) throws {
    let server = try RedisServer()
    let one = OrderRig(try TestLoop(), server.target)
    #expect(one.rig.connect())
    func ask() -> Decision {
      let ticket = one.rig.ticket("k", algorithm: algorithm)
      #expect(one.rig.ask(ticket) == .decided)
      return ticket.charges[0].decision
    }
    let fresh = try #require(try one.look("k", algorithm: algorithm)?.get())
    #expect(fresh.decision.isAllowed && fresh.decision.remaining == 3 && fresh.decision.reset == 0)
    #expect(try server.keys("weir:{*") == [], "nothing was kept")
    _ = ask()
    let single = try #require(try one.look("k", algorithm: algorithm)?.get())
    #expect(single.decision.isAllowed && single.decision.remaining == 2 && single.decision.reset > 0)
    for _ in 0..<5 { #expect(try one.look("k", cost: 2, algorithm: algorithm)?.get().decision.remaining == 2) }
    _ = (ask(), ask())
    let denied = ask()
    let full = try #require(try one.look("k", algorithm: algorithm)?.get())
    #expect(!full.decision.isAllowed && full.decision.remaining == 0)
    #expect(full.decision.retryAfter > 0 && full.decision.retryAfter <= denied.retryAfter)
    try server.run("DEL", try #require(try server.keys("weir:{*").first))
    #expect(try one.look("k", algorithm: algorithm)?.get().decision.remaining == 3)
    let above = try #require(try one.look("k", cost: 4, algorithm: algorithm)?.get())
    #expect(above.decision.outcome == .denyAlways)
  }

  @Test("a word's number is that of the first page that tells of it")
  func receipts() throws {
    let server = try RedisServer()
    let test = try TestLoop()
    let (one, two) = (OrderRig(test, server.target), OrderRig(test, server.target))
    #expect(one.rig.connect() && two.rig.connect())
    for key in ["a", "b"] {
      let receipt = try #require(try one.receipt(OrderRig.order(key))?.get())
      #expect(receipt.outcome == .done)
      #expect(test.run { two.pages.all.contains { $0.number >= receipt.number } })
      let first = try #require(two.pages.all.first { $0.number >= receipt.number })
      #expect(first.changes.contains { $0.order?.key == Array(key.utf8) })
    }
    #expect(one.reset("k") == .success(.nothing))
    #expect(test.run { !(two.pages.all.last?.resets.isEmpty ?? true) })
    #expect(two.pages.all.last?.resets.map(\.key) == [Array("k".utf8)])
    #expect(two.pages.all.last?.resets.first?.isOf(OrderRig.identity) == true)
  }

  // MARK: Permissions

  @Test("what Redis forbids of reading orders is told once, and once that it is over; checks go on")
  func forbiddenReading() throws {
    let test = try TestLoop()
    let server = try FakeRedis(test.loop)
    let one = OrderRig(test, server.target)
    for denied in ["MGET", "EVALSHA"] {
      server.answer = { command, _ in
        if command.first == denied,
          denied == "MGET" || command.contains(String(decoding: Script.changes.digest, as: UTF8.self))
        {
          return .say("-NOPERM this user has no permissions")
        }
        if command.first == "MGET" { return .say("*1\r\n$3\r\n7:9") }
        guard command.count > 1, command[1] == String(decoding: Script.changes.digest, as: UTF8.self) else {
          return FakeRedis.healthy(command)
        }
        return .say("*5\r\n:1\r\n$1\r\n7\r\n:9\r\n:1\r\n:0")
      }
      #expect(one.rig.connect())
      let before = one.rig.observer.kinds.count
      #expect(test.run { one.rig.observer.kinds.count >= before + 7 }, "as often as it is asked")
      #expect(one.rig.observer.kinds.allSatisfy { $0 == .permission })
      #expect(one.rig.observer.forbidden.last == true && one.rig.breaker.isClosed)
      server.answer = { command, _ in command.first == "MGET" ? .say("*1\r\n$-1") : FakeRedis.healthy(command) }
      #expect(test.run { one.rig.observer.forbidden.last == false })
    }
    #expect(one.rig.observer.forbidden == [true, false, true, false])
    #expect(one.rig.observer.connects == 1)
  }

  @Test("what Redis forbids of writing orders holds until a word is kept, or another connection")
  func forbiddenWriting() throws {
    let test = try TestLoop()
    let server = try FakeRedis(test.loop)
    let one = OrderRig(test, server.target)
    func answer(_ reply: String) {
      server.answer = { command, _ in
        if command.first == "MGET" { return .say("*1\r\n$-1") }
        return command.contains("set") ? .say(reply) : FakeRedis.healthy(command)
      }
    }
    answer("-NOPERM this user has no permissions")
    #expect(one.rig.connect())
    guard case .failure? = one.write(OrderRig.order("a")) else {
      _ = Issue.record("it was refused")
      return
    }
    #expect(test.run { one.pages.all.count >= 1 } && one.rig.observer.forbidden == [true])
    answer("*2\r\n:1\r\n:5")
    #expect(one.write(OrderRig.order("a")) == .success(.done) && one.rig.observer.forbidden == [true, false])
    answer("-NOPERM this user has no permissions")
    _ = one.write(OrderRig.order("a"))
    server.say(.close)
    #expect(test.run { one.rig.observer.connects == 2 && one.rig.observer.forbidden == [true, false, true, false] })
  }

  // MARK: Several domains, several slots

  @Test("of several domains each is read by itself; one question about each is written at once")
  func domains() throws {
    let server = try RedisServer()
    let test = try TestLoop()
    let one = OrderRig(test, server.target)
    #expect(one.rig.connect() && test.run { one.pages.all.count == 1 })
    let policies = ["default", "other"].map {
      Policy(
        domain: $0, name: "p0", limit: Limit(algorithm: .fixedWindow, limit: 1, period: 1_000_000_000), store: .redis)
    }
    one.store.adopt(KeyNames(policies))
    var order = OrderRig.order("b")
    order.identity = CounterIdentity(policies[1])
    #expect(one.write(OrderRig.order("a")) == .success(.done) && one.write(order) == .success(.done))
    #expect(one.obeys("a", "b"))
    #expect(Set(one.pages.all.map(\.domain)) == ["default", "other"])
  }

  @Test("another type under a domain's version is no error, and no order")
  func foreign() throws {
    let server = try RedisServer()
    let one = OrderRig(try TestLoop(), server.target)
    #expect(one.rig.connect() && one.write(OrderRig.order("a")) == .success(.done) && one.obeys("a"))
    let key = String(decoding: OrderKeys(domain: "default").version, as: UTF8.self)
    try server.run("DEL", key)
    try server.run("RPUSH", key, "x")
    #expect(one.obeys())
    #expect(one.rig.observer.kinds.isEmpty)
  }

  @Test("a reset is told, then the counter is deleted, then it is told again, each in one slot")
  func resetInThree() throws {
    let test = try TestLoop()
    let server = try FakeRedis(test.loop)
    let one = OrderRig(test, server.target)
    server.answer = { command, _ in
      if command.first == "MGET" { return .say("*1\r\n$-1") }
      return command.contains("reset") ? .say("*2\r\n:1\r\n:5") : FakeRedis.healthy(command)
    }
    #expect(one.rig.connect())
    #expect(one.reset("k") == .success(.forgotten))
    let digest = KeyDigest(Array("k".utf8).span)
    let (counter, version) = (
      String(decoding: KeyNames.counter(OrderRig.identity, digest), as: UTF8.self),
      String(decoding: OrderKeys(domain: "default").version, as: UTF8.self)
    )
    let commands = server.commands.filter { $0.first == "DEL" || $0.contains("reset") }
    #expect(commands.map { $0[0] } == ["EVALSHA", "DEL", "EVALSHA"])
    #expect(commands[1] == ["DEL", counter])
    for told in [commands[0], commands[2]] {
      #expect(told[2] == "4" && told[3...6].allSatisfy { $0.hasPrefix(version) } && !told.contains(counter))
    }
  }

  @Test("whoever hears of a reset and asks again never remembers the counter from before it")
  func resetMeanwhile() throws {
    let test = try TestLoop()
    let server = try RedisServer()
    let (one, two) = (OrderRig(test, server.target), OrderRig(test, server.target))
    #expect(one.rig.connect() && two.rig.connect())
    func passes(_ weir: OrderRig) -> Bool {
      let ticket = weir.rig.ticket("k")
      return weir.rig.ask(ticket) == .decided && ticket.isAllowed
    }
    #expect([passes(one), passes(one), passes(one), passes(one)] == [true, true, true, false])
    // The first word of a reset, as if its weir were slow: the other one hears it, asks, and remembers.
    let keys = OrderKeys(domain: "default")
    let member = OrderKeys.member(OrderKeys.resetMark, OrderRig.identity, KeyDigest(Array("k".utf8).span))
    let word =
      [keys.version, keys.orders, keys.changes, keys.ends, Array("reset".utf8), member].map {
        String(decoding: $0, as: UTF8.self)
      } + ["100"]
    try server.client().run(["EVAL", String(decoding: Script.orders.text, as: UTF8.self), "4"] + word)
    #expect(test.run { two.pages.resets == 1 })
    #expect(!passes(two) && two.store.remembers(two.rig.ticket("k")))
    #expect(one.reset("k") == .success(.forgotten))
    #expect(test.run { two.pages.resets >= 2 && !two.store.remembers(two.rig.ticket("k")) })
    #expect(passes(two))
  }

  @Test("a reset that is refused a word changes nothing; one whose later words fail may have been done")
  func resetFails() throws {
    let test = try TestLoop()
    let server = try FakeRedis(test.loop)
    let one = OrderRig(test, server.target)
    func isReset(_ command: [String]) -> Bool { command.contains("reset") }
    for (failing, answer, deletes, mayBeDone) in [
      (0, "*2\r\n:-1\r\n:5", 0, false), (0, "-OOM no room", 0, false), (1, "-NOPERM no", 1, false),
      (2, "-OOM no room", 1, true),
      (2, "*2\r\n:-1\r\n:5", 1, true), (1, "", 1, true), (2, "", 1, true), (0, "", 0, false),
    ] as [(Int, String, Int, Bool)] {
      server.answer = { command, _ in command.first == "MGET" ? .say("*1\r\n$-1") : FakeRedis.healthy(command) }
      #expect(one.rig.connect())
      var (count, deleted) = (0, 0)
      server.answer = { command, _ in
        if command.first == "MGET" { return .say("*1\r\n$-1") }
        guard command.first == "DEL" || isReset(command) else { return FakeRedis.healthy(command) }
        defer { count += 1 }
        if command.first == "DEL" { deleted += 1 }
        guard count == failing else { return .say(command.first == "DEL" ? ":1" : "*2\r\n:1\r\n:5") }
        return answer.isEmpty ? .close : .say(answer)
      }
      let result = one.reset("k")
      if failing == 0, answer.hasPrefix("*") {
        #expect(result == .success(.full))
      } else if case .failure(let failure)? = result {
        #expect(failure.mayBeDone == mayBeDone, "\(failing) \(answer)")
      } else {
        Issue.record("\(failing) \(answer): \(String(describing: result))")
      }
      #expect(deleted == deletes)
    }
  }

  // MARK: Redis does not answer

  @Test("while Redis is away a word is answered at once: nothing has changed")
  func away() throws {
    let test = try TestLoop()
    let one = OrderRig(test, RedisTarget(place: .host("127.0.0.1", port: try RedisServer.freePort())))
    func isUnchanged<Value>(_ result: Result<Value, WordFailure>?) -> Bool {
      guard case .failure(let failure)? = result else { return false }
      return !failure.mayBeDone && failure.failure == .disconnected
    }
    #expect(isUnchanged(one.write(OrderRig.order("a"))))
    #expect(isUnchanged(one.reset("a")))
    #expect(isUnchanged(one.look("a")))
    #expect(one.pages.all.isEmpty)
  }

  @Test("no reply in time: it may have been done, the caller is told so, and a late reply is dropped")
  func late() throws {
    let server = try RedisServer()
    let one = OrderRig(try TestLoop(), server.target, timeoutMilliseconds: 60)
    #expect(one.rig.connect())
    server.pause()
    guard case .failure(let failure)? = one.write(OrderRig.order("a")) else {
      Issue.record("Redis was stopped")
      return
    }
    #expect(failure.mayBeDone && failure.failure == .timeout)
    server.resume()
    #expect(one.obeys("a"), "it was heard after all")
  }

  @Test("a connection that ends under a word, a refusal, and a reply that makes no sense")
  func misbehaves() throws {
    let test = try TestLoop()
    let server = try FakeRedis(test.loop)
    let one = OrderRig(test, server.target)
    for (answer, mayBeDone, kind) in [
      (.close, true, .disconnected), (.say("-OOM command not allowed"), false, .outOfMemory),
      (.say("-NOPERM no"), false, .permission), (.say("+what"), true, .protocolError),
      (.say(":7"), true, .protocolError), (.say("*2\r\n:7\r\n:1"), true, .protocolError),
    ] as [(FakeAnswer, Bool, RedisFailure)] {
      func well(_ command: [String]) -> FakeAnswer {
        command.first == "MGET" ? .say("*1\r\n$-1") : FakeRedis.healthy(command)
      }
      server.answer = { command, _ in well(command) }
      #expect(one.rig.connect())
      server.answer = { command, _ in command.first == "EVALSHA" ? answer : well(command) }
      guard case .failure(let failure)? = one.write(OrderRig.order("a")) else {
        Issue.record("\(answer) was taken for success")
        continue
      }
      #expect(failure.mayBeDone == mayBeDone && failure.failure == kind, "\(failure)")
    }
  }

  @Test("one question about orders is under way at a time, and none while the breaker is open")
  func oneAtATime() throws {
    let test = try TestLoop()
    let server = try FakeRedis(test.loop)
    let one = OrderRig(test, server.target)
    server.answer = { command, _ in command.first == "MGET" ? .nothing : FakeRedis.healthy(command) }
    #expect(one.rig.connect())
    func asked() -> Int { server.commands.count { $0.first == "MGET" } }
    #expect(test.run { asked() == 1 })
    for _ in 0..<10 { one.store.readOrders() }
    test.run(turns: 20)
    #expect(asked() == 1)
    for index in 0..<5 { _ = one.rig.breaker.failed(at: Int64(index) * 1_000_000_000, isQuick: true) }
    #expect(!one.rig.node.canAsk())
    for _ in 0..<10 { one.store.readOrders() }
    #expect(asked() == 1)
  }

  @Test("a reply about orders that makes no sense ends the connection, and the next one reads anew")
  func malformed() throws {
    let test = try TestLoop()
    let server = try FakeRedis(test.loop)
    let one = OrderRig(test, server.target)
    server.answer = { command, connection in
      command.first == "MGET" ? .say(connection == 0 ? ":1" : "*1\r\n$-1") : FakeRedis.healthy(command)
    }
    #expect(test.run { one.rig.observer.connects == 2 && one.pages.all.count == 1 })
    #expect(one.rig.observer.kinds == [.protocolError])
  }
}
