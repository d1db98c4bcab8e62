// ClusterOperatingTests.swift: what an operator sees of a cluster, and what the calls about keys do there.

import TestKit
import Testing

extension ClusterTests {
  @Suite struct Operating {
    static let policies = """
      policies:
        - {name: per-user, match: {path: /a/**}, key: user, algorithm: fixed-window, limit: 3, period: \(forever)}
        - {name: log, match: {path: /l/**}, key: user, algorithm: sliding-log, limit: 3, period: \(forever)}
        - {name: all, match: {path: /all/**}, algorithm: fixed-window, limit: 3, period: \(forever)}
        - {name: each, match: {path: /all/**}, key: user, algorithm: fixed-window, limit: 100, period: \(forever)}
      """

    private func status(_ weir: WeirProcess, _ path: String, _ user: String) throws -> Int {
      try weir.json(body(path, user)).status
    }

    @Test("orders and resets given to one weir are obeyed by all, wherever the key's slot is")
    func orders() async throws {
      try await aside {
        let cluster = try RedisCluster(nodeTimeout: steady)
        let weirs = try WeirProcess.clusterFleet(
          3, Self.policies, redis: cluster.url, arguments: patient + ["--threads", "2"])
        // Enough users for all masters.
        for number in 0..<6 {
          let user = "user-\(number)"
          let told = weirs[number % 3]
          for weir in weirs { #expect(try status(weir, "/a/x", user) == 200) }
          for weir in weirs { #expect(try status(weir, "/a/x", user) == 429) }
          for weir in weirs {
            #expect(try weir.state("policy=per-user&key=\(user)").json?["remaining"]?.int == 0)
          }
          let begin = ContinuousClock.now
          #expect(try told.word("grant", user, #","amount":3,"for":"10m""#).status == 200)
          for weir in weirs { try weir.waitForOrder("grant", user) }
          let granted = ContinuousClock.now
          for weir in weirs { try eventually("one more passes") { try status(weir, "/a/x", user) == 200 } }
          for weir in weirs { #expect(try status(weir, "/a/x", user) == 429, "three more, not three each") }
          #expect(try told.word("block", user, #","for":"10m""#).status == 200)
          for weir in weirs {
            try weir.waitForOrder("block", user)
            #expect(try status(weir, "/a/x", user) == 429)
          }
          #expect(try told.word("unblock", user).status == 200)
          for weir in weirs { try weir.waitForOrder(nil, user) }
          #expect(try told.word("reset", user).json?["reset"]?.bool == true)
          let reset = ContinuousClock.now
          for weir in weirs { try eventually("it passes again") { try status(weir, "/a/x", user) == 200 } }
          print(
            "measured: orders in a cluster: all obey a grant after \((granted - begin) / .milliseconds(1)) ms, a reset "
              + "after \((ContinuousClock.now - reset) / .milliseconds(1)) ms")
          // A list beside the hash.
          for weir in weirs { #expect(try status(weir, "/l/x", user) == 200) }
          #expect(try status(told, "/l/x", user) == 429)
          let answer = try told.word("reset", user, policy: "log")
          #expect(answer.json?["reset"]?.bool == true, "\(answer.text) \(told.standardError)")
          for weir in weirs { try eventually("it passes again") { try status(weir, "/l/x", user) == 200 } }
        }
        for weir in weirs { #expect(weir.redisComplaints == []) }
        for node in cluster.nodes[..<3] { #expect(try node.server.keysWithoutExpiry() == []) }
      }
    }

    @Test("explain and the state of keys tell of counters in two slots, and spend nothing")
    func explain() async throws {
      try await aside {
        let cluster = try RedisCluster(nodeTimeout: steady)
        let weirs = try WeirProcess.clusterFleet(2, Self.policies, redis: cluster.url)
        #expect(try status(weirs[0], "/all/x", "ann") == 200)
        for _ in 0..<3 {
          for weir in weirs {
            let answer = try weir.call("/explain", body("/all/x", "ann"))
            #expect(answer.status == 200 && answer.json?["allowed"]?.bool == true, "\(answer.text)")
            #expect(try weir.state("policy=all").json?["remaining"]?.int == 2)
            #expect(try weir.state("policy=each&key=ann").json?["remaining"]?.int == 99)
          }
        }
        #expect(try status(weirs[1], "/all/x", "bob") == 200)
        #expect(try status(weirs[1], "/all/x", "eve") == 200)
        // Of somebody new: what a weir saw a moment ago it may tell again without asking.
        let answer = try weirs[0].call("/explain", body("/all/x", "zoe"))
        #expect(answer.json?["allowed"]?.bool == false, "\(answer.text)")
        #expect(try weirs[0].state("policy=each&key=ann").json?["remaining"]?.int == 99)
      }
    }

    @Test("health, metrics and the log tell of the map and of a node that is away")
    func telling() async throws {
      try await aside {
        let cluster = try RedisCluster(replicas: 0)
        let weir = try WeirProcess(
          Self.policies, redis: cluster.url, arguments: ["--redis-timeout", "1s", "--threads", "2"])
        try weir.waitForHealth("healthy")
        #expect(try weir.adminRequest("/health").json?["checks"]?["redis"]?.string == "ok")
        try weir.waitForMasters()
        #expect(try weir.metric("weir_redis_breaker_state") == 0)
        let map = try weir.event("redis cluster")
        #expect(map["slots"]?.int == 16_384)
        #expect(Set(map["masters"]?.array?.compactMap(\.string) ?? []) == Set(cluster.nodes.map(\.address.text)))

        let gone = cluster.nodes[1]
        let user = try cluster.user(on: gone, of: weir, path: "/a/x")
        try cluster.kill9(gone)
        try eventually("health says degraded", within: 30) {
          _ = try status(weir, "/a/x", user)
          return try weir.health() == "degraded"
        }
        let words = try weir.adminRequest("/health").json?["checks"]?["redis"]?.string ?? ""
        print("measured: a node that is away: /health says \(words)")
        // Whichever is noticed first: the connections, the breaker, or the map.
        let isTold = words.contains(gone.address.text) || words.contains("slots have no master")
        #expect(isTold, "\(words)")
        let opened = try weir.event("redis breaker open")
        #expect(opened["node"]?.string == gone.address.text)
        try eventually("its connections are gone") { try weir.metric("weir_redis_connections") == 4 }
        #expect((try weir.metric("weir_redis_breaker_state") ?? 0) > 0)
        #expect((try weir.metric("weir_redis_errors_total") ?? 0) > 0)

        try cluster.restart(gone)
        try weir.waitForHealth("healthy", within: 90)
        let closed = try weir.event("redis breaker closed")
        #expect(closed["node"]?.string == gone.address.text)
        #expect(try weir.metric("weir_redis_breaker_state") == 0)
        try eventually("both workers are connected again", within: 30) {
          _ = try status(weir, "/a/x", user)
          return try weir.metric("weir_redis_connections") == 6
        }
      }
    }
  }
}
