// AdmissionBound.swift: the most that a counter in one place may admit, by its algorithm, held against what it did admit.
//
// What the algorithms promise is the README's table, and for windows the exact count: within each window the limit, and
// of a sliding window the weighted count at its last admission.

struct AdmissionBound {
  let history: ChaosHistory
  let policy: ChaosPolicy
  let place: AdmissionLedger.Place

  typealias Charge = AdmissionLedger.Charge

  /// Redis counts whole microseconds.
  private static let grain = 2_000
  /// How far a weir's idea of Unix time may be off: it is taken afresh every second, between two readings.
  private static let ownClock = 50 * millisecond

  /// What is wrong with these charges, or nil.
  func excess(_ charges: [Charge]) -> String? {
    let ordered = charges.sorted { $0.span.from < $1.span.from }
    switch policy.algorithm {
    case .tokenBucket, .slidingLog: return intervalExcess(ordered)
    case .fixedWindow, .slidingWindow: return windowExcess(ordered)
    }
  }

  // MARK: bounds of any interval

  /// Looks at every interval from the beginning of a charge to the end of another.
  private func intervalExcess(_ ordered: [Charge]) -> String? {
    // By their ends: the charges that begin at `start` or later.
    var inside: [Charge] = []
    var least = history.smallest(policy, in: .always)
    if case .share = place { least = least.shared(among: .max) }
    for first in ordered.reversed() {
      let start = first.span.from
      let place = inside.firstIndex { $0.span.to >= first.span.to } ?? inside.endIndex
      inside.insert(first, at: place)
      var sum = 0
      for charge in inside {
        sum += charge.cost
        let span = Span(from: start, to: charge.span.to)
        // Cheap first: most intervals are within the bound of the smallest numbers.
        guard sum > admitted(least, over: span) else { continue }
        let numbers = granted(history.largest(policy, in: span), in: span)
        guard let most = limit(numbers, over: span), sum > most else { continue }
        return "\(sum) admitted from \(seconds(span.from)) to \(seconds(span.to)), at most \(most) by \(numbers)"
      }
    }
    return nil
  }

  /// The same as `limit`, or no bound at all.
  private func admitted(_ numbers: Numbers, over span: Span) -> Int { limit(numbers, over: span) ?? .max }

  /// The most in an interval; nil where the algorithm bounds only shorter ones.
  private func limit(_ numbers: Numbers, over span: Span) -> Int? {
    let time = span.to - span.from + Self.grain + history.unixOffset.to - history.unixOffset.from
    if policy.algorithm == .slidingLog { return time < numbers.period ? numbers.limit : nil }
    return numbers.burst + Int(Int128(numbers.limit) * Int128(time) / Int128(numbers.period))
  }

  /// Numbers as this place grants them.
  private func granted(_ numbers: Numbers, in span: Span) -> Numbers {
    guard case .share(let life) = place else { return numbers }
    return numbers.shared(among: history.fewestLive(life, in: span))
  }

  // MARK: windows of the clock

  private func windowExcess(_ ordered: [Charge]) -> String? {
    var windows: [Int: [Charge]] = [:]
    for charge in ordered {
      if let number = window(of: charge.span) { windows[number, default: []].append(charge) }
    }
    for (number, charges) in windows.sorted(by: { $0.key < $1.key }) {
      let previous = windows[number - 1]?.reduce(0) { $0 + $1.cost } ?? 0
      var sum = 0
      for charge in charges.sorted(by: { $0.span.to < $1.span.to }) {
        sum += charge.cost
        let weighted = sum + carried(previous, into: number, at: charge.span.to)
        let span = Span(from: start(of: number), to: charge.span.to)
        let numbers = granted(history.largest(policy, in: span), in: span)
        guard weighted > numbers.limit else { continue }
        return
          "\(sum) admitted in the window from \(seconds(span.from)) to \(seconds(span.to)), \(previous) in the one "
          + "before, at most \(numbers.limit)"
      }
    }
    return nil
  }

  /// What a sliding window still counts of the window before, at least.
  private func carried(_ previous: Int, into number: Int, at instant: Int) -> Int {
    guard policy.algorithm == .slidingWindow else { return 0 }
    let rest = start(of: number + 1) - clockError - instant - (history.unixOffset.to - history.unixOffset.from)
    guard rest > 0 else { return 0 }
    let exact = Int128(previous) * Int128(min(rest, policy.numbers.period))
    return Int((exact + Int128(policy.numbers.period) - 1) / Int128(policy.numbers.period))
  }

  /// The window that certainly holds a span; nil where it may be one of two.
  func window(of span: Span) -> Int? {
    let first = unix(span.from - clockError, history.unixOffset.from) / policy.numbers.period
    let last = unix(span.to + clockError, history.unixOffset.to) / policy.numbers.period
    return first == last ? first : nil
  }

  /// When a window begins, by the driver's clock.
  func start(of window: Int) -> Int { window * policy.numbers.period - history.unixOffset.from - skew }

  private func unix(_ instant: Int, _ offset: Int) -> Int { instant + offset + skew }

  private var clockError: Int {
    if case .redis = place { millisecond } else { Self.ownClock }
  }

  /// How far the clock that counts here is ahead.
  private var skew: Int {
    switch place {
    case .redis: 0
    case .memory(let life), .share(let life): history.lives[life]?.skew ?? 0
    }
  }
}
