// Question.swift: a command of its own, apart from the checks: a sign of life, orders, or one key.

/// One command and who waits for its reply.
struct Question {
  /// In the form of the protocol.
  var command: [UInt8]
  /// What it calls; nil for a plain command.
  var script: Script?
  /// Some key of it: all of them are in one hash slot.
  var key: [UInt8]
  /// How often a node has sent it to another.
  var redirections = 0
  /// The node is to be told to let it in.
  var isAsking = false
  /// Called once: with a reply that is no error, good for that time, or with why there is none.
  var answer: (Result<Reply, WordFailure>) -> Void

  init(
    command: [UInt8], script: Script?, key: [UInt8], answer: @escaping (Result<Reply, WordFailure>) -> Void
  ) {
    self.command = command
    self.script = script
    self.key = key
    self.answer = answer
  }
}

/// Why a word with Redis about a key did not come to its end.
public struct WordFailure: Error, Sendable, Equatable {
  public var failure: RedisFailure
  /// One sentence or two without the last full stop: what happened, and what to do. Holds no secret.
  public var detail: String
  /// Whether what was asked for may have been done even so: it was sent, and no reply came.
  public var mayBeDone: Bool

  public init(_ failure: RedisFailure, _ detail: String, mayBeDone: Bool) {
    self.failure = failure
    self.detail = detail
    self.mayBeDone = mayBeDone
  }
}
