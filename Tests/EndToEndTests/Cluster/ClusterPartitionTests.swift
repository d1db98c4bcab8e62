// ClusterPartitionTests.swift: a weir that is cut off from the nodes, or from one of them, and weirs and nodes that end
// between the two steps of a check.

import Glibc
import TestKit
import Testing

extension ClusterFaultTests {
  @Suite struct CuttingOff {
    static let policies = """
      policies:
        - {name: a, match: {path: /a}, key: user, algorithm: fixed-window, limit: 90, period: \(forever)}
        - {name: big, match: {path: /big}, key: user, algorithm: fixed-window, limit: 1000000, period: \(forever)}
        - {name: all, match: {path: /both}, algorithm: fixed-window, limit: 1000, period: \(forever)}
        - {name: each, match: {path: /both}, key: user, algorithm: fixed-window, limit: 1000, period: \(forever)}
      """

    /// A weir whose way to the nodes can be cut, and two others.
    private struct Rig {
      let cluster: RedisCluster
      let path: ClusterPath
      let cut: WeirProcess
      let others: [WeirProcess]
      var all: [WeirProcess] { [cut] + others }

      init(timeout: String) throws {
        cluster = try RedisCluster(hasPaths: true)
        path = try ClusterPath(to: cluster)
        let arguments = ["--redis-timeout", timeout]
        cut = try WeirProcess(CuttingOff.policies, redis: path.url, arguments: arguments)
        others = try WeirProcess.clusterFleet(2, CuttingOff.policies, redis: cluster.url, arguments: arguments)
        try cut.waitForHealth("healthy")
        try cut.waitForMasters()
        for weir in all {
          try eventually("it knows of three") { try weir.metric("weir_live_weirs", ["domain": "default"]) == 3 }
        }
      }
    }

    @Test("a weir that is cut off grants its share, the others count on exactly, and it comes back by itself")
    func wholeWeir() async throws {
      try await aside {
        let rig = try Rig(timeout: "500ms")
        let here = Answers()
        let there = Answers()
        let loads = [
          checks([rig.cut], threads: 2, into: here, rest: 0.005) { _, _ in body("/big", "ann") },
          checks(rig.others, threads: 2, into: there, rest: 0.005) { _, _ in body("/big", "ann") },
        ]
        defer { for load in loads { try? load.stop() } }
        let stalls = Stalls()
        pause(seconds: 0.5)
        rig.path.cut()
        try eventually("it does without Redis", within: 30) { here.seen.degraded > 0 }
        // Its share of the limit, 90 for three.
        let client = try rig.cut.client()
        let granted = try (0..<60).count { _ in try client.check(body("/a", "bob")).status == 200 }
        #expect(granted == 30)
        let exact = Answers()
        let others = try rig.others.map { try $0.client() }
        for count in 0..<200 { try others[count % 2].check(body("/a", "bob"), into: exact) }
        let counted = exact.seen
        #expect((90 - counted.degraded...90).contains(counted.allowed) && counted.degraded <= 4, "\(counted)")
        for weir in rig.others { try weir.waitForHealth("healthy") }
        pause(seconds: 3)
        let words = try rig.cut.adminRequest("/health").json?["checks"]?["redis"]?.string ?? ""
        let healed = ContinuousClock.now
        rig.path.heal()
        try rig.cut.waitForHealth("healthy", within: 60)
        let healthy = ContinuousClock.now
        // Each connection of a worker is back.
        try eventually("it counts in Redis", within: 30) {
          let before = here.seen
          pause(seconds: 0.5)
          let after = here.seen
          return after.degraded == before.degraded && after.allowed > before.allowed
        }
        for load in loads { try load.stop() }
        pause(seconds: 1)
        stalls.tell("a weir that is cut off")
        print("measured: a weir that is cut off: /health said \(words)")
        here.tell("a weir that is cut off")
        there.tell("the weirs beside it")
        let last = here.seen.lastDegraded ?? healed
        print(
          "measured: a weir that is cut off: healthy \(Int((healthy - healed) / .milliseconds(1))) ms after the cut was over, "
            + "the last degraded answer \(Int((last - healed) / .milliseconds(1))) ms after it")
        #expect(here.seen.statuses == [200] && there.seen.statuses == [200])
        #expect(here.seen.degraded > 0 && there.seen.degraded <= there.seen.total / 100)
        let spent = 1_000_000 - (try rig.cut.left("/big", "ann") ?? 0)
        let allowed = here.seen.allowed + there.seen.allowed
        #expect(
          (allowed...allowed + here.seen.degraded + there.seen.degraded).contains(spent),
          "spent \(spent), allowed \(allowed)")
        #expect(try rig.cut.json(body("/a", "bob")).status == 429, "all of it was spent by the others")
      }
    }

