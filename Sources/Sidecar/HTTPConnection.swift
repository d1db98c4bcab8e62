// HTTPConnection.swift: one connection: bytes in, requests to the responder, answers out, in order.
//
// Everything of one read is answered before anything is sent, and then sent at once. A connection between requests holds
// neither bytes nor a parser: the parser is the server's until a head comes in pieces.
//
// An answer may come later. Until then the connection reads no further request: what comes stays in its stream, within
// the stream's bound, and is offered again once the answer is there (HTTPConnection+Later.swift). So answers keep their
// order, and one connection never has more than one check under way.

import CheckAPI
import EventLoop
import HTTP1
import Telemetry

final class HTTPConnection: StreamHandler {
  /// Forgets this connection when it is closed, which ends the cycle.
  let server: HTTPServer
  let stream: Stream
  /// Where the server keeps it.
  var place: Int
  /// Over the bound on connections: it gets its 503 and goes.
  let isRefused: Bool
  /// On the loop's clock: when to give up what it waits for.
  private(set) var deadline: Int64
  private(set) var wait = Wait.request
  var parser: ParserBox?
  var pending: PendingBody?
  /// Of the request that is answered later: whether another may follow it, and its version.
  private(set) var askedKeepsAlive = false
  private(set) var askedMinorVersion: UInt8 = 1
  /// A completed answer that leaves with those behind it, at the end of this turn.
  var held: HeldAnswer?
  private var closesWhenDrained = false
  /// Bytes that the server holds for it, as last told to the server.
  var claimed = 0

  enum Wait {
    /// The next request; nothing of it is there.
    case request
    case head
    case body
    /// The responder, which bounds that itself.
    case answer
    /// The peer has to take its answers.
    case output
    /// The last answer is sent; what comes is dropped.
    case linger
  }

  init(_ server: HTTPServer, _ stream: Stream, at place: Int, isRefused: Bool) {
    self.server = server
    self.stream = stream
    self.place = place
    self.isRefused = isRefused
    deadline = server.loop.now + server.idleTime
  }

  // MARK: Events

  func received(_ stream: Stream, bytes: Span<UInt8>) -> Int {
    // What follows a request that ends the connection will not be looked at.
    guard wait != .answer else {
      claim(keeping: dropsInput ? 0 : bytes.count)
      return dropsInput || stream.isClosing ? bytes.count : 0
    }
    if let held = held.take() { release(held) }
    var offset = 0
    while offset < bytes.count, wait != .linger, wait != .answer, !stream.isClosing {
      let rest = bytes.extracting(offset..<bytes.count)
      let consumed = pending == nil ? readHead(rest) : readBody(rest)
      if consumed == 0 { break }
      offset += consumed
      if server.out.count >= Bounds.gatheredOutput {
        send()
        if wait == .output { break }
        // Hundreds of pipelined requests later, the turn's clock would lie noticeably behind.
        _ = server.loop.freshNow()
      }
      if server.givesOnePageATurn, wait == .request { break }
    }
    send()
    server.responder.finishedBatch()
    if stream.hasEnded { settleEnd(left: bytes.count - offset) }
    claim(keeping: dropsInput ? 0 : bytes.count - offset)
    if server.givesOnePageATurn, wait == .request, offset < bytes.count, !stream.isClosing { server.waitForTurn(self) }
    return dropsInput || stream.isClosing ? bytes.count : offset
  }

  /// Whether what still comes will not be looked at.
  private var dropsInput: Bool { wait == .linger || wait == .answer && !askedKeepsAlive }

  /// The answer that is to come is the last, and nothing behind it is looked at.
  func endsBehindAnswer() { askedKeepsAlive = false }

  func ended(_ stream: Stream) {
    settleEnd(left: stream.keptInput)
  }

  /// Ends a connection whose peer will send no more, once everything it sent has been dealt with but for `left` bytes.
  func settleEnd(left: Int) {
    guard !stream.isClosing, wait != .answer else { return }
    // Requests that came behind one answered later are still to be offered.
    if left > 0, wait == .request || wait == .output { return }
    if wait == .head || wait == .body {
      pending = nil
      refuse(Refusal(400, "the connection was half-closed in the middle of a request"))
    }
    // Nothing can come any more that would have to be dropped first.
    if stream.pendingOutput == 0 { stream.close() } else { closesWhenDrained = true }
  }

  func drained(_ stream: Stream) {
    if closesWhenDrained { return stream.close() }
    if wait == .linger { expect(.linger, within: Bounds.lingerTime) }
    guard wait == .output else { return }
    if pending != nil {
      expect(.body, within: Bounds.requestTime)
    } else {
      expect(.request, within: server.isDraining ? Bounds.drainIdleTime : server.idleTime)
    }
    claim(keeping: stream.keptInput)
    stream.resumeReading()
  }

  func closed(_ stream: Stream, error: UVError?) {
    // Of answers that the system had taken: it counts them as weir does those it holds itself.
    if error == .timedOut { server.counters.add(.timeoutOutput) }
    unclaim()
    server.remove(self)
  }

  // MARK: Reading

