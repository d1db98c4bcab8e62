// ClusterReshardTests.swift: slots move from master to master while their counters are asked: nobody notices, and
// nothing is lost or counted twice. Also a switch by hand, where the replica has all before it takes over.

import TestKit
import Testing

extension ClusterTests {
  @Suite struct Moving {
    static let policies = """
      policies:
        - {name: big, match: {path: /big}, algorithm: fixed-window, limit: 1000000, period: \(forever)}
        - {name: big-user, match: {path: /big}, key: user, algorithm: sliding-log, limit: 100000, period: \(forever)}
        - {name: small, match: {path: /small}, algorithm: token-bucket, limit: 500, period: \(forever)}
        - {name: small-user, match: {path: /small}, key: user, algorithm: sliding-log, limit: 150, period: \(forever)}
      """
    static let arguments = ["--redis-timeout", "10s"]

    /// The load of a test: checks over two slots each, of counters that never end and of some that soon do.
    private struct Load {
      let big = Answers()
      let small = Answers()
      let loads: [Background]

      init(_ weirs: [WeirProcess]) {
        loads = [
          checks(weirs, threads: 3, into: big, rest: 0.001) { body("/big", "user-\(($0 + $1) % 5)") },
          checks(weirs, threads: 3, into: small, rest: 0.001) { body("/small", "user-\(($0 + $1) % 5)") },
        ]
      }

      func end() { for load in loads { try? load.stop() } }

      /// Ends it, asks on until the small counter is used up, and compares what was counted with what was admitted.
      func settle(_ weirs: [WeirProcess], _ what: String) throws {
        for load in loads { try load.stop() }
        let client = try weirs[0].client()
        for user in 0..<5 {
          while try client.check(body("/small", "user-\(user)"), into: small).status == 200 {}
        }
        // What failed checks may hold ends with their time.
        if big.seen.degraded + small.seen.degraded > 0 { pause(seconds: 10) }
        big.tell(what + ", counters that do not end")
        small.tell(what + ", counters that end")
        let (big, small) = (big.seen, small.seen)
        #expect(big.statuses == [200] && small.statuses == [200, 429])
        // A degraded check may have been counted, never more than once.
        let spent = 1_000_000 - (try weirs[1].left("/big") ?? 0)
        #expect((big.allowed...big.allowed + big.degraded).contains(spent), "spent \(spent)")
        #expect((500 - small.degraded...500).contains(small.allowed), "allowed \(small.allowed)")
        #expect(try weirs[2].left("/small") == 0)
      }
    }

    @Test("slots move back and forth under load: no check fails, none is lost, and the limit is met exactly")
    func resharding() async throws {
      try await aside {
        let cluster = try RedisCluster(nodeTimeout: steady)
        let weirs = try WeirProcess.clusterFleet(3, Self.policies, redis: cluster.url, arguments: Self.arguments)
        let client = try weirs[0].client()
        for user in 0..<5 {
          for path in ["/big", "/small"] { #expect(try client.check(body(path, "user-\(user)")).status == 200) }
        }
        let slots = try Set(cluster.counters().map { try cluster.slot(of: $0) })
        #expect(slots.count > 1)
        let load = Load(weirs)
        defer { load.end() }
        var moved = 0
        for round in 1...6 {
          for slot in slots {
            let source = try cluster.master(of: slot)
            let target = cluster.nodes[(source.number + round) % 3]
            moved += try cluster.moveSlots([slot], to: target, keysAtOnce: 1, pausing: 0.02)
          }
        }
        print("measured: resharding: \(moved) keys of \(slots.count) slots moved")
        #expect(moved > slots.count)
        // What was asked before the load.
        for _ in 0..<5 {
          load.big.addOne()
          load.small.addOne()
        }
        try load.settle(weirs, "resharding")
        let degraded = load.big.seen.degraded + load.small.seen.degraded
        #expect(degraded <= (load.big.seen.total + load.small.seen.total) / 100, "\(degraded) degraded")
        for weir in weirs { #expect(try weir.health() == "healthy") }
      }
    }

    @Test("a switch by hand (CLUSTER FAILOVER) under load loses nothing and fails no check")
    func switched() async throws {
      try await aside {
        let cluster = try RedisCluster(nodeTimeout: steady)
        let weirs = try WeirProcess.clusterFleet(3, Self.policies, redis: cluster.url, arguments: Self.arguments)
        let load = Load(weirs)
        defer { load.end() }
        pause(seconds: 0.5)
        for replica in cluster.nodes[3...] {
          try cluster.failover(to: replica)
          pause(seconds: 0.5)
        }
        try load.settle(weirs, "CLUSTER FAILOVER of each shard")
        for weir in weirs { try weir.waitForHealth("healthy", within: 60) }
      }
    }
  }
}
