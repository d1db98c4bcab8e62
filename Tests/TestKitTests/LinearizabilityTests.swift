// LinearizabilityTests.swift: the search for an order, on small histories by hand and on many from a generator.

import TestKit
import Testing

typealias Call = Operation<CounterCall, CounterAnswer>

/// A check of cost 1 of the only counter, unless said otherwise.
func call(_ invoked: Int64, _ answered: Int64, cost: Int64 = 1, _ isAllowed: Bool, left: Int64?) -> Call {
  Call(invoked, answered, CounterCall([.init(0, cost)]), CounterAnswer(isAllowed: isAllowed, left: [left]))
}

func lost(_ invoked: Int64, cost: Int64 = 1) -> Call {
  Call(unanswered: invoked, CounterCall([.init(0, cost)]))
}

extension Linearizability {
  var order: [Int]? { if case .order(let order) = self { order } else { nil } }
  var refusedAnswers: Int? { if case .refused(_, let answers) = self { answers } else { nil } }
}

@Suite struct LinearizabilityTests {
  /// One counter of three.
  private func check(_ history: [Call]) -> Linearizability { .check(history, CounterModel([3])) }

  @Test("one after the other, and overlapping in either order")
  func explained() {
    #expect(check([]).order == [])
    #expect(check([call(0, 1, true, left: 2), call(2, 3, true, left: 1)]).order == [0, 1])
    // Invoked first, took effect second.
    #expect(check([call(0, 5, true, left: 1), call(1, 2, true, left: 2)]).order == [1, 0])
    // The order of the history does not count.
    #expect(check([call(2, 3, true, left: 1), call(0, 1, true, left: 2)]).order == [1, 0])
    // A long call that is explained by what others did meanwhile.
    #expect(
      check([
        call(0, 9, cost: 0, true, left: 1), call(1, 2, true, left: 2), call(3, 4, true, left: 1),
        call(5, 6, true, left: 0),
      ]).order == [1, 2, 0, 3])
  }

  @Test("instants that are equal overlap")
  func ties() {
    #expect(check([call(0, 1, true, left: 1), call(1, 2, true, left: 2)]).order == [1, 0])
    #expect(check([call(0, 1, true, left: 1), call(2, 3, true, left: 2)]).refusedAnswers == 1)
  }

  @Test("a lost update is refused: two calls were told the same")
  func lostUpdate() {
    #expect(check([call(0, 3, true, left: 2), call(1, 2, true, left: 2)]).refusedAnswers == 2)
  }

  @Test("a stale read is refused: a look does not see what was answered before it")
  func staleRead() {
    let stale = [call(0, 1, true, left: 2), call(2, 3, cost: 0, true, left: 3)]
    #expect(check(stale).refusedAnswers == 2)
    #expect(check([call(0, 2, true, left: 2), call(1, 3, cost: 0, true, left: 3)]).order == [1, 0])
    // Two looks that saw one change in opposite orders.
    let torn = [
      call(0, 9, true, left: 2), call(1, 2, cost: 0, true, left: 2), call(3, 4, cost: 0, true, left: 3),
    ]
    #expect(check(torn).refusedAnswers == 2)
  }

  @Test("a double admission is refused, and a denial without a reason")
  func wrongDecisions() {
    let three = (0..<3).map { call(Int64($0), 9, true, left: nil) }
    #expect(check(three + [call(4, 9, false, left: nil)]).order?.last == 3)
    #expect(check(three + [call(4, 9, true, left: nil)]).refusedAnswers == 4)
    #expect(check([call(0, 1, true, left: 2), call(2, 3, false, left: nil)]).refusedAnswers == 2)
    #expect(check([call(0, 1, cost: 4, false, left: 3)]).order == [0])
    #expect(check([call(0, 1, cost: 0, false, left: 3)]).refusedAnswers == 1)
  }

  @Test("an answer from the future is refused: it tells of a call that was not yet made")
  func future() {
    #expect(check([call(0, 1, true, left: 1), call(2, 3, true, left: 2)]).refusedAnswers == 1)
    #expect(check([call(0, 1, cost: 0, true, left: 2), call(2, 3, true, left: 2)]).refusedAnswers == 1)
  }

  @Test("a call without an answer may have taken effect, later than others, or never; but not before it was made")
  func unanswered() {
    #expect(check([lost(0), call(1, 2, true, left: 1)]).order == [0, 1])
    #expect(check([lost(0), call(1, 2, true, left: 2)]).order == [1])
    #expect(check([lost(0), call(1, 2, true, left: 2), call(3, 4, true, left: 0)]).order == [1, 0, 2])
    #expect(check([call(1, 2, true, left: 1), lost(3)]).refusedAnswers == 1)
    // Once only.
    #expect(check([lost(0), call(1, 2, true, left: 0)]).refusedAnswers == 1)
    #expect(check([lost(0), lost(0), call(1, 2, true, left: 0)]).order?.count == 3)
    // One that did not fit has no effect.
    #expect(check([lost(0, cost: 4), call(1, 2, true, left: 2)]).order == [1])
  }

  @Test("all or nothing: a check of two counters takes from both at one instant")
  func twoCounters() {
    func two(_ invoked: Int64, _ answered: Int64, _ costs: (Int64, Int64), _ left: (Int64, Int64)) -> Call {
      Call(
        invoked, answered, CounterCall([.init(0, costs.0), .init(1, costs.1)]),
        CounterAnswer(isAllowed: true, left: [left.0, left.1]))
    }
    let model = CounterModel([3, 3])
    #expect(Linearizability.check([two(0, 1, (1, 1), (2, 2))], model).order != nil)
    // A look that saw half of it.
    let half = [two(0, 9, (1, 1), (2, 2)), two(1, 8, (0, 0), (2, 3))]
    #expect(Linearizability.check(half, model).refusedAnswers == 1)
  }

  @Test("a reset empties the counter at one instant of its call")
  func reset() {
    func reset(_ invoked: Int64, _ answered: Int64) -> Call {
      Call(invoked, answered, CounterCall(reset: 0), CounterAnswer(isAllowed: true, left: []))
    }
    let spent = call(0, 1, cost: 3, true, left: 0)
    #expect(check([spent, reset(2, 5), call(3, 4, true, left: 2)]).order == [0, 1, 2])
    #expect(check([spent, reset(2, 5), call(3, 4, false, left: 0)]).order == [0, 2, 1])
    #expect(check([spent, reset(2, 3), call(4, 5, false, left: 0)]).refusedAnswers == 3)
  }

  @Test("what is given back is there again from one instant of its call on, and no more than was spent")
  func giveBack() {
    func giveBack(_ invoked: Int64, _ answered: Int64, cost: Int64) -> Call {
      Call(invoked, answered, CounterCall(giveBack: .init(0, cost)), CounterAnswer(isAllowed: true, left: []))
    }
    let spent = call(0, 1, cost: 3, true, left: 0)
    #expect(check([spent, giveBack(2, 5, cost: 2), call(3, 4, true, left: 1)]).order == [0, 1, 2])
    #expect(check([spent, giveBack(2, 5, cost: 2), call(3, 4, false, left: 0)]).order == [0, 2, 1])
    #expect(check([spent, giveBack(2, 3, cost: 2), call(4, 5, false, left: 0)]).refusedAnswers == 3)
    #expect(check([spent, giveBack(2, 3, cost: 2), call(4, 5, cost: 0, true, left: 3)]).refusedAnswers == 3)
    #expect(check([spent, giveBack(2, 3, cost: 4), call(4, 5, cost: 0, true, left: 3)]).order == [0, 1, 2])
  }

  @Test("remembered denials may tell older numbers, but are right; what others hold may deny, and is told as spent")
  func looser() {
    let older = [call(0, 1, cost: 2, true, left: 1), call(2, 3, cost: 2, false, left: 3)]
    #expect(check(older).refusedAnswers == 2)
    #expect(Linearizability.check(older, CounterModel([3], denialNumbers: .maybeOlder)).order == [0, 1])
    let wrong = [call(0, 1, true, left: 2), call(2, 3, cost: 2, false, left: 3)]
    #expect(Linearizability.check(wrong, CounterModel([3], denialNumbers: .maybeOlder)).refusedAnswers == 2)
    // Another counter denies: this one only tells.
    var beside = call(0, 1, false, left: 3)
    #expect(check([beside]).refusedAnswers == 1)
    beside.input.isDeniedElsewhere = true
    #expect(check([beside]).order == [0])
    func held(_ most: Int64, left: Int64) -> Call {
      Call(
        0, 1, CounterCall([.init(0, 2, heldByOthers: most)]), CounterAnswer(isAllowed: false, left: [left]))
    }
    #expect(check([held(2, left: 1)]).order == [0])
    #expect(check([held(1, left: 2)]).refusedAnswers == 1)
    #expect(check([held(2, left: 0)]).refusedAnswers == 1)
  }

  @Test("what is told is the shortest prefix without an order, and what stands in the way")
  func explanation() {
    let history = [
      call(0, 1000, true, left: 2), call(2000, 3000, true, left: 2), call(4000, 5000, true, left: 1),
      call(6000, 7000, false, left: 1),
    ]
    let failure = check(history).failure ?? ""
    #expect(check(history).refusedAnswers == 2)
    #expect(
      failure == """
        not linearizable, seen at answer 2:
        1 calls can be put in order; the last of them:
          [0–1 µs] check 1 of 0: allowed, left 2
        they leave [1], in which none of these open calls can be answered so:
          [2–3 µs] check 1 of 0: allowed, left 2
        """)
    // The second answer needs the long call, whose answer turns out wrong only later.
    let long = [call(0, 9, true, left: 0), call(1, 2, true, left: 1), call(3, 4, true, left: 1)]
    #expect(check(long).refusedAnswers == 2)
    let late = [call(0, 9, true, left: 3), call(1, 2, true, left: 1)]
    #expect(check(late).refusedAnswers == 2)
  }

  @Test("a search that is too long says that it does not know")
  func exhausted() {
    // Eleven of ten, all at once, without numbers and all different: every order would have to be tried.
    let history = (0..<24).map { index in
      Call(
        0, 9, CounterCall([.init(0, Int64(1) << Int64(index))]), CounterAnswer(isAllowed: true, left: [nil]))
    }
    let model = CounterModel([(1 << 24) - 2])
    guard case .undecided = Linearizability.check(history, model, configurations: 1000) else {
      Issue.record("decided")
      return
    }
  }
}
