// ClusterMap.swift: what this process knows of a Redis Cluster: which master serves which slot.
//
// Workers keep a copy of the map and compare versions before they use it, which is one atomic load. Whoever is told
// MOVED corrects the slot at once, for all workers, and wants the map to be read anew: where one slot has moved, others
// may have. ClusterWatch reads it.

import Synchronization

/// The one map of a process. Thread-safe.
public final class ClusterMap: Sendable {
  private struct State {
    var map = SlotMap()
    /// Wakes whoever reads the map; nil while nobody does.
    var wake: (@Sendable () -> Void)?
  }

  private let state = Mutex(State())
  private let changes = Atomic<UInt64>(0)
  /// Whether somebody wants the map to be read and its reading has not begun.
  private let isWanted = Atomic(false)

  /// A map that knows nothing yet.
  public init() {}

  /// Rises with every change of the map; 0 while nothing is known.
  public var version: UInt64 { changes.load(ordering: .acquiring) }

  /// The map, and its version, which it had at some time after this was called.
  public var current: (map: SlotMap, version: UInt64) {
    state.withLock { ($0.map, changes.load(ordering: .relaxed)) }
  }

  /// A node has said MOVED.
  ///
  /// - Parameters:
  ///   - slot: Below 16384.
  ///   - node: Who serves it; nil where the node could not say.
  func moved(_ slot: UInt16, to node: NodeAddress?) {
    if let node {
      state.withLock { if $0.map.move(slot, to: node) { changes.add(1, ordering: .releasing) } }
    }
    wantRefresh()
  }

  /// Something looks as if the map were out of date: a node does not answer, a slot has no owner. Costs little where it
  /// is wanted already.
  public func wantRefresh() {
    guard !isWanted.exchange(true, ordering: .acquiringAndReleasing) else { return }
    state.withLock { $0.wake }?()
  }

  // MARK: For who reads the map

  /// Calls `wake` on any thread when a reading is wanted; now, if one is. nil: nobody reads it any more.
  func onWanted(_ wake: (@Sendable () -> Void)?) {
    state.withLock { $0.wake = wake }
    if isWanted.load(ordering: .acquiring) { wake?() }
  }

  /// Whether a reading was wanted since the last one began.
  var isRefreshWanted: Bool { isWanted.load(ordering: .acquiring) }

  /// A reading begins: what is wanted from now on wants another one.
  func beginsRefresh() { isWanted.store(false, ordering: .releasing) }

  /// Puts a map that was read in the place of the last.
  ///
  /// - Returns: Whether it is another one.
  func replace(with map: SlotMap) -> Bool {
    state.withLock { state in
      guard state.map != map else { return false }
      state.map = map
      changes.add(1, ordering: .releasing)
      return true
    }
  }
}
