// AdmissionLedger+Room.swift: the other side of the bound: a key that certainly had room must not be denied.
//
// Everything that may have been charged counts as charged, as late as it can have been: admissions, checks without an
// answer, degraded ones that Redis may have counted late, and, where parts of a check are held before all are decided,
// denied ones for as long as a hold lives. Of numbers that may have been in force the smallest hold. What is reported is
// a denial that no order of events explains. Denials by a share are left out: which share is then in force is known as
// a bound only.
//
// What memory charged and gave back is not all there again: a bucket gets back what it would still owe had nothing else
// come meanwhile, so that other checks may find as much missing as it regains while the charged one waits for Redis.

extension AdmissionLedger {
  /// Every denial of a key that certainly had room: a sentence each.
  func needlessDenials() -> [String] {
    let asked = Dictionary(grouping: checks) { $0.path }
    return checks.flatMap { check -> [String] in
      guard case .denied(let names) = check.outcome, !check.isDegraded else { return [] }
      return check.policies.filter { names.contains($0.name) }.compactMap { policy in
        let others = policy.paths.flatMap { asked[$0] ?? [] }
        return hadRoom(check, policy, others).map { "\(policy.name) denied with room for \($0): \(check.text)" }
      }
    } + falseNames()
  }

  /// Denials that name no policy, or one that cannot have denied.
  private func falseNames() -> [String] {
    checks.compactMap { check in
      guard case .denied(let names) = check.outcome else { return nil }
      let possible = check.policies.filter { policy in
        history.phases(of: policy, in: check.span).contains { $0.isEnforced }
      }.map(\.name)
      return !names.isEmpty && Set(names).isSubset(of: possible) ? nil : "denied by \(names): \(check.text)"
    }
  }

  /// What was left at least, where that was enough.
  private func hadRoom(_ check: ChaosCheck, _ policy: ChaosPolicy, _ others: [ChaosCheck]) -> Int? {
    let decided = policy.isShared ? check.span : history.memoryDecision(check)
    let numbers = history.smallest(policy, in: decided)
    let start = decided.from - reach(policy)
    let charges = others.compactMap { other -> Charge? in
      guard !policy.isKeyed || other.user == check.user, other.sent <= check.answered else { return nil }
      guard other.sent != check.sent || other.client != check.client else { return nil }
      guard policy.isShared || other.life == check.life else { return nil }
      let kept = kept(other, policy)
      if let latest = latestCharge(other, policy, decided) {
        guard latest >= start else { return nil }
        return Charge(span: Span(from: other.sent, to: min(latest, check.answered)), cost: other.cost, kept: kept)
      }
      return kept > 0 && other.answered >= start ? Charge(span: other.span, cost: 0, kept: kept) : nil
    }
    let owed = mostOwed(charges, policy, numbers, decided)
    let capacity = policy.algorithm == .tokenBucket ? numbers.burst : numbers.limit
    return owed + check.cost <= capacity ? capacity - owed : nil
  }

  /// How far back one looks for charges: to where windows have ended; of a bucket so far that what it owed before hardly
  /// matters, and of one that regains nothing to the beginning.
  private func reach(_ policy: ChaosPolicy) -> Int {
    guard policy.algorithm == .tokenBucket else { return 3 * policy.numbers.period }
    return min(10 * policy.numbers.period, .max / 4)
  }

  /// The last instant at which a check can have been charged, or held, at a policy's counter, as far as a decision can
  /// have met it there; nil if never.
  private func latestCharge(_ check: ChaosCheck, _ policy: ChaosPolicy, _ decided: Span) -> Int? {
    guard policy.isShared else {
      switch check.outcome {
      case .allowed, .failed: return check.answered
      // Charged and given back before the answer: what another decision can meet while it waits for Redis.
      case .denied, .undecided: return check.answered >= decided.from ? check.answered : nil
      }
    }
    // What was asked of a frozen process is done when it thaws.
    let thaw = history.outages.filter { $0.span.meets(check.span.widened(after: second)) }.map(\.span.to).max()
    let late = max(check.answered, thaw ?? 0) + 2 * second
    switch check.outcome {
    case .allowed: return check.isDegraded ? late : check.answered
    case .failed, .undecided: return late
    case .denied: return check.isDegraded || history.isCluster ? late : nil
    }
  }

  /// The most that a bucket in memory keeps of a charge that it gave back: tokens times the period.
  private func kept(_ check: ChaosCheck, _ policy: ChaosPolicy) -> Int128 {
    guard !policy.isShared, policy.algorithm == .tokenBucket, check.policies.contains(where: \.isShared),
      !check.isAllowed || check.isDegraded
    else { return 0 }
    let span = history.memoryDecision(check)
    let rate = history.largest(policy, in: span).limit
    return min(Int128(check.cost) * Int128(policy.numbers.period), Int128(rate) * Int128(span.to - span.from))
  }

  /// The most that a key can owe when it was asked.
  private func mostOwed(_ charges: [Charge], _ policy: ChaosPolicy, _ numbers: Numbers, _ decided: Span) -> Int {
    switch policy.algorithm {
    case .tokenBucket:
      // What it owed when one began to look: as much as a bucket can.
      let start = decided.from - reach(policy)
      let full = Charge(span: Span(from: start, to: start), cost: history.largest(policy, in: .always).burst)
      let rates = history.smallest(policy, in: Span(from: start, to: decided.to))
      // Before the run nothing was charged.
      let isWhole = start < 0
      return bucketDebt(isWhole ? charges : charges + [full], rates, at: decided.from)
    case .slidingLog:
      let start = decided.from - numbers.period - millisecond
      return charges.reduce(0) { $0 + ($1.span.to >= start ? $1.cost : 0) }
    case .fixedWindow, .slidingWindow:
      // Windows that may hold the decision, and for the sliding one the window before: all of it.
      let windows = policy.algorithm == .fixedWindow ? 1 : 2
      let start = decided.from - windows * numbers.period - 100 * millisecond
      return charges.reduce(0) { $0 + ($1.span.to >= start ? $1.cost : 0) }
    }
  }

  /// The debt of a bucket that was charged as late as possible, and regained nothing that is not certain.
  private func bucketDebt(_ charges: [Charge], _ numbers: Numbers, at instant: Int) -> Int {
    var most = Int128(0)
    var sum = Int128(0)
    for charge in charges.sorted(by: { $0.span.to > $1.span.to }) {
      sum += Int128(charge.cost) * Int128(numbers.period) + charge.kept
      let time = max(0, instant - charge.span.to - millisecond)
      most = max(most, sum - Int128(numbers.limit) * Int128(time))
    }
    return Int((most + Int128(numbers.period) - 1) / Int128(numbers.period))
  }
}
