// Operation.swift: what was asked of something shared, what it answered, and when; and the model that says which answers
// are right where one asks after the other.

/// One call in a history. Instants are of one clock for all; equal instants count as overlapping.
public struct Operation<Input: Hashable & Sendable, Output: Hashable & Sendable>: Sendable {
  public var invoked: Int64
  /// `Int64.max` where no answer came: the call may have taken effect at any time since, or never.
  public var answered: Int64
  public var input: Input
  /// Nil where no answer came.
  public var output: Output?

  public init(_ invoked: Int64, _ answered: Int64, _ input: Input, _ output: Output) {
    self.invoked = invoked
    self.answered = answered
    self.input = input
    self.output = output
  }

  /// A call that was never answered.
  public init(unanswered invoked: Int64, _ input: Input) {
    self.invoked = invoked
    answered = .max
    self.input = input
  }

  /// The call as it stood at an instant: without its answer where that came later.
  func asKnown(at instant: Int64) -> Self? {
    if invoked > instant { return nil }
    return answered <= instant ? self : Self(unanswered: invoked, input)
  }
}

/// A thing that is asked by one after the other.
public protocol SequentialModel<Input, Output> {
  associatedtype State: Hashable
  associatedtype Input: Hashable & Sendable
  associatedtype Output: Hashable & Sendable

  var initial: State { get }

  /// The state that a call leaves; nil where it may not be answered so in `state`.
  ///
  /// - Parameter output: Nil where nobody saw the answer: then any answer will do.
  func next(_ state: State, _ input: Input, _ output: Output?) -> State?

  /// Whether a call with this answer leaves every state as it was in which it may be answered so. False is always safe;
  /// true makes the search short.
  func changesNothing(_ input: Input, _ output: Output) -> Bool

  /// Of open calls the one with the most is tried first; among equals, the one that was answered first. Any number is
  /// right; a good one makes the search short where many calls could be next.
  func urgency(_ input: Input, _ output: Output) -> Int64
}

extension SequentialModel {
  public func urgency(_ input: Input, _ output: Output) -> Int64 { 0 }
}
