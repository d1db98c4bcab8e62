// HealthPage.swift: /healthz and /readyz, for kubelets and load balancers.

import CheckAPI
import HTTP1

enum HealthPage {
  /// Writes 200, or 503 with the reason, and says which.
  static func write(_ health: Health, isHead: Bool, after: Afterwards, to out: inout ResponseBuffer) -> Int {
    switch health {
    case .ok:
      ErrorAnswer.write(
        status: 200, type: "text/plain; charset=utf-8", body: "ok\n".utf8.span, isHead: isHead, after: after, to: &out)
      return 200
    case .unavailable(let reason):
      ErrorAnswer.write(
        status: 503, type: "text/plain; charset=utf-8", body: (reason + "\n").utf8.span, isHead: isHead, after: after,
        to: &out)
      return 503
    }
  }
}
