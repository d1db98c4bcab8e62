// RedisDenialTests.swift: a denial is remembered, so that a flood on an exhausted key costs Redis nothing; but not for
// longer, nor for more, than it says.

import TestKit
import Testing

@Suite struct RedisDenialTests {
  /// Script calls that Redis gets during `body`, signs of life included.
  private func calls(_ redis: RedisServer, _ body: () throws -> Void) throws -> Int {
    let before = try redis.calls(of: "evalsha")
    try body()
    return try redis.calls(of: "evalsha") - before
  }

  @Test("a flood on an exhausted key hardly reaches Redis, in any algorithm", arguments: algorithms)
  func flood(algorithm: String) throws {
    let redis = try RedisServer()
    let weirs = try WeirProcess.fleet(
      2, "policies: [{name: a, key: [header.x-k], algorithm: \(algorithm), limit: 5, period: \(forever)}]",
      redis: redis.url)
    #expect(try statuses(weirs[0], 5, "/check/a", [("X-K", "k")]) == Array(repeating: 200, count: 5))
    let tally = Tally()
    let asked = try calls(redis) {
      try concurrently(4) { index in
        let answers = try statuses(weirs[index % 2], 750, "/check/a", [("X-K", "k")])
        for status in answers { tally.add(status) }
      }
    }
    #expect(tally[429] == 3000)
    // The first of each worker, one every 5 s, and signs of life.
    #expect(asked < 60, "\(asked) script calls")
    #expect(try weirs[0].metric("weir_decisions_total", ["policy": "a", "outcome": "denied"]) == 1500)
    // A key of its own is not meant.
    #expect(try weirs[0].request("GET", "/check/a", [("X-K", "other")]).status == 200)
  }

  @Test("nor where others are admitted meanwhile by a policy that all meet, in any algorithm", arguments: algorithms)
  func floodBesideOthers(algorithm: String) throws {
    let redis = try RedisServer()
    let weir = try WeirProcess(
      """
      policies:
        - {name: global, algorithm: \(algorithm), limit: 50000, period: \(forever)}
        - {name: client, key: [header.x-k], algorithm: \(algorithm), limit: 5, period: \(forever)}
        - {name: watched, key: [header.x-id], algorithm: \(algorithm), limit: 1, period: \(forever), mode: shadow}
      """, redis: redis.url, arguments: patient + ["--threads", "1", "--ietf-headers", "on"])
    try weir.waitForHealth("healthy")
    #expect(try statuses(weir, 6, "/check/a", [("X-K", "k")]) == Array(repeating: 200, count: 5) + [429])
    let client = try weir.client()
    var denials: [HTTPResponse] = []
    let asked = try calls(redis) {
      for number in 0..<200 {
        denials.append(try client.request("GET", "/check/a", [("X-K", "k"), ("X-Id", "\(number)")]))
        #expect(try client.request("GET", "/check/a", [("X-K", "other \(number / 4)")]).status == 200)
      }
    }
    // One of each other check; of the flood one every 5 s, and signs of life.
    #expect(asked < 230, "\(asked) script calls")
    #expect(try weir.metric("weir_redis_remembered_denials_total") ?? 0 > 190)
    for denied in denials {
      #expect(denied.status == 429 && denied.json?["policy"]?.string == "client")
      #expect(denied.json?["violated-policies"] == .array([.string("client")]))
      #expect(denied.json?["shadow_denied"] == nil && denied.json?["degraded"] == nil)
      #expect(denied.int("X-RateLimit-Limit") == 5 && denied.int("X-RateLimit-Remaining") == 0)
      let header = denied["RateLimit"] ?? ""
      #expect(header.hasPrefix("\"client\";r=0;") && header.contains(", \"global\";r=49"), "\(header)")
    }
    #expect(try weir.metric("weir_decisions_total", ["policy": "client", "outcome": "denied"]) == 201)
    #expect(try weir.metric("weir_decisions_degraded_total") ?? 0 == 0)
  }

  @Test("a remembered denial has the numbers of a fresh one")
  func numbers() throws {
    let redis = try RedisServer()
    let weir = try WeirProcess(
      "policies: [{name: a, algorithm: token-bucket, limit: 2, period: 1h}]", redis: redis.url)
    try weir.waitForHealth("healthy")
    #expect(try statuses(weir, 2, "/check/a") == [200, 200])
    for _ in 0..<50 {
      let denied = try weir.json("{}")
      #expect(denied.status == 429)
      #expect(denied.int("X-RateLimit-Limit") == 2)
      #expect(denied.int("X-RateLimit-Remaining") == 0)
      #expect((1750...1800).contains(denied.int("Retry-After") ?? 0))
      #expect(denied.json?["violated-policies"] == .array([.string("a")]))
    }
  }

