// Linearizability.swift: whether a history of concurrent calls could have come from calls made one after the other, each
// at one instant between its invocation and its answer.
//
// LinearSearch.swift looks for such an order. Where there is none, the shortest prefix of the history without one is
// found by bisection: what has an order has one when its end is cut off. In a prefix, calls that are open at its end
// count as unanswered.
//
// Sources: Herlihy and Wing, "Linearizability" (1990); Wing and Gong, "Testing and verifying concurrent objects" (1993);
// Lowe, "Testing for linearizability" (2017); Horn and Kroening, "Faster linearizability checking via
// P-compositionality" (2015).

/// The answer of a check.
public enum Linearizability: Sendable {
  /// One order that explains all answers, as places in the history. Calls without an answer stand in it if they took
  /// effect.
  case order([Int])
  /// There is none. `text` says so for people; `answers` counts those in the shortest prefix without an order.
  case refused(text: String, answers: Int)
  /// More configurations than were allowed: nobody knows. `text` says how far it came.
  case undecided(text: String)

  /// Configurations that a search may visit. Good histories of thousands of calls need one a call; in a debug build, on a
  /// busy machine, this many take a quarter of a minute.
  public static let configurations = 50_000

  /// Nil where there is an order; else what to tell.
  public var failure: String? {
    switch self {
    case .order: nil
    case .refused(let text, _): text
    case .undecided(let text): text
    }
  }

  /// Checks a history.
  ///
  /// - Parameter history: In any order.
  public static func check<Model: SequentialModel>(
    _ history: [Operation<Model.Input, Model.Output>], _ model: Model, configurations: Int = Self.configurations
  ) -> Linearizability {
    var search = LinearSearch(history, model, configurations: configurations)
    switch search.run() {
    case .found: return .order(search.order)
    case .exhausted:
      return .undecided(text: "not decided within \(configurations) configurations:\n" + search.explanation)
    case .none: break
    }
    // The search knew all answers and came no further than this one. With fewer answers it may come further, not less
    // far: so no shorter prefix is without an order.
    let instants = history.map(\.answered).filter { $0 < .max }.sorted()
    func searched(to instant: Int64) -> (isRefused: Bool, text: String) {
      let prefix = history.compactMap { $0.asKnown(at: instant) }
      var search = LinearSearch(prefix, model, configurations: configurations)
      return (search.run() == .none, search.explanation)
    }
    var low = instants.firstIndex { $0 >= search.furthest } ?? 0
    var high = instants.count - 1
    var text = search.explanation
    while low < high {
      // Mostly the first one is it.
      let middle = low + (high - low) / 16
      let shorter = searched(to: instants[middle])
      if shorter.isRefused { high = middle } else { low = middle + 1 }
      if shorter.isRefused { text = shorter.text }
    }
    if instants[high] == instants.last { text = searched(to: instants[high]).text }
    let answers = instants.count { $0 <= instants[high] }
    return .refused(text: "not linearizable, seen at answer \(answers):\n" + text, answers: answers)
  }

  /// Checks the parts of a history that have nothing to do with each other, as calls about different keys: a history has
  /// an order exactly if each part has one. What is told names the part.
  public static func failures<Model: SequentialModel, Part: Hashable>(
    _ history: [Operation<Model.Input, Model.Output>], by part: (Model.Input) -> Part, model: (Part) -> Model
  ) -> [String] {
    Dictionary(grouping: history) { part($0.input) }.compactMap { part, operations in
      check(operations, model(part)).failure.map { "\(part): \($0)" }
    }
  }
}
