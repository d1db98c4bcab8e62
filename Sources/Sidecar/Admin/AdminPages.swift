// AdminPages.swift: what operators see: health, metrics, the policies in force. Made when asked for, on the main thread.

import CheckAPI
import EventLoop
import Policies
import PolicyFiles
import RedisStore
import Stores
import Telemetry

final class AdminPages {
  let state: ProcessState
  let store: MemoryStore
  let settings: APISettings
  let reloader: Reloader
  let keyDisplay: KeyDisplay
  private let workers: [Worker]
  let errands: Errands
  let desk: KeyDesk
  /// Counts of the main thread's own listeners.
  private let ownCounters: WorkerCounters
  /// nil where there is no Redis.
  let redis: RedisStatus?

  init(
    state: ProcessState, settings: APISettings, store: MemoryStore, reloader: Reloader, workers: [Worker],
    errands: Errands,
    desk: KeyDesk, keyDisplay: KeyDisplay, ownCounters: WorkerCounters, redis: RedisStatus?
  ) {
    self.keyDisplay = keyDisplay
    self.redis = redis
    self.errands = errands
    self.desk = desk
    self.state = state
    self.settings = settings
    self.store = store
    self.reloader = reloader
    self.workers = workers
    self.ownCounters = ownCounters
  }

  // MARK: /health

