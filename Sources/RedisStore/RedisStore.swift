// RedisStore.swift: one worker's store over Redis: one server, or a cluster of them.
//
// What is asked goes to a NodeStore, of which there is one a server; in a cluster a ClusterRouter finds it by the hash
// slot of the key, and divides checks whose keys have several. What has nothing to do with servers is here: denials that
// are remembered, signs of life, orders, looks at one key.
//
// Files: +Announcing, +Orders, +Looking.

public import EventLoop
import Limiting

/// The store over Redis, for one worker. Used only on its loop's thread.
public final class RedisStore {
  /// What all workers of a process share.
  public struct Shared: Sendable {
    public let servers: RedisServers
    public let live: LiveWeirs
    /// Names this process among the live weirs.
    public let id: String
    let admissions = AdmissionTimes()

    public init(servers: RedisServers, live: LiveWeirs, id: String) {
      self.servers = servers
      self.live = live
      self.id = id
    }
  }

  enum Route {
    case one(NodeStore)
    case cluster(ClusterRouter)
  }

  let loop: Loop
  let shared: Shared
  let observer: any RedisObserver
  let timeout: Int64
  /// Whether this worker says for all that the process lives.
  let announces: Bool
  var names: KeyNames
  /// Those of the greeting under way, which announces us too where there is one server.
  var trialNames = KeyNames.none
  let observed: ObservedStates
  private var madeRoute: Route?
  var route: Route { madeRoute ?? { preconditionFailure("the route is made with its store") }() }
  /// Where the worker that reads orders for its process hands them over; nil for the others.
  let takeOrders: (@Sendable (OrderPage) -> Bool)?
  var orders = OrderReader()
  var forbidden = ForbiddenOrders() {
    didSet {
      if forbidden.isAny != oldValue.isAny { observer.redisOrdersForbidden(forbidden.isAny) }
    }
  }
  private var announcer: Timer?
  private var orderTimer: Timer?
  private var nodeTimer: Timer?

  /// - Parameters:
  ///   - timeout: Nanoseconds, from a check's arrival.
  ///   - announces: Whether this store sends the process's signs of life; one of a process does.
  ///   - observer: Kept, told of everything that happens.
  ///   - takeOrders: Called with what others have ordered, on the loop's thread; nil where another worker reads that. A
  ///     page that it does not take (false) is read again.
  public init(
    loop: Loop, timeout: Int64, shared: Shared, announces: Bool, names: KeyNames, observer: any RedisObserver,
    takeOrders: (@Sendable (OrderPage) -> Bool)? = nil
  ) {
    self.loop = loop
    self.timeout = timeout
    self.shared = shared
    observed = ObservedStates(shared.admissions)
    self.announces = announces
    self.names = names
    self.observer = observer
    self.takeOrders = takeOrders
    orders.adopt(names.domains)
    madeRoute = makeRoute()
    if announces {
      announcer = Timer(loop: loop) { [unowned self] _ in announce() }
      announcer?.start(afterNanoseconds: Bounds.announceInterval, every: Bounds.announceInterval)
    }
    if takeOrders != nil {
      orderTimer = Timer(loop: loop) { [unowned self] _ in readOrders() }
      orderTimer?.start(afterNanoseconds: Bounds.orderInterval, every: Bounds.orderInterval)
    }
  }

  private func makeRoute() -> Route {
    let setup = NodeStore.Setup(
      loop: loop, timeout: timeout, layout: .strings,
      trial: { [unowned self] in
        trialNames = names
        return announcement(names.live, isLast: false)
      }, observed: observed)
    switch shared.servers {
    case .one(let target, let breaker):
      return .one(NodeStore(setup, target: target, breaker: breaker, observer: observer, owner: self))
    case .master(let masters):
      return .one(
        NodeStore(
          setup, target: masters.target.login, masters: masters, breaker: masters.breaker, observer: observer,
          owner: self))
    case .cluster(let nodes):
      let router = ClusterRouter(nodes, loop: loop, timeout: timeout, observed: observed, observer: observer)
      router.whenConnected = { [unowned self, unowned router] in connected(to: $0, router) }
      nodeTimer = Timer(loop: loop) { [unowned self] _ in followMap(router) }
      nodeTimer?.start(afterNanoseconds: 0)
      return .cluster(router)
    }
  }

  /// Looks for a new map where no check does; soon, until there is one. To the first one's nodes it connects at once.
  private func followMap(_ router: ClusterRouter) {
    let hadMap = router.hasMap
    _ = router.adoptMap()
    router.closeOthers()
    if router.hasMap, !hadMap { router.connect() }
    nodeTimer?.start(afterNanoseconds: router.hasMap ? Bounds.mapPoll : Bounds.firstMapPoll)
  }

