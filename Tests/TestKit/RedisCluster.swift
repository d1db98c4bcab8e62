// RedisCluster.swift: a Redis Cluster of the system's package on loopback, for the tests that need the real thing, and
// what befalls clusters: nodes killed, frozen and started again, slots on the move under load, failovers, new nodes.
//
// The nodes start with a configuration that names them all, so nobody has to be introduced: the cluster is usable as
// soon as its masters believe it, which Redis allows 2 s after their start. RedisCluster+Slots.swift moves slots;
// ClusterPath.swift is a way to the cluster that can be cut.

import Foundation
import Glibc
import Synchronization

/// A running cluster. Thread-safe. Ended with its owner.
public final class RedisCluster: Sendable {
  /// One server of it.
  public final class Node: Sendable {
    public enum State: Sendable { case up, frozen, killed }

    /// How the cluster calls it: 40 hexadecimal digits.
    public let id: String
    public let server: RedisServer
    /// For people: 0 for the first.
    public let number: Int
    fileprivate let state = Mutex(State.up)

    fileprivate init(number: Int, id: String, server: RedisServer) {
      self.number = number
      self.id = id
      self.server = server
    }

    public var isUp: Bool { state.withLock { $0 == .up } }
    public var port: UInt16 { server.port }
    /// The port that other nodes know.
    public var announcedPort: UInt16 { server.tlsPort ?? server.port }
    public var address: Address { .tcp(host: "127.0.0.1", port: port) }
  }

  /// Where nodes keep what they know of each other, and their logs.
  public let directory: TemporaryDirectory
  private let list: Mutex<[Node]>
  private let options: Options

  fileprivate struct Options: Sendable {
    var arguments: [String]
    var password: String?
    var certificates: Certificates?
  }

  /// Starts a cluster and waits until it serves all slots and the replicas have their masters' data.
  ///
  /// - Parameters:
  ///   - masters: They share the slots equally, and are the first of `nodes`.
  ///   - replicas: Of each master; they follow in `nodes`, those of the first master first.
  ///   - nodeTimeout: `cluster-node-timeout` in milliseconds. A failover takes about this and a second or two.
  ///   - password: For `requirepass` and between the nodes.
  ///   - certificates: Each node opens a port with TLS besides, and tells only that one: nodes speak TLS with each other.
  ///   - hasPaths: Whether nodes tell no address but ports, so that clients stay at the host that they know: needed for
  ///     `ClusterPath`.
  ///   - arguments: More of redis-server's.
  public init(
    masters: Int = 3, replicas: Int = 1, nodeTimeout: Int = 2000, password: String? = nil,
    certificates: Certificates? = nil, hasPaths: Bool = false, arguments: [String] = []
  ) throws {
    directory = try TemporaryDirectory()
    var all = [
      "--cluster-enabled", "yes", "--cluster-node-timeout", "\(nodeTimeout)", "--cluster-require-full-coverage", "no",
      "--cluster-allow-replica-migration", "no", "--cluster-replica-validity-factor", "0",
    ]
    if hasPaths { all += ["--cluster-preferred-endpoint-type", "unknown-endpoint"] }
    if let password { all += ["--masterauth", password] }
    if certificates != nil { all += ["--tls-cluster", "yes", "--tls-replication", "yes"] }
    options = Options(arguments: all + arguments, password: password, certificates: certificates)
    let plan = try Self.plan(masters: masters, replicas: replicas, hasTLS: certificates != nil)
    for place in plan.indices { try directory.write("nodes-\(place)", Self.configuration(of: place, plan)) }

    let (options, directory) = (options, directory)
    let started = Mutex<[Node]>([])
    try concurrently(plan.count) { place in
      let node = try Self.start(place, plan[place], options, directory)
      started.withLock { $0.append(node) }
    }
    list = Mutex(started.withLock { $0.sorted { $0.number < $1.number } })
    try waitUntilSettled()
  }

  // MARK: who there is

  public var nodes: [Node] { list.withLock { $0 } }
  /// The nodes that are neither frozen nor killed.
  public var living: [Node] { nodes.filter(\.isUp) }

  /// `127.0.0.1:P1,127.0.0.1:P2,…` of all nodes at the start of the test, for URLs.
  public var authority: String { nodes.map(\.address.text).joined(separator: ",") }
  public var url: String { "redis-cluster://\(authority)" }
  /// Without a query.
  public var tlsURL: String {
    "rediss-cluster://" + nodes.map { "127.0.0.1:\($0.server.tlsPort ?? 0)" }.joined(separator: ",")
  }

  /// The node with this id.
  public func node(_ id: String) -> Node? { nodes.first { $0.id == id } }

