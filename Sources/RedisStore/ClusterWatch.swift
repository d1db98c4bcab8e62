// ClusterWatch.swift: keeps the map of a cluster fresh: reads it at the start, when somebody wants it to be read and for
// a while after that, now and then, and often while the cluster is in trouble.
//
// A reading connects to one node after the other, in the order of ClusterRound, asks CLUSTER INFO and CLUSTER SHARDS in
// one write (CLUSTER SLOTS where SHARDS is unknown, before Redis 7), and ends with the first answer that is believed.
// The connection is closed then: another reading asks another node, so that no node's view lasts. Each step has its
// deadline, and there is one connection at a time.
//
// While nobody is believed, the last map stays in force: its nodes may be well though their cluster is not. The pause
// between readings grows while they bring no news, so that a shard that is gone for good is no reason to ask without
// end.
//
// ClusterWatch+Asking.swift is the talk with one node.

public import EventLoop

/// Reads the map of a cluster for a process, on one of its loops.
public final class ClusterWatch {
  enum Stage {
    /// Between two nodes.
    case idle
    /// The link is on its way up.
    case connecting
    /// The node has been asked.
    case asking
  }

  let loop: Loop
  let seeds: [NodeAddress]
  let login: RedisTarget
  private let map: ClusterMap
  let observer: any ClusterObserver
  let deadlines: Link.Deadlines
  private var bell: Mailbox<Void>?
  /// Begins readings.
  private var timer: Timer!
  /// Ends the wait for an answer; at 0, goes on to the next node.
  var stepTimer: Timer!
  private var isStopped = false
  /// Nobody was believed at the last reading.
  private var wasUnknown = false

  var round: ClusterRound?
  private var startedAt = Int64.min
  /// The least from there to the next beginning.
  private var pause = Bounds.clusterPause.lowerBound
  /// When the last reading began that somebody wanted; nil where there was none.
  private var wantedAt: Int64?
  /// Whether this reading has changed the map.
  private var isNews = false
  /// The newest epoch that any node has told, and when a map was last believed.
  private var epoch: UInt64 = 0
  private var believedAt: Int64 = 0
  var doubtful: Set<NodeAddress> = []

  var link: Link?
  var node = NodeAddress(host: "", port: 0)
  var conversation = ClusterConversation()
  var stage = Stage.idle

  /// - Parameters:
  ///   - seeds: Nodes that the operator named; at least one.
  ///   - login: For all nodes; its place does not count.
  ///   - observer: Kept.
  /// - Throws: When the loop cannot be woken from outside (no descriptors left).
  public convenience init(
    loop: Loop, seeds: [NodeAddress], login: RedisTarget, map: ClusterMap, observer: any ClusterObserver
  ) throws(UVError) {
    try self.init(
      loop: loop, seeds: seeds, login: login, map: map, observer: observer, deadlines: Link.Deadlines())
  }

  init(
    loop: Loop, seeds: [NodeAddress], login: RedisTarget, map: ClusterMap, observer: any ClusterObserver,
    deadlines: Link.Deadlines
  ) throws(UVError) {
    precondition(!seeds.isEmpty, "a cluster is found by at least one node")
    self.loop = loop
    self.seeds = seeds
    self.login = login
    self.map = map
    self.observer = observer
    self.deadlines = deadlines
    bell = try Mailbox(loop: loop, capacity: 1) { [weak self] in self?.rung() }
    timer = Timer(loop: loop) { [weak self] _ in self?.begin() }
    stepTimer = Timer(loop: loop) { [weak self] _ in self?.stepTimerFired() }
  }

  deinit { stop() }

  /// Reads the map for the first time. Once.
  public func start() {
    begin()
    let bell = bell
    map.onWanted { _ = bell?.post(()) }
  }

  /// Ends it. May be called twice.
  public func stop() {
    guard !isStopped else { return }
    isStopped = true
    map.onWanted(nil)
    bell?.close()
    timer.close()
    stepTimer.close()
    hangUp()
  }

  // MARK: Readings

  private func rung() {
    if round == nil, !isStopped { schedule(after: 0) }
  }

  /// Sets the next reading, not too soon after the last.
  private func schedule(after wait: Int64) {
    let now = loop.freshNow()
    let earliest = startedAt == .min ? now : startedAt + pause
    timer.start(afterNanoseconds: max(wait, earliest - now))
  }

  private func begin() {
    guard round == nil, !isStopped, !loop.isClosing else { return }
    timer.stop()
    startedAt = loop.freshNow()
    isNews = false
    if map.isRefreshWanted { wantedAt = startedAt }
    map.beginsRefresh()
    // Somebody made the cluster anew, with epochs that begin at 0: its nodes are not doubted for ever.
    if startedAt - believedAt > Bounds.clusterDoubt { epoch = 0 }
    var generator = SystemRandomNumberGenerator()
    round = ClusterRound(
      seeds: seeds, known: map.current.map, doubtful: doubtful, epoch: epoch, using: &generator)
    askNext()
  }

  // MARK: Ends of readings

  /// The node of the moment is believed.
  func take(_ map: SlotMap, _ health: ClusterHealth) {
    epoch = health.epoch
    believedAt = loop.freshNow()
    doubtful.remove(node)
    adopt(map, of: node)
    end(isCalm: health.isOK && health.slotsInTrouble == 0)
  }

  private func adopt(_ map: SlotMap, of node: NodeAddress) {
    let isOther = self.map.replace(with: map)
    if isOther { isNews = true }
    if isOther || wasUnknown {
      wasUnknown = false
      observer.clusterMapped(map, by: node)
    }
    // What has left the cluster is forgotten.
    let known = Set(map.masters).union(map.others).union(seeds)
    doubtful.formIntersection(known)
  }

  /// All nodes of this reading have been asked.
  func nobodyBelieved() {
    if let last = round?.lastResort { adopt(last.map, of: last.node) }
    wasUnknown = true
    observer.clusterUnknown()
    end(isCalm: false)
  }

  private func end(isCalm: Bool) {
    round = nil
    hangUp()
    pause = isNews ? Bounds.clusterPause.lowerBound : min(2 * pause, Bounds.clusterPause.upperBound)
    guard !isStopped else { return }
    // A node that a worker misses is missed by its cluster only after a while, and its slots move after that.
    let isAlert = wantedAt.map { startedAt - $0 < Bounds.clusterAlert } ?? false
    let wait = isCalm && !isAlert ? Bounds.clusterInterval : Bounds.clusterTrouble
    schedule(after: map.isRefreshWanted ? 0 : Breaker.jittered(wait, random: UInt64.random(in: 0...UInt64.max)))
  }
}
