// SplitHistory.swift: a history of checks over two slots of a cluster, taken apart: the history of each counter by
// itself, in which a check takes effect when it is held.
//
// What a check holds that another counter then denies is given back, and may deny others meanwhile or be told as spent.
// Each call is told how much that can be at most: of the checks that were under way beside it, or had just been denied.

import TestKit

struct SplitHistory: Sendable {
  /// A check over one or two slots.
  struct Seen: Sendable {
    var call: CounterCall
    var invoked: Int64
    var answered: Int64
    /// Nil where there was no answer.
    var told: CheckTold?
  }

  var seen: [Seen]
  /// By counter.
  var capacities: [Int64]
  /// How long a hold lives at most of which nobody knows the end: `--redis-timeout`.
  var life: Int64
  /// How long after a denial it may take until what was held elsewhere is given back: nobody waits for that.
  var cancelling: Int64

  /// The longest time in which no call began or ended: for so long the machine may have stood still.
  static func longestGap(_ seen: [Seen]) -> Int64 {
    let instants = seen.flatMap { [$0.invoked, $0.answered] }.sorted()
    return zip(instants, instants.dropFirst()).map { $1 - $0 }.max() ?? 0
  }

  /// One counter's part of the history.
  func history(of counter: Int) -> CounterHistory {
    let here = seen.compactMap { check in check.call.parts.firstIndex { $0.counter == counter }.map { (check, $0) } }
    return here.enumerated().map { number, item in
      let (check, place) = item
      var part = check.call.parts[place]
      part.heldByOthers = here.enumerated().reduce(0) { sum, other in
        let holds = other.offset != number && mayHold(other.element.0, other.element.1, beside: check)
        return sum + (holds ? other.element.0.call.parts[other.element.1].cost : 0)
      }
      var call = CounterCall([part])
      guard let told = check.told else { return Operation(unanswered: check.invoked, call) }
      call.isDeniedElsewhere = !told.answer.isAllowed && !told.denying.contains(counter)
      let answer = CounterAnswer(isAllowed: told.answer.isAllowed, left: [told.answer.left[place]])
      return Operation(check.invoked, check.answered, call, answer)
    }
  }

  /// Whether a check may have held something in one of its parts, during another one, that it gave back.
  private func mayHold(_ check: Seen, _ place: Int, beside other: Seen) -> Bool {
    let part = check.call.parts[place]
    // What no counter has room for is never held.
    guard check.call.parts.count > 1, part.cost > 0, part.cost <= capacities[part.counter] else { return false }
    var end = check.answered + life
    if let told = check.told {
      guard !told.answer.isAllowed, !told.denying.contains(part.counter) else { return false }
      end = check.answered + cancelling
    }
    return check.invoked <= other.answered && other.invoked <= end
  }
}
