// SentinelTests.swift: weir and its sentinels: how it finds the master, logs in, and does without those that are away.

import TestKit
import Testing

@Suite struct SentinelTests {
  static let policies = SentinelFailoverTests.policies
  static let arguments = SentinelFailoverTests.arguments

  private func failures(_ weir: WeirProcess) -> [String] {
    weir.events.compactMap { $0["event"]?.string == "sentinel failed" ? $0["detail"]?.string : nil }
  }

  @Test("weir starts while no sentinel is up, degraded, and counts in Redis once one is")
  func lateSentinels() async throws {
    try await aside {
      let trio = try SentinelTrio()
      for sentinel in trio.sentinels { try sentinel.kill() }
      let weir = try WeirProcess(Self.policies, redis: trio.url, arguments: Self.arguments)
      try weir.waitForHealth("degraded")
      #expect(try weir.request("GET", "/check/memory").status == 200)
      try eventually("it says why") { weir.redisComplaints.contains { $0.contains("no sentinel says where") } }
      #expect(try weir.redisErrors("resolve") > 0)
      // Long enough for the breaker to have opened, had it counted this.
      pause(seconds: 3)
      try trio.sentinels[2].restart()
      try weir.waitForHealth("healthy", within: 10)
      #expect(weir.masters == ["127.0.0.1:\(trio.servers[0].port)"])
      let calls = try trio.servers[0].calls(of: "evalsha")
      #expect(try weir.request("GET", "/check/memory").status == 200)
      #expect(try trio.servers[0].calls(of: "evalsha") > calls)
    }
  }

  @Test("sentinels that die or freeze disturb no check, are told of once, and told of again when they answer")
  func lostSentinels() async throws {
    try await aside {
      let trio = try SentinelTrio()
      let weir = try WeirProcess(Self.policies, redis: trio.url, arguments: Self.arguments)
      try weir.waitForHealth("healthy")
      let degraded = DegradedTime(weir, path: "/memory")
      defer { degraded.end() }
      try trio.sentinels[0].kill()
      trio.sentinels[1].pause()
      try eventually("both are missed") { failures(weir).count == 2 }
      pause(seconds: 2.5)
      #expect(failures(weir).count == 2)
      #expect(try weir.health() == "healthy")
      try trio.sentinels[2].kill()
      try eventually("all are missed") { failures(weir).count == 3 }
      trio.sentinels[1].resume()
      try trio.sentinels[0].restart()
      try eventually("two answer") { weir.events.count { $0["event"]?.string == "sentinel answers" } == 2 }
      let seen = try degraded.stop("loss of sentinels")
      #expect(seen.statuses == [200])
      #expect(try weir.metric("weir_redis_connects_total") == weir.metric("weir_workers"))
    }
  }

  @Test("sentinels and servers have passwords of their own; a wrong one is told of without it, and degrades")
  func passwords() async throws {
    try await aside {
      let trio = try SentinelTrio(password: "m4ster", sentinelPassword: "s3ntinel")
      let files = try TemporaryDirectory()
      try files.write("sentinel", "s3ntinel\n")
      let place = "\(trio.authority)/\(SentinelTrio.name)"
      let good = [
        "redis-sentinel://:m4ster@\(place)?sentinel_password=s3ntinel",
        "redis-sentinel://:m4ster@\(place)?sentinel_password_file=\(files.file("sentinel"))",
      ]
      for url in good {
        let weir = try WeirProcess(Self.policies, redis: url, arguments: Self.arguments)
        try weir.waitForHealth("healthy")
        #expect(try weir.request("GET", "/check/memory").status == 200)
        #expect(!weir.standardError.contains("m4ster") && !weir.standardError.contains("s3ntinel\""))
      }
      let bad = [
        ("redis-sentinel://:m4ster@\(place)?sentinel_password=wr0ng", "WRONGPASS"),
        ("redis-sentinel://:m4ster@\(place)", "NOAUTH"),
        ("redis-sentinel://:wr0ng@\(place)?sentinel_password=s3ntinel", "WRONGPASS"),
        ("redis-sentinel://:m4ster@\(trio.authority)/other?sentinel_password=s3ntinel", "name for it"),
      ]
      for (url, words) in bad {
        let weir = try WeirProcess(Self.policies, redis: url, arguments: Self.arguments)
        try weir.waitForHealth("degraded")
        try eventually("\(words) is told") { weir.redisComplaints.contains { $0.contains(words) } }
        #expect(try weir.request("GET", "/check/memory").status == 200)
        #expect(!weir.standardError.contains("wr0ng"))
      }
    }
  }
}
