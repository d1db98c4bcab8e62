// DataResponderOrdersTests.swift: what clients get while an order is in force for their key: in both forms, from memory,
// from Redis, and without the Redis that should have answered.

import CheckAPI
import EventLoop
import HTTP1
import Limiting
import Policies
import Stores
import Telemetry
import TestKit
import Testing

@testable import RedisStore
@testable import Sidecar

/// A data responder behind a real socket, whose orders the test gives.
private final class Rig {
  let test: TestLoop
  let responder: DataResponder
  let store = MemoryStore(maximumKeys: 1_000)
  private let server: HTTPServer
  private let peer: Peer
  private let redis: RedisStore?

  /// - Parameter redisPort: Where a server is, and one that is down has none.
  init(_ policies: [Policy], isShadow: Bool = false, redisPort: UInt16? = nil) throws {
    test = try TestLoop()
    let settings = APISettings()
    let rules = Rules(
      PolicySet(policies, slots: policies.indices.map { UInt32($0) + 10 }, shadowAll: isShadow), settings)
    let live = LiveWeirs(isShared: true)
    let loop = test.loop
    redis = redisPort.map { port in
      let target = RedisTarget(place: .host("127.0.0.1", port: port))
      let status = RedisStatus(live: live, url: "", logger: .silent, topology: .single(target))
      return RedisStore(
        loop: loop, timeout: 5_000_000_000, shared: RedisStore.Shared(servers: status.servers, live: live, id: "0"),
        announces: false, names: rules.names,
        observer: RedisWatch(status, .init()))
    }
    let counters = WorkerCounters()
    responder = DataResponder(
      loop: loop, settings: settings, state: ProcessState(),
      decider: Decider(memory: store, redis: redis, live: live), counters: counters,
      keys: KeyRecorder(KeyDisplay(isHashed: false), store: store, now: 0), rules: rules)
    server = HTTPServer(
      loop: loop, responder: responder, counters: counters, kind: .data, budget: ConnectionBudget(limit: 10),
      reportError: { _ in })
    let socket = try ListeningSocket.open(.v4(0x7f00_0001, port: 0), count: 1)[0]
    try server.listen(on: socket)
    peer = Peer(socket.boundAddress)
    if let redis {
      redis.start()
      #expect(test.run { redis.isReady })
    }
  }

  deinit {
    redis?.stop()
    server.stop()
    test.loop.close()
  }

  /// In force for an hour, for plan `pro`; when it ends.
  @discardableResult
  func order(_ kind: Order.Kind, slots: [UInt32] = [10]) -> Int {
    let until = (UnixClock.nanoseconds() / 1_000_000_000 + 3_600) * 1_000_000_000
    let key: [UInt8] = [1, 0, 0, 0, 3] + Array("pro".utf8)
    responder.obey(
      Orders(slots.map { Orders.Entry(slot: $0, key: key, order: Order(kind, until: until)) }, seed: 5))
    return Int(until / 1_000_000_000)
  }

  func gateway(_ plan: String = "pro") throws -> HTTPResponse {
    try answer("GET /check HTTP/1.1\r\nX-Plan: \(plan)\r\n\r\n")
  }

  func json(_ plan: String = "pro", cost: Int = 1) throws -> HTTPResponse {
    let body = "{\"cost\":\(cost),\"attributes\":{\"header.x-plan\":\"\(plan)\"}}"
    return try answer(
      "POST /json/check HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
    )
  }

  private func answer(_ request: String) throws -> HTTPResponse {
    peer.send(request)
    var response: HTTPResponse?
    let peer = self.peer
    let came = test.run {
      response = response ?? (try? peer.next())
      return response != nil
    }
    #expect(came, "no answer came")
    return try #require(response)
  }
}

private func policy(
  _ name: String = "p", limit: Int64 = 2, store: Policy.StoreKind = .memory, mode: Policy.Mode = .enforce,
  onFailure: Policy.OnStoreFailure = .memory, overrides: [Policy.Override] = []
) -> Policy {
  Policy(
    name: name, key: [.header("x-plan")], limit: Limit(algorithm: .slidingLog, limit: limit, period: 3_600_000_000_000),
    store: store, onStoreFailure: onFailure, mode: mode, overrides: overrides)
}

@Suite struct DataResponderOrdersTests {
  private static func expectBlock(_ response: HTTPResponse, until: Int) throws {
    #expect(response.status == 429)
    #expect(response.int("X-RateLimit-Limit") == 0 && response.int("X-RateLimit-Remaining") == 0)
    #expect(response.int("X-RateLimit-Reset") == until)
    let wait = try #require(response.int("Retry-After"))
    #expect((3_590...3_600).contains(wait))
    #expect(response.json?["retry_after"]?.int == wait && response.json?["limit"]?.int == 0)
  }

  @Test("a block denies in both forms until it ends, with the wait; other keys pass; then the key has what it had")
  func blocks() throws {
    let rig = try Rig([policy()])
    #expect(try rig.gateway().int("X-RateLimit-Remaining") == 1)
    let until = rig.order(.block)
    for _ in 0..<3 {
      try Self.expectBlock(rig.gateway(), until: until)
      try Self.expectBlock(rig.json(), until: until)
    }
    #expect(try rig.gateway("free").status == 200 && rig.json("free").status == 200)
    let look = try rig.json(cost: 0)
    #expect(look.status == 200 && look.int("X-RateLimit-Limit") == 0 && look.int("X-RateLimit-Reset") == until)
    rig.responder.obey(.none)
    let after = try rig.json()
    #expect(after.status == 200 && after.int("X-RateLimit-Limit") == 2 && after.int("X-RateLimit-Remaining") == 0)
  }

