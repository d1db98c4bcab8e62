// AdminPages.swift: what operators see: health, metrics, the policies in force. Made when asked for, on the main thread.

import EventLoop
import Policies
import PolicyFiles
import Stores
import Telemetry

final class AdminPages {
  let state: ProcessState
  private let store: MemoryStore
  private let reloader: Reloader
  private let workers: [Worker]
  /// Counts of the main thread's own listeners.
  private let ownCounters: WorkerCounters

  init(
    state: ProcessState, store: MemoryStore, reloader: Reloader, workers: [Worker], ownCounters: WorkerCounters
  ) {
    self.state = state
    self.store = store
    self.reloader = reloader
    self.workers = workers
    self.ownCounters = ownCounters
  }

  // MARK: /health

  /// A failed reload is no failure of the service: the old set stays in force, and restarting would lose it.
  func health() -> (isHealthy: Bool, body: String) {
    guard !state.isDraining else {
      return (false, #"{"status":"unhealthy","checks":{"policies":"ok","process":"draining"}}"# + "\n")
    }
    guard reloader.status.lastError == nil else {
      return (true, #"{"status":"degraded","checks":{"policies":"the last reload failed; see /policies"}}"# + "\n")
    }
    return (true, #"{"status":"healthy","checks":{"policies":"ok"}}"# + "\n")
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

  func metrics() -> String {
    var page = MetricsText()
    decisions(on: &page)
    page.workers(workers.map(\.responder.counters) + [ownCounters])
    reloads(on: &page)
    memory(on: &page)
    process(on: &page)
    return page.text
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
    var durations = Histogram.Snapshot.empty
    for worker in workers { durations.merge(worker.responder.durations.snapshot()) }
    page.histogram(
      "weir_decision_duration_seconds", "Time from a check's arrival in the loop to its answer.", durations)
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
      "weir_reload_last_success_timestamp_seconds", "When the set in force was loaded.",
      [.init(.duration(UInt64(status.loadedAt)))])
    page.gauge(
      "weir_reload_last_failure_timestamp_seconds", "When a load failed last; 0: never.",
      [.init(.duration(UInt64(status.lastFailureAt)))])
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
      "weir_keys_evicted_total", "Cells without information that were dropped.",
      [.init(.whole(UInt64(max(0, metrics.evicted))))])
    page.counter(
      "weir_keys_overflowed_total", "Decisions made in a policy's overflow cell, since --max-keys was reached.",
      [.init(.whole(UInt64(max(0, metrics.overflowed))))])
  }

  private func process(on page: inout MetricsText) {
    page.gauge(
      "weir_build_info", "Which weir this is.", [.init([.init("version", Version.text)], .whole(1))])
    page.gauge("weir_workers", "Event loops of the data plane.", [.init(.whole(UInt64(workers.count)))])
    page.gauge(
      "process_start_time_seconds", "When the process started, since the Unix epoch.",
      [.init(.duration(UInt64(max(0, Machine.startTime))))])
    page.gauge(
      "process_resident_memory_bytes", "Resident memory.", [.init(.whole(UInt64(max(0, Machine.residentBytes()))))])
    page.counter(
      "process_cpu_seconds_total", "Processor time.",
      [.init(.duration(UInt64(max(0, Machine.cpuSeconds()) * 1e9)))])
    page.gauge(
      "process_open_fds", "Open descriptors.", [.init(.whole(UInt64(max(0, Machine.openDescriptors() ?? 0))))])
  }

  // MARK: /

  /// A page for people.
  func home() -> String {
    String(decoding: PackageResources.index_html, as: UTF8.self)
  }
}
