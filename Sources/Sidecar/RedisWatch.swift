// RedisWatch.swift: what happens with Redis, counted a worker and told once: in the log, at /health, at /metrics.

import EventLoop
import RedisStore
import Synchronization
import Telemetry

/// What all workers together know of their Redis.
final class RedisStatus: Sendable {
  private struct State {
    /// When each kind of failure was last seen, on the monotonic clock, in this outage.
    var seen: [RedisFailure: Int64] = [:]
    var connections = 0
    var newest: RedisFailure?
    /// The newest failure of any kind.
    var failedAt = Int64.min
    /// Redis does not permit what orders need.
    var forbidsOrders = false
    /// Something was said since the last time that a connection was.
    var isConnectionNews = true
  }

  /// A failure that comes again within this time is no news, unless all was well for `well` in between: so a Redis that
  /// comes and goes is told once, and one that fails twice is told twice.
  private static let quiet: Int64 = 60 * Bounds.second
  private static let well: Int64 = 10 * Bounds.second

  let servers: RedisServers
  let live: LiveWeirs
  private let state = Mutex(State())
  private let logger: EventLogger
  private let url: String

  private let topology: RedisTopology

  /// - Parameter url: Without secrets.
  init(live: LiveWeirs, url: String, logger: EventLogger, topology: RedisTopology) {
    servers =
      switch topology {
      case .single(let target): .one(target, SharedBreaker(observer: BreakerLog(url: url, node: nil, logger: logger)))
      case .sentinel(let target):
        .master(
          MasterDirectory(
            target, breaker: SharedBreaker(observer: BreakerLog(url: url, node: nil, logger: logger)),
            observer: SentinelLog(url: url, logger: logger)))
      case .cluster(let target):
        .cluster(
          ClusterNodes(map: ClusterMap(), login: target.login) { node in
            BreakerLog(url: url, node: node, logger: logger)
          })
      }
    self.live = live
    self.url = url
    self.logger = logger
    self.topology = topology
  }

  /// What finds the servers, for the whole process; nil where there is one that stays in its place.
  func topologyWatch(on loop: Loop) throws(UVError) -> (any TopologyWatch)? {
    switch (topology, servers) {
    case (.cluster(let target), .cluster(let nodes)):
      try ClusterWatch(
        loop: loop, seeds: target.seeds, login: target.login, map: nodes.map,
        observer: ClusterLog(url: url, logger: logger) { [weak self] failure in
          self?.state.withLock { $0.newest = failure }
        })
    case (_, .master(let masters)): SentinelWatch(loop: loop, directory: masters)
    default: nil
    }
  }

  /// Connections of workers that are logged in.
  var connections: Int { state.withLock { $0.connections } }

  func connected() {
    let isNews = state.withLock { state in
      state.connections += 1
      guard state.connections == 1, state.isConnectionNews else { return false }
      state.isConnectionNews = false
      return true
    }
    if isNews { logger.log(.info, "redis connected", ["redis": .string(url)]) }
  }

  func lost() { state.withLock { $0.connections -= 1 } }

  func failed(_ failure: RedisFailure, _ detail: String) {
    let now = Loop.monotonicNow()
    let isNews = state.withLock { state in
      if state.connections > 0, now - max(state.failedAt, now - Self.quiet) > Self.well { state.seen = [:] }
      let last = state.seen[failure]
      state.seen[failure] = now
      state.newest = failure
      state.failedAt = now
      guard last.map({ now - $0 > Self.quiet }) ?? true else { return false }
      state.isConnectionNews = true
      return true
    }
    guard isNews else { return }
    logger.log(
      .warning, "redis failed",
      ["redis": .string(url), "failure": .string(failure.rawValue), "detail": .string(detail)])
  }

  /// Whether Redis refuses what orders need for want of a permission.
  func forbidsOrders(_ isForbidden: Bool) { state.withLock { $0.forbidsOrders = isForbidden } }

  /// What `/health` says: "ok", or what is wrong.
  func health(workers: Int) -> String {
    let (connections, newest, forbidsOrders) = state.withLock { ($0.connections, $0.newest, $0.forbidsOrders) }
    let cause = newest.map { ": \($0.rawValue)" } ?? ""
    switch servers {
    case .one, .master:
      if let trouble = Self.trouble(worstBreaker) { return trouble + cause }
      guard connections > 0 else { return "not connected" + cause }
      guard connections >= workers else { return "connected in \(connections) of \(workers) workers" + cause }
    case .cluster(let nodes):
      let covered = nodes.map.current.map.covered
      guard covered > 0 else { return "no node of the cluster has answered" + cause }
      if let trouble = Self.trouble(nodes.standings) { return trouble + cause }
      guard covered == HashSlot.count else { return "\(HashSlot.count - covered) slots have no master" + cause }
    }
    guard !forbidsOrders else { return "grants, blocks and resets of keys fail: \(RedisFailure.permission.rawValue)" }
    return "ok"
  }

