// ClusterRig.swift: a watch with somebody who listens, and fake nodes for it.

import EventLoop
import Synchronization
import TestKit

@testable import RedisStore

/// Remembers what a watch tells.
final class ClusterRecorder: ClusterObserver {
  struct Heard {
    var maps: [SlotMap] = []
    var failures: [(node: NodeAddress, failure: LinkFailure)] = []
    var unknowns = 0
  }

  private let heard = Mutex(Heard())

  var maps: [SlotMap] { heard.withLock { $0.maps } }
  var failures: [LinkFailure] { heard.withLock { $0.failures.map(\.failure) } }
  var unknowns: Int { heard.withLock { $0.unknowns } }
  func failures(of node: NodeAddress) -> [LinkFailure] {
    heard.withLock { $0.failures.filter { $0.node == node }.map(\.failure) }
  }

  func clusterMapped(_ map: SlotMap, by node: NodeAddress) { heard.withLock { $0.maps.append(map) } }
  func clusterNodeFailed(_ node: NodeAddress, _ failure: RedisFailure, detail: String) {
    heard.withLock { $0.failures.append((node, LinkFailure(failure, detail))) }
  }
  func clusterUnknown() { heard.withLock { $0.unknowns += 1 } }
}

/// A watch on a test's loop.
final class ClusterRig {
  let map = ClusterMap()
  let recorder = ClusterRecorder()
  let watch: ClusterWatch

  init(
    _ test: TestLoop, seeds: [NodeAddress], password: String? = nil, tls: TLSSettings? = nil,
    deadlines: Link.Deadlines = Link.Deadlines()
  ) throws {
    var login = RedisTarget(place: seeds[0].place)
    login.password = password
    login.tls = tls
    watch = try ClusterWatch(
      loop: test.loop, seeds: seeds, login: login, map: map, observer: recorder, deadlines: deadlines)
  }

  deinit { watch.stop() }

  var current: SlotMap { map.current.map }
}

/// A node that says what a test lets it say.
final class FakeNode {
  let server: FakeRedis
  var info = "cluster_state:ok\r\ncluster_current_epoch:1\r\n"
  var cluster = ImaginedCluster(shards: [])
  /// In place of the reply to a subcommand of CLUSTER.
  var answers: [String: FakeAnswer] = [:]

  init(_ loop: Loop) throws {
    server = try FakeRedis(loop)
    server.answer = { [unowned self] command, _ in answer(command) }
  }

  var address: NodeAddress { NodeAddress(host: "127.0.0.1", port: server.address.port ?? 0) }
  /// How often it was asked for the map.
  var asked: Int { server.commands.count { $0 == ["CLUSTER", "SHARDS"] } }

  private func answer(_ command: [String]) -> FakeAnswer {
    guard command.first == "CLUSTER", command.count == 2 else { return FakeRedis.healthy(command) }
    if let answer = answers[command[1]] { return answer }
    switch command[1] {
    case "INFO": return .say("$\(info.utf8.count)\r\n\(info)")
    // The last line's end is added to what is said.
    case "SHARDS": return .say(String(decoding: cluster.shardsReply().wire.dropLast(2), as: UTF8.self))
    default: return .say(String(decoding: cluster.slotsReply().wire.dropLast(2), as: UTF8.self))
    }
  }
}

extension ImaginedCluster {
  /// All slots, shared equally by masters that others name like this.
  init(of masters: [NodeAddress]) {
    let ends = (0...masters.count).map { $0 * 16_384 / masters.count }
    shards = masters.enumerated().map { number, address in
      let node = Node(endpoint: address.host, ip: address.host, port: Int(address.port))
      return Shard(slots: [ends[number]...ends[number + 1] - 1], nodes: [node])
    }
  }
}

extension RedisCluster.Node {
  /// As weir calls it.
  var nodeAddress: NodeAddress { NodeAddress(host: "127.0.0.1", port: port) }
}
