// RedisStoreTests.swift: tickets go out together and come back once, in time, whatever Redis does. Against a scripted
// server where Redis misbehaves, and a real one where it decides.

import EventLoop
import Limiting
import Policies
import TestKit
import Testing

@testable import RedisStore

/// Remembers the tickets that it was told about.
final class Holder: TicketHolder {
  private(set) var redeemed: [Ticket] = []
  /// Each outcome at the time it was told.
  private(set) var outcomes: [Ticket.Outcome] = []

  func redeemed(_ ticket: Ticket) {
    redeemed.append(ticket)
    outcomes.append(ticket.outcome)
  }
}

/// A store, its loop, and one policy a slot.
final class StoreRig {
  let test: TestLoop
  let store: RedisStore
  let observer = RecordingObserver()
  let breaker: SharedBreaker
  let holder = Holder()
  let names: KeyNames

  init(
    _ test: TestLoop, _ target: RedisTarget, timeoutMilliseconds: Int64 = 5_000,
    takeOrders: (@Sendable (OrderPage) -> Bool)? = nil
  ) {
    self.test = test
    breaker = SharedBreaker(observer: observer)
    names = KeyNames(
      (0..<8).map { index in
        Policy(
          name: "p\(index)", limit: Limit(algorithm: .fixedWindow, limit: 1, period: 3_600_000_000_000), store: .redis)
      })
    store = RedisStore(
      loop: test.loop, timeout: timeoutMilliseconds * 1_000_000,
      shared: RedisStore.Shared(servers: .one(target, breaker), live: LiveWeirs(isShared: true), id: "rig"),
      announces: false, names: names, observer: observer, takeOrders: takeOrders)
    store.start()
  }

  deinit {
    store.stop()
    test.run(turns: 3)
  }

  var node: NodeStore {
    guard case .one(let node) = store.route else { preconditionFailure("the rig has one server") }
    return node
  }

  func connect() -> Bool { test.run { self.store.isReady } }

  func ticket(
    _ key: String, policy: Int32 = 0, limit: Int64 = 3, cost: Int64 = 1, charges: Int = 1,
    algorithm: Algorithm = .fixedWindow
  ) -> Ticket {
    let limit = Limit(algorithm: algorithm, limit: limit, period: 3_600_000_000_000)
    let bytes = Array(key.utf8)
    let ticket = Ticket()
    let charge = Charge(
      policy: policy, slot: UInt32(policy), keyStart: 0, keyCount: Int32(bytes.count), effect: .limit, isShadow: false,
      place: .redis, limit: limit, cost: cost)
    ticket.fill(
      (0..<charges).map { index in
        var charge = charge
        charge.policy = policy + Int32(index)
        charge.slot = UInt32(charge.policy)
        return charge
      }, keys: bytes.span, names: names, arrival: test.loop.now)
    ticket.holder = holder
    return ticket
  }

  /// Asks, and waits until it is settled.
  func ask(_ ticket: Ticket) -> Ticket.Outcome {
    if store.ask(ticket) { return ticket.outcome }
    let count = holder.redeemed.count
    return test.run { self.holder.redeemed.count > count } ? ticket.outcome : .pending
  }
}

