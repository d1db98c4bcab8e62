// SplitModelNodes.swift: what the nodes of the model do: the scripts, replication, and the ends of holds.

@testable import RedisStore

/// Nodes by the rules of one scenario. A node runs one script at a time.
struct SplitModelNodes {
  let scenario: SplitScenario
  /// The least number of ticks after the answer at which a cancellation came after the mark's end.
  private(set) var soonestTooLate: UInt8?

  init(_ scenario: SplitScenario) { self.scenario = scenario }

  func delivered(_ before: SplitState, _ check: Int, _ slot: Int, toCopy: Bool) -> SplitState {
    var state = before
    let request = state[check, slot].request
    state[check, slot].request = .none
    let isOver = state[check].isOver
    let reply = account(&state, slot, toCopy: toCopy, check) { account, fits in
      switch request {
      case .hold where scenario.flaw == .chargesThenGivesBack:
        account.isCharged = fits
        return fits ? .held : .denied
      case .hold:
        guard fits else { return .denied }
        account.hold = .held
        account.left = SplitScenario.deadline
        return .held
      case .charge:
        account.isCharged = fits
        return fits ? .allowed : .denied
      case .confirm:
        if account.hold == .mark || scenario.flaw == .chargesThenGivesBack { return .done }
        guard account.hold == .held || scenario.flaw == .confirmsWithoutHold else { return .gone }
        account.isCharged = true
        account.hold = .mark
        account.left += scenario.markLife
        return .done
      case .none: return .none
      }
    }
    // Whoever lets a check spend has removed the holds that it did not count: none of them comes back.
    if reply == .held || reply == .allowed, scenario.flaw != .endedHoldsStay { removeEnded(&state, slot, toCopy) }
    if request == .hold, isOver { state[check, slot].isLate = true }
    if state[check, slot].isAwaited { state[check, slot].reply = reply }
    return state
  }

  private func removeEnded(_ state: inout SplitState, _ slot: Int, _ inCopy: Bool) {
    for check in 0..<2 {
      if inCopy {
        if state[check, slot].copy.hold == .ended { state[check, slot].copy.hold = .none }
      } else if state[check, slot].node.hold == .ended {
        state[check, slot].node.hold = .none
      }
    }
  }

  mutating func cancelled(_ before: SplitState, _ check: Int, _ slot: Int, atCopy: Bool) -> SplitState {
    var state = before
    var cancel = SplitLeg.Cancel.done
    _ = account(&state, slot, toCopy: atCopy, check) { account, _ in
      if account.hold == .mark || scenario.flaw == .chargesThenGivesBack { account.isCharged = false }
      if account.isCharged { cancel = .tooLate }
      account.hold = .none
      account.left = 0
      return .none
    }
    state[check, slot].cancel = cancel
    if cancel == .tooLate { soonestTooLate = min(soonestTooLate ?? .max, state[check].since) }
    return state
  }

  /// Runs a script on what a node keeps: of this check, and whether its cost fits beside what the other has.
  private func account(
    _ state: inout SplitState, _ slot: Int, toCopy: Bool, _ check: Int,
    _ script: (inout SplitAccount, Bool) -> SplitLeg.Reply
  ) -> SplitLeg.Reply {
    let other = toCopy ? state[1 - check, slot].copy : state[1 - check, slot].node
    var own = toCopy ? state[check, slot].copy : state[check, slot].node
    let isCounted = other.isCharged || (other.hold == .held && scenario.flaw != .holdsAreNotCounted)
    let fits = scenario.costs[check] + (isCounted ? scenario.costs[1 - check] : 0) <= scenario.limits[slot]
    let reply = script(&own, fits)
    if toCopy { state[check, slot].copy = own } else { state[check, slot].node = own }
    return reply
  }

  /// The replica misses what happens from here on; nil where no node may fail (any more).
  func stopped(_ before: SplitState, _ slot: Int) -> SplitState? {
    guard !scenario.faults.isDisjoint(with: [.deadNode, .splitBrain]), before.replicas == (.follows, .follows) else {
      return nil
    }
    var state = before
    state.setReplica(slot, .stopped)
    for check in 0..<2 { state[check, slot].copy = state[check, slot].node }
    return state
  }

  func promoted(_ before: SplitState, _ slot: Int) -> SplitState {
    var state = before
    state.setReplica(slot, .promoted)
    for check in 0..<2 {
      let leg = before[check, slot]
      state[check, slot].isLost = leg.node.isCharged && !leg.copy.isCharged
      state[check, slot].node = leg.copy
      state[check, slot].copy = SplitAccount()
    }
    return state
  }

  /// The time of a hold or a mark is over.
  func end(_ account: inout SplitAccount) {
    account.left = 0
    switch account.hold {
    case .held where scenario.flaw == .holdsNeverEnd: account.left = 1
    case .held where scenario.faults.contains(.clockBack): account.hold = .ended
    case .ended: break
    default: account.hold = .none
    }
  }

  func age(_ account: inout SplitAccount) {
    guard account.left > 0 else { return }
    account.left -= 1
    if account.left == 0 { end(&account) }
  }
}
