// BoundsTests.swift: the numbers that README.md and docs/redis.md promise. Other tests name the constants; whoever changes
// one changes what users were told.

import Testing

@testable import RedisStore

@Suite struct RedisBoundsTests {
  @Test("a new weir counts within 5 s, and one that was killed no longer after 15 s")
  func weirs() {
    // A sign of life is seen by who counts next, at the latest an interval after it was given.
    #expect(2 * Bounds.announceInterval <= 5 * Bounds.second)
    #expect(Bounds.signOfLife + 2 * Bounds.announceInterval <= 15 * Bounds.second)
  }

  @Test("a denial is remembered for 5 s at most, and an order is asked for at least twice a second")
  func memories() {
    #expect(Bounds.observedTime <= 5 * Bounds.second)
    #expect(2 * Bounds.orderInterval <= Bounds.second)
  }
}
