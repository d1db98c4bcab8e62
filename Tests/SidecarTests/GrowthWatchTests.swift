// GrowthWatchTests.swift: a counter that grows is told once, and its end once.

import Testing

@testable import Sidecar

@Suite struct GrowthWatchTests {
  private static let second: Int64 = 1_000_000_000

  @Test("a counter that stands still is no news")
  func still() {
    var watch = GrowthWatch()
    #expect((0..<100).allSatisfy { watch.look(at: 0, now: $0 * Self.second) == nil })
  }

  @Test("growth is told once, and its end after ten quiet seconds, with the sum")
  func onceEach() {
    var watch = GrowthWatch()
    #expect(watch.look(at: 3, now: 0) == .began)
    #expect(watch.look(at: 4, now: Self.second) == nil)
    #expect(watch.look(at: 4, now: 10 * Self.second) == nil)
    #expect(watch.look(at: 9, now: 10 * Self.second + 1) == nil)
    #expect(watch.look(at: 9, now: 20 * Self.second) == nil)
    #expect(watch.look(at: 9, now: 20 * Self.second + 1) == .ended(9))
    #expect(watch.look(at: 9, now: 60 * Self.second) == nil)
    #expect(watch.look(at: 10, now: 61 * Self.second) == .began)
    #expect(watch.look(at: 10, now: 90 * Self.second) == .ended(1))
  }
}
