// SplitModelSteps.swift: everything that can happen next in a state of the model.
//
// The weirs are driven by the real `SplitCheck`; its values are numbered, so that a state names one by its number and
// each of its steps is computed once.

@testable import RedisStore

/// What happened between two states.
enum SplitStep: UInt8 {
  case asked, weirDies, tick, replyArrives, connectionBreaks
  case requestArrives, requestArrivesUnreplicated, requestArrivesAtCopy
  case cancellationArrives, cancellationArrivesUnreplicated, cancellationArrivesAtCopy, cancellationLost
  case replicaTakesOver, clockLeapsAhead, clockStepsBack
}

/// The rules of one scenario.
struct SplitModelSteps {
  let scenario: SplitScenario
  private(set) var nodes: SplitModelNodes
  private var machines: [SplitCheck] = [SplitCheck(parts: 2)]
  private var numbers: [SplitCheck: UInt8] = [SplitCheck(parts: 2): 0]
  private var known: [Input: (machine: UInt8, action: SplitCheck.Action)] = [:]
  /// A check was answered twice: no state says so, since a state has one answer.
  private(set) var answeredTwice = false
  /// The same of one that was denied though it fails closed and a part had not answered.
  private(set) var deniedUndecided = false
  /// Machines that lack such an answer. Each keeps its answers, so that no other has its number.
  private var incomplete: Set<UInt8> = []
  private struct Input: Hashable {
    var machine: UInt8
    var part: Int
    var reply: SplitLeg.Reply
    var isConfirming: Bool
  }

  init(_ scenario: SplitScenario) {
    self.scenario = scenario
    nodes = SplitModelNodes(scenario)
  }

  /// Hands every next state to `next`, with what happened.
  mutating func all(from state: SplitState, _ next: (SplitState, SplitStep) -> Void) {
    for check in 0..<2 {
      if state[check].weir == .notAsked { next(asked(state, check), .asked) }
      if scenario.faults.contains(.deadWeir), state[check].weir == .running, !state[check].isOver {
        next(died(state, check), .weirDies)
      }
      for (part, slot) in scenario.slots[check].enumerated() { legs(state, check, part, slot, next) }
    }
    for slot in 0..<2 { events(state, slot, next) }
    if let later = tick(state) { next(later, .tick) }
  }

  // MARK: - Weirs

  private func asked(_ before: SplitState, _ check: Int) -> SplitState {
    var state = before
    state[check].weir = .running
    state[check].left = SplitScenario.deadline
    let isSplit = scenario.slots[check].count > 1
    for slot in scenario.slots[check] {
      state[check, slot].request = isSplit ? .hold : .charge
      state[check, slot].isAwaited = true
    }
    return state
  }

  private func died(_ before: SplitState, _ check: Int) -> SplitState {
    var state = before
    state[check].weir = .dead
    state[check].left = 0
    silence(&state, check)
    return state
  }

  /// Nobody waits for a reply any more.
  private func silence(_ state: inout SplitState, _ check: Int) {
    for slot in 0..<2 {
      state[check, slot].isAwaited = false
      state[check, slot].reply = .none
    }
  }

  /// A part's answer reaches its weir; `.none` is that none came.
  private mutating func take(
    _ state: inout SplitState, _ check: Int, _ part: Int, _ slot: Int, _ reply: SplitLeg.Reply
  ) {
    state[check, slot].isAwaited = false
    state[check, slot].reply = .none
    if scenario.flaw == .forgetsFailures, reply == .none {
      state[check].left = 0
      return
    }
    guard scenario.slots[check].count > 1 else {
      return answer(&state, check, reply == .allowed ? .allowed : reply == .denied ? .denied : .failed)
    }
    let input = Input(
      machine: state[check].machine, part: part, reply: reply, isConfirming: state[check].isConfirming)
    let step = step(input)
    state[check].machine = step.machine
    if scenario.failsClosed, incomplete.contains(step.machine), case .deny = step.action { deniedUndecided = true }
    switch step.action {
    case .wait: break
    case .confirm(let parts):
      state[check].isConfirming = true
      for part in parts {
        state[check, scenario.slots[check][part]].request = .confirm
        state[check, scenario.slots[check][part]].isAwaited = true
      }
      if scenario.flaw == .allowsAfterHolding { answer(&state, check, .allowed) }
    case .allow: answer(&state, check, .allowed)
    case .deny(let parts):
      answer(&state, check, .denied)
      cancel(&state, check, parts)
    case .fail(let parts):
      answer(&state, check, .failed)
      cancel(&state, check, parts)
    }
  }

