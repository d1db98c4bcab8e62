// ClusterPath.swift: one client's way to a cluster, which can be cut without touching a node or another client.
//
// A loopback address of its own (127.0.0.2 and up) on which each node's port leads to that node. The nodes tell their
// ports and no address (`hasPaths`), so that a client that has come this way goes on this way.

import Synchronization

/// A way to all nodes that a cluster has when it is made. Thread-safe. Ended with its owner.
public final class ClusterPath: Sendable {
  public let host: String
  private let forwarders: [UInt16: Forwarder]

  private static let made = Atomic<Int>(0)

  public init(to cluster: RedisCluster) throws {
    let number = Self.made.add(1, ordering: .relaxed).newValue
    let host = "127.0.\(number / 250).\(number % 250 + 2)"
    self.host = host
    var forwarders: [UInt16: Forwarder] = [:]
    for node in cluster.nodes {
      forwarders[node.port] = try Forwarder(to: node.address, at: .tcp(host: host, port: node.port))
    }
    self.forwarders = forwarders
  }

  /// The nodes on this way, for URLs.
  public var authority: String { forwarders.keys.sorted().map { "\(host):\($0)" }.joined(separator: ",") }
  public var url: String { "redis-cluster://\(authority)" }

  /// Lets nothing through, in neither direction, until `heal`. Connections stay, and new ones are accepted: nobody is
  /// told, as where a network loses packets.
  public func cut() { for forwarder in forwarders.values { forwarder.cut() } }

  /// The same to one node only.
  public func cut(_ node: RedisCluster.Node) { forwarders[node.port]?.cut() }

  /// Lets everything through again, also what has waited.
  public func heal() { for forwarder in forwarders.values { forwarder.heal() } }
}
