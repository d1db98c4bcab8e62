// RedisHealthTests.swift: what an operator sees of Redis: health, metrics, log lines.

import TestKit
import Testing

@Suite struct RedisHealthTests {
  static let policies = "policies: [{name: a, algorithm: token-bucket, limit: 100000, period: \(forever)}]"

  @Test("health goes from healthy to degraded and back, and never to 503 for Redis")
  func health() throws {
    let redis = try RedisServer()
    let weir = try WeirProcess(Self.policies, redis: redis.url)
    try weir.waitForHealth("healthy")
    #expect(try weir.adminRequest("/health").json?["checks"]?["redis"]?.string == "ok")
    try redis.kill()
    try weir.waitForHealth("degraded")
    let degraded = try weir.adminRequest("/health")
    #expect(degraded.status == 200)
    #expect(degraded.json?["checks"]?["policies"]?.string == "ok")
    #expect(degraded.json?["checks"]?["redis"]?.string != "ok")
    #expect(try weir.adminRequest("/readyz").status == 200)
    #expect(try weir.adminRequest("/healthz").status == 200)
    try redis.restart()
    try weir.waitForHealth("healthy")
    #expect(try weir.adminRequest("/health").json?["checks"]?["redis"]?.string == "ok")
  }

  @Test("without --redis neither health nor metrics speak of it")
  func unused() throws {
    let weir = try WeirProcess(Self.policies)
    #expect(try weir.adminRequest("/health").json?["checks"]?["redis"] == nil)
    #expect(try weir.adminRequest("/metrics").text.contains("weir_redis_breaker_state") == false)
  }

  @Test("metrics count calls, checks, connections and weirs, and never hold a key")
  func metrics() throws {
    let redis = try RedisServer()
    let weir = try WeirProcess(
      "policies: [{name: a, key: [header.x-k], algorithm: token-bucket, limit: 100000, period: \(forever)}]",
      redis: redis.url, arguments: patient + ["--threads", "2"])
    try weir.waitForHealth("healthy")
    #expect(try statuses(weir, 20, "/check/a", [("X-K", "secret-client")]) == Array(repeating: 200, count: 20))
    let page = try weir.adminRequest("/metrics").text
    #expect(!page.contains("secret-client"))
    for (name, kind) in [
      ("weir_redis_breaker_state", "gauge"), ("weir_redis_calls_total", "counter"),
      ("weir_redis_errors_total", "counter"), ("weir_redis_call_duration_seconds", "histogram"),
      ("weir_redis_call_checks", "histogram"), ("weir_redis_connects_total", "counter"),
      ("weir_redis_connections", "gauge"), ("weir_live_weirs", "gauge"), ("weir_decisions_degraded_total", "counter"),
    ] {
      #expect(page.contains("# TYPE \(name) \(kind)\n"), "\(name)")
      #expect(page.contains("# HELP \(name) "), "\(name)")
    }
    #expect(try weir.metric("weir_redis_call_checks_sum") == 20)
    #expect((try weir.metric("weir_redis_calls_total") ?? 0) >= 20)
    #expect((try weir.metric("weir_redis_call_duration_seconds_count") ?? 0) >= 20)
    #expect(try weir.metric("weir_redis_connections") == 2)
    #expect(try weir.metric("weir_redis_errors_total") == 0)
    #expect(try weir.metric("weir_redis_errors_total", ["kind": "timeout"]) == 0)
    #expect(try weir.metric("weir_decisions_degraded_total", ["domain": "default", "policy": "a"]) == 0)
    try eventually("it counts itself", within: 10) {
      try weir.metric("weir_live_weirs", ["domain": "default"]) == 1
    }
    let closed = try weir.metric("weir_redis_breaker_state")
    try redis.kill()
    try weir.askUntilDegraded("/check/a")
    #expect(closed == 0)
    try eventually("the breaker is open") { try weir.metric("weir_redis_breaker_state") ?? 0 > 0 }
    #expect(try weir.metric("weir_redis_connections") == 0)
    #expect(try weir.redisErrors("disconnected") > 0)
    #expect(try weir.json(#"{"attributes": {"header.x-k": "x"}}"#).status == 200)
    #expect(try weir.metric("weir_decisions_degraded_total", ["domain": "default", "policy": "a"]) ?? 0 >= 1)
  }

  @Test("a silence is said when it begins and when it ends, once each, however many checks and attempts it lasts")
  func logLines() throws {
    let redis = try RedisServer()
    let weir = try WeirProcess(Self.policies, redis: redis.url)
    try weir.waitForHealth("healthy")
    let before = weir.events.count
    try redis.kill()
    try weir.waitForHealth("degraded")
    for _ in 0..<50 { #expect(try weir.request("GET", "/check/a").status == 200) }
    pause(seconds: 2.5)
    #expect(weir.redisComplaints.count == 1, "\(weir.redisComplaints)")
    try redis.restart()
    try weir.waitForHealth("healthy")
    #expect(weir.redisComplaints.count == 1, "\(weir.redisComplaints)")
    // The complaint and the good news, and the breaker between them.
    #expect(weir.events.count - before <= 4)
    #expect(weir.events.count - before >= 2)
  }
}
