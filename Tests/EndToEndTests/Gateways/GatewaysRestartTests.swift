// GatewaysRestartTests.swift: weir is restarted under load behind each gateway. No check is counted twice, and no
// request fails but while nobody listens, as the gateway's file says.

import Glibc
import Synchronization
import TestKit
import Testing

@Suite struct GatewaysRestartTests {
  /// What a client saw.
  private struct Sight: Sendable {
    /// Phases: 0 before the signal, 1 until another weir listens, 2 after that. At the start and at the end of it.
    var from: Int
    var to: Int
    var status: Int
    var isFromService: Bool
    var limit: Int?
    var remaining: Int?
  }

  /// What clients have seen, and the phase they are in.
  private final class Log: Sendable {
    private let sights = Mutex<[Sight]>([])
    private let current = Atomic(0)

    var phase: Int {
      get { current.load(ordering: .sequentiallyConsistent) }
      set { current.store(newValue, ordering: .sequentiallyConsistent) }
    }
    var seen: [Sight] { sights.withLock { $0 } }

    func add(_ sight: Sight) { sights.withLock { $0.append(sight) } }

    func wait(for more: Int) throws {
      let before = seen.count
      try eventually("\(more) more requests") { sights.withLock(\.count) >= before + more }
    }
  }

  private static func policies(limit: Int) -> String {
    "policies: [{name: a, algorithm: fixed-window, limit: \(limit), period: \(forever)}]"
  }

  @Test("restarted under load: nothing is counted twice, nothing fails but by the file's rule", arguments: Gateway.all)
  func restart(kind: Gateway) async throws {
    try await aside {
      try check(kind, .failClosed)
      try check(kind, .failOpen)
    }
  }

  private func check(_ kind: Gateway, _ variant: Gateway.Variant) throws {
    let setup = try GatewaySetup(kind, Self.policies(limit: 1_000_000), variant)
    let log = Log()
    let load = Self.load(setup, log)
    try log.wait(for: 200)
    log.phase = 1
    try setup.weir.terminate()
    try log.wait(for: 20)
    let again = try WeirProcess(Self.policies(limit: 2_000_000), listen: [setup.weir.listen[0].text])
    log.phase = 2
    try log.wait(for: 200)
    try load.stop()

    let wrong = log.seen.filter { sight in
      let isPassed = sight.status == 200 && sight.isFromService
      let isByRule = variant == .failOpen ? isPassed : sight.status == Gateway.statusOnFailure
      let isDecided = isPassed && (sight.limit != nil || !kind.showsHeadersOnSuccess)
      let mayFail = sight.from <= 1 && sight.to >= 1
      return !(isDecided || mayFail && isByRule)
    }
    #expect(wrong.isEmpty, "\(variant): \(wrong.count), the first: \(wrong.prefix(3))")
    guard kind.showsHeadersOnSuccess else {
      #expect(try again.metric("weir_checks_total") ?? 0 >= 200)
      return
    }
    // Every number once and none left out: whatever weir counted reached one client.
    for limit in [1_000_000, 2_000_000] {
      let numbers = log.seen.filter { $0.limit == limit }.compactMap(\.remaining).sorted(by: >)
      #expect(numbers.count >= 100)
      #expect(numbers == Array((limit - numbers.count..<limit).reversed()), "\(variant), \(limit)")
    }
  }

  /// Four clients that ask until they are stopped.
  private static func load(_ setup: GatewaySetup, _ log: Log) -> Background {
    Background(threads: 4) { _ in
      let client = try setup.client()
      for _ in 0..<20 {
        let from = log.phase
        let response = try client.request("GET", "/")
        let sight = Sight(
          from: from, to: log.phase, status: response.status, isFromService: response.isFromService,
          limit: response.int("X-RateLimit-Limit"), remaining: response.int("X-RateLimit-Remaining"))
        log.add(sight)
        if response.closes { return }
      }
    }
  }
}
