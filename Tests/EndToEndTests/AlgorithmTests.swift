// AlgorithmTests.swift: the promises of the algorithms that hold whatever the machine's speed: exact counts under
// concurrency, and never more than the limit. Exact times are the unit tests' subject.

import Foundation
import Synchronization
import TestKit
import Testing

@Suite struct AlgorithmTests {
  @Test(
    "concurrent checks of one key, from many connections and threads, admit exactly the limit",
    arguments: ["token-bucket", "fixed-window", "sliding-window", "sliding-log"])
  func exactCount(algorithm: String) throws {
    let weir = try WeirProcess(
      "policies: [{name: a, key: [header.x-k], algorithm: \(algorithm), limit: 1000, period: \(forever)}]",
      arguments: ["--threads", "2"])
    let allowed = Atomic(0)
    let seen = Mutex<Set<Int>>([])
    try concurrently(8) { _ in
      let client = try weir.client()
      let batch = String(repeating: HTTPClient.requestText("GET", "/check/a", [("X-K", "k")]), count: 50)
      for _ in 0..<5 {
        try client.send(batch)
        for _ in 0..<50 {
          let response = try client.response()
          guard let remaining = response.int("X-RateLimit-Remaining"), (0...1000).contains(remaining) else {
            throw MalformedResponse(description: "remaining \(response["X-RateLimit-Remaining"] ?? "none")")
          }
          guard response.status == 200 else { continue }
          allowed.add(1, ordering: .relaxed)
          seen.withLock { _ = $0.insert(remaining) }
        }
      }
    }
    #expect(allowed.load(ordering: .relaxed) == 1000)
    // Each admission took one: their remaining counts are 999 … 0, each once.
    #expect(seen.withLock { $0.count } == 1000)
  }

  @Test("both forms and all listeners spend from one counter")
  func oneCounter() throws {
    let directory = try TemporaryDirectory()
    let weir = try WeirProcess(
      "policies: [{name: a, algorithm: token-bucket, limit: 300, period: \(forever)}]",
      listen: ["127.0.0.1:0", "unix:\(directory.file("s"))"])
    let allowed = Atomic(0)
    try concurrently(4) { index in
      let client = try HTTPClient(weir.listen[index % 2])
      for _ in 0..<150 {
        let response =
          index < 2
          ? try client.request("GET", "/check/a")
          : try client.request("POST", "/check", [("Content-Type", "application/json")], body: "{}")
        if response.status == 200 { allowed.add(1, ordering: .relaxed) }
      }
    }
    #expect(allowed.load(ordering: .relaxed) == 300)
  }

  @Test("a bucket never admits more than burst + rate x time")
  func bucketRate() throws {
    let weir = try WeirProcess("policies: [{name: a, algorithm: token-bucket, limit: 100, period: 1s, burst: 20}]")
    let client = try weir.client()
    let start = ContinuousClock.now
    var allowed = 0
    while ContinuousClock.now - start < .seconds(1) {
      if try client.request("GET", "/check/a").status == 200 { allowed += 1 }
    }
    let elapsed = ContinuousClock.now - start
    let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
    #expect(allowed >= 20)
    #expect(Double(allowed) <= 20 + 100 * seconds)
  }

