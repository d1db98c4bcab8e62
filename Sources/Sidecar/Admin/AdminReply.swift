// AdminReply.swift: the answer to an operator.

import CheckAPI
import HTTP1

/// A page, or a problem.
enum AdminReply {
  /// - headers: Complete lines, each with its end, besides those that every page has.
  case page(status: Int = 200, type: StaticString, headers: StaticString = "", body: String)
  case health(Health)
  case refused(Refusal)

  /// JSON, with a newline for people who ask with curl.
  static func json(_ text: String, status: Int = 200) -> AdminReply {
    .page(status: status, type: "application/json", body: text + "\n")
  }

  /// Writes it, and says with which status.
  func write(isHead: Bool, _ after: Afterwards, to out: inout ResponseBuffer) -> Int {
    switch self {
    case .page(let status, let type, let headers, let body):
      ErrorAnswer.write(
        status: status, type: type, headers: headers, body: body.utf8.span, isHead: isHead, after: after, to: &out)
      return status
    case .health(let health):
      return HealthPage.write(health, isHead: isHead, after: after, to: &out)
    case .refused(let refusal):
      ErrorAnswer.write(refusal, isHead: isHead, after: after, to: &out)
      return refusal.status
    }
  }
}
