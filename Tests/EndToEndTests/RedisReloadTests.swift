// RedisReloadTests.swift: policies change under a running weir, and their counters in Redis stay, as those in memory do.

import TestKit
import Testing

@Suite struct RedisReloadTests {
  private func set(_ limit: Int, _ rest: String = "", algorithm: String = "token-bucket") -> String {
    "policies: [{name: a, algorithm: \(algorithm), limit: \(limit), period: \(forever)\(rest)}]\n"
  }

  @Test("a reload keeps what Redis has counted, and new numbers apply to it at once", arguments: algorithms)
  func numbers(algorithm: String) throws {
    let redis = try RedisServer()
    let weir = try WeirProcess(set(3, algorithm: algorithm), redis: redis.url)
    try weir.waitForHealth("healthy")
    #expect(try statuses(weir, 4, "/check/a") == [200, 200, 200, 429])
    try weir.policies.write("test.yaml", set(10, algorithm: algorithm))
    try weir.waitForLimit(10)
    #expect(try weir.look() == 7)
    #expect(try weir.request("GET", "/check/a").int("X-RateLimit-Remaining") == 6)
    try weir.policies.write("test.yaml", set(2, algorithm: algorithm))
    try weir.waitForLimit(2)
    #expect(try weir.look() == 0)
    #expect(try weir.request("GET", "/check/a").status == 429)
    try weir.policies.write("test.yaml", set(20, ", mode: shadow", algorithm: algorithm))
    try weir.waitForLimit(nil)
    try weir.policies.write("test.yaml", set(20, algorithm: algorithm))
    try weir.waitForLimit(20)
    #expect(try weir.look() ?? 0 >= 15)
    #expect(try weir.look() ?? 20 <= 16)
    #expect(try redis.keys("weir:*:default:a:*").count == 1)
    #expect(try redis.keysWithoutExpiry() == [])
  }

  @Test("a policy that moves to Redis, or gets another key, starts afresh")
  func newIdentity() throws {
    let redis = try RedisServer()
    let weir = try WeirProcess(set(5, ", store: memory"), redis: redis.url)
    try weir.waitForHealth("healthy")
    #expect(try statuses(weir, 3, "/check/a") == [200, 200, 200])
    #expect(try redis.keys("weir:*:default:a:*") == [])
    try weir.policies.write("test.yaml", set(6))
    try weir.waitForLimit(6)
    #expect(try weir.look() == 6)
    #expect(try weir.request("GET", "/check/a").int("X-RateLimit-Remaining") == 5)
    #expect(try redis.keys("weir:*:default:a:*").count == 1)
    try weir.policies.write("test.yaml", set(7, ", key: [k], missing: share"))
    try weir.waitForLimit(7)
    #expect(try weir.look() == 7)
  }

  @Test("weirs with different numbers for a policy count in one counter")
  func rollOut() throws {
    let redis = try RedisServer()
    let old = try WeirProcess(set(5), redis: redis.url)
    let new = try WeirProcess(set(10), redis: redis.url)
    for weir in [old, new] { try weir.waitForHealth("healthy") }
    #expect(try statuses(old, 5, "/check/a") == Array(repeating: 200, count: 5))
    #expect(try new.look() == 5)
    #expect(try statuses(new, 6, "/check/a") == Array(repeating: 200, count: 5) + [429])
    #expect(try old.request("GET", "/check/a").int("X-RateLimit-Remaining") == 0)
  }

  @Test("a reload under load with Redis: no check fails, and the count is exact")
  func underLoad() throws {
    let redis = try RedisServer()
    let weirs = try WeirProcess.fleet(2, set(1000, ", on_store_failure: deny"), redis: redis.url)
    let reloading = Background(threads: 1) { _ in
      for weir in weirs {
        let note = UInt32.random(in: 0 ... .max)
        try weir.policies.replace("test.yaml", "# \(note)\n" + set(1000, ", on_store_failure: deny"))
      }
      pause(seconds: 0.1)
    }
    let tally = Tally()
    try concurrently(4) { index in
      let client = try weirs[index % 2].client()
      for _ in 0..<400 {
        tally.add(try client.request("GET", "/check/a").status)
        pause(seconds: 0.002)
      }
    }
    try reloading.stop()
    #expect(tally[200] == 1000)
    #expect(tally[429] == 600)
  }

  @Test("store: redis without --redis is an error that says so")
  func withoutRedis() throws {
    let directory = try TemporaryDirectory()
    try directory.write("test.yaml", set(1, ", store: redis"))
    let serve = try WeirProcess.run(["serve", "--policies", directory.path])
    #expect(serve.status == .exited(65))
    #expect(serve.errors.contains("--redis"))
    let validate = try WeirProcess.run(["validate", directory.path])
    #expect(validate.status == .exited(65))
    #expect(try WeirProcess.run(["validate", directory.path, "--redis", "redis://localhost"]).status == .exited(0))
    let variable = try WeirProcess.run(["validate", directory.path], environment: ["WEIR_REDIS": "redis://localhost"])
    #expect(variable.status == .exited(0))
  }
}