  private static func trouble(_ masters: [ClusterNodes.Standing]) -> String? {
    let away = masters.filter { $0.breaker != .closed }
    if let first = away.first, let trouble = trouble(first.breaker) {
      return "\(away.count) of \(masters.count) masters are away; \(first.node) is \(trouble)"
    }
    guard let apart = masters.first(where: { $0.connections < $0.workers }) else { return nil }
    return "connected to \(apart.node) in \(apart.connections) of \(apart.workers) workers"
  }

  private static func trouble(_ state: Breaker.State) -> String? {
    switch state {
    case .closed: nil
    case .open: "not asked, the breaker is open"
    case .halfOpen: "not asked but for a trial, the breaker is half-open"
    }
  }

  /// Whether checks can be asked of Redis from now on: all workers are connected, in a cluster to all masters.
  func isReady(workers: Int) -> Bool {
    switch servers {
    case .one, .master: connections >= workers
    case .cluster(let nodes): nodes.map.version > 0 && connections >= workers * nodes.firstNodes
    }
  }

  /// The state that is furthest from closed.
  var worstBreaker: Breaker.State {
    switch servers {
    case .one(_, let breaker): breaker.state
    case .master(let masters): masters.breaker.state
    case .cluster(let nodes): nodes.standings.map(\.breaker).max { $0.rawValue < $1.rawValue } ?? .closed
    }
  }
}

/// Says when Redis is no longer asked, and when it is again; not each trial in between.
private final class BreakerLog: BreakerObserver {
  private let logger: EventLogger
  private let isOpen = Atomic<Bool>(false)
  private let fields: KeyValuePairs<String, LogValue>

  init(url: String, node: NodeAddress?, logger: EventLogger) {
    self.logger = logger
    fields = node.map { ["redis": .string(url), "node": .string($0.description)] } ?? ["redis": .string(url)]
  }

  func redisBreakerChanged(to state: Breaker.State) {
    guard state != .halfOpen else { return }
    let isNews = isOpen.exchange(state == .open, ordering: .relaxed) != (state == .open)
    guard isNews else { return }
    if state == .open {
      logger.log(.info, "redis breaker open", fields)
    } else {
      logger.log(.info, "redis breaker closed", fields)
    }
  }
}

/// What one worker sees of Redis.
final class RedisWatch: RedisObserver {
  let status: RedisStatus
  let durations = Histogram()
  let sizes = Histogram()
  private let counters: WorkerCounters

  init(_ status: RedisStatus, _ counters: WorkerCounters) {
    self.status = status
    self.counters = counters
  }

  func redisConnected() {
    counters.add(.redisConnects)
    status.connected()
  }

  func redisDisconnected() { status.lost() }

  func redisFailed(_ failure: RedisFailure, detail: String) {
    counters.add(.redisError(failure))
    status.failed(failure, detail)
  }

  func redisCalled(nanoseconds: Int64, checks: Int) {
    counters.add(.redisCalls)
    durations.observe(nanoseconds: nanoseconds)
    if checks > 0 { sizes.observe(size: checks) }
  }

  func redisOrdersForbidden(_ isForbidden: Bool) { status.forbidsOrders(isForbidden) }

  func redisRemembered() { counters.add(.redisRememberedDenials) }
}

extension WorkerCounter {
  static func redisError(_ failure: RedisFailure) -> WorkerCounter {
    switch failure {
    case .timeout: .redisTimeouts
    case .disconnected: .redisDisconnects
    case .resolve: .redisResolveErrors
    case .tls: .redisTLSErrors
    case .auth: .redisAuthErrors
    case .permission: .redisPermissionErrors
    case .readOnly: .redisReadOnlyErrors
    case .loading: .redisLoadingErrors
    case .outOfMemory: .redisOutOfMemoryErrors
    case .busy: .redisBusyErrors
    case .cluster: .redisClusterErrors
    case .other: .redisOtherErrors
    case .overload: .redisOverloads
    case .protocolError: .redisProtocolErrors
    }
  }
}
