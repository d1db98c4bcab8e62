// ChargeArithmeticTests.swift: the script's doubles against 128-bit integers, where products pass 2^53: states are
// written to Redis, charged, read back and compared to the last bit.

import Limiting
import Policies
import TestKit
import Testing

@testable import RedisStore

@Suite("charge.lua at the ends of its numbers") struct ChargeArithmeticTests {
  static let start: Int64 = 1_700_000_000_000_000
  static let longest = Limiting.Bounds.period.upperBound / 1000
  let store: EvalStore

  init() throws {
    store = EvalStore(try ScriptRig())
  }

  /// In microseconds.
  static func limit(_ algorithm: Algorithm, _ limit: Int64, period: Int64, burst: Int64? = nil) -> Limit {
    Limit(algorithm: algorithm, limit: limit, period: period * 1000, burst: burst)
  }

  private func set(_ cell: [UInt8], _ ask: Ask) {
    store.rig.command([Array("SET".utf8), store.name(of: ask), cell])
  }

  private func stored(_ ask: Ask) -> [UInt8] {
    guard case .text(let cell) = store.rig.command([Array("GET".utf8), store.name(of: ask)]) else { return [] }
    return cell
  }

  /// What Redis should hold for `cell`: all its times are whole microseconds here.
  private static func bytes(_ cell: Cell) -> [UInt8] {
    let second = cell.previous > 0 ? Int64(cell.previous) : cell.remainder / 1000
    return ChargeReplyTests.cell(Int64(cell.amount), second, cell.instant / 1000, cell.period / 1000)
  }

  private static func periods(_ generator: inout SeededGenerator) -> Int64 {
    generator.pick([
      longest, longest - 1000, 999_983_000, Int64.random(in: 1...longest / 1000, using: &generator) * 1000,
    ])
  }

  @Test("a bucket pays back to the last 1/period of a unit, however large rate, period and time")
  func bucket() {
    var generator = SeededGenerator(seed: 21)
    var partly = 0
    for turn in 0..<2000 {
      let period = Self.periods(&generator)
      let limit = Self.limit(
        .tokenBucket,
        generator.pick([1_000_000_000, 999_999_937, Int64.random(in: 1...1_000_000_000, using: &generator)]),
        period: period, burst: 1_000_000_000)
      let amount = Int64.random(in: 1...999_999_990, using: &generator)
      let untilPaid = Int64(Int128(amount) * Int128(period) / Int128(limit.limit))
      let elapsed = generator.pick([
        untilPaid, max(0, untilPaid - 1), untilPaid + 1, Int64.random(in: 0...untilPaid, using: &generator),
      ])
      guard elapsed < Self.start else { continue }
      let cell = Cell(
        amount: UInt32(amount), remainder: Int64.random(in: 0..<period, using: &generator) * 1000,
        instant: (Self.start - elapsed) * 1000, period: period * 1000)
      let ask = Ask(limit)
      set(Self.bytes(cell), ask)
      let answer = store.ask([ask], at: Self.start)
      let expected = Limiter.decide(cell, limit: limit, cost: 1, now: Self.start * 1000)
      #expect(answer.decisions[0] == expected.decision, "turn \(turn)")
      #expect(stored(ask) == Self.bytes(expected.next), "turn \(turn): \(cell), \(limit), \(elapsed) us")
      if expected.next.amount > 1 { partly += 1 }
    }
    #expect(partly > 500, "\(partly) turns left a debt")
  }

  @Test("a reload to any other period rounds a bucket's debt up, by less than 1/period of a unit")
  func rescaled() {
    var generator = SeededGenerator(seed: 22)
    var rounded = 0
    for turn in 0..<1000 {
      let (old, new) = (Self.periods(&generator), Self.periods(&generator))
      let rest = generator.pick([0, 1, old - 1, Int64.random(in: 0..<old, using: &generator)])
      let ask = Ask(Self.limit(.tokenBucket, 5, period: new, burst: 10), cost: 0)
      set(ChargeReplyTests.cell(3, rest, Self.start, old), ask)
      _ = store.ask([ask], at: Self.start)
      let parts = (Int128(rest) * Int128(new)).quotientAndRemainder(dividingBy: Int128(old))
      let scaled = Int64(parts.quotient) + (parts.remainder > 0 ? 1 : 0)
      let expected = ChargeReplyTests.cell(scaled == new ? 4 : 3, scaled == new ? 0 : scaled, Self.start, new)
      #expect(stored(ask) == expected, "turn \(turn): \(rest) of \(old) to \(new)")
      if parts.remainder > 0 { rounded += 1 }
    }
    #expect(rounded > 100)
  }

  @Test("a sliding window's weighted count is exact next to every whole number")
  func weighted() {
    var generator = SeededGenerator(seed: 23)
    for turn in 0..<1000 {
      let period = generator.pick([Self.longest, Self.longest - 86_400_000_000])
      // previous x left leaves a remainder of 0, 1 or period - 1 when divided by the period.
      let previous = Self.coprime(to: period, &generator)
      let inverse = Self.inverse(of: previous, modulo: period)
      let left = generator.pick([inverse, period - inverse, period, 1])
      let start = Self.start - Self.start % period
      let now = start + period - left
      let cell = Cell(amount: 5, previous: UInt32(previous), instant: start * 1000, period: period * 1000)
      let weighted = Int64((Int128(previous) * Int128(left) + Int128(period) - 1) / Int128(period)) + 5
      let limit = Self.limit(.slidingWindow, 1_000_000_000, period: period)
      for (cost, passes) in [(limit.limit - weighted, true), (limit.limit - weighted + 1, false)] where cost > 0 {
        set(Self.bytes(cell), Ask(limit))
        let answer = store.ask([Ask(limit, cost: cost)], at: now)
        #expect(answer.allowed == passes, "turn \(turn): \(previous) x \(left) / \(period)")
      }
    }
  }

  private static func coprime(to period: Int64, _ generator: inout SeededGenerator) -> Int64 {
    while true {
      let candidate = Int64.random(in: 900_000_000...999_999_000, using: &generator)
      var (a, b) = (period, candidate)
      while b > 0 { (a, b) = (b, a % b) }
      if a == 1 { return candidate }
    }
  }

  /// By the extended Euclidean algorithm.
  private static func inverse(of value: Int64, modulo period: Int64) -> Int64 {
    var (rest, next): (Int128, Int128) = (Int128(period), Int128(value))
    var (factor, nextFactor): (Int128, Int128) = (0, 1)
    while next > 0 {
      let quotient = rest / next
      (rest, next) = (next, rest - quotient * next)
      (factor, nextFactor) = (nextFactor, factor - quotient * nextFactor)
    }
    return Int64((factor % Int128(period) + Int128(period)) % Int128(period))
  }
}
