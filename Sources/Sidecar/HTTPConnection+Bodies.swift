// HTTPConnection+Bodies.swift: requests that are answered with their body: collected within a bound, then answered.

import CheckAPI
import HTTP1
import Telemetry

/// A request whose body is being collected.
final class PendingBody {
  let keepsAlive: Bool
  let minorVersion: UInt8
  /// Bytes still to come, where a length was given.
  var remaining = 0
  var decoder: ChunkedDecoder?
  var body: [UInt8] = []
  /// The responder's own.
  let context: AnyObject?

  init(_ head: RequestHead, _ context: AnyObject?) {
    self.context = context
    keepsAlive = head.keepsAlive
    minorVersion = head.minorVersion
  }

  func append(_ bytes: Span<UInt8>) {
    unsafe bytes.withUnsafeBufferPointer { unsafe body.append(contentsOf: $0) }
  }
}

extension HTTPConnection {
  func collect(_ head: RequestHead, _ bytes: Span<UInt8>, _ context: AnyObject?) -> Int {
    let pending: PendingBody
    switch head.framing {
    case .none:
      return answer(head, bytes, bodyCount: 0, context)
    case .length(let count):
      guard count <= JSONCheck.maximumBody else { return refuseBody(bytes) }
      guard count > bytes.count - head.headCount else { return answer(head, bytes, bodyCount: count, context) }
      pending = PendingBody(head, context)
      pending.remaining = count
    case .chunked:
      pending = PendingBody(head, context)
      pending.decoder = ChunkedDecoder()
    }
    if head.expectsContinue, bytes.count == head.headCount { ErrorAnswer.writeContinue(to: &server.out) }
    self.pending = pending
    expect(.body, within: Bounds.requestTime)
    return head.headCount
  }

  /// Takes what `bytes` hold of the body, and answers once it is whole.
  func readBody(_ bytes: Span<UInt8>) -> Int {
    guard let pending = self.pending.take() else { return 0 }
    if pending.decoder != nil { return readChunks(bytes, pending) }
    let count = min(pending.remaining, bytes.count)
    pending.append(bytes.extracting(0..<count))
    pending.remaining -= count
    if pending.remaining == 0 { answer(pending) } else { self.pending = pending }
    return count
  }

  private func readChunks(_ bytes: Span<UInt8>, _ pending: PendingBody) -> Int {
    var index = 0
    while true {
      switch pending.decoder?.next(bytes, from: index) {
      case .data(let range):
        guard pending.body.count + range.count <= JSONCheck.maximumBody else { return refuseBody(bytes) }
        pending.append(bytes.extracting(range))
        index = range.upperBound
      case .end(let end):
        answer(pending)
        return end
      case .failed(let error):
        server.counters.add(.rejection(for: error.status))
        refuse(Refusal(error.status, "\(error.detail)"))
        return bytes.count
      case .needMore, nil:
        self.pending = pending
        return bytes.count
      }
    }
  }

  private func refuseBody(_ bytes: Span<UInt8>) -> Int {
    server.counters.add(.rejectedBody)
    refuse(Refusal(413, "the body is larger than \(JSONCheck.maximumBody) bytes"))
    return bytes.count
  }

  /// Answers a request whose body came along, and says where it ends.
  private func answer(_ head: RequestHead, _ bytes: Span<UInt8>, bodyCount: Int, _ context: AnyObject?) -> Int {
    let end = head.headCount + bodyCount
    answer(bytes.extracting(head.headCount..<end), context, keepsAlive: head.keepsAlive, head.minorVersion)
    return end
  }

  private func answer(_ pending: PendingBody) {
    let body = pending.body
    answer(body.span, pending.context, keepsAlive: pending.keepsAlive, pending.minorVersion)
  }

  private func answer(_ body: Span<UInt8>, _ context: AnyObject?, keepsAlive: Bool, _ minorVersion: UInt8) {
    let after = afterwards(keepsAlive: keepsAlive, minorVersion)
    let answering = server.responder.answer(body: body, context, for: self, after: after, to: &server.out)
    take(answering, after, keepsAlive: keepsAlive, minorVersion)
  }
}
