// Models.swift: what each algorithm promises, written as naively as possible: a list of what was admitted, sums over it,
// and exact fractions in 128 bits. None shares code or state with what it checks.

import Limiting

/// A limit on one key, told the whole truth. Instants do not fall from call to call.
protocol Model {
  init(_ limit: Limit)
  /// What could be spent at `instant`, rounded down, never negative.
  func remaining(at instant: Int64) -> Int64
  mutating func admit(_ cost: Int64, at instant: Int64)
}

/// Tokens x period, refilled up to burst x period.
struct BucketModel: Model {
  let limit: Limit
  var tokens: Int128
  var instant: Int64 = .min

  init(_ limit: Limit) {
    self.limit = limit
    tokens = Int128(limit.burst) * Int128(limit.period)
  }

  private func tokens(at instant: Int64) -> Int128 {
    let earned = (Int128(instant) - Int128(self.instant)) * Int128(limit.limit)
    return min(Int128(limit.burst) * Int128(limit.period), tokens + earned)
  }

  func remaining(at instant: Int64) -> Int64 { Int64(tokens(at: instant) / Int128(limit.period)) }

  mutating func admit(_ cost: Int64, at instant: Int64) {
    tokens = tokens(at: instant) - Int128(cost) * Int128(limit.period)
    self.instant = instant
  }
}

private func floorDivide(_ a: Int64, _ b: Int64) -> Int64 {
  a >= 0 ? a / b : -((-(a + 1)) / b) - 1
}

struct FixedModel: Model {
  let limit: Limit
  var spent: [(window: Int64, cost: Int64)] = []

  init(_ limit: Limit) { self.limit = limit }

  func remaining(at instant: Int64) -> Int64 {
    let window = floorDivide(instant, limit.period)
    return limit.limit - spent.filter { $0.window == window }.reduce(0) { $0 + $1.cost }
  }

  mutating func admit(_ cost: Int64, at instant: Int64) {
    spent.append((floorDivide(instant, limit.period), cost))
  }
}

struct SlidingModel: Model {
  let limit: Limit
  var spent: [(window: Int64, cost: Int64)] = []

  init(_ limit: Limit) { self.limit = limit }

  private func count(_ window: Int64) -> Int128 {
    spent.filter { $0.window == window }.reduce(0) { $0 + Int128($1.cost) }
  }

  /// floor(limit - weighted), as one fraction over the period.
  func remaining(at instant: Int64) -> Int64 {
    let window = floorDivide(instant, limit.period)
    let period = Int128(limit.period)
    let rest = period - (Int128(instant) - Int128(window) * period)
    let left = (Int128(limit.limit) - count(window)) * period - count(window - 1) * rest
    return left <= 0 ? 0 : Int64(left / period)
  }

  mutating func admit(_ cost: Int64, at instant: Int64) {
    spent.append((floorDivide(instant, limit.period), cost))
  }
}

struct LogModel: Model {
  let limit: Limit
  var spent: [(instant: Int64, cost: Int64)] = []

  init(_ limit: Limit) { self.limit = limit }

  func remaining(at instant: Int64) -> Int64 {
    let inForce = spent.filter { Int128(instant) < Int128($0.instant) + Int128(limit.period) }
    return limit.limit - inForce.reduce(0) { $0 + $1.cost }
  }

  mutating func admit(_ cost: Int64, at instant: Int64) { spent.append((instant, cost)) }
}

/// The first wait at which `holds` does, by bisection: `holds` never turns false again. `Int64.max` if none is in
/// reach of the clock.
func firstWait(from now: Int64, where holds: (Int64) -> Bool) -> Int64 {
  var low: Int64 = 0
  let (difference, overflow) = Int64.max.subtractingReportingOverflow(now)
  var high = overflow ? Int64.max : difference
  guard holds(now + high) else { return .max }
  while low < high {
    let middle = low + (high - low) / 2
    if holds(now + middle) { high = middle } else { low = middle + 1 }
  }
  return low
}

/// One key under test, whatever the algorithm.
struct Key {
  var limit: Limit
  var cell = Cell.empty
  let log = Log()

  /// Asks, and spends if allowed, as a store does.
  mutating func decide(_ cost: Int64, at now: Int64) -> Decision {
    guard limit.algorithm == .slidingLog else {
      let result = Limiter.decide(cell, limit: limit, cost: cost, now: now)
      cell = result.next
      return result.decision
    }
    let decision = SlidingLog.decide(log, limit: limit, cost: cost, now: now)
    if decision.isAllowed, cost > 0 {
      SlidingLog.admit(log, cost: cost, now: now)
      SlidingLog.trim(log, limit: limit)
    }
    return decision
  }

  /// Asks without keeping what the answer would leave.
  func peek(_ cost: Int64, at now: Int64) -> Decision {
    limit.algorithm == .slidingLog
      ? SlidingLog.decide(log, limit: limit, cost: cost, now: now)
      : Limiter.decide(cell, limit: limit, cost: cost, now: now).decision
  }

  var isIdleNow: (Int64) -> Bool {
    { now in
      limit.algorithm == .slidingLog
        ? SlidingLog.isIdle(log, limit: limit, now: now) : Limiter.isIdle(cell, limit: limit, now: now)
    }
  }
}

func model(_ limit: Limit) -> any Model {
  switch limit.algorithm {
  case .tokenBucket: BucketModel(limit)
  case .fixedWindow: FixedModel(limit)
  case .slidingWindow: SlidingModel(limit)
  case .slidingLog: LogModel(limit)
  }
}
