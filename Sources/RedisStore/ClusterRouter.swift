// ClusterRouter.swift: which node of a cluster is asked: finds a key's slot, the slot's master, and one worker's
// connection to it, which is made when it is first needed.
//
// A node that says MOVED corrects the map and has done nothing, so the ticket goes on to the other node while it has
// time; ASK sends it there this once; TRYAGAIN makes it wait a little. A node that is away is no other node's concern:
// each has its own breaker. Checks whose keys have several slots are SplitTickets.
//
// Files: +Redirections.

import EventLoop
import Limiting

/// The connections of one worker to the nodes of a cluster.
final class ClusterRouter {
  let cluster: ClusterNodes
  let loop: Loop
  let timeout: Int64
  let observed: ObservedStates
  private let observer: any RedisObserver
  /// Called when a node can be asked that could not be.
  var whenConnected: (NodeStore) -> Void = { _ in }

  private var map = SlotMap()
  private var version: UInt64 = 0
  private var nodes: [NodeAddress: NodeStore] = [:]
  /// By the place of a master in the map: what `nodes` holds, once it was asked for.
  private var masters: [NodeStore?] = []
  /// Tickets that a node has asked to try again, and until when they wait; the same wait for all.
  var delayed: [(ticket: Ticket, until: Int64)] = []
  private var delay: Timer?
  private var isStopped = false
  private var spareSplits: [SplitTicket] = []
  private var lastToken = UInt64.random(in: 0...UInt64.max)

  init(
    _ cluster: ClusterNodes, loop: Loop, timeout: Int64, observed: ObservedStates, observer: any RedisObserver
  ) {
    self.cluster = cluster
    self.loop = loop
    self.timeout = timeout
    self.observed = observed
    self.observer = observer
    delay = Timer(loop: loop) { [unowned self] _ in retryDelayed() }
  }

  /// Closes; tickets that wait fail at once.
  func stop() {
    isStopped = true
    delay?.close()
    let waiting = delayed
    delayed = []
    for (ticket, _) in waiting { fail(ticket) }
    for (address, node) in nodes {
      node.stop()
      cluster.leave(address)
    }
    nodes = [:]
  }

  // MARK: Finding

  /// Whether some node would be asked now.
  var isReady: Bool { nodes.values.contains { $0.isReady } }

  /// Whether the node that counts a charge of the ticket would be asked now.
  func canAsk(_ ticket: Ticket, _ index: Int) -> Bool {
    node(of: HashSlot.of(ticket.digests[index]))?.canAsk() ?? false
  }

  /// The master of a slot; nil where nobody has it.
  func node(of slot: UInt16) -> NodeStore? {
    _ = adoptMap()
    guard let place = map.place(of: slot) else {
      cluster.map.wantRefresh()
      return nil
    }
    if let node = masters[place] { return node }
    let node = node(at: map.masters[place])
    masters[place] = node
    return node
  }

  /// What leads to a node, made if need be; nil beyond the bound.
  func node(at address: NodeAddress) -> NodeStore? {
    if let node = nodes[address] { return node }
    guard !isStopped, nodes.count < 2 * Bounds.clusterNodes else { return nil }
    let setup = NodeStore.Setup(
      loop: loop, timeout: timeout, layout: .hashes, address: address, trial: { RedisCommand.bytes("PING") },
      observed: observed)
    let node = NodeStore(
      setup, target: cluster.target(address), breaker: cluster.join(address),
      observer: NodeObserver(observer, cluster.map), owner: self)
    nodes[address] = node
    node.start(takesEarly: true)
    return node
  }

  /// Whether a node is the master of a key's slot.
  func isOwner(_ node: NodeStore, of key: [UInt8]) -> Bool {
    map.owner(of: HashSlot.of(key.span)).map { $0 == node.setup.address } ?? false
  }

  /// Whether any map was taken.
  var hasMap: Bool { version > 0 }

