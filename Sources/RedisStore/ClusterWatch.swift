// ClusterWatch.swift: keeps the map of a cluster fresh: reads it at the start, when somebody wants it to be read, now
// and then, and often while the cluster is in trouble.
//
// A reading connects to one node after the other, in the order of ClusterRound, asks CLUSTER INFO and CLUSTER SHARDS in
// one write (CLUSTER SLOTS where SHARDS is unknown, before Redis 7), and ends with the first answer that is believed.
// The connection is closed then: another reading asks another node, so that no node's view lasts. Each step has its
// deadline, and there is one connection at a time.
//
// While nobody is believed, the last map stays in force: its nodes may be well though their cluster is not.

public import EventLoop

/// Reads the map of a cluster for a process, on one of its loops.
public final class ClusterWatch {
  private enum Stage {
    /// Between two nodes.
    case idle
    /// The link is on its way up.
    case connecting
    /// The node has been asked.
    case asking
  }

  private let loop: Loop
  private let seeds: [NodeAddress]
  private let login: RedisTarget
  private let map: ClusterMap
  private let observer: any ClusterObserver
  private let deadlines: Link.Deadlines
  private var bell: Mailbox<Void>?
  /// Begins readings.
  private var timer: Timer!
  /// Ends the wait for an answer; at 0, goes on to the next node.
  private var stepTimer: Timer!
  private var isStopped = false

  private var round: ClusterRound?
  private var startedAt = Int64.min
  /// The newest epoch that any node has told, and when a map was last believed.
  private var epoch: UInt64 = 0
  private var believedAt: Int64 = 0
  private var doubtful: Set<NodeAddress> = []

  private var link: Link?
  private var node = NodeAddress(host: "", port: 0)
  private var conversation = ClusterConversation()
  private var stage = Stage.idle

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
    let earliest = startedAt == .min ? now : startedAt + Bounds.clusterPause
    timer.start(afterNanoseconds: max(wait, earliest - now))
  }

  private func begin() {
    guard round == nil, !isStopped, !loop.isClosing else { return }
    timer.stop()
    startedAt = loop.freshNow()
    map.beginsRefresh()
    // Somebody made the cluster anew, with epochs that begin at 0: its nodes are not doubted for ever.
    if startedAt - believedAt > Bounds.clusterDoubt { epoch = 0 }
    var generator = SystemRandomNumberGenerator()
    round = ClusterRound(
      seeds: seeds, known: map.current.map, doubtful: doubtful, epoch: epoch, using: &generator)
    askNext()
  }

  private func askNext() {
    hangUp()
    guard let next = round?.nextNode() else { return nobodyBelieved() }
    node = next
    var target = login
    target.place = next.place
    target.database = 0
    let link = Link(
      loop: loop, target: target, breaker: SharedBreaker(), scripts: [], trial: { RedisCommand.bytes("PING") },
      observer: NodeObserver(self), handler: self, deadlines: deadlines)
    self.link = link
    stage = .connecting
    link.start()
  }

  private func hangUp() {
    stepTimer.stop()
    stage = .idle
    let last = link.take()
    last?.stop()
  }

  /// The node of the moment gives no map: the next one is asked, in a turn of its own, since the link is still at work.
  fileprivate func failed(_ failure: RedisFailure, detail: String) {
    guard stage != .idle else { return }
    stage = .idle
    doubtful.insert(node)
    observer.clusterNodeFailed(node, failure, detail: detail)
    stepTimer.start(afterNanoseconds: 0)
  }

  private func stepTimerFired() {
    guard round != nil else { return }
    if stage == .asking {
      failed(.timeout, detail: "\(node): it does not tell its map within 1 s; \(RedisFailure.timeout.advice)")
    } else {
      askNext()
    }
  }

  // MARK: Answers

  private func heard(_ answer: ClusterConversation.Step) {
    switch answer {
    case .wait: return
    case .say(let bytes):
      if link?.write(bytes.span) != true { failed(.disconnected, detail: "\(node): it takes nothing") }
    case .failed(let failure): failed(failure.failure, detail: "\(node): \(failure.detail)")
    case .told(let map, let health): told(map, health)
    }
  }

  private func told(_ map: SlotMap, _ health: ClusterHealth) {
    switch round?.heard(map, health) {
    case nil: return
    case .believed: take(map, health)
    case .notOK:
      let text = "cluster_state is fail: it does not reach most masters, or slots are not served; see CLUSTER INFO"
      failed(.cluster, detail: "\(node): \(text)")
    case .old:
      failed(.cluster, detail: "\(node): it has not heard of the newest changes of its cluster; another node is asked")
    case .empty:
      let plain = "it knows of no slots; has the node joined its cluster?"
      let secure = "it tells no port for TLS of any node with slots; before Redis 7.2 that takes tls-cluster yes"
      failed(.cluster, detail: "\(node): \(login.tls == nil ? plain : secure)")
    }
  }

  private func take(_ map: SlotMap, _ health: ClusterHealth) {
    epoch = health.epoch
    believedAt = loop.freshNow()
    doubtful.remove(node)
    adopt(map)
    end(isCalm: health.isOK && health.slotsInTrouble == 0)
  }

  private func adopt(_ map: SlotMap) {
    if self.map.replace(with: map) { observer.clusterMapped(map, by: node) }
    // What has left the cluster is forgotten.
    let known = Set(map.masters).union(map.others).union(seeds)
    doubtful.formIntersection(known)
  }

  private func nobodyBelieved() {
    if let last = round?.lastResort { adopt(last.map) }
    observer.clusterUnknown()
    end(isCalm: false)
  }

  private func end(isCalm: Bool) {
    round = nil
    hangUp()
    guard !isStopped else { return }
    let wait = isCalm ? Bounds.clusterInterval : Bounds.clusterTrouble
    schedule(after: map.isRefreshWanted ? 0 : Breaker.jittered(wait, random: UInt64.random(in: 0...UInt64.max)))
  }
}

extension ClusterWatch: LinkHandler {
  func linkReady(_ link: Link, trialReply: Reply) {
    guard link === self.link else { return }
    conversation = ClusterConversation(asked: node, hasTLS: login.tls != nil)
    stage = .asking
    stepTimer.start(afterNanoseconds: Bounds.clusterAnswer)
    heard(conversation.begin())
  }

  func linkLost(_ link: Link, _ failure: RedisFailure) {}

  func received(_ link: Link, _ reply: Reply) {
    guard link === self.link, stage == .asking else { return }
    heard(conversation.received(reply))
  }
}

/// Hears why the node of the moment is not reached, for the watch (a link that was stopped tells nothing more): nothing of it counts as a connection that serves checks.
@safe private final class NodeObserver: RedisObserver {
  /// SAFETY: touched only on the loop's thread, where links tell of failures.
  private nonisolated(unsafe) weak var watch: ClusterWatch?

  init(_ watch: ClusterWatch) { unsafe self.watch = watch }

  func redisConnected() {}
  func redisDisconnected() {}
  func redisCalled(nanoseconds: Int64, checks: Int) {}
  func redisRemembered() {}

  func redisFailed(_ failure: RedisFailure, detail: String) {
    guard let watch = unsafe watch else { return }
    watch.failed(failure, detail: detail)
  }
}
