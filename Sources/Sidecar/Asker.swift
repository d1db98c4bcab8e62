// Asker.swift: whoever waits for an answer that comes later.

import CheckAPI
import HTTP1

/// What a responder said to a request.
enum Answering {
  /// The answer was written, with this status.
  case answered(status: Int)
  /// Nothing was written: the responder keeps the asker and calls `complete`, once and soon. Until then its connection
  /// reads no further request and has no time-out of its own.
  case later
}

/// The connection of a request, seen from its responder. Bound to classes, so that handing it on costs nothing.
protocol Asker: AnyObject {
  /// Completes a request that was to be answered later. Does nothing where the connection has gone meanwhile.
  ///
  /// On the loop's thread, and never from inside one of the responder's own methods. What the connection does next (the
  /// requests that wait behind this one among it) it does after this call, at the end of the turn.
  ///
  /// - Parameter write: Writes the answer, and says with which status. What becomes of the connection is decided only
  ///   now, since the process may have begun to stop.
  func complete(_ write: (Afterwards, inout ResponseBuffer) -> Int)
}