  /// Connects to the masters, so that the first checks need not wait for that.
  func connect() {
    for address in map.masters.prefix(Bounds.firstNodes) { _ = node(at: address) }
  }

  /// Takes the newest map, if there is one; whether there was.
  func adoptMap() -> Bool {
    guard cluster.map.version != version else { return false }
    (map, version) = cluster.map.current
    masters = map.masters.map { nodes[$0] }
    closeOthers()
    return true
  }

  /// Closes connections that lead to no master and on which nothing waits. To be called now and then, since what waits
  /// when a node leaves the map ends a little later.
  func closeOthers() {
    let wanted = Set(map.masters)
    for (address, node) in nodes where !wanted.contains(address) && node.isIdle {
      node.stop()
      cluster.leave(address)
      nodes[address] = nil
    }
  }

  // MARK: Asking

  /// Asks for the `.redis` charges of a ticket; whether it is settled at once.
  func ask(_ ticket: Ticket) -> Bool {
    guard ticket.isWhole else {
      let split = spareSplits.popLast() ?? SplitTicket(self)
      lastToken &+= 1
      return split.begin(ticket, token: lastToken)
    }
    return !send(ticket)
  }

  /// Whether `send` would find the node of a ticket of one key.
  func canSend(_ ticket: Ticket) -> Bool { node(of: HashSlot.of(ticket.tag))?.canAsk() ?? false }

  /// Sends a ticket of one key to the node of its slot; false, and the ticket failed, where that is away.
  func send(_ ticket: Ticket) -> Bool {
    guard let node = node(of: HashSlot.of(ticket.tag)), node.ask(ticket) else {
      ticket.outcome = .failed
      return false
    }
    return true
  }

  /// A split ticket that nobody needs any more.
  func recycle(_ split: SplitTicket) {
    if spareSplits.count < Bounds.spareSplits { spareSplits.append(split) }
  }

  /// Sends a question to the node of its key.
  func ask(_ question: Question) {
    guard let node = node(of: HashSlot.of(question.key.span)) else {
      let detail = "no node of the cluster serves the key"
      return question.answer(.failure(WordFailure(.cluster, detail, mayBeDone: false)))
    }
    node.ask([question])
  }

  /// Redeems a ticket that no node has.
  func fail(_ ticket: Ticket) {
    ticket.outcome = .failed
    ticket.holder?.redeemed(ticket)
  }

  /// A hold was over, or lost with its node, before it was confirmed. Its node is well.
  func holdEnded() {
    observer.redisFailed(
      .timeout, detail: "a check over several nodes was not confirmed in time; \(RedisFailure.timeout.advice)")
  }

  /// No node serves the slot of a ticket for as long as it can wait.
  func failMoving(_ ticket: Ticket) {
    let slot = HashSlot.of(ticket.tag)
    observer.redisFailed(.cluster, detail: "slot \(slot) is on its way to another node for longer than a check waits")
    fail(ticket)
  }

  func wakeUp(afterNanoseconds wait: Int64) { delay?.start(afterNanoseconds: wait) }
}

/// Passes on what a node's connections tell, and has the map read anew when the node fails: it may be no master any more.
private final class NodeObserver: RedisObserver {
  private let next: any RedisObserver
  private let map: ClusterMap

  init(_ next: any RedisObserver, _ map: ClusterMap) {
    self.next = next
    self.map = map
  }

  func redisConnected() { next.redisConnected() }
  func redisDisconnected() { next.redisDisconnected() }
  func redisFailed(_ failure: RedisFailure, detail: String) {
    map.wantRefresh()
    next.redisFailed(failure, detail: detail)
  }
  func redisCalled(nanoseconds: Int64, checks: Int) { next.redisCalled(nanoseconds: nanoseconds, checks: checks) }
  func redisRemembered() { next.redisRemembered() }
  func redisOrdersForbidden(_ isForbidden: Bool) { next.redisOrdersForbidden(isForbidden) }
}
