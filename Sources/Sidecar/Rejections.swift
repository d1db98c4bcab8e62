// Rejections.swift: which counter a request goes to that is answered with an error, by who refused it.

import CheckAPI
import Telemetry

extension WorkerCounter {
  /// While it was read.
  static func rejection(for status: Int) -> WorkerCounter {
    switch status {
    case 414: .rejectedTarget
    case 431: .rejectedHead
    case 505: .rejectedVersion
    default: .rejectedMalformed
    }
  }

  /// On its way to a page, of either kind of listener.
  static func rejection(forPage status: Int) -> WorkerCounter {
    switch status {
    case 405: .rejectedMethod
    case 415: .rejectedMediaType
    default: .rejectedPath
    }
  }

  /// By what guards the admin listener; nil for a failure of our own.
  static func rejection(byGuard refusal: Refusal) -> WorkerCounter? {
    switch refusal.status {
    case 401: .rejectedToken
    case 403: refusal == AdminGuard.otherSite ? .rejectedOrigin : .rejectedToken
    case 415: .rejectedMediaType
    case 421: .rejectedHost
    default: nil
    }
  }

  /// By the page itself, of the admin listener; nil for a failure of our own.
  static func rejection(byPage status: Int, takesBody: Bool) -> WorkerCounter? {
    switch status {
    case 400, 413: takesBody ? .rejectedJSON : .rejectedQuery
    case 404: .rejectedPolicy
    case 409: .rejectedConflict
    default: nil
    }
  }
}
