// ClusterRedisTests.swift: slots, redirections and the watch with real clusters, and what befalls those.

import EventLoop
import Glibc
import TestKit
import Testing

@testable import RedisStore

@Suite(.serialized) struct ClusterRedisTests {
  /// The owners as the nodes themselves tell them, node by node.
  private static func truth(_ cluster: RedisCluster) throws -> SlotMap {
    var ranges: [(slots: ClosedRange<UInt16>, owner: NodeAddress)] = []
    for member in try cluster.members(seenBy: cluster.living[0]) {
      guard let node = cluster.node(member.id) else { continue }
      for slots in member.slots {
        ranges.append((UInt16(slots.lowerBound)...UInt16(slots.upperBound), node.nodeAddress))
      }
    }
    return SlotMap(ranges)
  }

  private static func haveSameOwners(_ left: SlotMap, _ right: SlotMap) -> Bool {
    (0..<UInt16(16_384)).allSatisfy { left.owner(of: $0) == right.owner(of: $0) }
  }

  private static func milliseconds(since start: Int64) -> Int64 { (Loop.monotonicNow() - start) / 1_000_000 }

  @Test("slots, MOVED, ASK and maps are those of a real cluster, from whichever node they come")
  func healthy() async throws {
    try await aside {
      let start = Loop.monotonicNow()
      let cluster = try RedisCluster()
      print("a cluster of 3 masters and 3 replicas is usable after \(Self.milliseconds(since: start)) ms")
      var generator = SeededGenerator(seed: 6)
      for _ in 0..<50 {
        let pieces = (0..<8).map { _ in generator.pick(["a", "{", "}", "weir:", "7", "ö"]) }
        let name = pieces.joined()
        #expect(try cluster.slot(of: name) == Int(HashSlot.of(Array(name.utf8).span)), "\(name)")
      }

      let test = try TestLoop()
      let truth = try Self.truth(cluster)
      for seed in cluster.nodes {
        let rig = try ClusterRig(test, seeds: [seed.nodeAddress])
        rig.watch.start()
        #expect(test.run { rig.map.version == 1 })
        #expect(Self.haveSameOwners(rig.current, truth), "seed \(seed.number)")
        #expect(Set(rig.current.others) == Set(cluster.nodes[3...].map(\.nodeAddress)))
      }
      // What a node before Redis 7 is asked.
      let old = LinkRig(test, RedisTarget(place: cluster.nodes[4].nodeAddress.place))
      old.link.start()
      #expect(test.run { old.link.isReady })
      #expect(old.send("CLUSTER", "SLOTS"))
      #expect(test.run { old.recorder.replies.count == 1 })
      let slots = try old.recorder.replies[0].withReply { reply in
        try SlotMap.slots(reply, from: cluster.nodes[4].nodeAddress)
      }
      #expect(Self.haveSameOwners(slots, truth))
      // It leaves out replicas that have not been sent anything yet.
      #expect(Set(slots.others).isSubset(of: cluster.nodes[3...].map(\.nodeAddress)))
      try Self.redirections(cluster)
      try Self.reshard(cluster, test)
    }
  }

