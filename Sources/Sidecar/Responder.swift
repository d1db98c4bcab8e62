// Responder.swift: what a listener serves: checks, or pages for operators. HTTPConnection reads and writes; a responder
// understands and answers.

import CheckAPI
import EventLoop
import HTTP1

/// The pages of one kind of listener.
protocol Responder: AnyObject {
  /// What a head asked for, as far as an answer needs it once the head is gone.
  associatedtype Request

  /// Whether `.now` or only once the body is there.
  func understand(_ head: RequestHead, _ bytes: Span<UInt8>) -> (request: Request, body: BodyNeed)

  /// Answers a request whose body does not matter, and says with which status.
  func answer(
    _ request: Request, _ head: RequestHead, _ bytes: Span<UInt8>, from peer: PeerAddress, after: Afterwards,
    to out: inout ResponseBuffer
  ) -> Int

  /// Answers a request whose body was collected, and says with which status.
  func answer(_ request: Request, body: Span<UInt8>, after: Afterwards, to out: inout ResponseBuffer) -> Int

  /// Whether each answer is the last of its connection, since the process is stopping.
  var isStopping: Bool { get }

  /// All requests of one read were answered.
  func finishedBatch()
}

/// What a responder does with a request's body.
enum BodyNeed {
  /// Answers at once; a body that came along is dropped, one that is still to come ends the connection.
  case none
  /// Waits for it.
  case collected
}