  @Test("after a smaller cost was admitted, the same denial has less left and a longer wait", arguments: [false, true])
  func lessLeft(twoPolicies: Bool) throws {
    let redis = try RedisServer()
    let other = ", {name: b, limit: 1000, period: \(forever)}"
    let weir = try WeirProcess(
      "policies: [{name: a, limit: 10, period: 1h}\(twoPolicies ? other : "")]", redis: redis.url,
      arguments: patient + ["--threads", "1"])
    try weir.waitForHealth("healthy")
    #expect(try weir.json(#"{"cost": 1}"#).status == 200)
    let first = try weir.json(#"{"cost": 10}"#)
    #expect(try weir.json(#"{"cost": 3}"#).status == 200)
    let second = try weir.json(#"{"cost": 10}"#)
    #expect([first.status, second.status] == [429, 429])
    #expect([first.int("X-RateLimit-Remaining"), second.int("X-RateLimit-Remaining")] == [9, 6])
    // A unit comes every 360 s.
    #expect((355...360).contains(first.int("Retry-After") ?? 0))
    #expect((4 * 360 - 60...4 * 360).contains(second.int("Retry-After") ?? 0))
  }

  @Test("what one worker admits shortens no wait that another tells")
  func lessLeftAtAnotherWorker() throws {
    let redis = try RedisServer()
    let weir = try WeirProcess(
      "policies: [{name: a, limit: 10, period: 1h}]", redis: redis.url, arguments: patient + ["--threads", "2"])
    try weir.waitForHealth("healthy")
    // The system spreads connections over the workers.
    let clients = try (0..<16).map { _ in try weir.client() }
    func ask(_ client: HTTPClient, _ cost: Int) throws -> HTTPResponse {
      try client.request("POST", "/json/check", [("Content-Type", "application/json")], body: #"{"cost": \#(cost)}"#)
    }
    #expect(try ask(clients[0], 1).status == 200)
    for client in clients { #expect(try ask(client, 10).int("X-RateLimit-Remaining") == 9) }
    #expect(try ask(clients[0], 3).status == 200)
    for client in clients {
      let denied = try ask(client, 10)
      #expect(denied.status == 429)
      #expect(denied.int("X-RateLimit-Remaining") == 6)
      #expect((4 * 360 - 60...4 * 360).contains(denied.int("Retry-After") ?? 0))
    }
  }

  @Test("what was denied says nothing about a smaller cost")
  func smallerCost() throws {
    let redis = try RedisServer()
    let weir = try WeirProcess(
      "policies: [{name: a, algorithm: token-bucket, limit: 10, period: \(forever)}]", redis: redis.url,
      arguments: patient + ["--threads", "1"])
    try weir.waitForHealth("healthy")
    #expect(try weir.json(#"{"cost": 5}"#).status == 200)
    var denied = 0
    let asked = try calls(redis) {
      denied = try (0..<200).count { _ in try weir.json(#"{"cost": 6}"#).status == 429 }
    }
    #expect(denied == 200)
    #expect(asked < 30, "\(asked) script calls")
    #expect(try weir.json(#"{"cost": 5}"#).status == 200)
    #expect(try weir.look() == 0)
  }

  @Test("a denial ends when its time is over")
  func retryTime() throws {
    let redis = try RedisServer()
    let weir = try WeirProcess(
      "policies: [{name: a, algorithm: token-bucket, limit: 1, period: 1s}]", redis: redis.url)
    try weir.waitForHealth("healthy")
    try eventually("the token is spent") { try weir.json("{}").status == 429 }
    let start = ContinuousClock.now
    try eventually("it has come back", within: 4) { try weir.json("{}").status == 200 }
    #expect(ContinuousClock.now - start < .seconds(3))
  }

  @Test("a counter that is deleted in Redis is believed within 5 s")
  func deletedKey() async throws {
    try await aside {
      let redis = try RedisServer()
      let weir = try WeirProcess(
        "policies: [{name: a, algorithm: fixed-window, limit: 3, period: \(forever)}]", redis: redis.url)
      try weir.waitForHealth("healthy")
      #expect(try statuses(weir, 5, "/check/a") == [200, 200, 200, 429, 429])
      let key = try #require(try redis.keys("weir:*:default:a:*").first)
      #expect(try redis.run("DEL", key).int == 1)
      let client = try weir.client()
      try eventually("the deletion is noticed", within: 7) { try client.request("GET", "/check/a").status == 200 }
      #expect(try weir.look() == 2)
    }
  }

  @Test("a reload with other numbers ends what was remembered, at once")
  func reload() throws {
    let redis = try RedisServer()
    func set(_ limit: Int) -> String {
      "policies: [{name: a, algorithm: token-bucket, limit: \(limit), period: \(forever)}]"
    }
    let weir = try WeirProcess(set(3), redis: redis.url)
    try weir.waitForHealth("healthy")
    #expect(try statuses(weir, 5, "/check/a") == [200, 200, 200, 429, 429])
    try weir.policies.write("test.yaml", set(10))
    try weir.waitForLimit(10)
    #expect(try statuses(weir, 8, "/check/a") == Array(repeating: 200, count: 7) + [429])
  }

  @Test("where several policies deny, and where one is in memory, a remembered denial is still all or nothing")
  func severalPolicies() throws {
    let redis = try RedisServer()
    let weir = try WeirProcess(
      """
      policies:
        - {name: wide, algorithm: token-bucket, limit: 100, period: \(forever)}
        - {name: narrow, key: [v], algorithm: fixed-window, limit: 2, period: \(forever)}
        - {name: local, key: [v], store: memory, algorithm: sliding-log, limit: 50, period: \(forever)}
      """, redis: redis.url)
    try weir.waitForHealth("healthy")
    let body = #"{"attributes": {"v": "a"}}"#
    for index in 0..<100 {
      let answer = try weir.json(body)
      #expect(answer.status == (index < 2 ? 200 : 429))
      guard index >= 2 else { continue }
      #expect(answer.json?["policy"]?.string == "narrow")
      #expect(answer.json?["violated-policies"] == .array([.string("narrow")]))
      #expect(answer.json?["policies"]?.int == 3)
    }
    #expect(try weir.look() == 98)
    // The denied ones did not stay in memory either: 48 are left there, and narrow says 2 for another key.
    #expect(try weir.json(#"{"attributes": {"v": "b"}}"#).status == 200)
  }
}
