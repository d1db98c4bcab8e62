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
    /// Something was said since the last time that a connection was.
    var isConnectionNews = true
  }

  /// A failure that comes again within this time is no news, unless all was well for `well` in between: so a Redis that
  /// comes and goes is told once, and one that fails twice is told twice.
  private static let quiet: Int64 = 60 * Bounds.second
  private static let well: Int64 = 10 * Bounds.second

  let breaker: SharedBreaker
  let live: LiveWeirs
  /// Where the master is; nil where no sentinels say it.
  let masters: MasterDirectory?
  private let state = Mutex(State())
  private let logger: EventLogger
  private let url: String

  /// - Parameter url: Without secrets.
  init(live: LiveWeirs, topology: RedisTopology? = nil, url: String, logger: EventLogger) {
    breaker = SharedBreaker(observer: BreakerLog(url: url, logger: logger))
    if case .sentinel(let target) = topology {
      masters = MasterDirectory(target, breaker: breaker, observer: SentinelLog(url: url, logger: logger))
    } else {
      masters = nil
    }
    self.live = live
    self.url = url
    self.logger = logger
  }

  /// Workers that are connected and logged in.
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

  /// What `/health` says: "ok", or what is wrong.
  func health(workers: Int) -> String {
    let (connections, newest) = state.withLock { ($0.connections, $0.newest) }
    let cause = newest.map { ": \($0.rawValue)" } ?? ""
    switch breaker.state {
    case .closed: break
    case .open: return "not asked, the breaker is open" + cause
    case .halfOpen: return "not asked but for a trial, the breaker is half-open" + cause
    }
    guard connections > 0 else { return "not connected" + cause }
    guard connections >= workers else { return "connected in \(connections) of \(workers) workers" + cause }
    return "ok"
  }
}

/// Says when Redis is no longer asked, and when it is again; not each trial in between.
private final class BreakerLog: BreakerObserver {
  private let url: String
  private let logger: EventLogger
  private let isOpen = Atomic<Bool>(false)

  init(url: String, logger: EventLogger) {
    self.url = url
    self.logger = logger
  }

  func redisBreakerChanged(to state: Breaker.State) {
    guard state != .halfOpen else { return }
    let isNews = isOpen.exchange(state == .open, ordering: .relaxed) != (state == .open)
    guard isNews else { return }
    if state == .open {
      logger.log(.info, "redis breaker open", ["redis": .string(url)])
    } else {
      logger.log(.info, "redis breaker closed", ["redis": .string(url)])
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
    case .protocolError: .redisProtocolErrors
    }
  }
}
