// ClusterLoginTests.swift: how weir gets into a cluster: with TLS, with a password, and when nodes come late.

import TestKit
import Testing

extension ClusterTests {
  @Suite struct LoggingIn {
    static let policies = """
      policies:
        - {name: all, algorithm: token-bucket, limit: 1000, period: \(forever)}
        - {name: each, key: user, algorithm: token-bucket, limit: 100, period: \(forever)}
      """

    /// Every master counts: some of these users lie on each.
    private func expectCounting(_ weir: WeirProcess, _ cluster: RedisCluster) throws {
      try weir.waitForHealth("healthy")
      let answers = Answers()
      let client = try weir.client()
      for user in 0..<30 { try client.check(body("/", "user-\(user)"), into: answers) }
      #expect(answers.seen.allowed == 30)
      for node in cluster.nodes[..<3] { #expect(try !node.server.keys("weir:{*").isEmpty) }
    }

    /// A weir that serves without Redis, and says why, in its log and at /health.
    private func expectDegraded(_ url: String, says words: String, kind: String, secret: String = "wr0ng") throws {
      let weir = try WeirProcess(Self.policies, redis: url, arguments: ["--redis-timeout", "1s"])
      try weir.waitForHealth("degraded")
      let answer = try weir.json(body("/", "ann"))
      #expect(answer.status == 200 && answer.json?["degraded"]?.bool == true)
      try eventually("it says why: \(words)") {
        weir.redisComplaints.contains { $0.lowercased().contains(words.lowercased()) }
      }
      let health = try weir.adminRequest("/health")
      #expect(health.status == 200)
      print("measured: \(kind): /health says \(health.json?["checks"]?["redis"]?.string ?? "nothing")")
      #expect(!weir.standardError.contains(secret) && !health.text.contains(secret))
    }

    @Test(
      "rediss-cluster:// with the right authority counts at all nodes; with another or none it is degraded, and why")
    func certificates() async throws {
      try await aside {
        let papers = try Certificates()
        let cluster = try RedisCluster(certificates: papers)
        try expectCounting(
          try WeirProcess(Self.policies, redis: "\(cluster.tlsURL)?ca=\(papers.authority)"), cluster)
        try expectCounting(try WeirProcess(Self.policies, redis: "\(cluster.tlsURL)?verify=off"), cluster)
        try expectDegraded(
          "\(cluster.tlsURL)?ca=\(papers.strangerAuthority)", says: "certificate", kind: "wrong authority")
        try expectDegraded(cluster.tlsURL, says: "certificate", kind: "no authority")
      }
    }

    @Test("a password opens all nodes; a wrong one, or none, is told of without it, and degrades")
    func passwords() async throws {
      try await aside {
        let cluster = try RedisCluster(password: "s3cret")
        try expectCounting(
          try WeirProcess(Self.policies, redis: "redis-cluster://:s3cret@\(cluster.authority)"), cluster)
        try expectDegraded("redis-cluster://:wr0ng@\(cluster.authority)", says: "WRONGPASS", kind: "wrong password")
        try expectDegraded(cluster.url, says: "NOAUTH", kind: "no password")
      }
    }

    @Test("a weir that starts before any node is degraded, and counts in Redis once they are there")
    func lateNodes() async throws {
      try await aside {
        let cluster = try RedisCluster(replicas: 0)
        for node in cluster.nodes { try cluster.kill9(node) }
        let weir = try WeirProcess(Self.policies, redis: cluster.url, arguments: ["--redis-timeout", "1s"])
        try weir.waitForHealth("degraded")
        let answer = try weir.json(body("/", "ann"))
        #expect(answer.status == 200 && answer.json?["degraded"]?.bool == true)
        try eventually("it says so") {
          weir.standardError.contains("redis cluster unknown")
            && weir.standardError.contains("redis cluster node failed")
        }
        print("measured: no node: /health says \(try weir.adminRequest("/health").text)")
        let begin = ContinuousClock.now
        for node in cluster.nodes { try cluster.restart(node) }
        try cluster.waitUntilSettled()
        let settled = ContinuousClock.now
        try weir.waitForHealth("healthy", within: 60)
        print(
          "measured: late nodes: settled after \((settled - begin) / .milliseconds(1)) ms, weir healthy after "
            + "\((ContinuousClock.now - begin) / .milliseconds(1)) ms")
        try eventually("all nodes count", within: 30) {
          let answers = Answers()
          let client = try weir.client()
          for user in 0..<30 { try client.check(body("/", "user-\(user)"), into: answers) }
          return answers.seen.allowed == 30
        }
      }
    }
  }
}