  /// The living master that serves a slot: of those who say so, the one with the newest epoch.
  public func master(of slot: Int) throws -> Node {
    let claims = living.compactMap { node -> (node: Node, epoch: Int)? in
      guard let own = try? members(seenBy: node).first(where: \.isMyself), own.isMaster, own.owns(slot) else {
        return nil
      }
      return (node, own.epoch)
    }
    guard let claim = claims.max(by: { $0.epoch < $1.epoch }) else {
      throw NeverHappened(description: "no living node serves slot \(slot)")
    }
    return claim.node
  }

  /// The replicas of a node, as it sees them, that are alive.
  public func replicas(of node: Node) throws -> [Node] {
    try members(seenBy: node).filter { $0.master == node.id }.compactMap { self.node($0.id) }.filter(\.isUp)
  }

  /// The slot of a key, as the cluster computes it.
  public func slot(of key: String) throws -> Int {
    guard let node = living.first, let slot = try node.server.run("CLUSTER", "KEYSLOT", key).int else {
      throw NeverHappened(description: "nobody is alive to ask")
    }
    return slot
  }

  // MARK: what happens to it

  /// Ends a node as a crash would. What it held in memory is gone; a replica that was up to date has it.
  public func kill9(_ node: Node) throws {
    node.state.withLock { $0 = .killed }
    try node.server.kill()
  }

  /// Starts a killed node again: empty, and with what it knew of the cluster.
  public func restart(_ node: Node) throws {
    try node.server.restart()
    node.state.withLock { $0 = .up }
  }

  /// Stops a node where it stands: its sockets stay open and say nothing.
  public func freeze(_ node: Node) {
    node.state.withLock { $0 = .frozen }
    node.server.pause()
  }

  public func thaw(_ node: Node) {
    node.server.resume()
    node.state.withLock { $0 = .up }
  }

  /// Makes a replica the master of its shard, in agreement with the old one, and waits until it is.
  public func failover(to replica: Node) throws {
    func isDone() throws -> Bool { try members(seenBy: replica).first(where: \.isMyself)?.isMaster == true }
    do {
      try eventually("node \(replica.number) is a master", within: 60) {
        // The nodes give up after 5 s, as on a machine that is busy with something else; then they are asked again.
        try replica.server.run("CLUSTER", "FAILOVER")
        try? eventually("it is one", within: 6) { try isDone() }
        return try isDone()
      }
    } catch { throw NeverHappened(description: "\(error)\n" + logTails()) }
  }

  /// Adds a node without slots, or a replica, and waits until all know it.
  public func addNode(replicaOf master: Node? = nil) throws -> Node {
    let number = nodes.count
    let plan = try NodePlan(master: nil, slots: nil, epoch: 0, hasTLS: options.certificates != nil)
    try directory.write("nodes-\(number)", Self.configuration(of: 0, [plan]))
    let node = try Self.start(number, plan, options, directory)
    guard let contact = living.first else { throw NeverHappened(description: "nobody is alive to be met") }
    list.withLock { $0.append(node) }
    try node.server.run("CLUSTER", "MEET", "127.0.0.1", "\(contact.announcedPort)", "\(contact.server.busPort ?? 0)")
    try eventually("all know node \(number)") {
      try living.allSatisfy { other in
        try members(seenBy: other).count { !$0.isHandshake } == nodes.count
      }
    }
    if let master {
      try eventually("node \(number) replicates") {
        try node.server.client().ask("CLUSTER", "REPLICATE", master.id).error == nil
      }
    }
    try waitUntilSettled()
    return node
  }

  // MARK: what nodes know

  /// A line of CLUSTER NODES.
  public struct Member: Sendable, Equatable {
    public var id: String
    public var flags: [String]
    /// nil for a master.
    public var master: String?
    public var epoch: Int
    public var slots: [ClosedRange<Int>]

    public var isMyself: Bool { flags.contains("myself") }
    public var isMaster: Bool { flags.contains("master") }
    public var isHandshake: Bool { flags.contains("handshake") }
    public func owns(_ slot: Int) -> Bool { slots.contains { $0.contains(slot) } }

    init?(_ line: Substring) {
      let words = line.split(separator: " ")
      guard words.count >= 8 else { return nil }
      id = String(words[0])
      flags = words[2].split(separator: ",").map(String.init)
      master = words[3] == "-" ? nil : String(words[3])
      epoch = Int(words[6]) ?? 0
      // Slots on the move stand in brackets, besides.
      slots = words.dropFirst(8).compactMap { word in
        let ends = word.split(separator: "-").map { Int($0) }
        guard let first = ends.first ?? nil, let last = ends.last ?? nil, !word.hasPrefix("[") else { return nil }
        return first...last
      }
    }
  }

