// RedisTopology.swift: what stands behind one `--redis`: a server, a cluster, or sentinels that know the server.

/// Which servers to ask, and how they are found.
public enum RedisTopology: Sendable, Equatable {
  case single(RedisTarget)
  case cluster(ClusterTarget)
  case sentinel(SentinelTarget)

  /// How to log in to the servers that count; its place is meaningful for `.single` only.
  public var login: RedisTarget {
    switch self {
    case .single(let target): target
    case .cluster(let target): target.login
    case .sentinel(let target): target.login
    }
  }
}

/// A Redis Cluster.
public struct ClusterTarget: Sendable, Equatable {
  /// Nodes to learn of the others from; at least one.
  public var seeds: [NodeAddress]
  /// The same for all nodes. Its place is the first seed's, its database is 0.
  public var login: RedisTarget

  public init(seeds: [NodeAddress], login: RedisTarget) {
    precondition(!seeds.isEmpty, "a cluster is found by at least one node")
    self.seeds = seeds
    self.login = login
  }
}

/// A master whose address sentinels tell.
public struct SentinelTarget: Sendable, Equatable {
  /// At least one.
  public var sentinels: [NodeAddress]
  /// What the sentinels call the master.
  public var masterName: String
  /// For the master. Its place, the first sentinel's, is replaced by what the sentinels say.
  public var login: RedisTarget
  /// For the sentinels, which know neither users nor passwords of the master. Its place is the first sentinel's.
  public var sentinelLogin: RedisTarget

  public init(sentinels: [NodeAddress], masterName: String, login: RedisTarget, sentinelLogin: RedisTarget) {
    precondition(!sentinels.isEmpty, "a master is found by at least one sentinel")
    self.sentinels = sentinels
    self.masterName = masterName
    self.login = login
    self.sentinelLogin = sentinelLogin
  }
}

extension RedisTarget {
  /// The same login at another server.
  public func at(_ address: NodeAddress) -> RedisTarget {
    var target = self
    target.place = address.place
    return target
  }
}
