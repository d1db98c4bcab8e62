// RedisURL+Cluster.swift: whether a URL means a cluster, as `weir validate` needs to know.

extension RedisURL {
  /// Whether counters lie in several slots, so that a check may need two steps.
  public var isCluster: Bool { ["redis-cluster://", "rediss-cluster://"].contains { secretText.hasPrefix($0) } }
}