  /// A failed reload and an absent Redis are no failures of the service: the old set stays in force, a fallback
  /// decides, and restarting would lose both.
  func health() -> (isHealthy: Bool, body: String) {
    var checks = [("policies", reloader.status.lastError == nil ? "ok" : "the last reload failed; see /policies")]
    if let redis { checks.append(("redis", redis.health(workers: workers.count))) }
    if state.isDraining { checks.append(("process", "draining")) }
    let isSound = checks.allSatisfy { $0.1 == "ok" }
    let status = state.isDraining ? "unhealthy" : isSound ? "healthy" : "degraded"
    let members = checks.map { "\(Self.quote($0.0)):\(Self.quote($0.1))" }.joined(separator: ",")
    return (!state.isDraining, #"{"status":"\#(status)","checks":{\#(members)}}"# + "\n")
  }

  // MARK: /policies

  func policies() -> String {
    let status = reloader.status
    var errors = "null"
    if let lastError = status.lastError { errors = "[" + lastError.map(Self.quote).joined(separator: ",") + "]" }
    return """
      {"sha256":\(Self.quote(status.loaded.sha256)),"loaded_at":\(status.loadedAt / Bounds.second),\
      "generation":\(status.generation),"policies":\(PolicySummary.jsonArray(status.loaded.policies)),\
      "last_error":\(errors)}

      """
  }

  private static func quote(_ text: String) -> String { JSONText.quoted(text) }

  // MARK: /metrics

  func metrics(_ format: MetricsFormat) -> String {
    var page = MetricsText(format)
    decisions(on: &page)
    page.workers(workers.map(\.responder.counters) + [ownCounters], hasRedis: redis != nil)
    if let redis { shared(redis, on: &page) }
    reloads(on: &page)
    memory(on: &page)
    process(on: &page)
    return page.finished()
  }

  private func decisions(on page: inout MetricsText) {
    let set = reloader.status.loaded.policies
    let slots = reloader.status.slots
    var samples: [MetricsText.Sample] = []
    for (policy, slot) in zip(set, slots) {
      for outcome in DecisionCounters.Outcome.allCases {
        let count = workers.reduce(UInt64(0)) { $0 &+ $1.responder.decisions.count(outcome, slot: Int(slot)) }
        samples.append(
          MetricsText.Sample(
            [.init("domain", policy.domain), .init("policy", policy.name), .init("outcome", "\(outcome.name)")],
            .whole(count)))
      }
    }
    page.counter("weir_decisions_total", "Decisions by policy and outcome.", samples)
    if redis != nil {
      page.counter(
        "weir_decisions_degraded_total", "Decisions made without Redis, by on_store_failure; also counted by outcome.",
        zip(set, slots).filter { $0.0.store == .redis }.map { policy, slot in
          let count = workers.reduce(UInt64(0)) { $0 &+ $1.responder.decisions.degraded(slot: Int(slot)) }
          return MetricsText.Sample(
            [.init("domain", policy.domain), .init("policy", policy.name)], .whole(count))
        })
    }
    var durations = [MetricsText.Series([.init("store", "memory")], sum(workers.map(\.responder.durations)))]
    if redis != nil {
      durations.append(.init([.init("store", "redis")], sum(workers.map(\.responder.sharedDurations))))
    }
    page.histogram(
      "weir_decision_duration_seconds",
      "Time from a check's arrival in the loop to its answer; store redis: a policy that matched counts there.",
      durations)
  }

  private func sum(_ histograms: [Histogram]) -> Histogram.Snapshot {
    var sum = Histogram.Snapshot.empty
    for histogram in histograms { sum.merge(histogram.snapshot()) }
    return sum
  }

  private func shared(_ redis: RedisStatus, on page: inout MetricsText) {
    page.gauge(
      "weir_redis_breaker_state", "Whether Redis is asked: 0 closed (yes), 1 half-open (one trial), 2 open (no).",
      [.init(.whole(UInt64(redis.worstBreaker.rawValue)))])
    page.gauge(
      "weir_redis_connections", "Workers connected to Redis.", [.init(.whole(UInt64(max(0, redis.connections))))])
    let domains = Set(reloader.status.loaded.policies.filter { $0.store == .redis }.map(\.domain)).sorted()
    page.gauge(
      "weir_live_weirs", "Weirs that share this Redis, as last heard.",
      domains.map { .init([.init("domain", $0)], .whole(UInt64(redis.live.count(in: $0)))) })
    let watches = workers.compactMap(\.redisWatch)
    page.histogram(
      "weir_redis_call_duration_seconds", "Time from sending a script call to its reply.",
      [.init(sum(watches.map(\.durations)))])
    page.sizes(
      "weir_redis_call_checks", "Checks that travelled in one script call.", [.init(sum(watches.map(\.sizes)))])
  }

  private func reloads(on page: inout MetricsText) {
    let status = reloader.status
    page.counter(
      "weir_reloads_total", "Loads of policy files, the first one included, by outcome.",
      [
        .init([.init("outcome", "success")], .whole(status.successes)),
        .init([.init("outcome", "failure")], .whole(status.failures)),
      ])
    page.gauge(
      "weir_reload_last_success_timestamp_seconds", "When a load last found nothing wrong, a change or none.",
      [.init(.duration(UInt64(status.lastSuccessAt)))])
    page.gauge(
      "weir_reload_last_failure_timestamp_seconds", "When a load failed last; 0: never.",
      [.init(.duration(UInt64(status.lastFailureAt)))])
    page.gauge(
      "weir_reload_errors", "What was wrong with the policy files at the last load; 0: nothing.",
      [.init(.whole(UInt64(status.lastError?.count ?? 0)))])
    page.gauge(
      "weir_policies_loaded_timestamp_seconds", "When the set in force was loaded.",
      [.init(.duration(UInt64(status.loadedAt)))])
    page.gauge(
      "weir_policies_info", "The set in force: the digest of its files.",
      [.init([.init("sha256", status.loaded.sha256)], .whole(1))])
    page.gauge("weir_policies", "Policies in force.", [.init(.whole(UInt64(status.loaded.policies.count)))])
    page.gauge("weir_policies_generation", "Sets loaded since the start.", [.init(.whole(status.generation))])
  }

  private func memory(on page: inout MetricsText) {
    let metrics = store.metrics
    page.gauge("weir_keys", "Keys held in memory.", [.init(.whole(UInt64(max(0, metrics.keys))))])
    page.gauge("weir_keys_limit", "What --max-keys allows.", [.init(.whole(UInt64(store.maximumKeys)))])
    page.gauge("weir_keys_bytes", "Memory that holds keys.", [.init(.whole(UInt64(max(0, metrics.bytes))))])
    page.counter(
      "weir_keys_evicted_total", "Cells without information that were dropped to make room for a new key.",
      [.init(.whole(UInt64(max(0, metrics.evicted))))])
    page.counter(
      "weir_keys_overflowed_total", "Decisions made in a policy's overflow cell, since --max-keys was reached.",
      [.init(.whole(UInt64(max(0, metrics.overflowed))))])
    page.counter(
      "weir_sweeps_total", "Runs of the sweep, each over a part of the cells.",
      [.init(.whole(UInt64(max(0, metrics.sweeps))))])
    page.counter(
      "weir_sweep_cells_total", "Cells that the sweep looked at.", [.init(.whole(UInt64(max(0, metrics.swept))))])
    page.counter(
      "weir_sweep_dropped_cells_total", "Cells without information that the sweep dropped.",
      [.init(.whole(UInt64(max(0, metrics.sweptAway))))])
  }

  private func process(on page: inout MetricsText) {
    page.gauge(
      "weir_build_info", "Which weir this is, and the Swift that compiled it.",
      [.init([.init("version", Version.text), .init("swift", Version.swift)], .whole(1))])
    page.gauge("weir_workers", "Event loops of the data plane.", [.init(.whole(UInt64(workers.count)))])
    page.gauge(
      "process_start_time_seconds", "When the process started, since the Unix epoch.",
      [.init(.duration(UInt64(max(0, Machine.startTime))))])
    page.gauge(
      "process_resident_memory_bytes", "Resident memory.", [.init(.whole(UInt64(max(0, Machine.residentBytes()))))])
    page.gauge(
      "process_virtual_memory_bytes", "Address space.",
      Machine.virtualBytes().map { [.init(.whole(UInt64($0)))] } ?? [])
    page.counter(
      "process_cpu_seconds_total", "Processor time.",
      [.init(.duration(UInt64(max(0, Machine.cpuSeconds()) * 1e9)))])
    page.gauge(
      "process_open_fds", "Open descriptors.", Machine.openDescriptors().map { [.init(.whole(UInt64($0)))] } ?? [])
    page.gauge(
      "process_max_fds", "Descriptors that the process may have.",
      Machine.descriptorLimit().map { [.init(.whole(UInt64($0)))] } ?? [])
  }
}
