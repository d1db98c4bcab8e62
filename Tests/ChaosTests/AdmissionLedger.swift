// AdmissionLedger.swift: knows every check of a run, and says which were too many.
//
// Each admission was charged in one place: by Redis (each time that Redis forgot is a place of its own), in the memory of
// one process, or to the share that one process grants while Redis is away. In each place each key obeys its algorithm.
// A check is known by the span from sending to answer, and counts in an interval only if it certainly fell there; of
// numbers that may have been in force the largest hold. So whatever is reported is true, however busy the machine was.
//
// Left out: admissions of a policy that may have been in shadow mode or out of the set, or by `on_store_failure: allow`;
// in a cluster, checks over several slots that were degraded, since nobody tells which part was charged where.

struct AdmissionLedger {
  /// Where something was charged.
  enum Place: Hashable {
    case redis(epoch: Int)
    case memory(life: Int)
    case share(life: Int)
  }

  struct Counter: Hashable {
    var policy: String
    var user: String
    var place: Place
  }

  /// One admission at one counter: somewhere within `span`.
  struct Charge {
    var span: Span
    var cost: Int
    /// What a bucket kept of a charge that was given back: tokens times the period.
    var kept = Int128(0)
  }

  let history: ChaosHistory
  let checks: [ChaosCheck]

  init(history: ChaosHistory, checks: [ChaosCheck]) { (self.history, self.checks) = (history, checks) }

  /// Every counter that was charged beyond its bound: a sentence each.
  func excesses() -> [String] {
    let counters = counters()
    let order = counters.keys.sorted { "\($0)" < "\($1)" }
    return order.compactMap { counter in
      guard let policy = ChaosPolicy.all.first(where: { $0.name == counter.policy }), let charges = counters[counter]
      else { return nil }
      let bound = AdmissionBound(history: history, policy: policy, place: counter.place)
      return bound.excess(charges).map { "\(counter.policy) as \"\(counter.user)\" in \(counter.place): \($0)" }
    }
  }

  /// What certainly was charged, by counter.
  func counters() -> [Counter: [Charge]] {
    var counters: [Counter: [Charge]] = [:]
    for check in checks where check.isAllowed {
      for policy in check.policies where history.isEnforced(policy, in: check.span) {
        guard let place = place(of: check, policy) else { continue }
        var span = check.span
        if case .redis = place {} else { span = history.memoryDecision(check) }
        let counter = Counter(policy: policy.name, user: policy.isKeyed ? check.user : "", place: place)
        counters[counter, default: []].append(Charge(span: span, cost: check.cost))
      }
    }
    return counters
  }

  /// Where a check was charged for a policy; nil where that is not certain, or nothing was.
  private func place(of check: ChaosCheck, _ policy: ChaosPolicy) -> Place? {
    guard policy.isShared else { return .memory(life: check.life) }
    guard check.isDegraded else { return history.epoch(of: check).map { .redis(epoch: $0) } }
    guard policy.onFailure == .memory else { return nil }
    let isWhole = !history.isCluster || check.policies.count(where: \.isShared) == 1
    return isWhole ? .share(life: check.life) : nil
  }
}
