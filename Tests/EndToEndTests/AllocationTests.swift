// AllocationTests.swift: the path of a check makes no allocation. A count, since counts repeat and times do not.

import Foundation
import TestKit
import Testing

@Suite(.disabled(if: Sanitizer.hidesMemory, "\(Sanitizer.reason)"))
struct AllocationTests {
  static let policies = """
    policies:
      - {name: client, match: {path: /v1/**}, key: [header.x-id], algorithm: token-bucket, limit: 1000000, period: 1h}
      - {name: item, match: {path: "/v1/items/{id}", methods: [GET, PUT]}, key: [path.id, method],
         algorithm: fixed-window, limit: 1000000, period: 1d}
      - {name: address, match: {host: "*.example.com"}, key: [ip], algorithm: sliding-window, limit: 1000000, period: 1h}
      - {name: search, match: {path: /v1/search}, key: [query.q], algorithm: token-bucket, limit: 1, period: 366d}
      - {name: plan, match: {headers: {x-plan: [free, trial]}}, key: [host], algorithm: token-bucket,
         limit: 1000000, period: 1h, mode: shadow}
    """

  /// Gateway-form checks of several kinds, allowed and denied, by several clients from 200 addresses. Half of these
  /// are keys of `address`: more than its 32 counters of top keys, so that keys take over counters all the time.
  static let rounds: [String] = (0..<4).map { round in (50 * round..<50 * round + 50).map(check).joined() }

  private static func check(_ index: Int) -> String {
    let client = [
      ("X-Id", "client-\(index % 10)"), ("X-Forwarded-For", "203.0.113.\(index), 127.0.0.1"),
      ("X-Plan", "a, free"),
      ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64)"), ("Accept-Encoding", "gzip, br"), ("Cookie", "session=1; a=b"),
    ]
    return switch index % 4 {
    case 0: HTTPClient.requestText("GET", "/check/v1/items/\(index)?full=1", [("Host", "api.example.com")] + client)
    case 1:
      HTTPClient.requestText(
        "GET", "/check",
        [
          ("X-Forwarded-Uri", "/v1//items/%37?x=y"), ("X-Forwarded-Method", "PUT"),
          ("X-Forwarded-Host", "a.example.com"),
        ]
          + client)
    case 2: HTTPClient.requestText("GET", "/check/v1/search?q=a+b&q=c%20d", client)
    default: HTTPClient.requestText("POST", "/check/other", client, body: "x=1")
    }
  }

  /// The compiled counter, or nil where there is no C compiler.
  private func counter(in directory: TemporaryDirectory) throws -> String? {
    let library = directory.file("count.so")
    let source = WeirProcess.repository + "/Benchmarks/count-allocations.c"
    let compiler = try ChildProcess(["cc", "-O2", "-shared", "-fPIC", "-o", library, source])
    return try compiler.wait(within: 60) == .exited(0) ? library : nil
  }

  private func ask(_ client: HTTPClient, rounds: Int) throws {
    for number in 0..<rounds {
      try client.send(Self.rounds[number % Self.rounds.count])
      for _ in 0..<50 {
        let status = try client.response().status
        guard status == 200 || status == 429 else { throw MalformedResponse(description: "\(status)") }
      }
    }
  }

  @Test("after warm-up, a gateway-form check allocates nothing")
  func none() throws {
    #expect(try allocationsPerCheck(redis: nil) < 0.01)
  }

  @Test("after warm-up, a check that counts in Redis allocates nothing either")
  func redis() throws {
    let redis = try RedisServer()
    // Signs of life, and what the socket's own buffers take: far from one for each check.
    #expect(try allocationsPerCheck(redis: redis.url) < 0.3)
  }

  private func allocationsPerCheck(redis: String?) throws -> Double {
    let directory = try TemporaryDirectory()
    let library = try #require(try counter(in: directory), "a C compiler builds Benchmarks/count-allocations.c")
    let file = directory.file("count")
    func total() throws -> UInt64 {
      let bytes = try Data(contentsOf: URL(fileURLWithPath: file))
      return bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    let weir = try WeirProcess(
      Self.policies, arguments: ["--threads", "1"] + (redis.map { ["--redis", $0] + patient } ?? []),
      environment: ["LD_PRELOAD": library, "WEIR_ALLOCATION_COUNT": file])
    #expect(try total() > 0, "the counter counts")
    if redis != nil { try weir.waitForHealth("healthy") }
    let clients = try (0..<4).map { _ in try weir.client() }
    for client in clients { try ask(client, rounds: 20) }
    let before = try total()
    for client in clients { try ask(client, rounds: 52) }
    return Double(try total() - before) / Double(4 * 52 * 50)
  }
}