@Suite struct RedisStoreTests {
  @Test("the checks of one turn travel in one call, each decided for itself")
  func oneCall() throws {
    let server = try RedisServer()
    let rig = StoreRig(try TestLoop(), server.target)
    #expect(rig.connect())
    let tickets = (0..<10).map { rig.ticket($0 < 5 ? "hot" : "cold \($0)") }
    for ticket in tickets { #expect(!rig.store.ask(ticket)) }
    #expect(rig.test.run { rig.holder.redeemed.count == 10 })
    #expect(rig.holder.redeemed.map(\.isAllowed) == [true, true, true, false, false] + [true, true, true, true, true])
    #expect(tickets.map { $0.charges[0].decision.remaining } == [2, 1, 0, 0, 0, 2, 2, 2, 2, 2])
    #expect(try server.calls(of: "evalsha") == 2, "the greeting's trial and one call")
  }

  @Test("more charges than one call holds go in several, in one write, and one check is never divided")
  func severalCalls() throws {
    let server = try RedisServer()
    let rig = StoreRig(try TestLoop(), server.target)
    #expect(rig.connect())
    let count = Bounds.chargesPerCall / 3 + 5
    for index in 0..<count { #expect(!rig.store.ask(rig.ticket("k\(index)", charges: 3))) }
    #expect(rig.test.run { rig.holder.redeemed.count == count })
    #expect(!rig.holder.redeemed.contains { !$0.isAllowed })
    #expect(try server.calls(of: "evalsha") == 3)
  }

  @Test("a silent Redis: each check fails when its own time is over, and a late reply is dropped in its place")
  func late() throws {
    let server = try RedisServer()
    let rig = StoreRig(try TestLoop(), server.target, timeoutMilliseconds: 60)
    #expect(rig.connect())
    server.pause()
    let first = rig.ticket("late")
    #expect(rig.ask(first) == .failed)
    #expect(rig.observer.kinds == [.timeout])
    server.resume()
    // Redis counts the first one all the same; the replies of those that follow are theirs.
    var last = Ticket.Outcome.failed
    for _ in 0..<50 where last == .failed { last = rig.ask(rig.ticket("other")) }
    #expect(last == .decided)
    let again = rig.ticket("late")
    #expect(rig.ask(again) == .decided && again.charges[0].decision.remaining == 1)
    #expect(rig.observer.connects == 1, "the order was never in doubt, so the connection stays")
  }

  @Test("after five time-outs the breaker is open: the connection goes, and checks fail at once")
  func opens() throws {
    let server = try RedisServer()
    let rig = StoreRig(try TestLoop(), server.target, timeoutMilliseconds: 20)
    #expect(rig.connect())
    server.pause()
    defer { server.resume() }
    for _ in 0..<5 { #expect(rig.ask(rig.ticket("k")) == .failed) }
    #expect(!rig.breaker.isClosed && !rig.store.isReady)
    let count = rig.holder.redeemed.count
    let ticket = rig.ticket("k")
    #expect(rig.store.ask(ticket) && ticket.outcome == .failed)
    #expect(rig.holder.redeemed.count == count, "who was answered at once is not told again")
  }

  @Test("a connection on which nothing is answered is given up, though other workers keep the breaker closed")
  func deadConnection() throws {
    let test = try TestLoop()
    let server = try FakeRedis(test.loop)
    let rig = StoreRig(test, server.target, timeoutMilliseconds: 20)
    #expect(rig.connect())
    server.answer = { command, _ in command.first == "EVALSHA" ? .nothing : FakeRedis.healthy(command) }
    while rig.observer.disconnects == 0, rig.holder.redeemed.count < 1000 {
      #expect(rig.ask(rig.ticket("k")) == .failed)
      rig.breaker.succeeded()
    }
    #expect(rig.observer.disconnects == 1 && rig.breaker.isClosed)
    server.answer = { command, _ in FakeRedis.healthy(command) }
    #expect(rig.connect())
  }

  @Test("a script that Redis has lost is loaded again, and the call that found it missing counts once")
  func scriptFlush() throws {
    let server = try RedisServer()
    let rig = StoreRig(try TestLoop(), server.target)
    #expect(rig.connect())
    for left in [2, 1, 0] {
      _ = try server.run("SCRIPT", "FLUSH")
      let ticket = rig.ticket("k")
      #expect(rig.ask(ticket) == .decided && ticket.charges[0].decision.remaining == Int64(left))
    }
    #expect(rig.observer.kinds.isEmpty)
  }

  @Test("signs of life survive a lost script, and what another program has put in their place")
  func announcesAgain() throws {
    let server = try RedisServer()
    let rig = StoreRig(try TestLoop(), server.target)
    #expect(rig.connect())
    let key = try #require(try server.keys("weir:live:*").first)
    for damage in [["SCRIPT", "FLUSH"], ["DEL", key], ["SET", key, "hello"], ["SCRIPT", "FLUSH"]] {
      if damage[0] == "SET" { _ = try server.run("DEL", key) }
      _ = try server.client().run(damage)
      rig.store.announce()
      #expect(rig.test.run { (try? server.run("ZCARD", key).int) == 1 }, "\(damage)")
    }
    #expect(rig.observer.kinds.isEmpty && rig.observer.disconnects == 0)
    #expect(try server.keysWithoutExpiry() == [])
  }

  @Test("what waits when the store stops fails at once")
  func stops() throws {
    let test = try TestLoop()
    let server = try FakeRedis(test.loop)
    let rig = StoreRig(test, server.target)
    #expect(rig.connect())
    server.answer = { _, _ in .nothing }
    for index in 0..<4 {
      #expect(!rig.store.ask(rig.ticket("k\(index)")))
      test.run(turns: 3)
    }
    rig.store.stop()
    #expect(rig.holder.outcomes == Array(repeating: .failed, count: 4))
  }

  @Test("a Redis that never finds the script is not asked for ever")
  func noScript() throws {
    let test = try TestLoop()
    let server = try FakeRedis(test.loop)
    let rig = StoreRig(test, server.target)
    #expect(rig.connect())
    server.answer = { command, _ in command.first == "EVALSHA" ? .say("-NOSCRIPT No matching script") : .say("+OK") }
    let sent = server.commands.count
    #expect(rig.ask(rig.ticket("k")) == .failed)
    #expect(server.commands[sent...].map { $0.first } == ["EVALSHA", "SCRIPT", "EVALSHA"])
    #expect(rig.observer.kinds == [.other])
  }

  @Test("while two calls are under way further checks gather, and the next reply sends them together")
  func gathers() throws {
    let test = try TestLoop()
    let server = try FakeRedis(test.loop)
    let rig = StoreRig(test, server.target)
    #expect(rig.connect())
    server.answer = { _, _ in .nothing }
    let sent = server.commands.count
    for index in 0..<6 {
      #expect(!rig.store.ask(rig.ticket("k\(index)")))
      test.run(turns: 5)
    }
    #expect(server.commands.count - sent == Bounds.callsInFlight)
    server.say(.say("-ERR no"))
    #expect(test.run { server.commands.count - sent == Bounds.callsInFlight + 1 })
    #expect(server.commands.last?[2] == "4", "four keys in one call")
    #expect(rig.holder.outcomes == [.failed])
  }

  @Test("where replies are slow, what gathers is sent after a sixteenth of its time")
  func gathersBriefly() throws {
    let test = try TestLoop()
    let server = try FakeRedis(test.loop)
    let rig = StoreRig(test, server.target, timeoutMilliseconds: 4_000)
    #expect(rig.connect())
    server.answer = { _, _ in .nothing }
    let sent = server.commands.count
    for index in 0..<Bounds.callsInFlight + 1 {
      #expect(!rig.store.ask(rig.ticket("k\(index)")))
      test.run(turns: 3)
    }
    #expect(test.run { server.commands.count - sent == Bounds.callsInFlight + 1 })
    #expect(rig.holder.redeemed.isEmpty, "long before anybody's time is over")
  }

  @Test("of two checks in one call each has its own time: one is given up, the other gets the reply")
  func ownTime() throws {
    let server = try RedisServer()
    let rig = StoreRig(try TestLoop(), server.target, timeoutMilliseconds: 10_000)
    #expect(rig.connect())
    server.pause()
    let early = rig.ticket("k", limit: 2)
    early.arrival -= 9_900_000_000
    let late = rig.ticket("k", limit: 2)
    #expect(!rig.store.ask(early) && !rig.store.ask(late))
    #expect(rig.test.run { rig.holder.redeemed.count == 1 })
    #expect(rig.holder.redeemed[0] === early && early.outcome == .failed)
    server.resume()
    #expect(rig.test.run { rig.holder.redeemed.count == 2 })
    #expect(late.outcome == .decided && late.isAllowed && late.charges[0].decision.remaining == 0)
  }

  @Test("connections that end while nobody waits say nothing of Redis, and do not open the breaker")
  func idleLosses() throws {
    let test = try TestLoop()
    let server = try FakeRedis(test.loop)
    let rig = StoreRig(test, server.target)
    for count in 1...Breaker.threshold + 2 {
      #expect(test.run { rig.store.isReady && rig.observer.connects == count })
      server.say(.close)
      #expect(test.run { rig.observer.disconnects == count })
    }
    #expect(rig.breaker.isClosed)
  }

  @Test("a connection that ends fails what waits, sent or not, and none of it is sent again")
  func lost() throws {
    let test = try TestLoop()
    let server = try FakeRedis(test.loop)
    let rig = StoreRig(test, server.target)
    #expect(rig.connect())
    server.answer = { command, _ in command.first == "EVALSHA" ? .nothing : FakeRedis.healthy(command) }
    for index in 0..<5 {
      #expect(!rig.store.ask(rig.ticket("k\(index)")))
      test.run(turns: 3)
    }
    let sent = server.commands.count { $0.contains { $0.contains(":p0:") } }
    server.answer = { command, _ in FakeRedis.healthy(command) }
    server.say(.close)
    #expect(test.run { rig.holder.redeemed.count == 5 })
    #expect(rig.holder.outcomes == Array(repeating: .failed, count: 5))
    #expect(rig.connect())
    test.run(turns: 5)
    #expect(server.commands.count { $0.contains { $0.contains(":p0:") } } == sent)
    #expect(rig.holder.redeemed.count == 5)
  }

  @Test("a reply that is none of the script's fails its checks and ends the connection")
  func malformed() throws {
    let test = try TestLoop()
    let server = try FakeRedis(test.loop)
    let rig = StoreRig(test, server.target)
    #expect(rig.connect())
    for reply in ["$3\r\nabc", ":7", "+OK", "$-1", "*0", "$0\r\n"] {
      server.answer = { command, _ in
        command.contains { $0.contains(":p0:") } ? .say(reply) : FakeRedis.healthy(command)
      }
      #expect(rig.connect())
      #expect(rig.ask(rig.ticket("k")) == .failed, "\(reply)")
      #expect(test.run { rig.observer.kinds.last == .protocolError }, "\(reply)")
      rig.breaker.succeeded()
    }
  }

  @Test(
    "READONLY and LOADING end the connection, OOM and BUSY keep it; all fail the check",
    arguments: [
      ("-READONLY You can't write against a read only replica.", RedisFailure.readOnly, true),
      ("-LOADING Redis is loading the dataset in memory", .loading, true),
      ("-NOAUTH Authentication required.", .auth, true),
      ("-OOM command not allowed when used memory > 'maxmemory'.", .outOfMemory, false),
      ("-BUSY Redis is busy running a script.", .busy, false),
      ("-NOPERM this user has no permissions", .permission, false),
      ("-MISCONF Redis is configured to save RDB snapshots", .other, false),
    ])
  func errors(reply: String, failure: RedisFailure, ends: Bool) throws {
    let test = try TestLoop()
    let server = try FakeRedis(test.loop)
    let rig = StoreRig(test, server.target)
    #expect(rig.connect())
    server.answer = { command, _ in
      command.contains { $0.contains(":p0:") } ? .say(reply) : FakeRedis.healthy(command)
    }
    #expect(rig.ask(rig.ticket("k")) == .failed)
    #expect(test.run { rig.observer.kinds.contains(failure) })
    if ends { #expect(test.run { rig.observer.disconnects == 1 }) }
    test.run(turns: 10)
    #expect(ends || rig.observer.disconnects == 0)
  }

  @Test(
    "a denial is remembered: the same check is denied without asking, a cheaper one and new numbers are asked about",
    arguments: Algorithm.allCases)
  func remembers(algorithm: Algorithm) throws {
    let server = try RedisServer()
    let rig = StoreRig(try TestLoop(), server.target)
    #expect(rig.connect())
    func ask(limit: Int64 = 3, cost: Int64) -> Ticket {
      let ticket = rig.ticket("k", limit: limit, cost: cost, algorithm: algorithm)
      #expect(rig.ask(ticket) == .decided)
      return ticket
    }
    #expect(ask(cost: 2).isAllowed)
    let denied = ask(cost: 2)
    #expect(!denied.isAllowed && denied.charges[0].decision.outcome == .deny)
    let calls = try server.calls(of: "evalsha")
    for _ in 0..<20 {
      let again = ask(cost: 2)
      #expect(!again.isAllowed && again.charges[0].decision.outcome == .deny)
      let wait = again.charges[0].decision.retryAfter
      #expect(
        wait <= denied.charges[0].decision.retryAfter && wait > denied.charges[0].decision.retryAfter - 10_000_000_000)
    }
    #expect(try server.calls(of: "evalsha") == calls)
    #expect(ask(cost: 1).isAllowed)
    #expect(!ask(cost: 1).isAllowed)
    #expect(ask(limit: 5, cost: 2).isAllowed)
    #expect(try server.calls(of: "evalsha") == calls + 3)
  }
}

extension RedisServer {
  var target: RedisTarget { RedisTarget(place: .host("127.0.0.1", port: port)) }
}
