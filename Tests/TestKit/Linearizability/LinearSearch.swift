// LinearSearch.swift: the search for an order: Wing and Gong's, with Lowe's memory of configurations.
//
// Of the calls that are open before the first answer that is still unexplained, one is taken at a time, if the model may
// answer it so; where none can be taken the last choice is undone. A configuration (which calls were taken, and the
// state) that was seen before is not entered again. Three things keep the search short, and lose no order:
//
// * A call that changes nothing is taken as soon as its answer is right, and that choice is never undone: later it would
//   leave the same states.
// * Of open calls with the same input and the same answer, the one that was answered first goes first: they can change
//   places.
// * Calls without an answer are kept apart, by input: of equal ones the oldest goes first. Only their number counts. One
//   is taken only right before a call that needs it: where the two could change places, they will.

/// One search. Use once.
struct LinearSearch<Model: SequentialModel> {
  enum Result { case found, none, exhausted }

  private enum Choice {
    case answered(Int)
    /// The next of a class of unanswered calls.
    case unanswered(Int)
  }

  /// A configuration on the way, and what can be done in it.
  private struct Node {
    var state: Model.State
    var choices: [Choice]
    /// Classes of the unanswered calls that were taken since the last answered one, and the state before them.
    var block: [Int]
    var origin: Model.State
    var tried = 0
    /// Its only choice is as good as any.
    var isForced = false
  }

  private struct Configuration: Hashable {
    /// Words of `taken` before this one are full.
    var base: Int
    var words: [UInt64]
    var unanswered: [Int]
    /// What may follow depends on it.
    var block: [Int]
    var state: Model.State
  }

  private typealias Call = Operation<Model.Input, Model.Output>

  private let model: Model
  private let history: [Call]
  /// Places in the history of answered calls, by invocation; what follows is in this order.
  private let calls: [Int]
  private let classes: [Int]
  private let classCount: Int
  /// The calls by answer.
  private let byAnswer: [Int]
  /// Places in the history of unanswered calls, by class, each by invocation.
  private let unanswered: [[Int]]

  private var taken: [UInt64]
  private var takenCount = 0
  /// Calls before this one are taken.
  private var firstOpen = 0
  /// As `firstOpen`, in `byAnswer`.
  private var firstDue = 0
  private var unansweredTaken: [Int]
  private var seen: Set<Configuration> = []
  private let limit: Int
  private var path: [Node] = []
  private var steps: [Choice] = []

  /// The latest of the answers at which the search stood still.
  private(set) var furthest = Int64.min
  private var furthestText: [String] = []

  init(_ history: [Operation<Model.Input, Model.Output>], _ model: Model, configurations: Int) {
    self.model = model
    self.history = history
    limit = configurations
    let calls = history.indices.filter { history[$0].output != nil }
      .sorted { (history[$0].invoked, $0) < (history[$1].invoked, $1) }
    self.calls = calls
    var known: [Pair: Int] = [:]
    classes = calls.map { place in
      let pair = Pair(input: history[place].input, output: history[place].output)
      let number = known[pair] ?? known.count
      known[pair] = number
      return number
    }
    classCount = known.count
    byAnswer = calls.indices.sorted { (history[calls[$0]].answered, $0) < (history[calls[$1]].answered, $1) }
    let open = history.indices.filter { history[$0].output == nil }
    unanswered = Dictionary(grouping: open) { history[$0].input }.values
      .map { $0.sorted { history[$0].invoked < history[$1].invoked } }.sorted { $0[0] < $1[0] }
    taken = Array(repeating: 0, count: (calls.count + 63) / 64)
    unansweredTaken = Array(repeating: 0, count: unanswered.count)
  }

  private struct Pair: Hashable {
    var input: Model.Input
    var output: Model.Output?
  }

  /// The calls taken, as places in the history.
  var order: [Int] {
    var counts = Array(repeating: 0, count: unanswered.count)
    return steps.map { step in
      switch step {
      case .answered(let index): return calls[index]
      case .unanswered(let number):
        counts[number] += 1
        return unanswered[number][counts[number] - 1]
      }
    }
  }

  mutating func run() -> Result {
    var (state, block, origin) = (model.initial, [Int](), model.initial)
    while takenCount < calls.count {
      path.append(node(state, block, origin))
      while let node = path.last {
        if node.tried < node.choices.count, !(node.isForced && node.tried > 0) {
          path[path.count - 1].tried += 1
          let choice = node.choices[node.tried]
          guard let next = next(node.state, choice) else { continue }
          take(choice)
          (block, origin) = ([], next)
          if case .unanswered(let number) = choice { (block, origin) = (node.block + [number], node.origin) }
          if node.isForced || seen.insert(configuration(next, block)).inserted {
            state = next
            break
          }
          untake()
        } else {
          if !node.isForced { noteStandstill(node) }
          path.removeLast()
          if path.isEmpty { return .none }
          untake()
        }
      }
      if seen.count > limit { return .exhausted }
    }
    return .found
  }

  // MARK: choices

