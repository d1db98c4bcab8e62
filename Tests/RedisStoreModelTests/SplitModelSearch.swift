// SplitModelSearch.swift: visits every state that a scenario can reach, once each, and holds the promises against it.

/// What the protocol promises.
enum SplitPromise: Hashable, CaseIterable {
  /// Answered allowed is no more than the limit, but for charges that a node took with it when it died.
  case neverTooMuch
  /// Allowed is charged in every slot, but for the same.
  case allowedIsCharged
  /// A denied check never has a charge.
  case denialChargesNothing
  /// One deadline after its denial, a check has neither charge nor hold. (A hold that reached its node only after the
  /// answer is seen for at most one deadline from then.)
  case denialIsForgotten
  /// One deadline after its failure, or its weir's death, a check has no hold; the same exception.
  case failureHoldsNothing
  /// A charge of a failed check is left only where `SplitCheckModelTests` says.
  case failureLeavesNoMore
  /// An answer to each check whose weir lives, and only one.
  case oneAnswer
  /// A check that fails closed is not denied where a part of it did not answer.
  case undecidedIsNotDenied
  /// Nothing is under way or held where nothing can happen any more.
  case comesToRest
}

/// The result of a search.
struct SplitSearch {
  private(set) var states = 0
  private(set) var transitions = 0
  /// Each broken promise with one of the shortest ways to break it.
  private(set) var broken: [SplitPromise: [String]] = [:]
  /// Pairs of answers at rest.
  private(set) var outcomes: Set<Outcome> = []
  /// A charge of a failed check was left, by what became of its cancellation.
  private(set) var leftBehind: Set<SplitLeg.Cancel> = []
  /// The least number of ticks after the answer at which a cancellation came after the mark's end.
  private(set) var soonestTooLate: UInt8?
  /// The most that was answered allowed above a limit, all of it lost by a node.
  private(set) var mostLost = 0

  struct Outcome: Hashable {
    var first: SplitDecision.Answer
    var second: SplitDecision.Answer
  }

  private let scenario: SplitScenario
  private var queue: [SplitState] = [SplitState()]
  private var parents: [(parent: Int32, step: SplitStep)] = [(-1, .tick)]
  private var seen: Set<SplitState.Key> = [SplitState().key]

  /// - Parameter wanted: Stop as soon as this promise is broken.
  init(_ scenario: SplitScenario, until wanted: SplitPromise? = nil) {
    self.scenario = scenario
    var steps = SplitModelSteps(scenario)
    var index = 0
    while index < queue.count, wanted.map({ broken[$0] == nil }) ?? true {
      let state = queue[index]
      examine(state, index)
      let before = transitions
      steps.all(from: state) { next, step in
        transitions += 1
        let key = scenario.isSymmetric ? min(next.key, next.mirrored) : next.key
        if seen.insert(key).inserted {
          queue.append(next)
          parents.append((Int32(index), step))
        }
      }
      if steps.answeredTwice { note(.oneAnswer, index) }
      if steps.deniedUndecided { note(.undecidedIsNotDenied, index) }
      if transitions == before { examineRest(state, index) }
      index += 1
    }
    states = queue.count
    soonestTooLate = steps.nodes.soonestTooLate
    queue = []
    parents = []
    seen = []
  }

  private mutating func note(_ promise: SplitPromise, _ index: Int) {
    guard broken[promise] == nil else { return }
    var path: [String] = []
    var at = index
    while at > 0 {
      path.append("\(parents[at].step)")
      at = Int(parents[at].parent)
    }
    broken[promise] = path.reversed()
  }

  // MARK: - Every state

  private mutating func examine(_ state: SplitState, _ index: Int) {
    for slot in 0..<2 {
      var allowed = 0
      var lost = 0
      for check in 0..<2 where state[check].answer == .allowed && scenario.slots[check].contains(slot) {
        let leg = state[check, slot]
        // With two masters, what only the old one knows is as good as lost.
        let isDoomed = state.replica(slot) == .stopped && scenario.faults.contains(.splitBrain) && !leg.copy.isCharged
        let isLost = leg.isLost || isDoomed
        if isLost { lost += scenario.costs[check] } else { allowed += scenario.costs[check] }
        if !isLost, !leg.node.isCharged, !leg.copy.isCharged { note(.allowedIsCharged, index) }
      }
      if allowed > scenario.limits[slot] { note(.neverTooMuch, index) }
      mostLost = max(mostLost, allowed + lost - scenario.limits[slot])
    }
    for check in 0..<2 where state[check].isOver {
      for slot in scenario.slots[check] { examine(state, index, check, slot) }
    }
  }

  private mutating func examine(
    _ state: SplitState, _ index: Int, _ check: Int, _ slot: Int
  ) {
    let decision = state[check]
    let leg = state[check, slot]
    let isCharged = leg.node.isCharged || leg.copy.isCharged
    // A clock that steps back lengthens holds: then nothing is promised about their end.
    let isHeld =
      !leg.isLate && !scenario.faults.contains(.clockBack) && (leg.node.hold == .held || leg.copy.hold == .held)
    let isPast = decision.since == SplitScenario.deadline
    switch decision.answer {
    case .allowed: break
    case .denied:
      if isCharged { note(.denialChargesNothing, index) }
      if isPast, isCharged || isHeld { note(.denialIsForgotten, index) }
    case .failed, .none:
      if isPast, isHeld { note(.failureHoldsNothing, index) }
      if isCharged, !mayKeepCharge(state, check, slot) { note(.failureLeavesNoMore, index) }
    }
  }

  /// Whether a check that failed may have a charge in a slot, which is said in `SplitCheckModelTests`.
  private mutating func mayKeepCharge(_ state: SplitState, _ check: Int, _ slot: Int) -> Bool {
    let decision = state[check]
    let cancel = state[check, slot].cancel
    if cancel != .underWay { leftBehind.insert(cancel) }
    // Of one slot only: the reply to its one call came too late, or not at all.
    if scenario.slots[check].count == 1 { return true }
    guard decision.isConfirming else { return false }
    if decision.weir == .dead { return true }
    switch cancel {
    case .underWay, .lost, .tooLate: return true
    case .done: return state.replica(slot) != .follows
    case .none: return false
    }
  }

  // MARK: - At rest

  private mutating func examineRest(_ state: SplitState, _ index: Int) {
    outcomes.insert(Outcome(first: state.first.answer, second: state.second.answer))
    for check in 0..<2 {
      if !state[check].isOver { note(.oneAnswer, index) }
      for slot in 0..<2 {
        let leg = state[check, slot]
        if leg.request != .none || leg.cancel == .underWay || leg.node.hold == .held { note(.comesToRest, index) }
      }
    }
  }
}
