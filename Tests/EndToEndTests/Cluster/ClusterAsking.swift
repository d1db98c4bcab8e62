// ClusterAsking.swift: what the tests of clusters ask, and what they note of the answers: each answer says whether Redis
// decided it, so that what was counted there can be told from what a weir granted by itself.

import Synchronization
import TestKit
import Testing

/// Tests with clusters: one after the other, since each starts six servers and measures time.
@Suite(.serialized) struct ClusterTests {}

/// The same for those that end nodes, or ways to them: the longer half.
@Suite(.serialized) struct ClusterFaultTests {}

/// A `cluster-node-timeout`, in milliseconds, for tests in which no node fails: a busy machine that stands still for
/// seconds is not to be taken for one that has.
let steady = 60_000

/// Answers of several threads.
final class Answers: Sendable {
  struct Seen: Sendable {
    var statuses: Set<Int> = []
    /// Allowed and denied, by Redis.
    var allowed = 0
    var denied = 0
    /// Allowed and denied by a fallback, for at least one of the check's policies.
    var degradedAllowed = 0
    var degradedDenied = 0
    var firstDegraded: ContinuousClock.Instant?
    var lastDegraded: ContinuousClock.Instant?
    var slowest = Duration.zero
    /// When those that Redis allowed were answered.
    var allowedAt: [ContinuousClock.Instant] = []

    var degraded: Int { degradedAllowed + degradedDenied }
    var total: Int { allowed + denied + degraded }
    /// From the first to the last degraded answer, in milliseconds.
    var degradedTime: Int {
      guard let firstDegraded, let lastDegraded else { return 0 }
      return Int((lastDegraded - firstDegraded) / .milliseconds(1))
    }
    /// Admissions by Redis in the second before an instant: more than a replica is behind.
    func allowed(inTheSecondBefore end: ContinuousClock.Instant) -> Int {
      allowedAt.count { $0 <= end && $0 > end - .seconds(1) }
    }
  }

  private let notes = Mutex(Seen())

  var seen: Seen { notes.withLock { $0 } }

  func add(_ response: HTTPResponse, since begin: ContinuousClock.Instant) {
    let end = ContinuousClock.now
    let isDegraded = response.text.contains(#""degraded":true"#)
    notes.withLock { seen in
      seen.statuses.insert(response.status)
      seen.slowest = max(seen.slowest, end - begin)
      switch (response.status == 200, isDegraded) {
      case (true, false):
        seen.allowed += 1
        seen.allowedAt.append(end)
      case (false, false): seen.denied += 1
      case (true, true): seen.degradedAllowed += 1
      case (false, true): seen.degradedDenied += 1
      }
      guard isDegraded else { return }
      seen.firstDegraded = seen.firstDegraded ?? begin
      seen.lastDegraded = end
    }
  }

  /// A check that was allowed unnoted.
  func addOne() { notes.withLock { $0.allowed += 1 } }

  /// Prints what was measured, for docs/topologies.md.
  func tell(_ what: String) {
    let seen = seen
    print(
      "measured: \(what): \(seen.total) answers, \(seen.allowed) allowed and \(seen.denied) denied by Redis, "
        + "\(seen.degraded) degraded (\(seen.degradedAllowed) allowed) for \(seen.degradedTime) ms; "
        + "slowest answer \(Int(seen.slowest / .milliseconds(1))) ms")
  }
}

/// The body of a check of a path by a client.
func body(_ path: String, _ client: String = "") -> String {
  let address = client.isEmpty ? "" : #", "user": "\#(client)""#
  return #"{"attributes": {"path": "\#(path)"\#(address)}}"#
}

extension HTTPClient {
  /// A check in the JSON form, on this connection.
  @discardableResult
  func check(_ body: String, into answers: Answers? = nil) throws -> HTTPResponse {
    let begin = ContinuousClock.now
    let response = try request("POST", "/check", [("Content-Type", "application/json")], body: body)
    answers?.add(response, since: begin)
    return response
  }
}

/// `threads` clients, spread over `weirs`, each asking on one connection until `stop`.
///
/// - Parameters:
///   - rest: Seconds between two checks of a thread.
///   - body: Of the next check, by the thread's number and how many it has asked.
func checks(
  _ weirs: [WeirProcess], threads: Int, into answers: Answers, rest: Double = 0.002,
  _ body: @escaping @Sendable (_ thread: Int, _ count: Int) -> String
) -> Background {
  let askers = Mutex<[Int: Asker]>([:])
  return Background(threads: threads) { thread in
    let asker = try askers.withLock { askers in
      if let known = askers[thread] { return known }
      let fresh = Asker(try weirs[thread % weirs.count].client())
      askers[thread] = fresh
      return fresh
    }
    try asker.client.check(body(thread, asker.count), into: answers)
    asker.count += 1
    pause(seconds: rest)
  }
}

/// A client that one thread uses.
private final class Asker: @unchecked Sendable {
  let client: HTTPClient
  var count = 0
  init(_ client: HTTPClient) { self.client = client }
}

/// The longest time that this process itself was not let run: what a busy machine adds to all that is measured here.
final class Stalls: Sendable {
  private let longest = Mutex(Duration.zero)
  private let background = Mutex<Background?>(nil)

