// SplitCheckTests.swift: what a check over several slots does after each answer. Its promises against other checks, lost
// messages and dying nodes are proven in SplitCheckModelTests.

import Testing

@testable import RedisStore

@Suite struct SplitCheckTests {
  @Test("a check is allowed only when every part has held and then every part has confirmed")
  func allowed() {
    var check = SplitCheck(parts: 2)
    #expect(check.held(1, .held) == .wait)
    #expect(check.held(0, .held) == .confirm([0, 1]))
    #expect(check.confirmed(1, .done) == .wait)
    #expect(check.confirmed(0, .done) == .allow)
  }

  @Test("a denial waits for the other parts, and cancels what holds or may hold")
  func denied() {
    var check = SplitCheck(parts: 4)
    #expect(check.held(2, .denied) == .wait)
    #expect(check.held(3, .failed) == .wait)
    #expect(check.held(1, .nothing) == .wait)
    #expect(check.held(0, .held) == .deny(cancel: [0, 3]), "what denied or holds nothing needs no cancellation")
  }

  @Test("a check that every part denies has nothing to cancel")
  func deniedEverywhere() {
    var check = SplitCheck(parts: 2)
    #expect(check.held(0, .denied) == .wait)
    #expect(check.held(1, .denied) == .deny(cancel: []))
  }

  @Test("a denial is an answer whatever failed beside it", arguments: [[0, 1], [1, 0]])
  func deniedAndFailed(order: [Int]) {
    let answers: [SplitCheck.Held] = [.failed, .denied]
    var check = SplitCheck(parts: 2)
    #expect(check.held(order[0], answers[order[0]]) == .wait)
    #expect(check.held(order[1], answers[order[1]]) == .deny(cancel: [0]))
  }

  @Test("but nothing is decided without a part that fails closed, whoever denies", arguments: [[0, 1, 2], [2, 1, 0]])
  func failedClosed(order: [Int]) {
    let answers: [SplitCheck.Held] = [.failedClosed, .denied, .held]
    var check = SplitCheck(parts: 3)
    #expect(check.held(order[0], answers[order[0]]) == .wait)
    #expect(check.held(order[1], answers[order[1]]) == .wait, "a denial waits for it")
    #expect(check.held(order[2], answers[order[2]]) == .fail(cancel: [0, 2]))
  }

  @Test("a part that does not answer its hold fails the check, and is cancelled too: it may hold")
  func failedToHold() {
    var check = SplitCheck(parts: 3)
    #expect(check.held(0, .failed) == .wait)
    #expect(check.held(1, .held) == .wait)
    #expect(check.held(2, .nothing) == .fail(cancel: [0, 1]))
  }

  @Test(
    "a part that does not confirm fails the check, and all that held is cancelled: a charge is taken back",
    arguments: [SplitCheck.Settled.gone, .failed], [[0, 2], [2, 0]])
  func failedToConfirm(answer: SplitCheck.Settled, order: [Int]) {
    var check = SplitCheck(parts: 3)
    _ = check.held(0, .held)
    _ = check.held(1, .nothing)
    #expect(check.held(2, .held) == .confirm([0, 2]))
    #expect(check.confirmed(order[0], answer) == .wait, "the others may still confirm: their answers come first")
    #expect(check.confirmed(order[1], .done) == .fail(cancel: [0, 2]))
  }

  @Test("parts that hold nothing are not confirmed; where none holds, the check is allowed at once")
  func nothingToHold() {
    var check = SplitCheck(parts: 2)
    #expect(check.held(0, .nothing) == .wait)
    #expect(check.held(1, .nothing) == .allow)
    check.start(parts: 2)
    #expect(check.held(0, .nothing) == .wait)
    #expect(check.held(1, .held) == .confirm([1]))
    #expect(check.confirmed(1, .done) == .allow)
  }

  @Test("a check that is started again has forgotten the one before, whatever became of it")
  func startedAgain() {
    var check = SplitCheck(parts: 3)
    _ = check.held(0, .denied)
    _ = check.held(1, .failed)
    _ = check.held(2, .failedClosed)
    check.start(parts: 2)
    #expect(check == SplitCheck(parts: 2))
    _ = check.held(0, .held)
    _ = check.held(1, .held)
    _ = check.confirmed(0, .gone)
    check.start(parts: 3)
    #expect(check == SplitCheck(parts: 3))
  }

  @Test("two answers of one part, or one nobody asked for, are our own fault, and end the process")
  func twice() async {
    await #expect(processExitsWith: .failure) {
      var check = SplitCheck(parts: 2)
      _ = check.held(0, .held)
      _ = check.held(0, .held)
    }
    await #expect(processExitsWith: .failure) {
      var check = SplitCheck(parts: 2)
      _ = check.held(0, .held)
      _ = check.held(1, .nothing)
      _ = check.confirmed(1, .done)
    }
    await #expect(processExitsWith: .failure) { _ = SplitCheck(parts: 1) }
  }

  /// Every combination of answers of three parts, in every order.
  @Test("whatever the order of the answers, the outcome is the same, comes with the last of them, and only once")
  func anyOrder() {
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]
    let kinds: [SplitCheck.Held] = [.held, .nothing, .denied, .failed, .failedClosed]
    for first in kinds {
      for second in kinds {
        for third in kinds {
          let answers = [first, second, third]
          let may = answers.indices.filter { ![.nothing, .denied].contains(answers[$0]) }
          let expected: SplitCheck.Action =
            if answers.contains(.failedClosed) {
              .fail(cancel: may)
            } else if answers.contains(.denied) {
              .deny(cancel: may)
            } else if answers.contains(.failed) {
              .fail(cancel: may)
            } else {
              may.isEmpty ? .allow : .confirm(may)
            }
          for order in orders {
            var check = SplitCheck(parts: 3)
            #expect(order.dropLast().allSatisfy { check.held($0, answers[$0]) == .wait })
            #expect(check.held(order[2], answers[order[2]]) == expected)
          }
        }
      }
    }
  }
}