  /// How counters lie there.
  var layout: CounterLayout {
    switch route {
    case .one: .strings
    case .cluster: .hashes
    }
  }

  /// Connects for the first time; to a cluster's nodes once they are known, and to later ones as they are needed.
  public func start() {
    if case .one(let node) = route { node.start(takesEarly: false) }
  }

  /// Whether there is a server that would be asked now.
  public var isReady: Bool {
    switch route {
    case .one(let node): node.isReady
    case .cluster(let router): router.isReady
    }
  }

  /// Whether the server that counts a charge would be asked now.
  ///
  /// - Parameter index: Of a charge of the ticket that is for Redis.
  public func canAsk(_ ticket: Ticket, _ index: Int) -> Bool {
    switch route {
    case .one(let node): node.canAsk()
    case .cluster(let router): router.canAsk(ticket, index)
    }
  }

  /// Takes the names of a new policy set.
  public func adopt(_ names: KeyNames) {
    self.names = names
    orders.adopt(names.domains)
    if announces { announce() }
  }

  /// Denies a ticket, or tells the numbers of one that only looks, if that needs no asking: by states seen at denials a
  /// moment ago. Charges of which nothing was seen become `.unasked` then.
  public func remembers(_ ticket: Ticket) -> Bool {
    guard observed.deny(ticket, at: loop.now) else { return false }
    if !ticket.onlyLooks { observer.redisRemembered() }
    return true
  }

  /// Asks Redis for the `.redis` charges of a ticket.
  ///
  /// - Parameters:
  ///   - believes: Whether states seen a moment ago may answer.
  ///   - mayWait: Whether there is memory for it to wait; where not, that is counted as a failure.
  /// - Returns: Whether it is settled at once: denied by a state seen a moment ago, or failed since Redis is away or it
  ///   may not wait. Else its holder is told later, exactly once, at the latest when its time is over.
  public func ask(_ ticket: Ticket, believes: Bool = true, mayWait: Bool = true) -> Bool {
    if believes, remembers(ticket) { return true }
    guard mayWait else {
      observer.redisFailed(.overload, detail: Self.overloadText)
      ticket.outcome = .failed
      return true
    }
    switch route {
    case .one(let node): return !node.ask(ticket)
    case .cluster(let router): return router.ask(ticket)
    }
  }

  private static let overloadText =
    "the checks that wait hold all the memory that they may; \(RedisFailure.overload.advice)"

  /// Sends commands at once. Answers come on the loop, at the latest when their time is over; from inside this call where
  /// Redis is away.
  func ask(_ questions: [Question]) {
    switch route {
    case .one(let node): node.ask(questions)
    case .cluster(let router): for question in questions { router.ask(question) }
    }
  }

  func ask(_ question: Question) { ask([question]) }

  /// A reply made no sense: what leads there is of no use.
  func distrust(_ detail: String) {
    switch route {
    case .one(let node): node.link.fail(.protocolError, detail: detail)
    case .cluster: observer.redisFailed(.protocolError, detail: detail)
    }
  }

  /// Says goodbye and closes; tickets that wait fail at once.
  public func stop() {
    announcer?.close()
    orderTimer?.close()
    nodeTimer?.close()
    switch route {
    case .one(let node): node.stop(lastWord: announces ? announcement(names.live, isLast: true) : [])
    case .cluster(let router):
      if announces { ask(announcements(isLast: true)) }
      router.stop()
    }
  }

  /// A node of a cluster can be asked that could not be. That is news if it keeps the orders or
  /// the signs of life of a domain.
  private func connected(to node: NodeStore, _ router: ClusterRouter) {
    let keepsOurs = names.domains.contains { domain in
      [OrderKeys(domain: domain).version, KeyNames.live(domain: domain)].contains { router.isOwner(node, of: $0) }
    }
    guard keepsOurs else { return }
    shared.live.connected(now: loop.now)
    if announces { announce() }
    orders.doubt()
    forbidden = ForbiddenOrders()
    readOrders()
  }
}

extension RedisStore: NodeStoreOwner {
  func connected(_ node: NodeStore, trialReply: Reply) {
    shared.live.connected(now: loop.now)
    heard(trialReply, trialNames.live, of: trialNames)
    orders.doubt()
    forbidden = ForbiddenOrders()
    readOrders()
  }

  /// Only nodes of a cluster send anybody away, and those have another owner; see `NodeStore.redirect`.
  func redirected(_ ticket: Ticket, _ redirection: Redirection?, by node: NodeStore) {
    preconditionFailure("one server has no others")
  }
  func redirected(_ question: Question, _ redirection: Redirection?, by node: NodeStore) {
    preconditionFailure("one server has no others")
  }
}
