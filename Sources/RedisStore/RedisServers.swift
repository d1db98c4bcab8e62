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
  private let breakers = Mutex<[NodeAddress: SharedBreaker]>([:])
  private let makeObserver: @Sendable (NodeAddress) -> (any BreakerObserver)?

  /// - Parameter makeObserver: Who is told of a node's breaker.
  public init(
    map: ClusterMap, login: RedisTarget, makeObserver: @escaping @Sendable (NodeAddress) -> (any BreakerObserver)?
  ) {
    self.map = map
    self.login = login
    self.makeObserver = makeObserver
  }

  /// The breaker of a node; the same for all who ask.
  func breaker(of node: NodeAddress) -> SharedBreaker {
    breakers.withLock { breakers in
      if let breaker = breakers[node] { return breaker }
      let breaker = SharedBreaker(observer: makeObserver(node))
      breakers[node] = breaker
      return breaker
    }
  }

  /// The masters that own slots, and what the breaker of each says; those that nobody has asked are closed.
  public var states: [(node: NodeAddress, state: Breaker.State)] {
    let nodes = map.current.map.masters
    return breakers.withLock { breakers in nodes.map { ($0, breakers[$0]?.state ?? .closed) } }
  }

  /// Masters that each worker connects to at the start.
  public var firstNodes: Int { min(map.current.map.masters.count, Bounds.firstNodes) }

  /// Forgets nodes that are no masters any more.
  func keepOnly(_ nodes: Set<NodeAddress>) {
    breakers.withLock { breakers in breakers = breakers.filter { nodes.contains($0.key) } }
  }

  /// Where a node is, and who we are there.
  func target(_ node: NodeAddress) -> RedisTarget {
    var target = login
    target.place = .host(node.host, port: node.port)
    return target
  }
}