  init() {
    let thread = Background(threads: 1) { [weak self] _ in
      let begin = ContinuousClock.now
      pause(seconds: 0.005)
      let time = ContinuousClock.now - begin
      self?.longest.withLock { $0 = max($0, time) }
    }
    background.withLock { $0 = thread }
  }

  deinit { try? background.withLock { $0 }?.stop() }

  var time: Duration { longest.withLock { $0 } }

  func tell(_ what: String) {
    print(
      "measured: \(what): the machine itself stood still for up to \(longest.withLock { Int($0 / .milliseconds(1)) }) ms"
    )
  }
}

extension RedisCluster {
  /// The names of the hashes and lists of counters on the masters.
  func counters() throws -> Set<String> {
    var names: Set<String> = []
    for node in living where try members(seenBy: node).first(where: \.isMyself)?.isMaster == true {
      names.formUnion(try node.server.keys("weir:{*"))
    }
    return names
  }

  /// A user of `path` whose counter lies on `node`, found by asking for one after the other.
  func user(on node: Node, of weir: WeirProcess, path: String, besides known: Set<String> = []) throws -> String {
    let client = try weir.client()
    var before = try node.server.keys("weir:{*")
    for number in 0..<200 where !known.contains("u\(number)") {
      try client.check(body(path, "u\(number)"))
      let after = try node.server.keys("weir:{*")
      if after != before { return "u\(number)" }
      before = after
    }
    throw NeverHappened(description: "no user of 200 is counted on node \(node.number)")
  }
}

extension WeirProcess {
  /// `count` weirs on one cluster, each of whose workers is connected to all three masters.
  static func clusterFleet(
    _ count: Int, _ yaml: String, redis: String, arguments: [String] = patient
  ) throws -> [WeirProcess] {
    let weirs = try fleet(count, yaml, redis: redis, arguments: arguments)
    for weir in weirs { try weir.waitForMasters() }
    return weirs
  }

  func waitForMasters(_ count: Double = 3) throws {
    try eventually("all workers are connected to all masters", within: 60) {
      try metric("weir_redis_connections") == (metric("weir_workers") ?? 0) * count
    }
  }

  /// What is left for a check, without spending.
  func left(_ path: String, _ client: String = "") throws -> Int? {
    let check = body(path, client).dropFirst()
    return try json(#"{"cost": 0, \#(check)"#).json?["remaining"]?.int
  }

  /// Decisions of one policy that a fallback made.
  func degradedDecisions(_ policy: String) throws -> Int {
    Int(try metric("weir_decisions_degraded_total", ["policy": policy]) ?? 0)
  }
}
