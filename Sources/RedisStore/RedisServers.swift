// RedisServers.swift: what all workers of a process know of their Redis: where it is, and whether to ask it.

import Synchronization

/// One Redis, the master that sentinels name, or a cluster.
public enum RedisServers: Sendable {
  case one(RedisTarget, SharedBreaker)
  case master(MasterDirectory)
  case cluster(ClusterNodes)
}

/// The nodes of a cluster, and the breaker of each.
public final class ClusterNodes: Sendable {
  public let map: ClusterMap
  /// How to log in everywhere; its place is none of the nodes'.
  let login: RedisTarget
  private struct Node {
    var breaker: SharedBreaker
    /// Workers that want to be connected to it.
    var workers = 0
  }

  /// What is known of one master.
  public struct Standing: Sendable {
    public var node: NodeAddress
    public var breaker = Breaker.State.closed
    /// Workers that are connected, and that want to be.
    public var connections = 0
    public var workers = 0
  }

  private let known = Mutex<[NodeAddress: Node]>([:])
  private let makeObserver: @Sendable (NodeAddress) -> (any BreakerObserver)?

  /// - Parameter makeObserver: Who is told of a node's breaker.
  public init(
    map: ClusterMap, login: RedisTarget, makeObserver: @escaping @Sendable (NodeAddress) -> (any BreakerObserver)?
  ) {
    self.map = map
    self.login = login
    self.makeObserver = makeObserver
  }

  /// Another worker connects to a node. Returns the breaker of the node, the same for all who ask.
  func join(_ address: NodeAddress) -> SharedBreaker {
    known.withLock { known in
      var node = known[address] ?? Node(breaker: SharedBreaker(observer: makeObserver(address)))
      node.workers += 1
      known[address] = node
      return node.breaker
    }
  }

  /// A worker does so no more. The last one takes what is known of the node along.
  func leave(_ address: NodeAddress) {
    known.withLock { known in
      guard var node = known[address] else { return }
      node.workers -= 1
      known[address] = node.workers > 0 ? node : nil
    }
  }

  /// The masters that own slots; of those that nobody has asked nothing is known.
  public var standings: [Standing] {
    let masters = map.current.map.masters
    return known.withLock { known in
      masters.map { master in
        guard let node = known[master] else { return Standing(node: master) }
        return Standing(
          node: master, breaker: node.breaker.state, connections: node.breaker.connections, workers: node.workers)
      }
    }
  }

  /// Masters that each worker connects to at the start.
  public var firstNodes: Int { min(map.current.map.masters.count, Bounds.firstNodes) }

  /// Where a node is, and who we are there.
  func target(_ node: NodeAddress) -> RedisTarget {
    var target = login
    target.place = .host(node.host, port: node.port)
    return target
  }
}
