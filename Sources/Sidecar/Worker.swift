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
/// SAFETY of `@unchecked Sendable`: built on the main thread, then touched only on its own, but for `post`, `adopt`,
/// `obey`, `join`, and the counters, which may be used from anywhere.
final class Worker: @unchecked Sendable {
  enum Message: Sendable {
    case listen([ListeningSocket])
    case adopt(Rules)
    /// Take what lies in `newOrders`.
    case obey
    case errand(@Sendable (WorkerView) -> Void)
    case drain
    /// Ends all connections, drained or not.
    case stop
  }

  let responder: DataResponder
  /// nil where there is no Redis.
  let redisWatch: RedisWatch?
  private let redis: RedisStore?
  private let loop: Loop
  private let server: HTTPServer
  private var mailbox: Mailbox<Message>?
  private var thread: Thread?
  /// The newest orders that the worker has not taken yet. So the messages that wait for it are few, however fast orders
  /// change.
  private let newOrders = Mutex<Orders?>(nil)
  private let onDrained: @Sendable () -> Void
  private let reportError: @Sendable (UVError) -> Void

  /// - Parameters:
  ///   - keys: How keys are shown.
  ///   - denials: nil where they are not logged.
  ///   - redis: nil where there is none.
  ///   - onDrained: Called on the worker's thread, once no connection is left after `.drain`.
  init(
    settings: APISettings, state: ProcessState, store: MemoryStore, rules: Rules, keys: KeyDisplay,
    denials: DenialLog? = nil,
    redis: RedisSeat?, budget: ConnectionBudget, reportError: @escaping @Sendable (UVError) -> Void,
    onDrained: @escaping @Sendable () -> Void
  ) throws(UVError) {
    loop = try Loop()
    self.onDrained = onDrained
    self.reportError = reportError
    let counters = WorkerCounters()
    redisWatch = redis.map { RedisWatch($0.status, counters) }
    if let redis, let redisWatch { self.redis = redis.store(loop, rules.names, redisWatch) } else { self.redis = nil }
    let decider = Decider(memory: store, redis: self.redis, live: redis?.status.live)
    responder = DataResponder(
      loop: loop, settings: settings, state: state, decider: decider, counters: counters,
      keys: KeyRecorder(keys, store: store, now: Loop.monotonicNow()), denials: denials, rules: rules)
    server = HTTPServer(
      loop: loop, responder: responder, counters: counters, kind: .data, budget: budget, reportError: reportError)
    mailbox = try Mailbox(loop: loop, capacity: Bounds.mailbox) { [unowned self] in receive($0) }
    self.redis?.start()
  }

  func start(number: Int) throws(UVError) {
    thread = try Thread.start(name: "weir-\(number)") { [self] in
      loop.run()
      loop.close()
    }
  }

  /// Sends a message, from any thread. A worker that has not taken the last 64 is not running any more.
  func post(_ message: Message) {
    _ = mailbox?.post(message)
  }

  /// Hands over a new policy set with the orders for its counters, from any thread.
  func adopt(_ rules: Rules, _ orders: Orders) {
    newOrders.withLock { $0 = orders }
    post(.adopt(rules))
  }

  /// Hands over new orders for the set in force, from any thread.
  func obey(_ orders: Orders) {
    let isAnnounced = newOrders.withLock { waiting in
      defer { waiting = orders }
      return waiting != nil
    }
    if !isAnnounced { post(.obey) }
  }

  private func takeOrders() {
    if let orders = newOrders.withLock({ $0.take() }) { responder.obey(orders) }
  }

  func join() { thread?.join() }

  private func receive(_ message: Message) {
    switch message {
    case .listen(let sockets):
      for socket in sockets { listen(on: socket) }
    case .adopt(let rules):
      takeOrders()
      responder.adopt(rules)
      redis?.adopt(rules.names)
    case .obey:
      takeOrders()
    case .errand(let run):
      run(WorkerView(responder: responder, redis: redis))
    case .drain:
      server.drain { [onDrained] in onDrained() }
    case .stop:
      // First, so that checks which still wait for Redis are answered.
      redis?.stop()
      server.stop()
      mailbox?.close()
      loop.stop()
    }
  }

  private func listen(on socket: ListeningSocket) {
    do throws(UVError) { try server.listen(on: socket) } catch { reportError(error) }
  }
}

/// What a worker needs to connect to Redis.
struct RedisSeat {
  var target: RedisTarget
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
      loop: loop, target: target, timeout: timeout, shared: shared, announces: announces, names: names,
      observer: watch, takeOrders: takeOrders)
  }
}
