// SplitCheck.swift: the steps of one check whose counters live in several slots of a Redis cluster: all are charged, or
// none is.
//
// A part is what the check asks of one slot. All parts are held at the same time: a hold reserves the cost in its slot,
// so that every later check counts it as spent, and ends by itself at the end of the check's own time. Where all parts
// hold, all are confirmed at the same time, which turns each hold into a charge; only when all have confirmed is the
// check allowed. A denial cancels what was held and charges nothing, since nothing was confirmed. A part that does not
// answer fails the check: what was held, may be held, or was confirmed is cancelled, and `on_store_failure` decides. But
// a denial by another part stands beside it, unless the part that is missing fails closed.
//
// A confirmation always fits: whoever was allowed since the hold was made has counted it, and what a counter has in use
// never grows by itself. One that comes too late finds no hold and spends nothing. So no failure admits too much. A
// check that failed may leave a charge behind: where a part confirmed and its cancellation did not arrive in time.
//
// Pure: whoever drives it sends, keeps the deadline, and answers for a part that is late. The exhaustive model in the
// tests drives this very struct.

/// One check over two or more parts.
struct SplitCheck: Hashable, Sendable {
  /// What a part answered to the hold.
  enum Held: UInt8, Hashable, Sendable {
    case held
    /// The part allows and holds nothing: each of its charges is a shadow policy's that would have denied.
    case nothing
    case denied
    /// It did not answer, in time or at all: it may hold.
    case failed
    /// The same, and a policy of it enforces and fails closed: without it nothing is decided, whoever else denies.
    case failedClosed
  }

  /// What a part answered to the confirmation.
  enum Settled: UInt8, Hashable, Sendable {
    case done
    /// There is no such hold: nothing was spent.
    case gone
    /// It did not answer, in time or at all: it may have spent.
    case failed
  }

  /// What is to be done. Lists are of parts, ascending; whoever is to be cancelled is not waited for.
  enum Action: Hashable, Sendable {
    case wait
    case confirm([Int])
    case allow
    case deny(cancel: [Int])
    /// `on_store_failure` decides.
    case fail(cancel: [Int])
  }

  private enum Phase: UInt8 {
    case holding, confirming, over
  }

  private var phase = Phase.holding
  /// Of each part, in this phase or before it; nil until it answers.
  private var answers: [Held?] = []
  /// Parts that hold, or may.
  private var holding: [Int] = []
  /// Which of the parts in `holding` has confirmed, or is known not to.
  private var isSettled: [Bool] = []
  /// Answers of this phase that have not come.
  private var missing = 0
  private var isDenied = false
  private var hasFailed = false
  private var hasFailedClosed = false

  init(parts: Int) { start(parts: parts) }

  /// Begins another check. Once its arrays have grown it allocates nothing, as long as nobody keeps an action of the
  /// check before.
  mutating func start(parts: Int) {
    precondition(parts >= 2, "a check of one part needs no holds")
    answers.removeAll(keepingCapacity: true)
    holding.removeAll(keepingCapacity: true)
    isSettled.removeAll(keepingCapacity: true)
    for _ in 0..<parts {
      answers.append(nil)
      isSettled.append(false)
    }
    phase = .holding
    missing = parts
    isDenied = false
    hasFailed = false
    hasFailedClosed = false
  }

  /// Takes a part's answer to its hold: exactly one of each part.
  mutating func held(_ part: Int, _ answer: Held) -> Action {
    precondition(phase == .holding && answers[part] == nil, "a part answers its hold once")
    answers[part] = answer
    missing -= 1
    switch answer {
    case .held, .nothing: break
    case .denied: isDenied = true
    case .failed: hasFailed = true
    case .failedClosed: hasFailedClosed = true
    }
    guard missing == 0 else { return .wait }
    for part in answers.indices where mayHold(part) { holding.append(part) }
    phase = .over
    if hasFailedClosed { return .fail(cancel: holding) }
    if isDenied { return .deny(cancel: holding) }
    if hasFailed { return .fail(cancel: holding) }
    if holding.isEmpty { return .allow }
    phase = .confirming
    missing = holding.count
    return .confirm(holding)
  }

  private func mayHold(_ part: Int) -> Bool {
    switch answers[part] {
    case .held, .failed, .failedClosed: true
    case .nothing, .denied, nil: false
    }
  }

  /// Takes a part's answer to its confirmation: exactly one of each that was to be confirmed.
  mutating func confirmed(_ part: Int, _ answer: Settled) -> Action {
    precondition(
      phase == .confirming && answers[part] == .held && !isSettled[part], "a part answers its confirmation once")
    isSettled[part] = true
    missing -= 1
    if answer != .done { hasFailed = true }
    guard missing == 0 else { return .wait }
    phase = .over
    return hasFailed ? .fail(cancel: holding) : .allow
  }
}
