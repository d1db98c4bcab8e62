// WallClockTests.swift: what a wall clock that somebody sets does to counters in memory.

import TestKit
import Testing

@Suite struct WallClockTests {
  @Test("a wall clock that is set is followed within moments: windows move on with it, buckets do not")
  func followed() throws {
    let clock = try SteppedClock()
    let weir = try WeirProcess(
      """
      policies:
        - {name: window, match: {path: /window}, algorithm: fixed-window, limit: 3, period: 100d}
        - {name: bucket, match: {path: /bucket}, algorithm: token-bucket, limit: 3, period: 100d}
      """, environment: clock.environment)
    func ask(_ target: String) throws -> HTTPResponse { try weir.request("GET", "/check/\(target)") }
    for target in ["window", "bucket"] {
      #expect(try (0..<4).map { _ in try ask(target).status } == [200, 200, 200, 429])
    }
    let reset = try #require(try ask("window").int("X-RateLimit-Reset"))
    try clock.set(seconds: 100 * 86_400)
    try eventually("the next window has begun", within: 20) { try ask("window").status == 200 }
    #expect(try ask("window").int("X-RateLimit-Reset") == reset + 100 * 86_400)
    #expect(try ask("bucket").status == 429)
  }
}
