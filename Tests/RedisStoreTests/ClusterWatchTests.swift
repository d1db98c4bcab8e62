// ClusterWatchTests.swift: whom the watch asks, when, and what it makes of nodes that are away, late, or wrong.

import EventLoop
import TestKit
import Testing

@testable import RedisStore

@Suite struct ClusterWatchTests {
  /// Nodes that tell of each other.
  private static func nodes(_ test: TestLoop, _ count: Int) throws -> [FakeNode] {
    let nodes = try (0..<count).map { _ in try FakeNode(test.loop) }
    for node in nodes { node.cluster = ImaginedCluster(of: nodes.map(\.address)) }
    return nodes
  }

  @Test("a seed tells the map, and the connection is closed")
  func first() throws {
    let test = try TestLoop()
    let nodes = try Self.nodes(test, 3)
    let rig = try ClusterRig(test, seeds: [nodes[1].address])
    rig.watch.start()
    #expect(test.run { rig.map.version == 1 && nodes[1].server.open == 0 })
    #expect(
      rig.current
        == SlotMap([
          (0...5460, nodes[0].address), (5461...10_921, nodes[1].address), (10_922...16_383, nodes[2].address),
        ]))
    #expect(rig.recorder.maps == [rig.current] && rig.recorder.failures.isEmpty && rig.recorder.unknowns == 0)
    #expect(nodes[1].server.connections.count == 1 && nodes[0].server.connections.isEmpty)
  }

  @Test("a reading that is wanted comes soon, once for many wants, and tells no news where there is none")
  func wanted() throws {
    let test = try TestLoop()
    let nodes = try Self.nodes(test, 1)
    let rig = try ClusterRig(test, seeds: [nodes[0].address])
    rig.watch.start()
    #expect(test.run { rig.map.version == 1 })
    let before = Loop.monotonicNow()
    for _ in 0..<100 { rig.map.wantRefresh() }
    #expect(test.run { nodes[0].asked == 2 })
    #expect(Loop.monotonicNow() - before < 5_000_000_000, "the next by itself would come after 5 s at least")
    #expect(rig.map.version == 1 && rig.recorder.maps.count == 1)
  }

  @Test("after a wanted reading others follow by themselves: the cluster may learn later of what the worker has seen")
  func alert() throws {
    let test = try TestLoop()
    let nodes = try Self.nodes(test, 1)
    let rig = try ClusterRig(test, seeds: [nodes[0].address])
    rig.watch.start()
    #expect(test.run { rig.map.version == 1 })
    let before = Loop.monotonicNow()
    rig.map.wantRefresh()
    #expect(test.run { nodes[0].asked == 4 })
    #expect(Loop.monotonicNow() - before < 5_000_000_000, "the next of a calm watch would come after 5 s at least")
  }

  @Test("readings keep their distance, however often they are wanted, and a growing one while they bring no news")
  func pauses() throws {
    let test = try TestLoop()
    let nodes = try Self.nodes(test, 1)
    let rig = try ClusterRig(test, seeds: [nodes[0].address])
    rig.watch.start()
    let start = Loop.monotonicNow()
    #expect(
      test.run {
        rig.map.wantRefresh()
        return nodes[0].asked >= 6
      })
    #expect(
      Loop.monotonicNow() - start >= 25 * Bounds.clusterPause.lowerBound - 20_000_000,
      "timers may be a little early at the ends")
  }

  @Test("MOVED, on any thread, corrects the slot and makes the map be read")
  func moved() throws {
    let test = try TestLoop()
    let nodes = try Self.nodes(test, 2)
    let rig = try ClusterRig(test, seeds: [nodes[0].address])
    rig.watch.start()
    #expect(test.run { rig.map.version == 1 })
    for node in nodes {
      node.cluster.shards[0].slots = [1...8191]
      node.cluster.shards[1].slots = [0...0, 8192...16_383]
    }
    let (map, other) = (rig.map, nodes[1].address)
    try concurrently(1) { _ in map.moved(0, to: other) }
    #expect(rig.current.owner(of: 0) == other)
    #expect(test.run { nodes.map(\.asked).reduce(0, +) == 2 })
    #expect(rig.map.version == 2, "what was read is what MOVED said")
  }

  @Test("a node that is not there is passed over for one that is; it is told of, with its address")
  func away() throws {
    let test = try TestLoop()
    let nodes = try Self.nodes(test, 1)
    let gone = NodeAddress(host: "127.0.0.1", port: try RedisServer.freePort())
    for _ in 0..<5 {
      let rig = try ClusterRig(test, seeds: [gone, nodes[0].address])
      rig.watch.start()
      #expect(test.run { rig.map.version == 1 })
      for failure in rig.recorder.failures {
        #expect(failure.failure == .disconnected && failure.detail.hasPrefix("\(gone): connection refused"))
      }
      #expect(rig.recorder.unknowns == 0)
    }
  }

  @Test("a node that accepts and says nothing costs its time-out, and is passed over")
  func silent() throws {
    let test = try TestLoop()
    let nodes = try Self.nodes(test, 2)
    nodes[0].server.answer = { _, _ in .nothing }
    let rig = try ClusterRig(test, seeds: [nodes[0].address], deadlines: LinkRig.short)
    rig.watch.start()
    #expect(test.run { rig.recorder.unknowns == 1 })
    #expect(rig.recorder.failures.map(\.failure) == [.timeout])
    // It greets, and does not answer.
    nodes[0].server.answer = { command, _ in
      command.first == "CLUSTER" && command[1] != "INFO" ? .nothing : FakeRedis.healthy(command)
    }
    nodes[0].answers = ["SHARDS": .nothing]
    #expect(test.run { rig.recorder.failures.count >= 2 })
    #expect(rig.map.version == 0)
  }

  @Test("a greeted node that does not tell its map within a second is passed over")
  func late() throws {
    let test = try TestLoop()
    let nodes = try Self.nodes(test, 1)
    nodes[0].answers = ["SHARDS": .nothing]
    let rig = try ClusterRig(test, seeds: [nodes[0].address])
    rig.watch.start()
    #expect(test.run { rig.recorder.unknowns == 1 })
    #expect(rig.recorder.failures.first?.failure == .timeout)
    #expect(rig.recorder.failures.first?.detail.hasPrefix("\(nodes[0].address): it does not tell its map") == true)
    nodes[0].answers = [:]
    #expect(test.run { rig.map.version == 1 }, "and it is asked again")
  }

  @Test(
    "a node that tells no map is passed over for one that does",
    arguments: [
      ["INFO": FakeAnswer.say("-ERR This instance has cluster support disabled")], ["INFO": .say("$1\r\nx")],
      ["INFO": .close], ["SHARDS": .close], ["SHARDS": .say("*1\r\n:1")], ["SHARDS": .say("HTTP/1.1 400 Bad Request")],
      ["SHARDS": .say("-NOPERM no")], ["SHARDS": .say("-ERR unknown subcommand"), "SLOTS": .say("-ERR no")],
      ["SHARDS": .say("*0")], ["SHARDS": .last("*0")],
    ])
  func useless(answers: [String: FakeAnswer]) throws {
    let test = try TestLoop()
    let nodes = try Self.nodes(test, 2)
    nodes[0].answers = answers
    let rig = try ClusterRig(test, seeds: [nodes[0].address])
    rig.watch.start()
    #expect(test.run { rig.recorder.unknowns == 1 })
    #expect(rig.recorder.failures.count == 1, "each node is told of once a reading")
    #expect(rig.recorder.failures.first?.detail.hasPrefix("\(nodes[0].address): ") == true)
    #expect(rig.map.version == 0)
    rig.watch.stop()

    let both = try ClusterRig(test, seeds: nodes.map(\.address))
    both.watch.start()
    #expect(test.run { both.map.version == 1 })
    #expect(both.recorder.unknowns == 0)
  }

  @Test("before Redis 7 the map comes from SLOTS")
  func old() throws {
    let test = try TestLoop()
    let nodes = try Self.nodes(test, 3)
    for node in nodes {
      node.answers = [
        "SHARDS": .say("-ERR Unknown subcommand or wrong number of arguments for 'SHARDS'. Try CLUSTER HELP.")
      ]
    }
    let rig = try ClusterRig(test, seeds: nodes.map(\.address))
    rig.watch.start()
    #expect(test.run { rig.map.version == 1 })
    #expect(rig.current.covered == 16_384 && rig.current.masters.count == 3 && rig.recorder.failures.isEmpty)
  }

  @Test("a node whose cluster is not ok, or that hears late, is not believed while another one knows better")
  func stale() throws {
    let test = try TestLoop()
    let nodes = try Self.nodes(test, 3)
    nodes[2].info = "cluster_state:ok\r\ncluster_current_epoch:7\r\n"
    let rig = try ClusterRig(test, seeds: [nodes[2].address])
    rig.watch.start()
    #expect(test.run { rig.map.version == 1 })
    let good = rig.current
    // From now on two tell of a cluster in which all is the first one's.
    nodes[0].info = "cluster_state:fail\r\ncluster_current_epoch:8\r\n"
    nodes[1].info = "cluster_state:ok\r\ncluster_current_epoch:6\r\n"
    for node in nodes[..<2] { node.cluster = ImaginedCluster(of: [nodes[0].address]) }
    #expect(
      test.run {
        rig.map.wantRefresh()
        return nodes[0].asked >= 1 && nodes[1].asked >= 1 && nodes[2].asked >= 2
      })
    #expect(rig.current == good && rig.recorder.maps.count == 1)
    #expect(rig.recorder.failures(of: nodes[0].address).allSatisfy { $0.detail.contains("cluster_state is fail") })
    #expect(rig.recorder.failures(of: nodes[1].address).allSatisfy { $0.detail.contains("newest changes") })
    // And when the one that knew better is gone, what it said stays in force.
    nodes[2].server.close()
    let before = rig.recorder.unknowns
    #expect(
      test.run {
        rig.map.wantRefresh()
        return rig.recorder.unknowns >= before + 2
      })
    #expect(rig.current == good)
    // Until somebody tells news.
    nodes[1].info = "cluster_state:ok\r\ncluster_current_epoch:8\r\n"
    #expect(test.run { rig.current.masters == [nodes[0].address] })
  }

  @Test("who knows nothing takes the map even of a cluster that is not ok")
  func failing() throws {
    let test = try TestLoop()
    let nodes = try Self.nodes(test, 2)
    for node in nodes { node.info = "cluster_state:fail\r\ncluster_current_epoch:3\r\n" }
    let rig = try ClusterRig(test, seeds: [nodes[0].address])
    rig.watch.start()
    #expect(test.run { rig.map.version == 1 })
    #expect(rig.recorder.unknowns == 1 && rig.current.masters == nodes.map(\.address))
    nodes[0].info = "cluster_state:ok\r\ncluster_current_epoch:3\r\n"
    nodes[0].cluster = ImaginedCluster(of: [nodes[0].address])
    #expect(test.run { rig.current.masters == [nodes[0].address] }, "and goes on asking")
  }

  @Test("while slots are in trouble the map is read about twice a second, without being asked to")
  func trouble() throws {
    let test = try TestLoop()
    let nodes = try Self.nodes(test, 1)
    nodes[0].info = "cluster_state:ok\r\ncluster_slots_pfail:1\r\ncluster_current_epoch:3\r\n"
    let rig = try ClusterRig(test, seeds: [nodes[0].address])
    rig.watch.start()
    let start = Loop.monotonicNow()
    #expect(test.run { nodes[0].asked == 4 })
    #expect(Loop.monotonicNow() - start > 3 * Bounds.clusterTrouble / 2 - 20_000_000)
    #expect(rig.recorder.failures.isEmpty && rig.recorder.maps.count == 1)
  }

  @Test("the login goes to every node")
  func login() throws {
    let test = try TestLoop()
    let nodes = try Self.nodes(test, 2)
    for node in nodes { node.cluster = ImaginedCluster(of: [nodes[1].address]) }
    let rig = try ClusterRig(test, seeds: [nodes[0].address], password: "secret")
    rig.watch.start()
    #expect(test.run { rig.map.version == 1 })
    rig.map.wantRefresh()
    #expect(test.run { nodes[1].asked == 1 })
    for node in nodes { #expect(node.server.commands.contains(["AUTH", "secret"])) }
  }

  @Test("a watch that was stopped asks nobody, in the middle of a reading or between two, and may be stopped twice")
  func stopped() throws {
    let test = try TestLoop()
    let nodes = try Self.nodes(test, 1)
    nodes[0].answers = ["SHARDS": .nothing]
    let rig = try ClusterRig(test, seeds: [nodes[0].address])
    rig.watch.start()
    #expect(test.run { nodes[0].asked == 1 })
    rig.watch.stop()
    rig.watch.stop()
    rig.map.wantRefresh()
    #expect(test.run { nodes[0].server.open == 0 })
    test.run(turns: 20)
    #expect(nodes[0].server.connections.count == 1 && rig.recorder.failures.isEmpty && rig.map.version == 0)
  }
}
