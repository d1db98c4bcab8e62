// ClusterRound.swift: one reading of a cluster's map: which nodes to ask, in which order, and whose answer to believe.
//
// Pure: ClusterWatch asks and tells. Masters that we know come first, since they are where they were a moment ago; then
// the nodes that the operator named, some of which may be names that take long to look up; then replicas. Each group in
// random order, so that many weirs do not ask one node, but what has just failed comes last in it.
//
// An answer is believed where the node says that its cluster is ok and has heard of no older epoch than somebody before
// it. A node cut off from the majority says after its time-out that it is not ok; one that has just come back, or hears
// late of a failover, has an older epoch.

/// A reading of the map under way.
struct ClusterRound {
  enum Belief: Equatable {
    case believed
    /// Its cluster is not ok.
    case notOK
    /// Others have heard of newer events.
    case old
    /// It knows of no slots.
    case empty
  }

  private var nodes: [NodeAddress]
  private var next = 0
  private let epoch: UInt64
  private let knowsNothing: Bool
  /// The newest map of a node that is not ok.
  private var secondBest: (map: SlotMap, health: ClusterHealth)?

  /// - Parameters:
  ///   - known: The map in force.
  ///   - doubtful: Nodes that did not answer last time.
  ///   - epoch: The newest that any node has told.
  init(
    seeds: [NodeAddress], known: SlotMap, doubtful: Set<NodeAddress>, epoch: UInt64,
    using generator: inout some RandomNumberGenerator
  ) {
    var order: [NodeAddress] = []
    var seen: Set<NodeAddress> = []
    for group in [known.masters, seeds, known.others] {
      let shuffled = group.shuffled(using: &generator)
      let sorted = shuffled.filter { !doubtful.contains($0) } + shuffled.filter { doubtful.contains($0) }
      order += sorted.prefix(Bounds.clusterAsked).filter { seen.insert($0).inserted }
    }
    nodes = order
    self.epoch = epoch
    knowsNothing = known.covered == 0
  }

  /// The next node to ask; nil where all have been.
  mutating func nextNode() -> NodeAddress? {
    guard next < nodes.count else { return nil }
    next += 1
    return nodes[next - 1]
  }

  /// A node has answered. What is believed ends the round.
  mutating func heard(_ map: SlotMap, _ health: ClusterHealth) -> Belief {
    guard map.covered > 0 else { return .empty }
    guard health.isOK else {
      if health.epoch >= secondBest?.health.epoch ?? 0 { secondBest = (map, health) }
      return .notOK
    }
    return health.epoch < epoch ? .old : .believed
  }

  /// Nobody was believed: the map to take all the same, where anything is better than nothing.
  var lastResort: (map: SlotMap, health: ClusterHealth)? { knowsNothing ? secondBest : nil }
}