  /// The cluster as one node sees it.
  public func members(seenBy node: Node) throws -> [Member] {
    let text = try node.server.run("CLUSTER", "NODES").text ?? ""
    return text.split(separator: "\n").compactMap { Member($0) }
  }

  /// Waits until all living nodes agree on who serves which slot, think well of the cluster, and living replicas of
  /// living masters are connected to them.
  public func waitUntilSettled(within seconds: Double = 30) throws {
    do {
      try eventually("the cluster settles", within: seconds) { try isSettled() }
    } catch {
      throw NeverHappened(description: "\(error)\n" + logTails())
    }
  }

  private func isSettled() throws -> Bool {
    let living = living
    var agreed: [String: [ClosedRange<Int>]]?
    for node in living {
      let info = try node.server.run("CLUSTER", "INFO").text ?? ""
      guard info.contains("cluster_state:ok") else { return false }
      let members = try members(seenBy: node)
      let owners = members.filter { !$0.slots.isEmpty }.reduce(into: [:]) { $0[$1.id] = $1.slots }
      guard agreed == nil || agreed == owners, !members.contains(where: \.isHandshake) else { return false }
      agreed = owners
      if let master = members.first(where: \.isMyself)?.master, living.contains(where: { $0.id == master }) {
        guard try node.server.info("replication")["master_link_status"] == "up" else { return false }
      }
    }
    return true
  }

  /// The last lines that the nodes have logged.
  public func logTails(lines: Int = 15) -> String {
    nodes.map { node in
      let log = (try? directory.read("log-\(node.number)")) ?? ""
      return "node \(node.number):\n" + log.split(separator: "\n").suffix(lines).joined(separator: "\n")
    }.joined(separator: "\n")
  }

  // MARK: starting

  fileprivate struct NodePlan: Sendable {
    var id = (0..<40).map { _ in String(Int.random(in: 0..<16), radix: 16) }.joined()
    var port: UInt16
    var tlsPort: UInt16?
    var busPort: UInt16
    /// The master's place in the plan.
    var master: Int?
    var slots: ClosedRange<Int>?
    var epoch: Int

    init(master: Int?, slots: ClosedRange<Int>?, epoch: Int, hasTLS: Bool) throws {
      port = try RedisServer.freePort()
      tlsPort = hasTLS ? try RedisServer.freePort() : nil
      busPort = try RedisServer.freePort()
      (self.master, self.slots, self.epoch) = (master, slots, epoch)
    }
  }

  private static func plan(masters: Int, replicas: Int, hasTLS: Bool) throws -> [NodePlan] {
    precondition(masters > 0, "somebody has to serve the slots")
    let first = (0...masters).map { $0 * 16_384 / masters }
    let leading = try (0..<masters).map {
      try NodePlan(master: nil, slots: first[$0]...first[$0 + 1] - 1, epoch: $0 + 1, hasTLS: hasTLS)
    }
    let following = try (0..<masters * replicas).map {
      try NodePlan(master: $0 / replicas, slots: nil, epoch: $0 / replicas + 1, hasTLS: hasTLS)
    }
    return leading + following
  }

  /// What a node finds when it starts: the file that nodes keep by themselves.
  private static func configuration(of place: Int, _ plan: [NodePlan]) -> String {
    let lines = plan.enumerated().map { number, node in
      let role = node.master == nil ? "master" : "slave"
      let master = node.master.map { plan[$0].id } ?? "-"
      let slots = node.slots.map { " \($0.lowerBound)-\($0.upperBound)" } ?? ""
      let flags = number == place ? "myself,\(role)" : role
      let place = "127.0.0.1:\(node.tlsPort ?? node.port)@\(node.busPort)"
      return "\(node.id) \(place) \(flags) \(master) 0 0 \(node.epoch) connected\(slots)\n"
    }
    return lines.joined() + "vars currentEpoch \(plan.map(\.epoch).max() ?? 0) lastVoteEpoch 0\n"
  }

  private static func start(
    _ number: Int, _ plan: NodePlan, _ options: Options, _ directory: TemporaryDirectory
  ) throws -> Node {
    let own = [
      "--cluster-config-file", directory.file("nodes-\(number)"), "--cluster-port", "\(plan.busPort)",
      "--logfile", directory.file("log-\(number)"),
    ]
    do {
      let server = try RedisServer(
        port: plan.port, password: options.password, certificates: options.certificates,
        arguments: options.arguments + own, busPort: plan.busPort, tlsPort: plan.tlsPort)
      return Node(number: number, id: plan.id, server: server)
    } catch {
      throw WeirProcess.StartFailure(description: "\(error)\n\((try? directory.read("log-\(number)")) ?? "")")
    }
  }
}
