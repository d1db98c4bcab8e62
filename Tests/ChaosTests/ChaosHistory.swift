// ChaosHistory.swift: what befell the fleet, as far as the driver knows it: which numbers could be in force, who lived,
// what Redis remembered, when something was away. A value: tests write their own.

struct ChaosHistory: Sendable {
  /// The numbers of a policy, while any weir may go by them.
  struct Phase: Sendable {
    var span: Span
    var numbers: Numbers
    /// Whether it is in the set, and enforced.
    var isEnforced = true
  }

  /// One process of a weir.
  struct Life: Sendable {
    var weir: Int
    /// How far its clock is ahead of the truth.
    var skew = 0
    /// From its start to its end.
    var span: Span
    /// When it answered readiness.
    var ready: Int
    /// From the signal to its end, where it was killed.
    var killed: Span?
    /// From the signal to its end, where it was asked to end.
    var stopping: Span?
    /// While it did not run though it lived.
    var frozen: [Span] = []
  }

  /// What a weir said of itself.
  struct Sample: Sendable {
    /// When it was asked; by default when it had answered.
    var asked: Int
    /// When it had answered.
    var at: Int
    /// How many weirs it knows to be alive.
    var live: Int
    /// Breaker closed and all connections made.
    var isWell: Bool

    init(asked: Int? = nil, at: Int, live: Int, isWell: Bool) {
      (self.asked, self.at, self.live, self.isWell) = (asked ?? at, at, live, isWell)
    }
  }

  /// A time without Redis, or without one node of it: from the fault to its end.
  struct Outage: Sendable {
    var span: Span
    /// Whether the process was frozen: what it had been asked it does when it thaws.
    var isFreeze: Bool
  }

  /// By name. A policy without phases has its own numbers at all times.
  var phases: [String: [Phase]] = [:]
  var lives: [Int: Life] = [:]
  /// By life, in order.
  var samples: [Int: [Sample]] = [:]
  /// The times during which Redis keeps what it counts; from one to the next it forgets.
  var epochs: [Span] = [.always]
  var outages: [Outage] = []
  /// When weirs lost their connections to Redis.
  var disturbances: [Span] = []
  /// While the descriptors of a weir were full, by its number.
  var floods: [(weir: Int, span: Span)] = []
  /// When the driver itself did not run.
  var stalls: [Span] = []
  /// Unix time at instant 0, from the lowest to the highest that was measured.
  var unixOffset = Span(from: 0, to: 0)
  var isCluster = false
  /// `--redis-timeout`.
  var redisTimeout = 250 * millisecond

  // MARK: what may have been in force

  func phases(of policy: ChaosPolicy, in span: Span) -> [Phase] {
    let all = phases[policy.name] ?? [Phase(span: .always, numbers: policy.numbers)]
    return all.filter { $0.span.meets(span) }
  }

  /// Whether a policy counted and denied, whatever set was in force.
  func isEnforced(_ policy: ChaosPolicy, in span: Span) -> Bool {
    phases(of: policy, in: span).allSatisfy(\.isEnforced)
  }

  func largest(_ policy: ChaosPolicy, in span: Span) -> Numbers {
    phases(of: policy, in: span).map(\.numbers).reduce(nil as Numbers?) { best, next in
      guard let best else { return next }
      return Numbers(limit: max(best.limit, next.limit), burst: max(best.burst, next.burst), period: next.period)
    } ?? policy.numbers
  }

  func smallest(_ policy: ChaosPolicy, in span: Span) -> Numbers {
    phases(of: policy, in: span).map(\.numbers).reduce(nil as Numbers?) { best, next in
      guard let best else { return next }
      return Numbers(limit: min(best.limit, next.limit), burst: min(best.burst, next.burst), period: next.period)
    } ?? policy.numbers
  }

  // MARK: what weirs knew

  /// The fewest live weirs that a weir can have known of: the least that it told, or 1 where it was not asked.
  func fewestLive(_ life: Int, in span: Span) -> Int {
    let told = samples[life] ?? []
    guard let first = told.lastIndex(where: { $0.at <= span.from }),
      let last = told.firstIndex(where: { $0.asked >= span.to })
    else { return 1 }
    let relevant = told[min(first, last)...max(first, last)]
    // A number holds for about two seconds: between two distant samples there may have been others.
    let isDense = zip(relevant, relevant.dropFirst()).allSatisfy { $1.at - $0.at < 3 * second }
    return isDense ? max(1, relevant.map(\.live).min() ?? 1) : 1
  }

  /// Whether a weir told around `span` that it is not well with Redis, or told nothing.
  func wasUnwell(_ life: Int, around span: Span) -> Bool {
    let told = samples[life] ?? []
    guard let before = told.last(where: { $0.at <= span.from }), let after = told.first(where: { $0.at >= span.to })
    else {
      return true
    }
    let near = Span(from: before.at, to: after.at).widened(before: second, after: second)
    return told.contains { !$0.isWell && near.contains(Span(from: $0.at, to: $0.at)) }
      || near.to - near.from > 5 * second
  }

  /// From when on a weir was well again after an instant, as it told; nil if never.
  func wellAgain(_ life: Int, after instant: Int) -> Int? {
    samples[life]?.first { $0.asked >= instant && $0.isWell }?.at
  }

  func hasStall(in span: Span) -> Bool { stalls.contains { $0.meets(span) } }

  func stalled(in span: Span) -> Int {
    stalls.reduce(0) { $0 + $1.overlap(span) }
  }

  // MARK: when a decision fell

  /// When a weir's own memory decided: its clock is read once a turn of its loop, so a turn that was interrupted decides
  /// by the time before.
  func memoryDecision(_ check: ChaosCheck) -> Span {
    var span = check.span.widened(before: 20 * millisecond)
    for pause in (lives[check.life]?.frozen ?? []) + stalls where pause.meets(span) {
      span.from = min(span.from, pause.from - 50 * millisecond)
    }
    return span
  }

  /// The only epoch of Redis in which a check can have been decided; nil where several are possible.
  func epoch(of check: ChaosCheck) -> Int? {
    let possible = epochs.indices.filter { epochs[$0].meets(check.span) }
    return possible.count == 1 ? possible[0] : nil
  }
}
