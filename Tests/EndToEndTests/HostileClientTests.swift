// HostileClientTests.swift: clients that hold what they do not need: connections, half a request, unread answers. Each is
// bounded in memory and in time, all together too, and others are served meanwhile.

import TestKit
import Testing

@Suite(.disabled(if: Sanitizer.hidesMemory, "\(Sanitizer.reason)"))
struct HostileClientTests {
  private static let policies = "policies: [{name: a, algorithm: token-bucket, limit: 1000000, period: \(forever)}]"
  private static let line = "GET /check/a HTTP/1.1\r\n"
  private static let megabyte = 1_000_000.0
  /// What all data connections together may make weir hold, as it counts that itself.
  private static let claims = 67_108_864.0
  /// Resident memory for a counted byte, at most: the allocator keeps room between what it has handed out, and the former
  /// places of arrays that grew. The cost of each connection is not in it.
  private static let residentForClaimed = 2.0

  private static func resident(_ weir: WeirProcess) throws -> Double {
    try #require(try weir.metric("process_resident_memory_bytes"))
  }

  private static func shed(_ weir: WeirProcess) throws -> Double {
    try #require(try weir.metric("weir_connections_shed_total"))
  }

  @Test(
    "ten thousand idle connections cost at most 100 MB, and half a head on 2300 of them twice the bound on all at most",
    .enabled(if: ConnectionLimitTests.canOpenEnough, "the hard limit of descriptors is below 12 000"))
  func heldConnections() async throws {
    try await aside {
      // With more than eight threads the bound on half heads is a higher one.
      let weir = try WeirProcess(Self.policies, arguments: ["--threads", "2"])
      let honest = try weir.client()
      #expect(try honest.request("GET", "/check/a").status == 200)
      let before = try Self.resident(weir)
      // The bound is 10 000, less the one above.
      var held = try (0..<9_990).map { _ in try HTTPClient(weir.listen[0], of: weir) }
      try eventually("all are accepted", within: 60) { try weir.metric("weir_connections") ?? 0 >= 9_991 }
      let idle = try Self.resident(weir)
      #expect(idle - before < 100 * Self.megabyte, "idle connections: \(idle - before) bytes")
      for client in [held[0], held[5_000], held[9_989]] {
        #expect(try client.request("GET", "/check/a").status == 200)
      }
      #expect(try honest.request("GET", "/check/a").status == 200)

      // Headers of one letter: parsed, they take six times their bytes. Without a bound this were most of a gigabyte.
      let head = Array((Self.line + String(repeating: "a:\r\n", count: 15_000)).utf8)
      var most = 0.0
      for (number, client) in held.prefix(2_000).enumerated() {
        // One that was shed need not take all of it.
        try? client.send(head)
        guard number % 200 == 0 else { continue }
        #expect(try honest.request("GET", "/check/a").status == 200)
        most = max(most, try Self.resident(weir) - idle)
        #expect(try weir.metric("weir_connection_bytes") ?? .infinity <= Self.claims)
      }
      #expect(try Self.shed(weir) > 0)
      // A head that was shed is refused in a way that no gateway takes for leave to pass.
      let answers = held.prefix(2_000).filter { $0.hasInput() }
      #expect(try answers.first?.response().status == 431)
      // Small half heads stay: they are none of those that have held most for longest.
      let small = held[9_000]
      try small.send(Self.line)
      for client in held[2_000..<2_300] { try? client.send(head) }
      try small.send("\r\n")
      #expect(try small.response().status == 200)
      most = max(most, try Self.resident(weir) - idle)
      #expect(most <= Self.residentForClaimed * Self.claims, "half heads: \(most) bytes more than idle connections")
      held.removeAll()
      try eventually("all are gone", within: 60) { try weir.metric("weir_connections") ?? 0 <= 3 }
      #expect(try weir.metric("weir_connection_bytes") == 0)
      #expect(weir.poll() == nil)
    }
  }

  @Test("a client that never reads its answers, or a byte a second, is bounded, and dropped when its time is over")
  func unreadAnswers() async throws {
    try await aside {
      let weir = try WeirProcess(Self.policies)
      let honest = try weir.client()
      #expect(try honest.request("GET", "/check/a").status == 200)
      let before = try Self.resident(weir)
      let start = ContinuousClock.now
      // More than what both kernels hold, so that weir has to.
      let many = [UInt8](String(repeating: Self.line + "\r\n", count: 2_000).utf8)
      let clients = try (0..<2).map { _ in try HTTPClient(weir.listen[0], timeout: 2, receiveBuffer: 4_096) }
      for client in clients { for _ in 0..<200 { if (try? client.send(many)) == nil { break } } }
      // As many as the kernel holds: weir has none of them left, and the kernel ends this one, after 30 s.
      let few = try HTTPClient(weir.listen[0], receiveBuffer: 4_096)
      try few.send(String(repeating: Self.line + "\r\n", count: 200))
      #expect(try weir.metric("weir_connection_bytes") ?? 0 > 0)
      var most = 0.0
      var held = 0.0
      try eventually("all three are dropped", within: 150) {
        #expect(try honest.request("GET", "/check/a").status == 200)
        most = max(most, try Self.resident(weir) - before)
        held = max(held, try #require(try weir.metric("weir_connection_bytes")))
        // The second reads on, slowly.
        clients[1].discard(atMost: 1)
        pause(seconds: 0.5)
        return try weir.metric("weir_timeouts_total", ["kind": "output"]) ?? 0 >= 3
      }
      #expect(ContinuousClock.now - start >= .seconds(9))
      // For each: a batch of answers, and what it sent behind them.
      #expect(held <= 2 * 500_000, "\(held) bytes held")
      #expect(most <= 20 * Self.megabyte, "\(most) bytes more")
      try eventually("no connection of theirs is left") { try weir.metric("weir_connections") ?? 0 <= 2 }
      #expect(try weir.metric("weir_connection_bytes") == 0)
    }
  }
}
