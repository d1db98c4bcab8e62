// SplitCheckModelTests.swift: checks over several slots keep their promises, whatever the order of events and whatever
// fails. Every state that two checks over two slots can reach is visited, with the real `SplitCheck` in each weir.
//
// What is explored: every order in which requests, cancellations and replies arrive; a hold's end, each check's deadline;
// each weir's death at every step; a node's death at every step, with nothing lost or with everything since any moment;
// a master that answers on after its replica was promoted; cancellations that are lost or overtake what was sent before
// them; connections that break; clocks that leap ahead or step back.
//
// What can remain of a check that failed (its weir did not get all answers by its deadline, or died): no hold longer than
// a deadline after, or a deadline from when the hold reached its node, if that was later. A charge only in a slot whose
// node carried out the confirmation, so only once all slots had held the check, and only where the cancellation
//   * was lost or is still under way;
//   * came after the mark's end (never sooner after the answer than marks outlive holds, unless the node's clock leapt);
//   * was never sent, since the weir died;
//   * was carried out by a node that died, and is missing at the replica.
// It is at most the check's own cost in each such slot, and counts against the limit: too little is admitted, never too
// much. A check of one slot that failed may have been charged, as with one Redis.
//
// A check that was answered denied never has a charge, in any state.
//
// What the model leaves out: more than two checks, slots and node deaths; limits that are regained meanwhile, which only
// makes room; how a node finds a hold, which the tests of the scripts prove.

import Foundation
import Testing

@Suite struct SplitCheckModelTests {
  /// Searches a scenario, says how much it saw, and expects every promise kept.
  @discardableResult
  private func prove(_ scenario: SplitScenario) -> SplitSearch {
    let search = SplitSearch(scenario)
    print("split check model: \(scenario): \(search.states) states, \(search.transitions) transitions")
    for (promise, path) in search.broken { Issue.record("\(scenario): \(promise) broken by \(path)") }
    return search
  }

  @Test(
    "without faults every order of events keeps the promises",
    arguments: [
      ([1, 1], [1, 1]), ([1, 2], [1, 1]), ([2, 2], [1, 1]), ([1, 2], [1, 2]), ([2, 2], [2, 1]),
    ], [[[0, 1], [0, 1]], [[0, 1], [1, 0]], [[0, 1], [1]]])
  func orders(numbers: ([Int], [Int]), slots: [[Int]]) {
    let search = prove(SplitScenario(limits: numbers.0, slots: slots, costs: numbers.1))
    #expect(search.leftBehind.isSubset(of: [.tooLate, .none]))
    #expect(search.mostLost == 0)
  }

