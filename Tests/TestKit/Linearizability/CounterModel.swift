// CounterModel.swift: counters that regain nothing, each with a capacity: what any policy is whose period is longer than
// the history. A check takes from several counters at once, or from none.
//
// Time does not occur. It is written without the arithmetic of `Limiting`: a number for each counter.

/// A check of some counters, or the reset of one, or what was taken from one given back.
public struct CounterCall: Hashable, Sendable, CustomStringConvertible {
  /// What is taken from one counter.
  public struct Part: Hashable, Sendable {
    public var counter: Int
    public var cost: Int64
    /// What others may hold there at the time, and give back: checks over two slots of a cluster do.
    public var heldByOthers: Int64

    public init(_ counter: Int, _ cost: Int64, heldByOthers: Int64 = 0) {
      self.counter = counter
      self.cost = cost
      self.heldByOthers = heldByOthers
    }
  }

  public var parts: [Part]
  /// The counters are emptied instead.
  public var isReset: Bool
  /// The costs are put back instead, as far as they are spent: a reset may have come between.
  public var isGiveBack = false
  /// Counters that are not among `parts` deny it; these only tell what they have.
  public var isDeniedElsewhere = false

  public init(_ parts: [Part]) {
    self.parts = parts
    isReset = false
  }

  public init(reset counter: Int) {
    parts = [Part(counter, 0)]
    isReset = true
  }

  public init(giveBack part: Part) {
    self.init([part])
    isGiveBack = true
  }

  public var description: String {
    let list = parts.map { part in
      isReset
        ? "\(part.counter)"
        : "\(part.cost) of \(part.counter)" + (part.heldByOthers > 0 ? " (≤ \(part.heldByOthers) held)" : "")
    }
    return (isReset ? "reset " : isGiveBack ? "give back " : "check ") + list.joined(separator: " and ")
      + (isDeniedElsewhere ? ", denied elsewhere" : "")
  }
}

/// What a call was told.
public struct CounterAnswer: Hashable, Sendable, CustomStringConvertible {
  public var isAllowed: Bool
  /// Of each part, in order; nil where that was not told.
  public var left: [Int64?]

  public init(isAllowed: Bool, left: [Int64?]) {
    self.isAllowed = isAllowed
    self.left = left
  }

  public var description: String {
    (isAllowed ? "allowed" : "denied") + ", left " + left.map { $0.map { "\($0)" } ?? "?" }.joined(separator: " and ")
  }
}

public struct CounterModel: SequentialModel, Sendable {
  /// How exact the numbers of a denied check are, also those of counters that did not deny it.
  public enum DenialNumbers: Sendable {
    /// Those of the instant at which it was decided.
    case exact
    /// Those, or older ones: the denial of a moment ago was remembered. It is right even so, since nothing is regained.
    case maybeOlder
  }

  /// By counter.
  public var capacities: [Int64]
  public var denialNumbers: DenialNumbers

  public init(_ capacities: [Int64], denialNumbers: DenialNumbers = .exact) {
    self.capacities = capacities
    self.denialNumbers = denialNumbers
  }

  /// What each counter has spent.
  public var initial: [Int64] { capacities.map { _ in 0 } }

  public func next(_ spent: [Int64], _ call: CounterCall, _ answer: CounterAnswer?) -> [Int64]? {
    var next = spent
    if call.isReset {
      for part in call.parts { next[part.counter] = 0 }
      return next
    }
    if call.isGiveBack {
      for part in call.parts { next[part.counter] = max(0, next[part.counter] - part.cost) }
      return next
    }
    for part in call.parts { next[part.counter] += part.cost }
    // Cost 0 fits everywhere.
    let fits = call.parts.allSatisfy { $0.cost == 0 || next[$0.counter] <= capacities[$0.counter] }
    guard let answer else { return fits ? next : spent }
    if answer.isAllowed {
      return fits && isRight(answer, call, after: next) ? next : nil
    }
    let isDenied =
      call.isDeniedElsewhere
      || call.parts.contains {
        $0.cost > 0 && next[$0.counter] + $0.heldByOthers > capacities[$0.counter]
      }
    return isDenied && isRight(answer, call, after: spent) ? spent : nil
  }

  public func changesNothing(_ call: CounterCall, _ answer: CounterAnswer) -> Bool {
    !call.isReset && (!answer.isAllowed || call.parts.allSatisfy { $0.cost == 0 })
  }

  /// Who was told of the most that is left was probably first, and can soon not be told so any more.
  public func urgency(_ call: CounterCall, _ answer: CounterAnswer) -> Int64 {
    answer.left.reduce(0) { max($0, $1 ?? 0) }
  }

  private func isRight(_ answer: CounterAnswer, _ call: CounterCall, after spent: [Int64]) -> Bool {
    zip(call.parts, answer.left).allSatisfy { part, told in
      guard let told else { return true }
      let left = capacities[part.counter] - spent[part.counter]
      let isOlder = !answer.isAllowed && denialNumbers == .maybeOlder
      return told >= max(0, left - part.heldByOthers) && told <= (isOlder ? capacities[part.counter] : left)
    }
  }
}
