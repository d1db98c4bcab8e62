// RedisFallbackTests.swift: weirs know how many they are, and grant their share of a limit while Redis is away.

import Glibc
import TestKit
import Testing

@Suite struct RedisFallbackTests {
  static let policies = """
    policies:
      - {name: a, match: {path: /a}, algorithm: token-bucket, limit: 90, period: \(forever)}
      - {name: burst, match: {path: /burst}, algorithm: token-bucket, limit: 600, burst: 10, period: \(forever)}
      - {name: window, match: {path: /window}, algorithm: fixed-window, limit: 91, period: \(forever)}
      - {name: few, match: {path: /few}, algorithm: sliding-log, limit: 2, period: \(forever)}
    """

  private func live(_ weir: WeirProcess) throws -> Double? {
    try weir.metric("weir_live_weirs", ["domain": "default"])
  }

  @Test("while Redis is away three weirs grant a third each, rounded down, at least 1, and the headers say so")
  func share() throws {
    let redis = try RedisServer()
    let weirs = try WeirProcess.fleet(3, Self.policies, redis: redis.url)
    for weir in weirs { try eventually("it knows of three", within: 10) { try live(weir) == 3 } }
    // The shared count is the whole limit's.
    #expect(try weirs[0].request("GET", "/check/a").int("X-RateLimit-Limit") == 90)
    try redis.kill()
    for weir in weirs { try weir.waitForHealth("degraded") }
    for weir in weirs {
      for (target, share) in [("a", 30), ("burst", 3), ("window", 30), ("few", 1)] {
        let client = try weir.client()
        let answers = try (0..<40).map { _ in try client.request("GET", "/check/\(target)") }
        #expect(answers.count { $0.status == 200 } == share, "\(target)")
        #expect(answers.allSatisfy { $0.int("X-RateLimit-Limit") == share }, "\(target)")
        #expect(answers[0].int("X-RateLimit-Remaining") == share - 1, "\(target)")
      }
    }
    // Back again: the whole limit, counted together.
    try redis.restart()
    for weir in weirs { try weir.waitForHealth("healthy") }
    #expect(try weirs[0].request("GET", "/check/a").int("X-RateLimit-Remaining") == 89)
    #expect(try weirs[1].request("GET", "/check/a").int("X-RateLimit-Remaining") == 88)
  }

  @Test("with --fallback-share off each grants the whole limit")
  func wholeLimit() throws {
    let redis = try RedisServer()
    let weirs = try WeirProcess.fleet(
      2, Self.policies, redis: redis.url, arguments: patient + ["--fallback-share", "off"])
    for weir in weirs { try eventually("it knows of two", within: 10) { try live(weir) == 2 } }
    try redis.kill()
    for weir in weirs {
      try weir.waitForHealth("degraded")
      let allowed = try statuses(weir, 100, "/check/a").count { $0 == 200 }
      #expect(allowed == 90)
    }
  }

  @Test("a weir that stops cleanly is counted no more, at once; one that is killed, within 15 s")
  func departures() async throws {
    try await aside {
      let redis = try RedisServer()
      let weirs = try WeirProcess.fleet(3, Self.policies, redis: redis.url)
      for weir in weirs { try eventually("it knows of three", within: 10) { try live(weir) == 3 } }
      let members = try redis.keys("weir:live:*")
      #expect(members.count == 1)
      #expect(try redis.run("ZCARD", members[0]).int == 3)
      #expect(try weirs[0].terminate() == .exited(0))
      // Whoever counts next finds two; the others count every other second.
      #expect(try redis.run("ZCARD", members[0]).int == 2)
      try eventually("it knows of two", within: 8) { try live(weirs[1]) == 2 }
      weirs[2].signal(SIGKILL)
      try eventually("it knows of itself alone", within: 20) { try live(weirs[1]) == 1 }
      try redis.kill()
      try weirs[1].waitForHealth("degraded")
      #expect(try weirs[1].request("GET", "/check/a").int("X-RateLimit-Limit") == 90)
    }
  }

  @Test("the last known number counts on: a weir that was alive when Redis went is still counted after 15 s")
  func lastKnown() async throws {
    try await aside {
      let redis = try RedisServer()
      let weirs = try WeirProcess.fleet(2, Self.policies, redis: redis.url)
      for weir in weirs { try eventually("it knows of two", within: 10) { try live(weir) == 2 } }
      try redis.kill()
      pause(seconds: 16)
      #expect(try weirs[0].request("GET", "/check/a").int("X-RateLimit-Limit") == 45)
    }
  }

  @Test("weirs count each other by domain")
  func domains() throws {
    let redis = try RedisServer()
    let both = try WeirProcess(Self.policies, redis: redis.url)
    try both.policies.write(
      "other.yaml",
      "{domain: other, policies: [{name: o, algorithm: token-bucket, limit: 90, period: \(forever)}]}")
    let one = try WeirProcess(Self.policies, redis: redis.url)
    try eventually("two in one domain, one in the other", within: 15) {
      try live(both) == 2 && both.metric("weir_live_weirs", ["domain": "other"]) == 1 && live(one) == 2
    }
    #expect(try one.metric("weir_live_weirs", ["domain": "other"]) == nil)
  }

  @Test("a fallback's counter regains as any other does: never more than the share and its rate")
  func rate() throws {
    let weir = try WeirProcess(
      "policies: [{name: a, algorithm: token-bucket, limit: 100, burst: 20, period: 1s}]",
      redis: "redis://127.0.0.1:\(try RedisServer.freePort())")
    let client = try weir.client()
    let start = ContinuousClock.now
    var allowed = 0
    while ContinuousClock.now - start < .seconds(1) {
      if try client.request("GET", "/check/a").status == 200 { allowed += 1 }
    }
    let seconds = Double((ContinuousClock.now - start).components.attoseconds) * 1e-18 + 1
    #expect(allowed >= 20)
    #expect(Double(allowed) <= 20 + 100 * seconds)
  }
}