  /// Reads one request from the beginning of `bytes`, and answers it if it can. 0 where more is needed.
  private func readHead(_ bytes: Span<UInt8>) -> Int {
    let box = parser ?? server.spareParsers.popLast() ?? ParserBox()
    parser = nil
    switch box.parser.parse(bytes) {
    case .needMore:
      parser = box
      if wait == .request { expect(.head, within: Bounds.requestTime) }
      return 0
    case .failed(let error):
      giveBack(box)
      server.counters.add(.rejection(for: error.status))
      refuse(Refusal(error.status, "\(error.detail) (at byte \(error.offset))"))
      return bytes.count
    case .head:
      let consumed = serve(box.parser.head, bytes)
      giveBack(box)
      return consumed
    }
  }

  func giveBack(_ box: ParserBox) {
    guard server.spareParsers.count < Bounds.spares else { return }
    box.parser.reset()
    server.spareParsers.append(box)
  }

  /// Answers a request, or begins to collect its body.
  private func serve(_ head: RequestHead, _ bytes: Span<UInt8>) -> Int {
    let context: AnyObject?
    switch server.responder.bodyNeed(head, bytes, from: stream.peer) {
    case .whole(let given): return collect(head, bytes, given)
    case .none(let given): context = given
    }
    let end = Self.end(of: head, bytes)
    let keepsAlive = head.keepsAlive && end != nil
    let after = afterwards(keepsAlive: keepsAlive, head.minorVersion)
    let answering = server.responder.answer(
      head, bytes, context, from: stream.peer, for: self, after: after, to: &server.out)
    take(answering, after, keepsAlive: keepsAlive, head.minorVersion)
    return end ?? bytes.count
  }

  /// Where the request ends; nil where its body is not all there, or is malformed: an answer that needs no body does not
  /// wait for one.
  private static func end(of head: RequestHead, _ bytes: Span<UInt8>) -> Int? {
    switch head.framing {
    case .none:
      return head.headCount
    case .length(let count):
      return count <= bytes.count - head.headCount ? head.headCount + count : nil
    case .chunked:
      var decoder = ChunkedDecoder()
      var index = head.headCount
      while true {
        switch decoder.next(bytes, from: index) {
        case .data(let range): index = range.upperBound
        case .end(let end): return end
        case .needMore, .failed: return nil
        }
      }
    }
  }

  // MARK: Answering

  func take(_ answering: Answering, _ after: Afterwards, keepsAlive: Bool, _ minorVersion: UInt8) {
    switch answering {
    case .answered(let status):
      finish(status, after)
    case .later:
      askedKeepsAlive = keepsAlive
      askedMinorVersion = minorVersion
      wait = .answer
      deadline = .max
    }
  }

  func afterwards(keepsAlive: Bool, _ minorVersion: UInt8) -> Afterwards {
    guard keepsAlive, !server.isDraining, !server.responder.isStopping else { return .close }
    return minorVersion == 0 ? .keepHTTP10 : .keep
  }

  func finish(_ status: Int, _ after: Afterwards) {
    server.counters.add(.response(server.kind, status: status))
    if case .close = after {
      expect(.linger, within: Bounds.lingerTime)
    } else {
      expect(.request, within: server.idleTime)
    }
  }

  /// Answers with an error and ends the connection.
  func refuse(_ refusal: Refusal) {
    ErrorAnswer.write(refusal, isHead: false, after: .close, to: &server.out)
    finish(refusal.status, .close)
    send()
  }

  /// Sends what was gathered. If the peer is slow, nothing more is read until it has taken that; if the answer was the
  /// last, the connection is half-closed behind it.
  func send() {
    guard !stream.isClosing else { return server.out.removeAll() }
    if !server.out.isEmpty {
      let isTaken = server.out.withBytes { stream.write($0) }
      server.out.removeAll()
      guard isTaken || stream.isClosing else { return stream.close() }
    }
    if wait == .linger {
      stream.shutdown()
      if stream.pendingOutput > 0 { expect(.linger, within: Bounds.outputTime) }
    } else if stream.pendingOutput > 0, wait != .answer {
      expect(.output, within: Bounds.outputTime)
      stream.pauseReading()
    }
  }

  // MARK: Time

  func expect(_ what: Wait, within time: Int64) {
    wait = what
    deadline = server.loop.now + time
  }

  /// The deadline has passed.
  func timedOut() {
    switch wait {
    case .head, .body:
      server.counters.add(wait == .head ? .timeoutHead : .timeoutBody)
      pending = nil
      refuse(Refusal(408, "the request did not arrive within \(Bounds.requestTime / Bounds.second) s"))
      claim(keeping: stream.keptInput)
    case .request:
      if !server.isDraining { server.counters.add(.timeoutIdle) }
      stream.close()
    case .output, .linger:
      if stream.pendingOutput > 0 { server.counters.add(.timeoutOutput) }
      stream.close()
    case .answer:
      break
    }
  }

  func beginDrain() {
    if wait == .request { deadline = min(deadline, server.loop.now + Bounds.drainIdleTime) }
  }
}
