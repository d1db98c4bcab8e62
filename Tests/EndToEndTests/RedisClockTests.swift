// RedisClockTests.swift: Redis's own clock decides, and it may step: after a failover, or when somebody sets it. What was
// spent is not forgotten by a step back, and nobody is locked out for long.

import Foundation
import TestKit
import Testing

@Suite struct RedisClockTests {
  /// Sets the clock of a Redis, and waits until it says so.
  private func step(_ clock: SteppedClock, of redis: RedisServer, seconds: Int) throws {
    try clock.set(seconds: seconds)
    try eventually("Redis's clock has stepped") {
      let time = try redis.run("TIME").array?.first?.int ?? 0
      return abs(time - Int(Date().timeIntervalSince1970) - seconds) <= 2
    }
  }

  @Test(
    "after a step back by an hour nothing is free at once, and nobody is locked out for much longer than a period",
    arguments: algorithms)
  func stepBack(algorithm: String) throws {
    let clock = try SteppedClock()
    let redis = try RedisServer(environment: clock.environment)
    let weir = try WeirProcess(
      "policies: [{name: a, key: [header.x-k], algorithm: \(algorithm), limit: 5, period: 3s}]", redis: redis.url)
    try weir.waitForHealth("healthy")
    func ask(_ key: String) throws -> Int { try weir.request("GET", "/check/a", [("X-K", key)]).status }
    // In one window: none of the five comes back meanwhile.
    try eventually("a window begins") { Date().timeIntervalSince1970.truncatingRemainder(dividingBy: 3) < 0.5 }
    #expect(try (0..<6).map { _ in try ask("k") } == [200, 200, 200, 200, 200, 429])
    try step(clock, of: redis, seconds: -3600)
    #expect(try ask("k") == 429)
    #expect(try ask("other") == 200)
    try eventually("the key is let in again", within: 3 + 15) { try ask("k") == 200 }
    #expect(try redis.keysWithoutExpiry() == [])
  }

  @Test("a step forward counts as time that has passed", arguments: algorithms)
  func stepForward(algorithm: String) throws {
    let clock = try SteppedClock()
    let redis = try RedisServer(environment: clock.environment)
    let weir = try WeirProcess(
      "policies: [{name: a, algorithm: \(algorithm), limit: 2, period: 1h}]", redis: redis.url)
    try weir.waitForHealth("healthy")
    #expect(try statuses(weir, 2, "/check/a") == [200, 200])
    try step(clock, of: redis, seconds: 3 * 3600)
    #expect(try statuses(weir, 3, "/check/a") == [200, 200, 429])
    #expect(try weir.health() == "healthy")
  }

  @Test("the state of a key has its times by Redis's clock, as checks do")
  func state() throws {
    let clock = try SteppedClock()
    let redis = try RedisServer(environment: clock.environment)
    let weir = try WeirProcess(
      "policies: [{name: a, algorithm: fixed-window, limit: 2, period: 1h}]", redis: redis.url)
    try weir.waitForHealth("healthy")
    try step(clock, of: redis, seconds: 3 * 3600)
    #expect(try statuses(weir, 1, "/check/a") == [200])
    let state = try weir.state("policy=a").json
    #expect(state?["store"]?.string == "redis" && state?["cell"] == .null)
    let ahead = (state?["reset"]?.int ?? 0) - unixSeconds()
    let (least, most) = (3 * 3600 - 5, 4 * 3600 + 5)
    #expect((least...most).contains(ahead), "\(ahead)")
  }
}
