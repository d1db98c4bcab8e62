// AdminRoute.swift: one page or call of the admin listener, as a row of a table.

import CheckAPI

/// What is done at a method and path.
struct AdminRoute {
  /// Who may call it.
  enum Access {
    /// Anybody who reaches the listener: probes, Prometheus.
    case open
    /// Shows keys, which may be addresses of people: not to pages of other sites.
    case reads
    /// Changes counters: as `reads`, and with a token where the listener is not on loopback.
    case changes
  }

  enum Work {
    case now((AdminRequest) throws(Refusal) -> AdminReply)
    /// Calls its second argument once, at once or soon, on the main loop.
    case later((AdminRequest, @escaping (AdminReply) -> Void) throws(Refusal) -> Void)
  }

  /// `GET` (then HEAD too) or `POST`.
  var method: StaticString
  var path: String
  var access: Access = .open
  /// Whether the metrics listener has it too.
  var isForProbes = false
  var work: Work

  var takesBody: Bool { "\(method)" == "POST" }
}