  private mutating func step(_ input: Input) -> (machine: UInt8, action: SplitCheck.Action) {
    if let step = known[input] { return step }
    var machine = machines[Int(input.machine)]
    let action: SplitCheck.Action
    if input.isConfirming {
      action = machine.confirmed(
        input.part, input.reply == .done ? .done : input.reply == .gone ? .gone : .failed)
    } else {
      let closed = scenario.failsClosed && scenario.flaw != .deniesUndecided
      let none: SplitCheck.Held = closed ? .failedClosed : .failed
      action = machine.held(input.part, input.reply == .held ? .held : input.reply == .denied ? .denied : none)
    }
    let number = numbers[machine] ?? UInt8(machines.count)
    if numbers[machine] == nil {
      precondition(machines.count < 128, "a state has 7 bits for the machine")
      numbers[machine] = number
      machines.append(machine)
    }
    if incomplete.contains(input.machine) || (input.reply == .none && !input.isConfirming) {
      incomplete.insert(number)
    }
    known[input] = (number, action)
    return (number, action)
  }

  private mutating func answer(_ state: inout SplitState, _ check: Int, _ answer: SplitDecision.Answer) {
    if state[check].answer != .none { answeredTwice = true }
    state[check].answer = answer
    state[check].left = 0
    silence(&state, check)
  }

  private func cancel(_ state: inout SplitState, _ check: Int, _ parts: [Int]) {
    for part in parts {
      let slot = scenario.slots[check][part]
      switch scenario.flaw {
      case .neverCancels: break
      case .confirmsInsteadOfCancelling: state[check, slot].request = .confirm
      default: state[check, slot].cancel = .underWay
      }
    }
  }

  // MARK: - What is under way

  private mutating func legs(
    _ state: SplitState, _ check: Int, _ part: Int, _ slot: Int, _ next: (SplitState, SplitStep) -> Void
  ) {
    let leg = state[check, slot]
    // After a split brain began, either master may be the one that is reached.
    let reachesCopy = scenario.faults.contains(.splitBrain) && state.replica(slot) == .stopped
    if leg.request != .none {
      next(nodes.delivered(state, check, slot, toCopy: false), .requestArrives)
      if let state = nodes.stopped(state, slot) {
        next(nodes.delivered(state, check, slot, toCopy: false), .requestArrivesUnreplicated)
      }
      if reachesCopy { next(nodes.delivered(state, check, slot, toCopy: true), .requestArrivesAtCopy) }
    }
    if leg.cancel == .underWay {
      if leg.request == .none || scenario.faults.contains(.overtaking) {
        next(nodes.cancelled(state, check, slot, atCopy: false), .cancellationArrives)
        if let state = nodes.stopped(state, slot) {
          next(nodes.cancelled(state, check, slot, atCopy: false), .cancellationArrivesUnreplicated)
        }
        if reachesCopy { next(nodes.cancelled(state, check, slot, atCopy: true), .cancellationArrivesAtCopy) }
      }
      if scenario.faults.contains(.lostCancellation) {
        var after = state
        after[check, slot].cancel = .lost
        next(after, .cancellationLost)
      }
    }
    if leg.isAwaited, leg.reply != .none {
      var after = state
      take(&after, check, part, slot, leg.reply)
      next(after, .replyArrives)
    }
    if leg.isAwaited, scenario.faults.contains(.brokenConnection) {
      var after = state
      take(&after, check, part, slot, .none)
      next(after, .connectionBreaks)
    }
  }

  // MARK: - Nodes

  private func events(_ state: SplitState, _ slot: Int, _ next: (SplitState, SplitStep) -> Void) {
    if state.replica(slot) == .stopped { next(nodes.promoted(state, slot), .replicaTakesOver) }
    if scenario.faults.contains(.clockAhead), state[0, slot].node.left + state[1, slot].node.left > 0 {
      var after = state
      for check in 0..<2 { nodes.end(&after[check, slot].node) }
      next(after, .clockLeapsAhead)
    }
    if scenario.faults.contains(.clockBack), (0..<2).contains(where: { state[$0, slot].node.hold == .ended }) {
      var after = state
      for check in 0..<2 where state[check, slot].node.hold == .ended {
        after[check, slot].node.hold = .held
        after[check, slot].node.left = SplitScenario.deadline
      }
      next(after, .clockStepsBack)
    }
  }

  // MARK: - Time

  /// The next tick; nil where nothing depends on time any more.
  private mutating func tick(_ before: SplitState) -> SplitState? {
    var state = before
    for check in 0..<2 {
      for slot in 0..<2 {
        nodes.age(&state[check, slot].node)
        nodes.age(&state[check, slot].copy)
      }
      if state[check].isOver {
        if state[check].since < SplitScenario.deadline { state[check].since += 1 }
      } else if state[check].left > 0 {
        state[check].left -= 1
        if state[check].left == 0 { deadline(&state, check) }
      }
    }
    return state.key == before.key ? nil : state
  }

  private mutating func deadline(_ state: inout SplitState, _ check: Int) {
    for (part, slot) in scenario.slots[check].enumerated() where state[check, slot].isAwaited {
      take(&state, check, part, slot, .none)
    }
  }
}
