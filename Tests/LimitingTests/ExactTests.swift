// ExactTests.swift: the 64-bit path against the 128-bit one, and the ends of the clock.

import TestKit
import Testing

@testable import Limiting

@Suite("whole-number arithmetic") struct ExactTests {
  @Test(
    "the fast and the wide quotient agree wherever the product fits, and beyond", arguments: 0..<50 as Range<UInt64>)
  func fastEqualsWide(_ seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<500 {
      let a = Int64.random(in: 0...(.max >> Int64.random(in: 0...62, using: &generator)), using: &generator)
      let b = Int64.random(in: 0...(.max >> Int64.random(in: 0...62, using: &generator)), using: &generator)
      let c = Int64.random(in: 1...(.max >> Int64.random(in: 0...62, using: &generator)), using: &generator)
      let floor = Exact.quotient(a, times: b, over: c)
      let ceiling = Exact.quotientUp(a, times: b, over: c)
      #expect(floor == Exact.wideQuotient(a, times: b, over: c), "seed \(seed): \(a) x \(b) / \(c)")
      #expect(ceiling == Exact.wideQuotientUp(a, times: b, over: c), "seed \(seed): \(a) x \(b) / \(c)")
      guard floor < .max else { continue }
      let rest = UInt128(a) * UInt128(b) - UInt128(floor) * UInt128(c)
      #expect(rest < UInt128(c))
      #expect(ceiling == (rest > 0 ? floor + 1 : floor))
    }
  }

  @Test("the largest results saturate")
  func saturates() {
    #expect(Exact.quotient(.max, times: .max, over: 1) == .max)
    #expect(Exact.quotientUp(.max, times: 3, over: 2) == .max)
    #expect(Exact.sum(.max, 1) == .max && Exact.sum(.min, -1) == .min)
    #expect(Exact.difference(.min, 1) == .min && Exact.difference(.max, -1) == .max)
    #expect(Exact.divideUp(UInt128.max, by: 3) == .max)
  }

  @Test(
    "a window starts at or before its instant, on a multiple of the period",
    arguments: [
      (0, 0), (1, 0), (9, 0), (10, 10), (-1, -10), (-10, -10), (-11, -20), (.max, 9_223_372_036_854_775_800),
    ] as [(Int64, Int64)])
  func windowStart(_ instant: Int64, _ start: Int64) {
    #expect(Exact.windowStart(of: instant, period: 10) == start)
  }

  @Test("a window that would start before the clock does starts with it")
  func windowStartSaturates() {
    #expect(Exact.windowStart(of: .min, period: 10) == .min)
  }
}