  @Test("a grant lets its amount pass beside the limit, in both forms; what was spent under it counts when it ends")
  func grants() throws {
    let rig = try Rig([policy()])
    rig.order(.grant(3))
    for left in [4, 3, 2, 1, 0] {
      let response = try left % 2 == 0 ? rig.gateway() : rig.json()
      #expect(response.status == 200 && response.int("X-RateLimit-Limit") == 5)
      #expect(response.int("X-RateLimit-Remaining") == left)
    }
    #expect(try rig.gateway().status == 429 && rig.json().status == 429)
    #expect(try rig.gateway("free").int("X-RateLimit-Limit") == 2)
    rig.responder.obey(.none)
    let denied = try rig.json()
    #expect(denied.status == 429 && denied.int("X-RateLimit-Limit") == 2 && denied.int("X-RateLimit-Remaining") == 0)
  }

  @Test("a block of a shadow policy, or under --shadow, only reports", arguments: [false, true])
  func shadow(isShadow: Bool) throws {
    let rig = try Rig([policy(mode: isShadow ? .enforce : .shadow)], isShadow: isShadow)
    rig.order(.block)
    for _ in 0..<3 {
      #expect(try rig.gateway().status == 200)
      let response = try rig.json()
      #expect(response.status == 200 && response.int("X-RateLimit-Limit") == nil)
      #expect(response.json?["shadow_denied"]?.array?.count == 1)
    }
  }

  @Test("a block denies the whole check: the other policies are not charged, and it binds by its wait")
  func severalPolicies() throws {
    let rig = try Rig([policy("a"), policy("b", limit: 1)])
    let until = rig.order(.block, slots: [10])
    for _ in 0..<3 {
      let response = try rig.json()
      try Self.expectBlock(response, until: until)
      #expect(response.json?["policy"]?.string == "a")
    }
    rig.responder.obey(.none)
    #expect(try rig.json().status == 200, "b has its one left")
  }

  @Test(
    "whom the file exempts stays exempt under a grant and not under a block; whom it blocks has no wait",
    arguments: [Order.Kind.grant(5), .block])
  func overrides(_ kind: Order.Kind) throws {
    let rig = try Rig([
      policy("a", overrides: [Policy.Override(key: ["pro"], effect: .unlimited)]),
      policy("b", overrides: [Policy.Override(key: ["bad"], effect: .block)]),
    ])
    rig.order(kind, slots: [10])
    #expect(try rig.json().status == (kind == .block ? 429 : 200))
    let blocked = try rig.json("bad")
    #expect(blocked.status == 429 && blocked["Retry-After"] == nil)
  }

  @Test("an order whose end has passed does nothing, though the table still holds it")
  func over() throws {
    let rig = try Rig([policy()])
    let key: [UInt8] = [1, 0, 0, 0, 3] + Array("pro".utf8)
    let over = Order(.block, until: UnixClock.nanoseconds() - 1)
    rig.responder.obey(Orders([Orders.Entry(slot: 10, key: key, order: over)], seed: 1))
    #expect(try rig.gateway().status == 200)
  }

  // MARK: Redis

  @Test(
    "Redis obeys grants and blocks: the numbers are the raised ones, a block asks nothing, and what was spent counts")
  func redis() throws {
    let server = try RedisServer()
    let rig = try Rig([policy(store: .redis)], redisPort: server.port)
    #expect(try rig.gateway().int("X-RateLimit-Remaining") == 1)
    #expect(try rig.gateway().status == 200 && rig.gateway().status == 429)
    // The denial just seen is not believed under other numbers.
    rig.order(.grant(3))
    for left in [2, 1, 0] {
      let response = try left % 2 == 0 ? rig.gateway() : rig.json()
      #expect(response.status == 200 && response.int("X-RateLimit-Limit") == 5)
      #expect(response.int("X-RateLimit-Remaining") == left)
    }
    #expect(try rig.json().status == 429)
    let until = rig.order(.block)
    try Self.expectBlock(rig.gateway(), until: until)
    try Self.expectBlock(rig.json(), until: until)
    rig.responder.obey(.none)
    #expect(try rig.gateway("free").status == 200)
    let denied = try rig.gateway()
    #expect(denied.status == 429 && denied.int("X-RateLimit-Limit") == 2)
    #expect(rig.store.metrics.keys == 0, "nothing was decided in memory")
  }

  @Test("without Redis a block holds whatever the policy does then, and a grant raises what memory decides")
  func outage() throws {
    let server = try RedisServer()
    let rig = try Rig(
      [policy(limit: 20, store: .redis), policy("open", store: .redis, onFailure: .allow)], redisPort: server.port)
    try server.kill()
    #expect(try rig.json("free").json?["degraded"]?.bool == true)
    rig.order(.grant(3))
    for left in [22, 21] { #expect(try rig.json().int("X-RateLimit-Remaining") == left) }
    let until = rig.order(.block, slots: [11])
    try Self.expectBlock(rig.json(), until: until)
    try Self.expectBlock(rig.gateway(), until: until)
  }
}
