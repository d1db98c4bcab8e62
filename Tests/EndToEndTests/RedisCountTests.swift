// RedisCountTests.swift: several weirs are one limiter: exact counts, whatever the clocks of their machines say.

import Foundation
import Synchronization
import TestKit
import Testing

@Suite struct RedisCountTests {
  /// Checks from 30 connections at once; the remaining counts of those that were allowed.
  private func admissions(_ weirs: [WeirProcess], _ checks: Int, tally: Tally) throws -> [Int] {
    let seen = Mutex<[Int]>([])
    try concurrently(30) { index in
      let client = try weirs[index % weirs.count].client()
      for _ in 0..<(checks / 30) {
        let response = try client.request("GET", "/check/a", [("X-K", "k")])
        tally.add(response.status)
        guard response.status == 200 else { continue }
        guard let remaining = response.int("X-RateLimit-Remaining") else {
          throw MalformedResponse(description: "allowed without numbers")
        }
        seen.withLock { $0.append(remaining) }
      }
    }
    return seen.withLock { $0.sorted() }
  }

  @Test("three weirs and 900 concurrent checks of one key admit exactly the limit", arguments: algorithms)
  func threeWeirs(algorithm: String) throws {
    let redis = try RedisServer()
    let weirs = try WeirProcess.fleet(
      3, "policies: [{name: a, key: [header.x-k], algorithm: \(algorithm), limit: 300, period: \(forever)}]",
      redis: redis.url, arguments: patient + ["--threads", "2"])
    let tally = Tally()
    // Each admission took one: their remaining counts are 299 … 0, each once.
    #expect(try admissions(weirs, 900, tally: tally) == Array(0..<300))
    #expect(tally[429] == 600)
    #expect(try redis.keysWithoutExpiry() == [])
    #expect(try redis.keys().allSatisfy { $0.hasPrefix("weir:") })
    for weir in weirs { #expect(try weir.degradedDecisions() == 0) }
  }

  @Test("two weirs whose clocks differ admit exactly the limit, and agree on the reset", arguments: algorithms)
  func skewedClocks(algorithm: String) throws {
    let yaml = """
      policies:
        - {name: a, key: [header.x-k], algorithm: \(algorithm), limit: 300, period: 1d}
        - {name: local, match: {path: /local}, store: memory, algorithm: \(algorithm), limit: 300, period: 1d}
      """
    let redis = try RedisServer()
    // Far enough from midnight, for the windows.
    try eventually("the day has begun", within: 60) { Int(Date().timeIntervalSince1970) % 86_400 > 1 }
    try eventually("the day does not end meanwhile", within: 90) { Int(Date().timeIntervalSince1970) % 86_400 < 86_340 }
    let right = try WeirProcess(yaml, redis: redis.url)
    let clock = try SteppedClock()
    try clock.set(seconds: 5)
    let ahead = try WeirProcess(yaml, arguments: ["--redis", redis.url] + patient, environment: clock.environment)
    for weir in [right, ahead] { try weir.waitForHealth("healthy") }
    #expect(try difference(right, ahead) >= 3, "the clock of the second weir is ahead")

    let tally = Tally()
    #expect(try admissions([right, ahead], 600, tally: tally) == Array(0..<300))
    let look = #"{"cost": 0, "attributes": {"header.x-k": "k"}}"#
    let resets = try [right, ahead].map { try $0.json(look).int("X-RateLimit-Reset") ?? 0 }
    #expect(resets[0] > 0)
    // The instant is the same; rounding up to seconds may fall on either side of it.
    #expect(abs(resets[0] - resets[1]) <= 1)
  }

  /// By how many seconds the clocks differ, as the weirs' own Date headers say.
  private func difference(_ first: WeirProcess, _ second: WeirProcess) throws -> Int {
    let format = DateFormatter()
    format.locale = Locale(identifier: "en_US_POSIX")
    format.timeZone = TimeZone(identifier: "GMT")
    format.dateFormat = "EEE, dd MMM yyyy HH:mm:ss zzz"
    let dates = try [first, second].map { weir in
      let text = try weir.json(#"{"cost": 0, "attributes": {"path": "/local"}}"#)["Date"]
      return try #require(format.date(from: text ?? ""))
    }
    return Int(dates[1].timeIntervalSince(dates[0]))
  }

  @Test("checks of many keys, from many connections at once, each find their own answer")
  func manyKeys() throws {
    let redis = try RedisServer()
    let weirs = try WeirProcess.fleet(
      2, "policies: [{name: a, key: [header.x-k], algorithm: token-bucket, limit: 10, period: \(forever)}]",
      redis: redis.url)
    try concurrently(20) { thread in
      let client = try weirs[thread % 2].client()
      // Interleaved keys: a reply that went to another's check would show as a wrong count.
      for round in 0..<12 {
        for key in 0..<5 {
          let response = try client.request("GET", "/check/a", [("X-K", "\(thread)-\(key)")])
          let remaining = response.int("X-RateLimit-Remaining")
          guard response.status == (round < 10 ? 200 : 429), remaining == max(0, 9 - round) else {
            throw MalformedResponse(description: "round \(round): \(response.status), remaining \(remaining ?? -1)")
          }
        }
      }
    }
    #expect(try redis.keys("weir:*:default:a:*").count == 100)
  }

  @Test("pipelined checks are answered in their order, whether memory or Redis decides them")
  func pipelined() throws {
    let redis = try RedisServer()
    let weir = try WeirProcess(
      """
      policies:
        - {name: shared, match: {path: /shared}, algorithm: token-bucket, limit: 1000, period: \(forever)}
        - {name: local, match: {path: /local}, store: memory, algorithm: token-bucket, limit: 2000, period: \(forever)}
        - {name: both, match: {path: /both}, store: memory, algorithm: token-bucket, limit: 3000, period: \(forever)}
        - {name: two, match: {path: /both}, algorithm: token-bucket, limit: 500, period: \(forever)}
      """, redis: redis.url)
    try weir.waitForHealth("healthy")
    let client = try weir.client()
    let targets: [(String, limit: Int?)] = [("shared", 1000), ("local", 2000), ("both", 500), ("none", nil)]
    var left: [Int: Int] = [1000: 1000, 2000: 2000, 500: 500]
    for round in 0..<10 {
      let order = (0..<40).map { targets[($0 &* 7 &+ round) % targets.count] }
      var text = ""
      for (target, _) in order {
        text += HTTPClient.requestText("GET", "/check/\(target)")
        let body = #"{"attributes": {"path": "/\#(target)"}}"#
        text += HTTPClient.requestText("POST", "/check", [("Content-Type", "application/json")], body: body)
      }
      try client.send(text)
      for (target, limit) in order {
        for _ in 0..<2 {
          let response = try client.response()
          #expect(response.status == 200)
          #expect(response.int("X-RateLimit-Limit") == limit, "\(target)")
          guard let limit, let before = left[limit] else { continue }
          #expect(response.int("X-RateLimit-Remaining") == before - 1, "\(target)")
          left[limit] = before - 1
        }
      }
    }
  }

  @Test("the first check after the start is counted in Redis: weir listens when it has connected")
  func firstCheck() throws {
    let redis = try RedisServer()
    for remaining in (0..<5).reversed() {
      let weir = try WeirProcess(
        "policies: [{name: a, algorithm: token-bucket, limit: 5, period: \(forever)}]", redis: redis.url)
      let answer = try weir.json("{}")
      #expect(answer.json?["degraded"] == nil)
      #expect(answer.int("X-RateLimit-Remaining") == remaining)
    }
  }

  @Test("the largest numbers that a policy may have are exact in Redis too", arguments: algorithms)
  func largestNumbers(algorithm: String) throws {
    let largest = algorithm == "sliding-log" ? 100_000 : 1_000_000_000
    let redis = try RedisServer()
    let weir = try WeirProcess(
      "policies: [{name: a, algorithm: \(algorithm), limit: \(largest), period: 366d, cost: 1}]", redis: redis.url)
    try weir.waitForHealth("healthy")
    #expect(try weir.json(#"{"cost": \#(largest - 2)}"#).int("X-RateLimit-Remaining") == 2)
    #expect(try weir.json(#"{"cost": 3}"#).status == 429)
    #expect(try weir.json("{}").int("X-RateLimit-Remaining") == 1)
    #expect(try weir.json("{}").int("X-RateLimit-Remaining") == 0)
    let denied = try weir.json("{}")
    #expect(denied.status == 429)
    let wait = try #require(denied.json?["retry_after"]?.int)
    #expect((1...366 * 86_400).contains(wait))
    let reset = try #require(denied.json?["reset"]?.int)
    #expect(reset > Int(Date().timeIntervalSince1970))
    #expect(reset < Int(Date().timeIntervalSince1970) + 2 * 366 * 86_400 + 60)
    let impossible = try weir.json(#"{"cost": 1000000000}"#)
    #expect(impossible.status == 429)
    if largest < 1_000_000_000 { #expect(impossible.json?["retry_after"] == .null) }
    #expect(try redis.keysWithoutExpiry() == [])
  }

  @Test("a cost of a thousand million times a policy's million is denied, and no wait helps")
  func largestCost() throws {
    let redis = try RedisServer()
    let weir = try WeirProcess(
      "policies: [{name: a, algorithm: token-bucket, limit: 1000000000, period: 366d, cost: 1000000}]",
      redis: redis.url)
    try weir.waitForHealth("healthy")
    let denied = try weir.json(#"{"cost": 1000000000}"#)
    #expect(denied.status == 429)
    #expect(denied.json?["retry_after"] == .null)
    #expect(try weir.json("{}").int("X-RateLimit-Remaining") == 999_000_000)
  }
}
