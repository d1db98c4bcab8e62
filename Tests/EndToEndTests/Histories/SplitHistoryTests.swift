// SplitHistoryTests.swift: what a check over two slots held and gave back explains the answers of others while it can
// have been held, and no longer: broken histories are refused.

import TestKit
import Testing

@Suite struct SplitHistoryTests {
  private static let millisecond: Int64 = 1_000_000

  /// A check of counters 0 and 1, each of capacity 10, or of counter 0 only; instants in milliseconds.
  private func check(
    _ counters: [Int], _ cost: Int64, at invoked: Int64, to answered: Int64, deniedBy denying: Set<Int>? = [],
    left: Int64? = nil
  ) -> SplitHistory.Seen {
    let answer = denying.map { CounterAnswer(isAllowed: $0.isEmpty, left: counters.map { $0 == 0 ? left : nil }) }
    return SplitHistory.Seen(
      call: CounterCall(counters.map { .init($0, cost) }), invoked: invoked * Self.millisecond,
      answered: answered * Self.millisecond,
      told: answer.flatMap { answer in denying.map { CheckTold(answer: answer, denying: $0) } })
  }

  /// Whether counter 0 has an order: 7 are spent there, then `seen`.
  private func hasOrder(_ seen: [SplitHistory.Seen]) -> Bool {
    let history = SplitHistory(
      seen: [check([0], 7, at: 0, to: 1, left: 3)] + seen, capacities: [10, 10], life: 5000 * Self.millisecond,
      cancelling: 100 * Self.millisecond)
    return Linearizability.check(history.history(of: 0), CounterModel([10, 10], denialNumbers: .maybeOlder)).failure
      == nil
  }

  @Test("what a denied check held denies others until shortly after its answer, and not later")
  func cancelled() {
    let holder = check([0, 1], 2, at: 10, to: 20, deniedBy: [1])
    let denied = { (time: Int64) in self.check([0], 2, at: time, to: time + 1, deniedBy: [0]) }
    #expect(!hasOrder([denied(15)]), "nobody holds anything")
    for time: Int64 in [15, 21, 119] { #expect(hasOrder([holder, denied(time)]), "at \(time) ms") }
    #expect(!hasOrder([holder, denied(5)]), "before it was asked")
    #expect(!hasOrder([holder, denied(200)]), "long after it was cancelled")
  }

  @Test("it is told as spent for as long, and not more than it was")
  func told() {
    let holder = check([0, 1], 2, at: 10, to: 20, deniedBy: [1])
    let look = { (time: Int64, left: Int64) in self.check([0], 0, at: time, to: time + 1, left: left) }
    for left: Int64 in [1, 3] { #expect(hasOrder([holder, look(15, left)]), "left \(left)") }
    for left: Int64 in [0, 4] { #expect(!hasOrder([holder, look(15, left)]), "left \(left)") }
    #expect(hasOrder([holder, look(200, 3)]))
    #expect(!hasOrder([holder, look(200, 1)]))
  }

  @Test("a check beyond the capacity holds nothing, nor one that was denied here, that was allowed, or of one slot")
  func holdsNothing() {
    let denied = check([0], 2, at: 15, to: 16, deniedBy: [0])
    #expect(!hasOrder([check([0, 1], 1000, at: 10, to: 20, deniedBy: [1]), denied]))
    #expect(!hasOrder([check([0, 1], 4, at: 10, to: 20, deniedBy: [0, 1]), denied]))
    #expect(!hasOrder([check([0], 4, at: 10, to: 20, deniedBy: [0]), denied]))
    #expect(
      !hasOrder([check([0, 1], 1, at: 10, to: 12, left: 2), check([0], 2, at: 15, to: 16, deniedBy: [0], left: 2)]))
  }

  @Test("a check without an answer holds for as long as a hold lives")
  func unanswered() {
    // It may have been counted, too: that makes the denial right at any time; a look tells that it was not.
    let lost = check([0, 1], 2, at: 10, to: 20, deniedBy: nil)
    let denied = { (time: Int64) in self.check([0], 2, at: time, to: time + 1, deniedBy: [0]) }
    let look = check([0], 0, at: 9000, to: 9001, left: 3)
    #expect(hasOrder([lost, denied(4000), look]))
    #expect(!hasOrder([lost, denied(6000), look, check([0], 3, at: 9002, to: 9003, left: 0)]))
  }

  @Test("the longest time in which nothing began or ended")
  func gap() {
    let seen = [check([0], 1, at: 0, to: 5), check([0], 1, at: 2, to: 30), check([0], 1, at: 12, to: 20)]
    #expect(SplitHistory.longestGap(seen) == 10 * Self.millisecond)
  }
}