  @Test("a new fixed window starts with the whole limit")
  func nextWindow() throws {
    let weir = try WeirProcess("policies: [{name: a, algorithm: fixed-window, limit: 5, period: 2s}]")
    let spent = try weir.json(#"{"cost": 5}"#)
    #expect(spent.json?["remaining"]?.int == 0)
    let reset = try #require(spent.json?["reset"]?.int)
    #expect(reset % 2 == 0)
    try eventually("the window ends") { Date().timeIntervalSince1970 > Double(reset) + 0.05 }
    #expect(try weir.look() == 5)
  }

  @Test("after Retry-After the same check passes, and not much sooner", arguments: ["sliding-window", "sliding-log"])
  func slidingRetry(algorithm: String) throws {
    let weir = try WeirProcess("policies: [{name: a, algorithm: \(algorithm), limit: 4, period: 2s}]")
    try eventually("the limit is used up") { try weir.json("{}").status == 429 }
    let denied = try weir.json(#"{"cost": 4}"#)
    #expect(denied.status == 429)
    let wait = try #require(denied.int("Retry-After"))
    #expect((1...4).contains(wait))
    pause(seconds: Double(wait) + 0.05)
    #expect(try weir.json(#"{"cost": 4}"#).status == 200)
  }

  @Test("a sliding log admits no more than the limit in any period")
  func logInterval() throws {
    let weir = try WeirProcess("policies: [{name: a, algorithm: sliding-log, limit: 5, period: 500ms}]")
    let client = try weir.client()
    var admissions: [(asked: ContinuousClock.Instant, answered: ContinuousClock.Instant)] = []
    let start = ContinuousClock.now
    while ContinuousClock.now - start < .seconds(2) {
      let asked = ContinuousClock.now
      if try client.request("GET", "/check/a").status == 200 { admissions.append((asked, .now)) }
    }
    #expect(admissions.count >= 5)
    // The sixth after any admission was decided at least a period after it: after its answer at the latest.
    for index in admissions.indices.dropFirst(5) {
      #expect(admissions[index].answered - admissions[index - 5].asked >= .milliseconds(500))
    }
  }

  @Test("whoever invents keys past --max-keys gets one key's limit for all of them, and known keys keep theirs")
  func overflow() throws {
    let weir = try WeirProcess(
      "policies: [{name: a, key: [k], algorithm: token-bucket, limit: 3, period: \(forever)}]",
      arguments: ["--max-keys", "1000"])
    let client = try weir.client()
    func ask(_ key: String) throws -> Int {
      let body = #"{"attributes": {"k": "\#(key)"}}"#
      return try client.request("POST", "/check", [("Content-Type", "application/json")], body: body).status
    }
    #expect(try ask("known") == 200)
    let allowed = try (0..<5000).count { try ask("invented-\($0)") == 200 }
    #expect(allowed <= 1000 + 3)
    #expect(allowed >= 500)
    #expect(try (0..<4).map { _ in try ask("known") } == [200, 200, 429, 429])
    #expect(try (5000..<5010).allSatisfy { try ask("invented-\($0)") == 429 })
    let lines = try weir.adminRequest("/metrics").text.split(separator: "\n")
    #expect(lines.contains { $0.contains("overflow") && !$0.hasPrefix("#") && !$0.hasSuffix(" 0") })
  }

  @Test("after a flood of invented keys, whoever comes new has a limit of their own")
  func afterOverflow() throws {
    let weir = try WeirProcess(
      """
      policies:
        - {name: daily, match: {path: /daily}, key: [k], algorithm: fixed-window, limit: 5, period: \(forever)}
        - {name: burst, match: {path: /burst}, key: [k], limit: 1, period: 2s}
      """, arguments: ["--max-keys", "1000"])
    let client = try weir.client()
    func ask(_ path: String, _ key: String) throws -> Int {
      let body = #"{"attributes": {"path": "\#(path)", "k": "\#(key)"}}"#
      return try client.request("POST", "/check", [("Content-Type", "application/json")], body: body).status
    }
    // At the bound, the last of more new keys than one limit has units finds none left. A slow machine tries again.
    var round = 0
    try eventually("new keys share one limit") {
      round += 1
      for index in 0..<1100 { _ = try ask("/burst", "flood-\(round)-\(index)") }
      return try (0..<6).map { try ask("/daily", "invented-\(round)-\($0)") }.last == 429
    }
    try eventually("the flood's keys are forgotten") { try weir.metric("weir_keys") ?? 1000 < 100 }
    #expect(try (0..<6).map { _ in try ask("/daily", "new") } == [200, 200, 200, 200, 200, 429])
  }

  @Test("keys that carry no information make room for new ones")
  func makeRoom() throws {
    let weir = try WeirProcess(
      "policies: [{name: a, key: [k], algorithm: token-bucket, limit: 1, period: 1ms}]",
      arguments: ["--max-keys", "1000"])
    let client = try weir.client()
    for index in 0..<5000 {
      let body = #"{"attributes": {"k": "\#(index)"}}"#
      let status = try client.request("POST", "/check", [("Content-Type", "application/json")], body: body).status
      // A full bucket says nothing: by the time that others came, these went.
      if status != 200 { Issue.record("key \(index) was denied") }
    }
  }
}
