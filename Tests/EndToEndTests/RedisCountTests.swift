// RedisCountTests.swift: several weirs are one limiter: exact counts, whatever the clocks of their machines say.

import Foundation
import Glibc
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

  /// A weir whose machine is ahead. `faketime` stays as its parent, and must not leave it behind.
  private func weirAhead(_ yaml: String, redis: String) throws -> WeirProcess {
    try WeirProcess(
      yaml, arguments: ["--redis", redis] + patient, environment: ["FAKETIME_DONT_FAKE_MONOTONIC": "1"],
      launcher: ["faketime", "-f", "+5s", "setpriv", "--pdeathsig", "KILL"])
  }

  /// Ends the only child of a process, and so the process: `faketime` has things to tidy up.
  private func endChild(of weir: WeirProcess) throws {
    let children = try String(contentsOfFile: "/proc/\(weir.pid)/task/\(weir.pid)/children", encoding: .utf8)
    let child = try #require(pid_t(children.trimmingCharacters(in: .whitespaces)))
    #expect(kill(child, SIGTERM) == 0)
    #expect(try weir.wait() == .exited(0))
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
    let ahead = try weirAhead(yaml, redis: redis.url)
    for weir in [right, ahead] { try weir.waitForHealth("healthy") }
    #expect(try difference(right, ahead) >= 3, "the clock of the second weir is ahead")

    let tally = Tally()
    #expect(try admissions([right, ahead], 600, tally: tally) == Array(0..<300))
    let look = #"{"cost": 0, "attributes": {"header.x-k": "k"}}"#
    let resets = try [right, ahead].map { try $0.json(look).int("X-RateLimit-Reset") ?? 0 }
    #expect(resets[0] > 0)
    // The instant is the same; rounding up to seconds may fall on either side of it.
    #expect(abs(resets[0] - resets[1]) <= 1)
    try endChild(of: ahead)
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
}
