// TimedModel.swift: what the four algorithms promise when each check brings its own instant, written naively: sums of
// 128 bits over what was spent, and waits found by bisection. It shares no code with `Limiting` but the names of things.
//
// Instants may lag a little behind those of other checks, as the clocks of two threads do: a counter then stays at its
// own instant, which is the one of what was admitted last (a log, a bucket) or the window it is in.

public import Limiting

/// A check at an instant.
public struct TimedCall: Hashable, Sendable, CustomStringConvertible {
  /// Counters, and what is taken from each.
  public var parts: [CounterCall.Part]
  /// On the counters' clock.
  public var now: Int64

  public init(_ parts: [CounterCall.Part], now: Int64) {
    self.parts = parts
    self.now = now
  }

  public var description: String { "\(CounterCall(parts)) at \(now)" }
}

/// What a check was told, by part.
public struct TimedAnswer: Hashable, Sendable {
  public struct Part: Hashable, Sendable {
    public var outcome: Decision.Outcome
    public var remaining: Int64
    public var retryAfter: Int64
    public var reset: Int64
  }

  public var isAllowed: Bool
  public var parts: [Part]

  public init(isAllowed: Bool, _ decisions: [Decision]) {
    self.isAllowed = isAllowed
    parts = decisions.map {
      Part(outcome: $0.outcome, remaining: $0.remaining, retryAfter: $0.retryAfter, reset: $0.reset)
    }
  }
}

/// One counter, as little as must be known of it.
public struct TimedCounter: Hashable, Sendable {
  struct Spent: Hashable, Sendable {
    /// Of a window its start.
    var at: Int64
    var cost: Int64
  }

  /// Windows, or admissions; the oldest first. What counts no more is left out.
  var spent: [Spent] = []
  /// Of a bucket: what is owed at the instant of the only `spent`, times the period.
  var owed: Int128 = 0

  /// The counter's own instant, if it has one.
  private var own: Int64 { spent.last?.at ?? .min }

  private static func windowStart(_ instant: Int64, _ limit: Limit) -> Int64 {
    let rest = instant % limit.period
    return instant - (rest < 0 ? rest + limit.period : rest)
  }

  /// The counter at `now`.
  func moved(to now: Int64, _ limit: Limit) -> TimedCounter {
    var moved = self
    let at = max(now, own)
    switch limit.algorithm {
    case .tokenBucket:
      guard !spent.isEmpty else { return self }
      moved.owed = max(0, owed - (Int128(at) - Int128(own)) * Int128(limit.limit))
      moved.spent = [Spent(at: at, cost: 0)]
    case .slidingLog:
      moved.spent.removeAll { Int128(at) >= Int128($0.at) + Int128(limit.period) }
    case .fixedWindow:
      moved.spent.removeAll { $0.at != Self.windowStart(at, limit) }
    case .slidingWindow:
      let start = Self.windowStart(at, limit)
      moved.spent.removeAll { $0.at != start && $0.at != start - limit.period }
      // It is in this window from here on, even if nothing is spent in it.
      if !moved.spent.isEmpty, own < start { moved.spent.append(Spent(at: start, cost: 0)) }
    }
    return moved
  }

  /// floor(limit - what counts), at an instant to which it has moved.
  func left(at now: Int64, _ limit: Limit) -> Int64 {
    let at = max(now, own)
    let period = Int128(limit.period)
    let counted: Int128 =
      switch limit.algorithm {
      case .tokenBucket: owed
      case .fixedWindow, .slidingLog: spent.reduce(0) { $0 + Int128($1.cost) } * period
      case .slidingWindow:
        spent.reduce(0) { sum, one in
          let start = Self.windowStart(at, limit)
          let share = one.at == start ? period : period - Int128(at - start)
          return sum + Int128(one.cost) * share
        }
      }
    return max(0, Int64((Int128(limit.capacity) * period - counted) / period))
  }

  mutating func spend(_ cost: Int64, at now: Int64, _ limit: Limit) {
    let at = max(now, own)
    switch limit.algorithm {
    case .tokenBucket:
      owed += Int128(cost) * Int128(limit.period)
      spent = [Spent(at: at, cost: 0)]
    case .slidingLog: spent.append(Spent(at: at, cost: cost))
    case .fixedWindow, .slidingWindow:
      let start = Self.windowStart(at, limit)
      if own != start { spent.append(Spent(at: start, cost: 0)) }
      spent[spent.count - 1].cost += cost
    }
  }

  /// The first wait from `now` after which at least `units` are left.
  func wait(for units: Int64, from now: Int64, _ limit: Limit) -> Int64 {
    func holds(_ wait: Int64) -> Bool { moved(to: now + wait, limit).left(at: now + wait, limit) >= units }
    var low: Int64 = 0
    var high = 2 * limit.period + limit.period / limit.limit * (limit.capacity + 1) + max(own, now) - now
    while low < high {
      let middle = low + (high - low) / 2
      if holds(middle) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}

/// Counters with limits, all on one clock.
public struct TimedModel: SequentialModel, Sendable {
  /// By counter.
  public var limits: [Limit]

  public init(_ limits: [Limit]) { self.limits = limits }

  public var initial: [TimedCounter] { limits.map { _ in TimedCounter() } }

  public func next(_ state: [TimedCounter], _ call: TimedCall, _ answer: TimedAnswer?) -> [TimedCounter]? {
    var before = state
    for part in call.parts {
      before[part.counter] = before[part.counter].moved(to: call.now, limits[part.counter])
    }
    var after = before
    var allowed = true
    for part in call.parts where part.cost > 0 {
      if before[part.counter].left(at: call.now, limits[part.counter]) < part.cost { allowed = false }
      after[part.counter].spend(part.cost, at: call.now, limits[part.counter])
    }
    if let answer {
      guard answer.isAllowed == allowed, answer.parts.count == call.parts.count else { return nil }
      let told = allowed ? after : before
      for (part, said) in zip(call.parts, answer.parts) {
        guard isRight(said, part, before[part.counter], told[part.counter], call.now) else { return nil }
      }
    }
    // A bucket, a log and a fixed window move when something is spent in them; a sliding window whenever it is asked.
    for part in call.parts where !allowed || part.cost == 0 {
      let counter = part.counter
      after[counter] = limits[counter].algorithm == .slidingWindow ? before[counter] : state[counter]
    }
    return after
  }

  public func changesNothing(_ call: TimedCall, _ answer: TimedAnswer) -> Bool {
    (!answer.isAllowed || call.parts.allSatisfy { $0.cost == 0 })
      && call.parts.allSatisfy { limits[$0.counter].algorithm != .slidingWindow }
  }

  private func isRight(
    _ said: TimedAnswer.Part, _ part: CounterCall.Part, _ before: TimedCounter, _ told: TimedCounter, _ now: Int64
  ) -> Bool {
    let limit = limits[part.counter]
    let fits = part.cost == 0 || before.left(at: now, limit) >= part.cost
    let outcome: Decision.Outcome = fits ? .allow : part.cost > limit.capacity ? .denyAlways : .deny
    guard said.outcome == outcome, said.remaining == told.left(at: now, limit) else { return false }
    guard said.retryAfter == (outcome == .deny ? before.wait(for: part.cost, from: now, limit) : 0) else {
      return false
    }
    return said.reset == told.wait(for: limit.capacity, from: now, limit)
  }
}