    @Test("a weir that is cut off from one master degrades the keys of that one, and no others")
    func oneMaster() async throws {
      try await aside {
        let rig = try Rig(timeout: "500ms")
        let users = try (0..<3).map { try rig.cluster.user(on: rig.cluster.nodes[$0], of: rig.cut, path: "/big") }
        rig.path.cut(rig.cluster.nodes[1])
        let client = try rig.cut.client()
        try eventually("its keys are degraded", within: 30) {
          try client.check(body("/big", users[1])).text.contains(#""degraded":true"#)
        }
        let (near, far) = (Answers(), Answers())
        for _ in 0..<100 {
          try client.check(body("/big", users[0]), into: near)
          try client.check(body("/big", users[2]), into: near)
          try client.check(body("/big", users[1]), into: far)
        }
        near.tell("a weir cut off from one master, keys of others")
        far.tell("a weir cut off from one master, its keys")
        #expect(near.seen.statuses == [200] && near.seen.degraded <= 4, "\(near.seen)")
        #expect(far.seen.degradedAllowed == 100)
        for weir in rig.others { try weir.waitForHealth("healthy") }
        rig.path.heal()
        try eventually("it counts there", within: 60) {
          try client.check(body("/big", users[1])).text.contains(#""degraded":true"#) == false
        }
      }
    }

    @Test("what a weir holds when it dies between the steps denies others until the hold's end, and no longer")
    func deadWeir() async throws {
      try await aside {
        // Long enough to see the hold before it ends.
        let rig = try Rig(timeout: "5s")
        let other = rig.others[0]
        // The shared counter and this user's lie on different masters, so that one part can hold while one cannot.
        let shared = try #require(try homes(of: body("/both"), rig).first)
        var place: (user: String, far: RedisCluster.Node)?
        for number in 0..<50 where place == nil {
          let user = "v\(number)"
          if let far = try homes(of: body("/both", user), rig).first, far !== shared { place = (user, far) }
        }
        let (user, far) = try #require(place)
        let before = try #require(try other.left("/both"))
        rig.path.cut(far)
        let begin = ContinuousClock.now
        let client = try rig.cut.client()
        try client.send(
          HTTPClient.requestText(
            "POST", "/check", [("Content-Type", "application/json")], body: body("/both", user)))
        try eventually("the hold counts for others", within: 4) { try other.left("/both") == before - 1 }
        rig.cut.signal(SIGKILL)
        try eventually("it has ended", within: 15) { try other.left("/both") == before }
        let time = ContinuousClock.now - begin
        print("measured: a weir dies between the steps: its hold was seen for \(time / .milliseconds(1)) ms of 5000")
        // Some time for the machine: a hold's life begins when it reaches its master.
        #expect(time < .seconds(8))
      }
    }

    /// The masters that get a new counter by a check.
    private func homes(of check: String, _ rig: Rig) throws -> [RedisCluster.Node] {
      let before = try rig.cluster.nodes[..<3].map { try $0.server.keys("weir:{*") }
      try rig.others[0].json(check)
      return try zip(rig.cluster.nodes[..<3], before).filter { try $0.server.keys("weir:{*") != $1 }.map(\.0)
    }

    @Test("a master that freezes between the steps of many checks leaves no hold beyond a deadline, at no other master")
    func frozenBetween() async throws {
      try await aside {
        let cluster = try RedisCluster(nodeTimeout: 15_000)
        let weirs = try WeirProcess.clusterFleet(
          2, Self.policies.replacing("limit: 1000,", with: "limit: 100000,"), redis: cluster.url,
          arguments: ["--redis-timeout", "500ms"])
        try weirs[0].json(body("/both"))
        let shared = try #require(try cluster.nodes[..<3].first { try !$0.server.keys("weir:{*").isEmpty })
        let far = try #require(cluster.nodes[..<3].first { $0 !== shared })
        let answers = Answers()
        let load = checks(weirs, threads: 12, into: answers) { thread, count in
          body("/both", "t\(thread)-\(count % 16)")
        }
        defer { try? load.stop() }
        for _ in 0..<3 {
          pause(seconds: 1)
          cluster.freeze(far)
          pause(seconds: 1)
          cluster.thaw(far)
          for weir in weirs { try weir.waitForHealth("healthy", within: 60) }
        }
        cluster.freeze(far)
        try load.stop()
        // A deadline later, while the node still says nothing.
        pause(seconds: 0.6)
        let first = try #require(try weirs[1].left("/both"))
        cluster.thaw(far)
        pause(seconds: 11)
        let last = try #require(try weirs[1].left("/both"))
        let seen = answers.seen
        answers.tell("a master freezes four times between the steps")
        let spent = 100_000 - last - 1
        print(
          "measured: a master freezes four times between the steps: \(spent) counted at the other master, \(seen.allowed) "
            + "allowed, \(seen.degraded) degraded")
        #expect(seen.statuses == [200] && seen.degraded > 0)
        // No hold lives for eleven seconds: what was left then was left before.
        #expect(first == last)
        #expect((seen.allowed...seen.allowed + seen.degraded).contains(spent), "spent \(spent)")
      }
    }
  }
}
