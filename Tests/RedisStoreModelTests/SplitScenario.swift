// SplitScenario.swift: what one search of the model begins with: limits, checks, and which faults may happen.

/// Two checks, two slots, and what may go wrong.
struct SplitScenario: Sendable, CustomStringConvertible {
  /// Ticks of a decision deadline: two, so that there is a moment within it.
  static let deadline: UInt8 = 2

  /// Of the counter in each slot; nothing is regained meanwhile, which is the worst case.
  var limits = [1, 1]
  /// The slots of each check, in the order of its parts.
  var slots = [[0, 1], [0, 1]]
  var costs = [1, 1]
  var faults: SplitFaults = []
  /// Whether each part fails closed, so that no check is decided without it.
  var failsClosed = false
  var flaw = Flaw.none
  /// Ticks by which the mark of a confirmed hold outlives the hold: less than a deadline, as a long deadline may be longer
  /// than that time.
  var markLife: UInt8 = 1

  /// A wrong protocol, to see that the model notices.
  enum Flaw: CaseIterable, Sendable {
    case none
    /// Answers when all hold, and confirms afterwards.
    case allowsAfterHolding
    case confirmsInsteadOfCancelling
    case holdsNeverEnd
    /// Spends at the first step; a denial gives back.
    case chargesThenGivesBack
    /// Decides by what is spent alone.
    case holdsAreNotCounted
    /// Spends also where the hold has ended.
    case confirmsWithoutHold
    case neverCancels
    /// Waits for ever for a part that does not answer.
    case forgetsFailures
    /// Does not count an ended hold, and does not remove it when it lets another check spend.
    case endedHoldsStay
    /// Takes parts that fail closed for others.
    case deniesUndecided
  }

  /// Checks that differ in nothing: states that differ only in which is which are one.
  var isSymmetric: Bool { slots[0] == slots[1] && costs[0] == costs[1] }

  var description: String {
    let names = SplitFaults.names.filter { faults.contains($0.fault) }.map(\.name)
    return
      "limits \(limits), slots \(slots), costs \(costs), \(failsClosed ? "fails closed, " : "")\(names.isEmpty ? "no faults" : names.joined(separator: " + "))"
      + (flaw == .none ? "" : ", flaw: \(flaw)")
  }
}

/// What may go wrong, as often as it likes; but only one node fails in a search, and that once.
///
/// Two things need no step of their own, since every promise is held against every state: a request or a reply that is
/// lost is one that stays under way, and a node that dies without losing anything is one from which nothing arrives.
struct SplitFaults: OptionSet, Sendable {
  let rawValue: UInt16

  /// A cancellation vanishes.
  static let lostCancellation = SplitFaults(rawValue: 1)
  /// A weir is told that a connection has ended while its request is still under way.
  static let brokenConnection = SplitFaults(rawValue: 2)
  /// A cancellation overtakes what was sent before it, on a new connection.
  static let overtaking = SplitFaults(rawValue: 4)
  /// Either weir dies, or both.
  static let deadWeir = SplitFaults(rawValue: 8)
  /// A node dies, and the replica that takes over lacks everything since some moment.
  static let deadNode = SplitFaults(rawValue: 16)
  /// A master goes on answering whoever still asks it after its replica was promoted; then its writes are lost.
  static let splitBrain = SplitFaults(rawValue: 32)
  /// A node's clock leaps ahead: all holds end at once.
  static let clockAhead = SplitFaults(rawValue: 64)
  /// A node's clock steps back: holds that had ended and were not removed live again.
  static let clockBack = SplitFaults(rawValue: 128)

  static let network: SplitFaults = [.lostCancellation, .brokenConnection, .overtaking]

  static let names: [(fault: SplitFaults, name: String)] = [
    (.lostCancellation, "lost cancellations"), (.brokenConnection, "broken connections"), (.overtaking, "overtaking"),
    (.deadWeir, "dead weirs"), (.deadNode, "a dead node"), (.splitBrain, "split brain"),
    (.clockAhead, "clocks leap ahead"), (.clockBack, "clocks step back"),
  ]
}
