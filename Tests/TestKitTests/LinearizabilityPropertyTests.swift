// LinearizabilityPropertyTests.swift: histories from a generator: what was made by an order is accepted, by an order that
// holds; and with one answer changed so that no order can give it, refused.

import TestKit
import Testing

@Suite struct LinearizabilityPropertyTests {
  private static let capacities: [Int64] = [70, 40, 25]

  /// Calls by a sequential execution, with intervals stretched so that about `width` overlap. Call i takes effect at 10 i.
  private func history(_ count: Int, width: Int, lost: Int, _ generator: inout SeededGenerator) -> [Call] {
    let model = CounterModel(Self.capacities)
    var state = model.initial
    return (0..<count).map { index in
      let counters = [0, 1, 2].shuffled(using: &generator).prefix(Int.random(in: 1...2, using: &generator)).sorted()
      let cost: Int64 = generator.pick([0, 1, 1, 1, 2, 50])
      let input =
        Int.random(in: 0..<60, using: &generator) == 0
        ? CounterCall(reset: counters[0]) : CounterCall(counters.map { .init($0, cost) })
      let before = state
      state = model.next(state, input, nil) ?? state
      let isAllowed =
        input.isReset || cost == 0
        || input.parts.allSatisfy { before[$0.counter] + cost <= Self.capacities[$0.counter] }
      let left = input.isReset ? [] : counters.map { Optional(Self.capacities[$0] - state[$0]) }
      let reach = Int64(width) * 5
      let invoked = Int64(index) * 10 - Int64.random(in: 0...reach, using: &generator)
      if Int.random(in: 0..<1000, using: &generator) < lost { return Call(unanswered: invoked, input) }
      return Call(
        invoked, Int64(index) * 10 + Int64.random(in: 1...reach, using: &generator), input,
        CounterAnswer(isAllowed: isAllowed, left: left))
    }
  }

  /// Whether an order is one: each call once, none before one that was answered before it began, all answers right.
  private func holds(_ order: [Int], _ history: [Call], _ model: CounterModel) -> Bool {
    var state = model.initial
    var latest = Int64.min
    for place in order {
      guard history[place].answered >= latest else { return false }
      latest = max(latest, history[place].invoked)
      guard let next = model.next(state, history[place].input, history[place].output) else { return false }
      state = next
    }
    let answered = history.indices.filter { history[$0].output != nil }
    return Set(order).count == order.count && Set(order).isSuperset(of: answered)
  }

  @Test("an execution whose calls are stretched until they overlap has an order", arguments: [1, 4, 16, 48])
  func stretched(width: Int) {
    for seed in Seeds.of(0..<12 as Range<UInt64>) {
      var generator = SeededGenerator(seed: seed)
      let history = history(300, width: width, lost: seed % 2 == 0 ? 0 : 20, &generator)
      let model = CounterModel(Self.capacities)
      let found = Linearizability.check(history, model)
      guard let order = found.order else {
        Issue.record("seed \(seed), width \(width): \(found.failure ?? "")")
        continue
      }
      #expect(holds(order, history, model), "seed \(seed), width \(width)")
    }
  }

  @Test("with an answer that no order gives it has none", arguments: [1, 4, 16])
  func changed(width: Int) {
    for seed in Seeds.of(0..<12 as Range<UInt64>) {
      var generator = SeededGenerator(seed: seed)
      var history = history(200, width: width, lost: 0, &generator)
      // More than ever is left, an admission above the capacity, or a denial of nothing: certain whatever the order.
      let victims = history.indices.filter { !history[$0].input.isReset }
      let victim = generator.pick(victims)
      switch Int.random(in: 0..<3, using: &generator) {
      case 0: history[victim].output?.left[0] = 71
      case 1:
        history[victim].input.parts[0].cost = 71
        history[victim].output?.isAllowed = true
      default:
        for place in history[victim].input.parts.indices { history[victim].input.parts[place].cost = 0 }
        history[victim].output?.isAllowed = false
      }
      let found = Linearizability.check(history, CounterModel(Self.capacities))
      #expect(found.refusedAnswers != nil, "seed \(seed), width \(width), call \(victim): \(found)")
    }
  }

