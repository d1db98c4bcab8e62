// Responder.swift: what a listener serves: checks, or pages for operators. HTTPConnection reads and writes; a responder
// understands and answers.

import CheckAPI
import EventLoop
import HTTP1

/// Whether an answer waits for the request's body; with what the responder wants to be given back with the request.
enum BodyNeed {
  case none(AnyObject? = nil)
  case whole(AnyObject? = nil)
}

/// The pages of one kind of listener.
///
/// For each request `bodyNeed` is called first, then one of the two `answer`: at once where it said `none`, and once the
/// body is there where it said `whole`. Requests of other connections may come in between then.
protocol Responder: AnyObject {
  /// Whether the answer waits for the request's body. Of a request that does not need its body, what came along is
  /// dropped, and one that is still to come ends the connection.
  func bodyNeed(_ head: RequestHead, _ bytes: Span<UInt8>, from peer: PeerAddress) -> BodyNeed

  /// Answers the request that `bodyNeed` was just asked about, or undertakes to complete it for `asker` later.
  ///
  /// - Parameters:
  ///   - context: What `bodyNeed` gave along.
  ///   - after: What becomes of the connection, if it is answered now.
  func answer(
    _ head: RequestHead, _ bytes: Span<UInt8>, _ context: AnyObject?, from peer: PeerAddress, for asker: any Asker,
    after: Afterwards,
    to out: inout ResponseBuffer
  ) -> Answering

  /// Answers a request whose body was collected, or undertakes to complete it for `asker` later.
  func answer(
    body: Span<UInt8>, _ context: AnyObject?, for asker: any Asker, after: Afterwards, to out: inout ResponseBuffer
  ) -> Answering

  /// Whether each answer is the last of its connection, since the process is stopping.
  var isStopping: Bool { get }

  /// All requests of one read were answered, but for one that is to be completed later.
  func finishedBatch()
}
