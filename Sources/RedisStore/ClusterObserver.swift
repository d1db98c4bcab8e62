// ClusterObserver.swift: who hears how the map of a cluster is kept, for metrics and logs.

/// Told by the watch of a cluster, on its loop's thread. During an outage there are some calls a second; what is said
/// once and what each time is decided here.
public protocol ClusterObserver: AnyObject, Sendable {
  /// Another map is in force, as `node` told it. (Slots that MOVED corrects are not told of.)
  func clusterMapped(_ map: SlotMap, by node: NodeAddress)

  /// A node was asked for the map and gave none, or none that can be believed; another one is asked.
  ///
  /// - Parameter detail: As in `RedisObserver.redisFailed`: where, what happened, and what to do.
  func clusterNodeFailed(_ node: NodeAddress, _ failure: RedisFailure, detail: String)

  /// No node that was asked gave a map that can be believed: the last one stays in force. Once a reading.
  func clusterUnknown()
}
