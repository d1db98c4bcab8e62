// RedisAsking.swift: weirs that share a Redis, and what these tests ask of them.

import Glibc
import Synchronization
import TestKit

/// A time-out that no healthy Redis exceeds, however busy the machine is.
let patient = ["--redis-timeout", "20s"]

let algorithms = ["token-bucket", "fixed-window", "sliding-window", "sliding-log"]

extension WeirProcess {
  /// A weir whose policies count in a Redis, unless they say `store: memory`.
  convenience init(
    _ yaml: String, redis: String, arguments: [String] = patient, environment: [String: String] = [:]
  ) throws {
    try self.init(yaml, arguments: ["--redis", redis] + arguments, environment: environment)
  }

  /// `count` weirs with the same policies on one Redis, started side by side; each has connected to it.
  static func fleet(
    _ count: Int, _ yaml: String, redis: String, arguments: [String] = patient
  ) throws -> [WeirProcess] {
    let started = Mutex<[WeirProcess]>([])
    try concurrently(count) { _ in
      let weir = try WeirProcess(yaml, redis: redis, arguments: arguments)
      try weir.waitForHealth("healthy")
      started.withLock { $0.append(weir) }
    }
    return started.withLock { $0 }
  }

  // MARK: health

  /// `healthy`, `degraded` or `unhealthy`.
  func health() throws -> String? { try adminRequest("/health").json?["status"]?.string }

  func waitForHealth(_ status: String, within seconds: Double = 20) throws {
    try eventually("health says \(status)", within: seconds) { try health() == status }
  }

  /// Asks checks until the breaker is open: a failure that only shows in replies is noticed by asking.
  func askUntilDegraded(_ target: String = "/check/probe", within seconds: Double = 20) throws {
    let client = try client()
    try eventually("health says degraded", within: seconds) {
      _ = try client.request("GET", target)
      return try health() == "degraded"
    }
  }

  /// Decisions that a fallback made, over all policies.
  func degradedDecisions() throws -> Double { try metric("weir_decisions_degraded_total") ?? 0 }

  /// Failures of one kind so far.
  func redisErrors(_ kind: String) throws -> Double { try metric("weir_redis_errors_total", ["kind": kind]) ?? 0 }

  /// Lines about Redis that call for somebody's attention.
  var redisComplaints: [String] {
    standardError.split(separator: "\n").map(String.init).filter { line in
      let level = JSON(line)?["level"]?.string
      return (level == "warning" || level == "error") && line.lowercased().contains("redis")
    }
  }
}

/// Counts answers of several threads by status.
final class Tally: Sendable {
  private let counts = Mutex<[Int: Int]>([:])

  func add(_ status: Int) { counts.withLock { $0[status, default: 0] += 1 } }
  subscript(status: Int) -> Int { counts.withLock { $0[status] ?? 0 } }
  var total: Int { counts.withLock { $0.values.reduce(0, +) } }
  /// Every status that came.
  var statuses: Set<Int> { counts.withLock { Set($0.keys) } }
}

/// `threads` clients, spread over `weirs`, each asking `target` over and over on one connection until `stop`; some 400
/// times a second, which leaves the processor to the servers that are tried.
func load(_ weirs: [WeirProcess], threads: Int, _ target: String = "/check/a", tally: Tally) -> Background {
  let clients = Mutex<[Int: Shared]>([:])
  return Background(threads: threads) { index in
    let shared = try clients.withLock { clients in
      if let known = clients[index] { return known }
      let fresh = Shared(try weirs[index % weirs.count].client())
      clients[index] = fresh
      return fresh
    }
    tally.add(try shared.client.request("GET", target).status)
    pause(seconds: 0.002)
  }
}

/// A client that one thread at a time uses, though its type does not say so.
private final class Shared: @unchecked Sendable {
  let client: HTTPClient
  init(_ client: HTTPClient) { self.client = client }
}
