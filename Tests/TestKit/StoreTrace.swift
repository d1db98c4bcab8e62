// StoreTrace.swift: random histories of checks, for comparing stores: all kinds of charges, and whatever clocks and
// reloads do. The same seed gives the same history.

public import Limiting
import Policies

/// Who asks what, when.
public struct StoreTrace: Sendable {
  public enum Kind: String, CaseIterable, Sendable {
    case usual = "time stands still or runs on"
    case steps = "the clock steps back, by microseconds to hours"
    case reloads = "limits, bursts and periods change"
    case extremes = "the largest and smallest numbers, and years without a check"
  }

  public struct Turn: Sendable {
    public var asks: [Ask]
    /// Microseconds since the Unix epoch.
    public var instant: Int64
  }

  public private(set) var turns: [Turn] = []

  private var generator: SeededGenerator
  private let kind: Kind
  /// In force, by slot.
  private var numbers: [Limit] = []

  /// - Parameter algorithm: Of all slots; nil mixes them.
  public init(_ kind: Kind, _ algorithm: Algorithm?, seed: UInt64, turns count: Int = 150, slots: Int = 4) {
    self.kind = kind
    generator = SeededGenerator(seed: seed)
    for _ in 0..<slots { numbers.append(number(algorithm ?? generator.pick(Algorithm.allCases))) }
    var instant: Int64 = 1_700_000_000_000_000
    for _ in 0..<count {
      instant = next(instant)
      if kind == .reloads, Int.random(in: 0..<12, using: &generator) == 0 {
        let slot = Int.random(in: 0..<slots, using: &generator)
        numbers[slot] = reloaded(numbers[slot])
      }
      turns.append(Turn(asks: asks(), instant: instant))
    }
  }

  // MARK: Numbers

  private mutating func number(_ algorithm: Algorithm) -> Limit {
    var limit = Limit(
      algorithm: algorithm, limit: generator.pick([1, 2, 5, 100, 1000]),
      period: generator.pick([1, 20, 1000, 60_000]) * 1_000_000)
    if kind == .extremes {
      limit.limit = generator.pick([1, 3, 999_999_937, 1_000_000_000])
      limit.period = generator.pick([1, 997, 86_399_999, 366 * 86_400_000]) * 1_000_000
      if algorithm == .slidingLog { limit.limit = min(limit.limit, Bounds.logLimit.upperBound) }
    }
    limit.burst = limit.limit
    if algorithm == .tokenBucket {
      limit.burst = generator.pick(kind == .extremes ? [1, 999_999_893, 1_000_000_000] : [1, 3, 50])
    }
    return limit
  }

  /// A bucket's period only grows, by whole factors: the remainder of its debt, a fraction of the period, is rescaled
  /// and rounded up, in units that differ between a store of nanoseconds and one of microseconds. A product is exact in
  /// both.
  private mutating func reloaded(_ old: Limit) -> Limit {
    var new = number(old.algorithm)
    if old.algorithm == .tokenBucket {
      let longer = old.period * generator.pick([1, 1, 2, 7, 60])
      new.period = longer <= Bounds.period.upperBound ? longer : old.period
    }
    return new
  }

  // MARK: Turns

  private mutating func next(_ instant: Int64) -> Int64 {
    switch kind {
    case .usual, .reloads: return instant + step()
    case .steps:
      guard Int.random(in: 0..<4, using: &generator) == 0 else { return instant + step() }
      let period = generator.pick(numbers).period / 1000
      return instant
        - generator.pick([1, 700, 20_000, 5_000_000, 10_000_000, 10_000_001, 3_600_000_000, period, period + 1])
    case .extremes:
      let period = generator.pick(numbers).period / 1000
      let far = generator.pick([
        period - 1, period, 2 * period, 86_400_000_000, Int64.random(in: 1...period, using: &generator),
      ])
      return instant + generator.pick([0, 1, step(), far])
    }
  }

  private mutating func step() -> Int64 {
    generator.pick([0, 0, 1, 333, 1000, 20_000, Int64.random(in: 0...2_000_000, using: &generator)])
  }

  private mutating func asks() -> [Ask] {
    (0..<Int.random(in: 1...numbers.count, using: &generator)).map { slot in
      Ask(
        slot: UInt32(slot), key: generator.pick(["", "a", "bb"]), numbers[slot], cost: cost(numbers[slot]),
        effect: generator.pick([.limit, .limit, .limit, .limit, .limit, .limit, .unlimited, .block]),
        isShadow: generator.pick([true, false, false]))
    }
  }

  private mutating func cost(_ limit: Limit) -> Int64 {
    guard kind == .extremes else { return generator.pick([0, 1, 1, 1, 2, 10, 2000]) }
    let largest = Bounds.policyCost.upperBound * Bounds.checkCost.upperBound
    return generator.pick([0, 1, 1, limit.capacity, max(1, limit.capacity / 3), limit.capacity + 1, largest])
  }
}