  @Test(
    "each kind of fault keeps the promises",
    arguments: [
      SplitFaults.lostCancellation, [.brokenConnection, .overtaking], .deadWeir, .deadNode, [.clockAhead, .clockBack],
    ])
  func faults(faults: SplitFaults) {
    let search = prove(SplitScenario(limits: [1, 2], faults: faults))
    #expect(search.mostLost == (faults == .deadNode ? 1 : 0), "only what a node lost is admitted again")
    if faults == .lostCancellation { #expect(search.leftBehind.contains(.lost)) }
    if faults == .deadNode { #expect(search.leftBehind.contains(.done)) }
  }

  @Test(
    "checks that fail closed keep the promises, and are not denied where a part does not answer",
    arguments: [[], [.brokenConnection, .overtaking], .deadNode] as [SplitFaults])
  func failsClosed(faults: SplitFaults) {
    let search = prove(SplitScenario(limits: [1, 2], faults: faults, failsClosed: true))
    #expect(search.outcomes.contains { $0.second == .denied || $0.first == .denied }, "where all answer")
  }

  @Test("all faults together keep the promises, against a check of one slot")
  func together() {
    let search = prove(
      SplitScenario(slots: [[0, 1], [0]], faults: [.network, .deadWeir, .splitBrain, .clockAhead]))
    #expect(search.mostLost == 1)
  }

  private static let large = [
    SplitScenario(limits: [1, 2], faults: .network),
    SplitScenario(limits: [1, 2], slots: [[0, 1], [1, 0]], faults: .network),
    SplitScenario(limits: [1, 2], slots: [[0, 1], [1, 0]], faults: .splitBrain),
    SplitScenario(limits: [1, 2], faults: [.splitBrain, .deadWeir]),
    SplitScenario(limits: [1, 2], faults: [.splitBrain, .lostCancellation]),
    SplitScenario(limits: [1, 2], faults: [.network, .deadWeir, .clockAhead]),
  ]

  /// Minutes, and some gigabytes.
  @Test(
    "more faults at a time keep the promises, against a check of two slots",
    .enabled(if: ProcessInfo.processInfo.environment["WEIR_LARGE_MODEL"] != nil, "takes minutes: set WEIR_LARGE_MODEL"),
    arguments: large)
  func moreFaults(scenario: SplitScenario) { prove(scenario) }

  @Test("two checks that fit are both allowed, unless an answer is late")
  func fitting() {
    let search = SplitSearch(SplitScenario(limits: [2, 2]))
    #expect(search.outcomes.contains(.init(first: .allowed, second: .allowed)))
    #expect(!search.outcomes.contains { $0.first == .denied || $0.second == .denied })
  }

  @Test("of two checks of which one fits, one is allowed or, where their holds cross, none")
  func crossing() {
    let search = SplitSearch(SplitScenario())
    #expect(search.outcomes.contains(.init(first: .denied, second: .denied)))
    #expect(search.outcomes.contains(.init(first: .allowed, second: .denied)))
    #expect(!search.outcomes.contains(.init(first: .allowed, second: .allowed)))
  }

  @Test(
    "a cancellation is too late only after the time by which a mark outlives its hold", arguments: [UInt8(0), 1, 2])
  func marks(life: UInt8) {
    let search = SplitSearch(SplitScenario(slots: [[0, 1], [0]], faults: .network, markLife: life))
    #expect(search.soonestTooLate == life, "with no such time, one that is sent at the deadline races with its end")
    #expect(search.broken.isEmpty)
  }

  private static func flawed(
    _ flaw: SplitScenario.Flaw, _ limits: [Int], _ faults: SplitFaults = []
  ) -> SplitScenario {
    SplitScenario(limits: limits, faults: faults, flaw: flaw)
  }

  private static let flaws: [(SplitScenario, SplitPromise)] = [
    (flawed(.allowsAfterHolding, [1, 1]), .neverTooMuch),
    (flawed(.allowsAfterHolding, [1, 1]), .allowedIsCharged),
    (flawed(.confirmsInsteadOfCancelling, [2, 1]), .denialChargesNothing),
    (flawed(.confirmsInsteadOfCancelling, [2, 1]), .denialIsForgotten),
    (flawed(.holdsNeverEnd, [2, 1]), .denialIsForgotten),
    (flawed(.holdsNeverEnd, [2, 2]), .failureHoldsNothing),
    (flawed(.holdsNeverEnd, [1, 1], .lostCancellation), .comesToRest),
    (flawed(.chargesThenGivesBack, [2, 1]), .denialIsForgotten),
    (flawed(.chargesThenGivesBack, [2, 2]), .failureLeavesNoMore),
    (flawed(.holdsAreNotCounted, [1, 1]), .neverTooMuch),
    (flawed(.confirmsWithoutHold, [1, 1], .clockAhead), .neverTooMuch),
    (flawed(.neverCancels, [1, 1]), .failureLeavesNoMore),
    (flawed(.forgetsFailures, [1, 1]), .oneAnswer),
    (flawed(.endedHoldsStay, [1, 1], [.clockAhead, .clockBack]), .neverTooMuch),
    (SplitScenario(limits: [1, 1], failsClosed: true, flaw: .deniesUndecided), .undecidedIsNotDenied),
  ]

  /// The model would notice.
  @Test("a wrong protocol breaks the promise that it should", arguments: flaws)
  func wrongProtocols(scenario: SplitScenario, promise: SplitPromise) {
    #expect(SplitSearch(scenario, until: promise).broken[promise] != nil)
  }
}