  private static func redirections(_ cluster: RedisCluster) throws {
    let slot = try cluster.slot(of: "{moving}")
    let source = try cluster.master(of: slot)
    let target = try #require(cluster.nodes[..<3].first { $0 !== source })
    func redirection(_ node: RedisCluster.Node, _ command: String...) throws -> Redirection? {
      let error = try node.server.client().ask(command).error ?? ""
      return Redirection(Array(error.utf8).span, from: node.nodeAddress)
    }
    let moved = Redirection(.moved, slot: UInt16(slot), node: source.nodeAddress)
    #expect(try redirection(target, "GET", "{moving}") == moved)

    for number in 0..<25 { try source.server.run("SET", "{moving}\(number)", "x", "PX", "60000") }
    try cluster.beginMove(of: slot, from: source, to: target)
    let ask = Redirection(.ask, slot: UInt16(slot), node: target.nodeAddress)
    #expect(try redirection(source, "GET", "{moving}none") == ask)
    #expect(try redirection(source, "GET", "{moving}0") == nil, "a key that has not moved yet is served")
    #expect(try redirection(target, "GET", "{moving}none") == moved, "without ASKING")
    while try cluster.moveKeys(of: slot, from: source, to: target, atMost: 10) > 0 {}
    #expect(try redirection(source, "GET", "{moving}0") == ask)
    try cluster.endMove(of: slot, from: source, to: target)
    #expect(
      try redirection(source, "GET", "{moving}0") == Redirection(.moved, slot: UInt16(slot), node: target.nodeAddress))
    #expect(try target.server.run("GET", "{moving}24").text == "x")
    #expect(try cluster.master(of: slot) === target)
    try cluster.moveSlots([slot], to: source)
  }

  private static func reshard(_ cluster: RedisCluster, _ test: TestLoop) throws {
    let rig = try ClusterRig(test, seeds: cluster.nodes[3...].map(\.nodeAddress))
    rig.watch.start()
    #expect(test.run { rig.map.version == 1 })
    let before = rig.current
    let target = cluster.nodes[2]
    try cluster.moveSlots(0..<20, to: target)
    rig.map.moved(3, to: target.nodeAddress)
    #expect(test.run { !haveSameOwners(rig.current, before) && rig.current.owner(of: 19) == target.nodeAddress })
    try cluster.waitUntilSettled()
    let truth = try truth(cluster)
    #expect(truth.owner(of: 0) == target.nodeAddress)
    rig.map.wantRefresh()
    #expect(test.run { haveSameOwners(rig.current, truth) })

    let added = try cluster.addNode()
    try cluster.moveSlots(100..<103, to: added)
    rig.map.wantRefresh()
    #expect(test.run { rig.current.owner(of: 102) == added.nodeAddress }, "a node that was added is found")
  }

  @Test("a killed master's slots lead to its replica once that is elected, by whichever seeds live")
  func failover() async throws {
    try await aside {
      let cluster = try RedisCluster()
      let test = try TestLoop()
      let (victim, heir) = (cluster.nodes[0], cluster.nodes[3])
      // A seed that is frozen, besides: a replica, so that nothing hangs on it.
      let frozen = cluster.nodes[4]
      cluster.freeze(frozen)
      let rig = try ClusterRig(test, seeds: [frozen, victim, cluster.nodes[5]].map(\.nodeAddress))
      rig.watch.start()
      #expect(test.run { rig.map.version == 1 })
      #expect(rig.current.owner(of: 0) == victim.nodeAddress)

      try cluster.kill9(victim)
      let start = Loop.monotonicNow()
      rig.map.wantRefresh()  // as a worker does that has lost its connection
      var elected: Int64?
      #expect(
        test.run(seconds: 60) {
          let own = try? cluster.members(seenBy: heir).first(where: \.isMyself)
          if elected == nil, own?.owns(0) == true { elected = Self.milliseconds(since: start) }
          return rig.current.owner(of: 0) == heir.nodeAddress
        })
      let followed = Self.milliseconds(since: start)
      print(
        "a killed master: a replica is elected after \(elected ?? followed) ms (cluster-node-timeout 2000), "
          + "the map follows after \(followed) ms")
      #expect(rig.current.owner(of: 16_383) == cluster.nodes[2].nodeAddress)

      // Back again, as a replica of its heir: the map stays.
      try cluster.restart(victim)
      cluster.thaw(frozen)
      try cluster.waitUntilSettled()
      #expect(try cluster.members(seenBy: victim).first(where: \.isMyself)?.master == heir.id)
      rig.map.wantRefresh()
      #expect(test.run { rig.current.others.contains(victim.nodeAddress) })
      #expect(rig.current.owner(of: 0) == heir.nodeAddress)

      // And in agreement back to where it was.
      try cluster.failover(to: victim)
      rig.map.wantRefresh()
      #expect(
        test.run {
          rig.map.wantRefresh()
          return rig.current.owner(of: 0) == victim.nodeAddress
        })
    }
  }

  @Test("a plain Redis among the seeds is told of and passed over; seeds that are down at first are found later")
  func wrongSeeds() async throws {
    try await aside {
      let test = try TestLoop()
      let plain = try RealRedis()
      let plainAddress = NodeAddress(host: "127.0.0.1", port: plain.port)
      let cluster = try RedisCluster(masters: 1, replicas: 0)
      try cluster.kill9(cluster.nodes[0])
      let rig = try ClusterRig(test, seeds: [plainAddress, cluster.nodes[0].nodeAddress])
      rig.watch.start()
      #expect(test.run { rig.recorder.unknowns >= 3 })
      #expect(rig.map.version == 0)
      let words = rig.recorder.failures(of: plainAddress)
      #expect(words.first?.failure == .other && words.first?.detail.contains("no node of a cluster") == true)
      #expect(rig.recorder.failures(of: cluster.nodes[0].nodeAddress).first?.failure == .disconnected)
      try cluster.restart(cluster.nodes[0])
      #expect(test.run { rig.current.covered == 16_384 })
    }
  }

  @Test("with TLS and a password the map holds the ports for TLS")
  func tls() async throws {
    try await aside {
      let certificates = try TestKit.Certificates()
      let cluster = try RedisCluster(masters: 2, replicas: 1, password: "open sesame", certificates: certificates)
      let test = try TestLoop()
      var settings = TLSSettings()
      settings.authorities = certificates.authority
      let seed = NodeAddress(host: "127.0.0.1", port: try #require(cluster.nodes[1].server.tlsPort))
      let rig = try ClusterRig(test, seeds: [seed], password: "open sesame", tls: settings)
      rig.watch.start()
      #expect(test.run { rig.map.version == 1 }, "\(rig.recorder.failures)")
      let ports = cluster.nodes.map { $0.server.tlsPort ?? 0 }
      #expect(
        rig.current.masters.map(\.port) == Array(ports[..<2]) && Set(rig.current.others.map(\.port)) == Set(ports[2...])
      )

      let wrong = try ClusterRig(test, seeds: [seed], password: "wrong", tls: settings)
      wrong.watch.start()
      #expect(test.run { wrong.recorder.unknowns == 1 })
      #expect(wrong.recorder.failures.first?.failure == .auth)
    }
  }

  @Test("nodes that tell no address are found where they were asked; a way that is cut is no way, and heals")
  func paths() async throws {
    try await aside {
      let cluster = try RedisCluster(masters: 3, replicas: 0, hasPaths: true)
      let test = try TestLoop()
      let path = try ClusterPath(to: cluster)
      let seeds = cluster.nodes.map { NodeAddress(host: path.host, port: $0.port) }
      let rig = try ClusterRig(test, seeds: seeds)
      let direct = try ClusterRig(test, seeds: cluster.nodes.map(\.nodeAddress))
      for rig in [rig, direct] { rig.watch.start() }
      #expect(test.run { rig.map.version == 1 && direct.map.version == 1 })
      #expect(rig.current.masters == seeds)
      #expect(direct.current.masters == cluster.nodes.map(\.nodeAddress))

      let slot = UInt16(try cluster.slot(of: "x"))
      let owner = try cluster.master(of: Int(slot))
      let other = try #require(cluster.nodes.first { $0 !== owner })
      let error = try other.server.client().ask("GET", "x").error ?? ""
      let way = NodeAddress(host: path.host, port: other.port)
      #expect(
        Redirection(Array(error.utf8).span, from: way)
          == Redirection(.moved, slot: slot, node: NodeAddress(host: path.host, port: owner.port)))

      path.cut()
      rig.map.wantRefresh()
      #expect(test.run { rig.recorder.unknowns == 1 })
      #expect(rig.recorder.failures.allSatisfy { $0.failure == .timeout })
      #expect(rig.current.masters == seeds, "the map stays in force")
      direct.map.wantRefresh()
      path.heal()
      rig.map.moved(0, to: seeds[2])
      #expect(test.run { rig.current.owner(of: 0) == seeds[0] }, "what MOVED said was wrong, and is read anew")
      #expect(direct.recorder.failures.isEmpty, "the others hear nothing of it")
    }
  }
}
