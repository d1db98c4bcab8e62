// AnswerForm.swift: what is remembered of a request until its check is decided: nothing of its bytes.

import CheckAPI
import HTTP1
import Limiting
import Policies

/// How one check is to be answered.
struct AnswerForm {
  enum Form {
    /// - Parameter denyStatus: What the query asked for.
    case gateway(denyStatus: Int?, isHead: Bool)
    case json
  }

  var form: Form
  /// The rules that matched the check. The charges number their policies.
  var rules: Rules

  /// Writes the answer, and says with which status.
  ///
  /// - Parameters:
  ///   - charges: At least one: a check that nothing matches is answered at once.
  ///   - redisUnix: See `Answer`.
  func write(
    _ charges: borrowing [Charge], _ outcome: CheckOutcome, _ style: AnswerStyle, at now: Now,
    redisUnix: Int64? = nil, after: Afterwards, to out: inout ResponseBuffer
  ) -> Int {
    let answer = Answer(style, rules.set, at: now, redisUnix: redisUnix, after: after)
    switch form {
    case .gateway(let denyStatus, let isHead):
      return answer.writeGateway(charges, outcome, denyStatus: denyStatus, isHead: isHead, to: &out)
    case .json:
      let domain = rules.set.policies[Int(charges[0].policy)].domain
      return answer.writeJSON(charges, outcome, domain: domain.utf8.span, to: &out)
    }
  }
}
