// Responder.swift: what a listener serves: checks, or pages for operators. HTTPConnection reads and writes; a responder
// understands and answers.

import CheckAPI
import EventLoop
import HTTP1

/// The pages of one kind of listener.
///
/// For each request `needsBody` is called first, then one of the two `answer`: at once where it said false, and once the
/// body is there where it said true. Requests of other connections may come in between then.
protocol Responder: AnyObject {
  /// Whether the answer waits for the request's body. Of a request that does not need its body, what came along is
  /// dropped, and one that is still to come ends the connection.
  func needsBody(_ head: RequestHead, _ bytes: Span<UInt8>) -> Bool

  /// Answers the request that `needsBody` was just asked about, or undertakes to complete it for `asker` later.
  ///
  /// - Parameter after: What becomes of the connection, if it is answered now.
  func answer(
    _ head: RequestHead, _ bytes: Span<UInt8>, from peer: PeerAddress, for asker: any Asker, after: Afterwards,
    to out: inout ResponseBuffer
  ) -> Answering

  /// Answers a request whose body was collected, or undertakes to complete it for `asker` later.
  func answer(
    body: Span<UInt8>, for asker: any Asker, after: Afterwards, to out: inout ResponseBuffer
  ) -> Answering

  /// Whether each answer is the last of its connection, since the process is stopping.
  var isStopping: Bool { get }

  /// All requests of one read were answered, but for one that is to be completed later.
  func finishedBatch()
}
