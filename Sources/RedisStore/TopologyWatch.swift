// TopologyWatch.swift: what finds the servers of a process that do not stay in their place.

/// Runs on one loop of the process. Used only on that loop's thread.
public protocol TopologyWatch: AnyObject {
  /// Once.
  func start()

  /// For good. May be called twice.
  func stop()
}

extension ClusterWatch: TopologyWatch {}
extension SentinelWatch: TopologyWatch {}