  /// Open calls, the first to be answered first; of unanswered ones those that would change the state.
  private func node(_ state: Model.State, _ block: [Int], _ origin: Model.State) -> Node {
    var node = Node(state: state, choices: [], block: block, origin: origin)
    let due = history[calls[byAnswer[firstDue]]].answered
    var best = [Int: Int]()
    var index = firstOpen
    while index < calls.count, history[calls[index]].invoked <= due {
      defer { index += 1 }
      guard !isTaken(index) else { continue }
      let call = history[calls[index]]
      if let output = call.output, model.changesNothing(call.input, output),
        model.next(state, call.input, output) != nil
      {
        if !isSooner(.answered(index), node) {
          node.choices = [.answered(index)]
          node.isForced = true
        }
        return node
      }
      if let other = best[classes[index]], history[calls[other]].answered <= call.answered { continue }
      best[classes[index]] = index
    }
    let ranked = best.values.map { index in
      let call = history[calls[index]]
      return (-(call.output.map { model.urgency(call.input, $0) } ?? 0), call.answered, index)
    }
    let sorted = ranked.sorted { $0 < $1 }.map { $0.2 }
    node.choices = sorted.map { Choice.answered($0) }
    for (number, open) in unanswered.enumerated() where unansweredTaken[number] < open.count {
      let call = history[open[unansweredTaken[number]]]
      guard call.invoked <= due, let next = model.next(state, call.input, nil), next != state else { continue }
      node.choices.append(.unanswered(number))
    }
    if !block.isEmpty { node.choices = node.choices.filter { !isSooner($0, node) } }
    return node
  }

  /// Whether a call could as well be taken before one of the unanswered calls that were taken just now: then that order
  /// is looked at, and not this one. Of two unanswered calls the order by class is looked at.
  private func isSooner(_ choice: Choice, _ node: Node) -> Bool {
    guard let after = next(node.state, choice) else { return false }
    for left in node.block.indices {
      if case .unanswered(let number) = choice, number >= node.block[left] { continue }
      var others = node.block
      let last = others.remove(at: left)
      var state: Model.State? = node.origin
      for number in others { state = state.flatMap { model.next($0, input(number), nil) } }
      if let swapped = state.flatMap({ next($0, choice) }), model.next(swapped, input(last), nil) == after {
        return true
      }
    }
    return false
  }

  private func input(_ number: Int) -> Model.Input { history[unanswered[number][0]].input }

  private func next(_ state: Model.State, _ choice: Choice) -> Model.State? {
    switch choice {
    case .answered(let index):
      let call = history[calls[index]]
      return model.next(state, call.input, call.output)
    case .unanswered(let number):
      return model.next(state, input(number), nil)
    }
  }

  // MARK: taking

  private func isTaken(_ index: Int) -> Bool { taken[index / 64] & (1 << UInt64(index % 64)) != 0 }

  private mutating func take(_ choice: Choice) {
    steps.append(choice)
    switch choice {
    case .unanswered(let number): unansweredTaken[number] += 1
    case .answered(let index):
      taken[index / 64] |= 1 << UInt64(index % 64)
      takenCount += 1
      while firstOpen < calls.count, isTaken(firstOpen) { firstOpen += 1 }
      while firstDue < calls.count, isTaken(byAnswer[firstDue]) { firstDue += 1 }
    }
  }

  private mutating func untake() {
    switch steps.removeLast() {
    case .unanswered(let number): unansweredTaken[number] -= 1
    case .answered(let index):
      taken[index / 64] &= ~(1 << UInt64(index % 64))
      takenCount -= 1
      firstOpen = min(firstOpen, index)
      // It was due at its answer, or earlier ones are.
      while firstDue > 0, history[calls[byAnswer[firstDue - 1]]].answered >= history[calls[index]].answered {
        firstDue -= 1
      }
      while firstDue < calls.count, isTaken(byAnswer[firstDue]) { firstDue += 1 }
    }
  }

  private func configuration(_ state: Model.State, _ block: [Int]) -> Configuration {
    let base = firstOpen / 64
    var end = taken.count
    while end > base, taken[end - 1] == 0 { end -= 1 }
    return Configuration(
      base: base, words: Array(taken[base..<end]), unanswered: unansweredTaken, block: block, state: state)
  }

  // MARK: what to tell

  /// No choice led on: this far, and no further.
  private mutating func noteStandstill(_ node: Node) {
    let due = history[calls[byAnswer[firstDue]]].answered
    guard due > furthest else { return }
    furthest = due
    let begin = history.map(\.invoked).min() ?? 0
    func line(_ call: Call) -> String {
      let end = call.answered < .max ? "\((call.answered - begin) / 1000)" : "…"
      let output = call.output.map { "\($0)" } ?? "no answer"
      return "  [\((call.invoked - begin) / 1000)–\(end) µs] \(call.input): \(output)"
    }
    let order = order
    furthestText = ["\(order.count) calls can be put in order; the last of them:"]
    furthestText += order.suffix(6).map { line(history[$0]) }
    furthestText += ["they leave \(node.state), in which none of these open calls can be answered so:"]
    let open = calls.indices.filter { !isTaken($0) && history[calls[$0]].invoked <= due }.map { history[calls[$0]] }
    furthestText += open.sorted { $0.answered < $1.answered }.prefix(12).map { line($0) }
    if open.count > 12 { furthestText.append("  and \(open.count - 12) more") }
    let lost = unanswered.indices.map { unanswered[$0].count - unansweredTaken[$0] }.reduce(0, +)
    if lost > 0 { furthestText.append("nor does any of \(lost) unanswered calls help") }
  }

  /// Of a search that found no order: where it came no further.
  var explanation: String { furthestText.joined(separator: "\n") }
}
