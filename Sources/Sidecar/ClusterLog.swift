// ClusterLog.swift: what becomes of a cluster's map, in the log: changes of state, each once.

import EventLoop
import RedisStore
import Synchronization
import Telemetry

/// Logs another map, the nodes that do not tell theirs, and when nobody does.
final class ClusterLog: ClusterObserver {
  private struct State {
    /// When a node was last said to fail, by node and failure, on the monotonic clock.
    var told: [String: Int64] = [:]
    var isUnknown = false
    var masters: [NodeAddress] = []
    var covered = 0
  }

  /// A failure that comes again within this time is no news.
  private static let quiet: Int64 = 60 * Bounds.second
  /// Nodes and failures that are remembered; beyond, all are forgotten, and may be told again.
  private static let remembered = 1_000

  private let state = Mutex(State())
  private let url: String
  private let logger: EventLogger
  private let noteFailure: @Sendable (RedisFailure) -> Void

  /// - Parameters:
  ///   - url: Without secrets.
  ///   - noteFailure: Called with every failure, news or not.
  init(url: String, logger: EventLogger, noteFailure: @escaping @Sendable (RedisFailure) -> Void) {
    self.url = url
    self.logger = logger
    self.noteFailure = noteFailure
  }

  func clusterMapped(_ map: SlotMap, by node: NodeAddress) {
    let isNews = state.withLock { state in
      defer { (state.masters, state.covered, state.isUnknown) = (map.masters, map.covered, false) }
      return state.isUnknown || state.masters != map.masters || state.covered != map.covered
    }
    // Slots that change hands are many, and each is no news.
    guard isNews else { return }
    logger.log(
      .info, "redis cluster",
      [
        "redis": .string(url), "masters": .list(map.masters.map { "\($0)" }),
        "slots": .integer(Int64(map.covered)), "node": .string("\(node)"),
      ])
  }

  func clusterNodeFailed(_ node: NodeAddress, _ failure: RedisFailure, detail: String) {
    noteFailure(failure)
    let now = Loop.monotonicNow()
    let isNews = state.withLock { state in
      if state.told.count >= Self.remembered { state.told = [:] }
      let last = state.told.updateValue(now, forKey: "\(node) \(failure.rawValue)")
      return last.map { now - $0 > Self.quiet } ?? true
    }
    guard isNews else { return }
    logger.log(
      .warning, "redis cluster node failed",
      [
        "redis": .string(url), "node": .string("\(node)"), "failure": .string(failure.rawValue),
        "detail": .string(detail),
      ])
  }

  func clusterUnknown() {
    let isNews = state.withLock { state in
      defer { state.isUnknown = true }
      return !state.isUnknown
    }
    guard isNews else { return }
    let detail = "no node tells a map that can be believed; one that was known before stays in force"
    logger.log(.warning, "redis cluster unknown", ["redis": .string(url), "detail": .string(detail)])
  }
}