  @Test("charges that are told a number that another was told too have no order, however they overlap")
  func twice() {
    for seed in Seeds.of(0..<20 as Range<UInt64>) {
      var generator = SeededGenerator(seed: seed)
      let count = 40
      var history = (0..<count).map { index in
        call(0, 100, true, left: Int64(count - 1 - index))
      }.shuffled(using: &generator)
      #expect(Linearizability.check(history, CounterModel([Int64(count)])).order != nil, "seed \(seed)")
      let places = Array(history.indices.shuffled(using: &generator).prefix(2))
      history[places[0]].output = history[places[1]].output
      #expect(Linearizability.check(history, CounterModel([Int64(count)])).refusedAnswers == count, "seed \(seed)")
    }
  }

  /// Whether any order explains the rest, by trying all.
  private func anyOrder(_ history: [Call], _ rest: [Int], _ state: [Int64], _ model: CounterModel) -> Bool {
    if rest.allSatisfy({ history[$0].output == nil }) { return true }
    let due = rest.map { history[$0].answered }.min() ?? .max
    return rest.contains { place in
      guard history[place].invoked <= due else { return false }
      guard let next = model.next(state, history[place].input, history[place].output) else { return false }
      return anyOrder(history, rest.filter { $0 != place }, next, model)
    }
  }

  @Test("small histories, right and wrong, with calls that got no answer, are judged as by trying all orders")
  func allOrders() {
    let seeds = Seeds.of(0..<1500 as Range<UInt64>)
    var verdicts = [true: 0, false: 0]
    for seed in seeds {
      var generator = SeededGenerator(seed: seed)
      let model = CounterModel([4, 3], denialNumbers: generator.pick([.exact, .exact, .maybeOlder]))
      let history = (0..<7).map { _ -> Call in
        let counters = generator.pick([[0], [1], [0, 1]])
        var input = CounterCall(counters.map { .init($0, generator.pick([0, 1, 1, 2])) })
        if Int.random(in: 0..<8, using: &generator) == 0 { input = CounterCall(reset: counters[0]) }
        let invoked = Int64.random(in: 0..<20, using: &generator)
        if Int.random(in: 0..<3, using: &generator) == 0 { return Call(unanswered: invoked, input) }
        let numbers: [Int64?] = [nil, nil, nil, nil, nil, 1, 2, 3]
        let left = input.isReset ? [] : input.parts.map { _ in generator.pick(numbers) }
        let isAllowed = input.isReset || Int.random(in: 0..<6, using: &generator) > 0
        let answered = invoked + Int64.random(in: 0..<12, using: &generator)
        return Call(invoked, answered, input, CounterAnswer(isAllowed: isAllowed, left: left))
      }
      let expected = anyOrder(history, Array(history.indices), model.initial, model)
      let found = Linearizability.check(history, model)
      verdicts[expected, default: 0] += 1
      #expect((found.failure == nil) == expected, "seed \(seed): \(found)")
      if let order = found.order { #expect(holds(order, history, model), "seed \(seed)") }
    }
    #expect(verdicts.values.allSatisfy { $0 > seeds.count / 8 }, "\(verdicts)")
  }

  @Test("thousands of calls are decided, the parts of a history by themselves")
  func long() {
    var generator = SeededGenerator(seed: 1)
    let history = history(3000, width: 32, lost: 2, &generator)
    #expect(Linearizability.check(history, CounterModel(Self.capacities)).failure == nil)
    let parts = (0..<300).map { index -> Call in
      let begin = Int64(index)
      let answer = CounterAnswer(isAllowed: true, left: [Int64(99 - index / 7)])
      return Call(begin, begin + 30, CounterCall([.init(index % 7, 1)]), answer)
    }
    let model = CounterModel(Array(repeating: 100, count: 7))
    #expect(Linearizability.failures(parts, by: { $0.parts[0].counter }, model: { _ in model }) == [])
    let wrong = parts + [call(400, 401, true, left: 99)]
    let failures = Linearizability.failures(wrong, by: { $0.parts[0].counter }, model: { _ in model })
    #expect(failures.count == 1 && failures[0].hasPrefix("0: not linearizable"))
  }
}
