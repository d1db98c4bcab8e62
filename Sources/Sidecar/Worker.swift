// Worker.swift: one thread with its loop, its listeners and its connections. Between workers there are only immutable
// policy sets, mailboxes, and the cells of the memory store.

import CheckAPI
import EventLoop
import Policies
import RedisStore
import Stores
import Synchronization
import Telemetry

/// One thread of the data plane.
///
/// What it is told lies in `news`, of rules and orders the newest, and a bell says that something lies there: so
/// nothing is lost, however much it is told before it looks. Errands have a mailbox of their own, which may be full.
///
/// SAFETY of `@unchecked Sendable`: built on the main thread, then touched only on its own, but for `listen`, `adopt`,
/// `obey`, `forget`, `drain`, `stop`, `ask`, `join`, and the counters, which may be used from anywhere.
final class Worker: @unchecked Sendable {
  typealias Errand = @Sendable (WorkerView) -> Void

  /// What the worker has been told and has not taken yet.
  private struct News: Sendable {
    var sockets: [ListeningSocket] = []
    var rules: Rules?
    var orders: Orders?
    var forgotten = ResetKeys()
    var drains = false
    var stops = false
  }

  let responder: DataResponder
  /// nil where there is no Redis.
  let redisWatch: RedisWatch?
  private let redis: RedisStore?
  /// Finds the servers for the whole process; nil in the other workers, and where there is one that stays in its place.
  private let topologyWatch: (any TopologyWatch)?
  private let loop: Loop
  private let server: HTTPServer
  private let news = Mutex(News())
  private var bell: Mailbox<Void>?
  private var errands: Mailbox<Errand>?
  private var thread: Thread?
  private var hasEnded = false
  private let onDrained: @Sendable () -> Void
  private let reportError: @Sendable (UVError) -> Void

  /// - Parameters:
  ///   - keys: How keys are shown.
  ///   - denials: nil where they are not logged.
  ///   - redis: nil where there is none.
  ///   - onDrained: Called on the worker's thread, once no connection is left after `drain`.
  init(
    settings: APISettings, state: ProcessState, store: MemoryStore, rules: Rules, keys: KeyDisplay,
    denials: DenialLog? = nil,
    redis: RedisSeat?, budget: ConnectionBudget, claimLimit: Int = Bounds.claims,
    waitingLimit: Int = Bounds.waiting,
    reportError: @escaping @Sendable (UVError) -> Void,
    onDrained: @escaping @Sendable () -> Void
  ) throws(UVError) {
    loop = try Loop()
    self.onDrained = onDrained
    self.reportError = reportError
    let counters = WorkerCounters()
    redisWatch = redis.map { RedisWatch($0.status, counters) }
    if let redis, let redisWatch { self.redis = redis.store(loop, rules.names, redisWatch) } else { self.redis = nil }
    topologyWatch = redis?.announces == true ? try redis?.status.topologyWatch(on: loop) : nil
    let decider = Decider(memory: store, redis: self.redis, live: redis?.status.live, waitingLimit: waitingLimit)
    responder = DataResponder(
      loop: loop, settings: settings, state: state, decider: decider, counters: counters,
      keys: KeyRecorder(keys, store: store, now: Loop.monotonicNow()), denials: denials, rules: rules)
    server = HTTPServer(
      loop: loop, responder: responder, counters: counters, kind: .data, budget: budget, claimLimit: claimLimit,
      reportError: reportError)
    bell = try Mailbox(loop: loop, capacity: 1) { [unowned self] in takeNews() }
    errands = try Mailbox(loop: loop, capacity: Bounds.workerErrands) { [unowned self] in run($0) }
    topologyWatch?.start()
    self.redis?.start()
  }

  func start(number: Int) throws(UVError) {
    thread = try Thread.start(name: "weir-\(number)") { [self] in
      loop.run()
      loop.close()
    }
  }

  // MARK: From any thread

  func listen(on sockets: [ListeningSocket]) { tell { $0.sockets += sockets } }

  /// Hands over a new policy set together with the orders for its counters.
  func adopt(_ rules: Rules, _ orders: Orders) {
    tell {
      $0.rules = rules
      $0.orders = orders
    }
  }

  /// Hands over new orders, for the set that was handed over last.
  func obey(_ orders: Orders) { tell { $0.orders = orders } }

  /// Voids what is remembered of keys in Redis that were reset.
  func forget(_ keys: ResetKeys) { tell { $0.forgotten.formUnion(keys) } }

  func drain() { tell { $0.drains = true } }

  /// Ends all connections, drained or not.
  func stop() { tell { $0.stops = true } }

  /// Hands over an errand, which finds a worker that has taken all that it was told before.
  ///
  /// - Returns: False if too many wait; the errand is then never run.
  func ask(_ errand: @escaping Errand) -> Bool { errands?.post(errand) ?? false }

  func join() { thread?.join() }

  private func tell(_ note: (inout News) -> Void) {
    news.withLock { note(&$0) }
    // Where the bell is refused it has been rung already and not been heard yet, or the worker has stopped.
    _ = bell?.post(())
  }

  // MARK: On the worker's thread

  private func run(_ errand: Errand) {
    takeNews()
    guard !hasEnded else { return }
    errand(WorkerView(responder: responder, redis: redis))
  }

  private func takeNews() {
    let news = news.withLock { news in
      defer { news = News() }
      return news
    }
    for socket in news.sockets { listen(on: socket) }
    if let rules = news.rules {
      responder.adopt(rules)
      redis?.adopt(rules.names)
    }
    if let orders = news.orders { responder.obey(orders) }
    redis?.forget(news.forgotten)
    if news.drains { server.drain { [onDrained] in onDrained() } }
    if news.stops { end() }
  }

  private func end() {
    hasEnded = true
    // First, so that checks which still wait for Redis are answered.
    redis?.stop()
    topologyWatch?.stop()
    server.stop()
    bell?.close()
    errands?.close()
    loop.stop()
  }

  private func listen(on socket: ListeningSocket) {
    do throws(UVError) { try server.listen(on: socket) } catch { reportError(error) }
  }
}

/// What a worker needs to connect to Redis.
struct RedisSeat {
  /// Nanoseconds from a check's arrival.
  var timeout: Int64
  var shared: RedisStore.Shared
  /// Whether this worker says for all that the process lives.
  var announces: Bool
  /// See `RedisStore`.
  var takeOrders: (@Sendable (OrderPage) -> Bool)?
  var status: RedisStatus

  func store(_ loop: Loop, _ names: KeyNames, _ watch: RedisWatch) -> RedisStore {
    RedisStore(
      loop: loop, timeout: timeout, shared: shared, announces: announces, names: names,
      observer: watch, takeOrders: takeOrders)
  }
}
