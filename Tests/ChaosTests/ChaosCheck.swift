// ChaosCheck.swift: one check of a chaos run, and all that its client knows of it.

struct ChaosCheck: Sendable {
  /// How a check was not answered.
  enum Failure: String, Sendable {
    /// Nobody listened.
    case refused
    /// The connection ended before the answer.
    case closed
    /// No answer within the client's patience, which is far beyond any that weir promises.
    case timedOut
    /// 503 for a connection beyond the bound.
    case full
    /// An answer that is none of 200, 429 and 503, or no HTTP.
    case senseless
  }

  enum Outcome: Sendable, Equatable {
    case allowed
    /// With the policies that deny.
    case denied(by: [String])
    /// 503: a policy refuses to guess.
    case undecided
    case failed(Failure)
  }

  var client = 0
  var weir: Int
  /// Of this weir: each start makes a new one.
  var life: Int
  var path: String
  var user: String
  var cost: Int
  var sent: Int
  var answered: Int
  var outcome: Outcome
  var isDegraded = false
  /// What the answer says of the binding policy.
  var limit: Int?
  var remaining: Int?
  /// When its connection was made, and when it last carried an answer.
  var connected = 0
  var lastUsed = 0

  var span: Span { Span(from: sent, to: answered) }
  var policies: [ChaosPolicy] { ChaosPolicy.matching(path) }

  var isAllowed: Bool { outcome == .allowed }

  /// For a message: everything needed to find it again.
  var text: String {
    "client \(client), weir \(weir) (life \(life)), \(path) as \(user), cost \(cost), sent at \(seconds(sent)), "
      + "\(outcome)\(isDegraded ? ", degraded" : "") after \(seconds(answered - sent))"
  }
}
