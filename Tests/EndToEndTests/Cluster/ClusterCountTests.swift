// ClusterCountTests.swift: several weirs on a cluster are one limiter, also where the counters of a check lie in two
// slots: never more than the limit, exactly the limit once it was asked for to the end, and nothing left of a denial.

import Synchronization
import TestKit
import Testing

extension ClusterTests {
  @Suite struct Counting {
    /// For each algorithm: a counter by itself, two where the shared one binds, two where each user's binds.
    private static let policies =
      "policies:\n"
      + algorithms.flatMap { algorithm in
        [
          ("one", "key: user", "one", 300), ("all", "", "all", 200), ("each", "key: user", "all", 60),
          ("plenty", "", "few", 1_000), ("few", "key: user", "few", 40),
        ].map { name, key, path, limit in
          "  - {name: \(name)-\(algorithm), match: {path: /\(path)/\(algorithm)}, algorithm: \(algorithm), "
            + "limit: \(limit), period: \(forever)\(key.isEmpty ? "" : ", \(key)")}\n"
        }
      }.joined()

    /// Asks from 18 connections at once, then one by one until all users are denied; how often each was allowed.
    private func ask(_ weirs: [WeirProcess], _ path: String, users: Int, each: Int) throws -> [Int] {
      let allowed = Mutex([Int](repeating: 0, count: users))
      try concurrently(18) { thread in
        let client = try weirs[thread % weirs.count].client()
        for round in 0..<each {
          let user = (thread + round) % users
          let response = try client.check(body(path, "user-\(user)"))
          guard response.status == 200 || response.status == 429 else {
            throw MalformedResponse(description: "\(response.status): \(response.text)")
          }
          if response.status == 200 { allowed.withLock { $0[user] += 1 } }
        }
      }
      let client = try weirs[0].client()
      for user in 0..<users {
        while try client.check(body(path, "user-\(user)")).status == 200 { allowed.withLock { $0[user] += 1 } }
      }
      return allowed.withLock { $0 }
    }

    @Test("three weirs admit exactly the limit, by one counter or by two in different slots, with each algorithm")
    func exact() async throws {
      try await aside {
        let cluster = try RedisCluster(nodeTimeout: steady)
        let weirs = try WeirProcess.clusterFleet(
          3, Self.policies, redis: cluster.url, arguments: patient + ["--threads", "2"])
        for algorithm in algorithms {
          #expect(try ask(weirs, "/one/\(algorithm)", users: 1, each: 25) == [300], "\(algorithm)")
          let shared = try ask(weirs, "/all/\(algorithm)", users: 6, each: 25)
          #expect(shared.reduce(0, +) == 200 && shared.allSatisfy { $0 <= 60 }, "\(algorithm): \(shared)")
          #expect(
            try ask(weirs, "/few/\(algorithm)", users: 6, each: 25) == Array(repeating: 40, count: 6), "\(algorithm)")
          // What the users' denials had held of the shared counter is free again.
          for weir in weirs { #expect(try weir.left("/few/\(algorithm)") == 760, "\(algorithm)") }
        }
        for weir in weirs {
          #expect(try weir.degradedDecisions() == 0)
        }
        let masters = cluster.nodes[..<3]
        for node in masters {
          #expect(try node.server.keysWithoutExpiry() == [])
          #expect(try node.server.keys("weir:{*").count > 0, "all masters count")
        }
      }
    }

    @Test("a flood on an exhausted key asks no node, though others are admitted by the counter in another slot")
    func flood() async throws {
      try await aside {
        let cluster = try RedisCluster(replicas: 0, nodeTimeout: steady)
        let yaml = """
          policies:
            - {name: all, limit: 1000, period: \(forever)}
            - {name: each, key: user, limit: 1, period: \(forever)}
          """
        let weir = try WeirProcess.clusterFleet(
          1, yaml, redis: cluster.url, arguments: patient + ["--threads", "1"])[0]
        func calls() throws -> Int { try cluster.nodes.reduce(0) { try $0 + $1.server.calls(of: "evalsha") } }
        let client = try weir.client()
        for status in [200, 429] { #expect(try client.check(body("/", "flood")).status == status) }
        var asked = 0
        for number in 0..<60 {
          #expect(try client.check(body("/", "user-\(number)")).status == 200)
          let before = try calls()
          for _ in 0..<5 {
            let denied = try client.check(body("/", "flood"))
            #expect(denied.json?["violated-policies"] == .array([.string("each")]) && denied.json?["degraded"] == nil)
          }
          asked += try calls() - before
        }
        // One check of two calls every 5 s, and signs of life.
        #expect(asked < 40, "\(asked) script calls")
      }
    }

    @Test("a check that one of two slots denies leaves nothing in the other, for any weir")
    func denial() async throws {
      try await aside {
        let cluster = try RedisCluster(nodeTimeout: steady)
        let yaml = """
          policies:
            - {name: all, algorithm: token-bucket, limit: 1000, period: \(forever)}
            - {name: each, key: user, algorithm: sliding-log, limit: 1, period: \(forever)}
          """
        let weirs = try WeirProcess.clusterFleet(3, yaml, redis: cluster.url, arguments: ["--redis-timeout", "10s"])
        let answers = Answers()
        // No weir remembers the denials of another: each is decided by the nodes.
        let clients = try weirs.map { try $0.client() }
        for user in 0..<40 { for client in clients { try client.check(body("/", "user-\(user)"), into: answers) } }
        let seen = answers.seen
        answers.tell("denials over two slots")
        #expect(seen.statuses == [200, 429] && seen.degraded == 0)
        #expect(seen.allowed == 40 && seen.denied == 80)
        for weir in weirs {
          try eventually("nothing is held", within: 10) { try weir.left("/") == 960 }
          #expect(try weir.asked("GET", "/keys?policy=all", [ownHost]).json?["remaining"]?.int == 960)
        }
      }
    }
  }
}
