// ServerRig.swift: a server on the test's own thread, whose responder says what it was asked, now or later.

import CheckAPI
import EventLoop
import HTTP1
import Telemetry
import TestKit
import Testing

@testable import Sidecar

/// Answers with the method and the target, or with the body of a POST; where one of these begins with `/later` or
/// `later`, not before the test says so.
final class EchoResponder: Responder {
  var isStopping = false
  private(set) var batches = 0
  private(set) var peers: [PeerAddress] = []
  /// Of requests without a body.
  private(set) var targets: [String] = []
  /// Called with each of them, while it is answered.
  var onTarget: (String) -> Void = { _ in }
  /// Bytes of each answer to `/big`.
  var bigCount = 100_000
  /// What is to be answered later, in the order in which it was asked.
  private(set) var postponed: [Postponed] = []

  struct Postponed {
    let asker: any Asker
    let text: String
    let isHead: Bool
  }

  func bodyNeed(_ head: RequestHead, _ bytes: Span<UInt8>, from peer: PeerAddress) -> BodyNeed {
    Router.isMethod("POST", head, bytes) ? .whole() : .none()
  }

  func answer(
    _ head: RequestHead, _ bytes: Span<UInt8>, _ context: AnyObject?, from peer: PeerAddress, for asker: any Asker,
    after: Afterwards,
    to out: inout ResponseBuffer
  ) -> Answering {
    peers.append(peer)
    let target = String(bytes, head.target.range)
    targets.append(target)
    onTarget(target)
    var text = "\(String(bytes, head.method.range)) \(target)"
    if target.hasPrefix("/big") { text += String(repeating: "b", count: bigCount - text.utf8.count) }
    let isHead = Router.isHead(head, bytes)
    return answer(text, isLater: target.hasPrefix("/later"), isHead: isHead, asker, after, to: &out)
  }

  func answer(
    body: Span<UInt8>, _ context: AnyObject?, for asker: any Asker, after: Afterwards, to out: inout ResponseBuffer
  ) -> Answering {
    let text = String(body, 0..<body.count)
    return answer("body " + text, isLater: text.hasPrefix("later"), isHead: false, asker, after, to: &out)
  }

  private func answer(
    _ text: String, isLater: Bool, isHead: Bool, _ asker: any Asker, _ after: Afterwards,
    to out: inout ResponseBuffer
  ) -> Answering {
    guard isLater else { return .answered(status: write(text, isHead: isHead, after, to: &out)) }
    postponed.append(Postponed(asker: asker, text: text, isHead: isHead))
    return .later
  }

  /// Completes what was postponed, the `index`-th of what is left, and says what it was.
  @discardableResult
  func complete(_ index: Int = 0) -> String {
    let request = postponed.remove(at: index)
    request.asker.complete { write(request.text, isHead: request.isHead, $0, to: &$1) }
    return request.text
  }

  private func write(_ text: String, isHead: Bool, _ after: Afterwards, to out: inout ResponseBuffer) -> Int {
    ErrorAnswer.write(status: 200, type: "text/plain", body: text.utf8.span, isHead: isHead, after: after, to: &out)
    return 200
  }

  func finishedBatch() { batches += 1 }
}

/// A server with its loop. Connections can be reached, to be told that their time is over.
final class ServerRig: ListenerHandler {
  let test: TestLoop
  let responder = EchoResponder()
  let counters = WorkerCounters()
  let budget: ConnectionBudget
  let server: HTTPServer
  private(set) var connections: [HTTPConnection] = []
  private(set) var acceptErrors: [UVError] = []
  private var listener: Listener?
  private let socket: ListeningSocket
  let address: SocketAddress

  /// - Parameter listensItself: The server has the listener, as when it drains; then connections cannot be reached.
  init(
    connections limit: Int = 100, idleTime: Int64 = Bounds.idleTime, claimLimit: Int = Bounds.claims,
    givesOnePageATurn: Bool = false, listensItself: Bool = false
  ) throws {
    test = try TestLoop()
    budget = ConnectionBudget(limit: limit)
    server = HTTPServer(
      loop: test.loop, responder: responder, counters: counters, kind: .data, budget: budget, idleTime: idleTime,
      claimLimit: claimLimit, givesOnePageATurn: givesOnePageATurn, reportError: { _ in })
    socket = try ListeningSocket.open(.v4(0x7f00_0001, port: 0), count: 1)[0]
    address = socket.boundAddress
    if listensItself {
      try server.listen(on: socket)
    } else {
      listener = try Listener(
        loop: test.loop, socket: socket, maximumInput: Bounds.input, maximumOutput: Bounds.output, handler: self)
    }
  }

  deinit {
    listener?.close()
    server.stop()
    test.loop.close()
  }

  func accepted(_ listener: Listener, stream: Stream) {
    server.accepted(listener, stream: stream)
    if let connection = stream.handler as? HTTPConnection { connections.append(connection) }
  }

  func acceptFailed(_ listener: Listener, error: UVError) { acceptErrors.append(error) }

  /// A client whose connection the server has, the last of `connections`.
  func connect(receiveBuffer: Int32? = nil) throws -> Peer {
    let before = connections.count
    let peer = Peer(address, receiveBuffer: receiveBuffer)
    guard listener != nil else { return peer }
    let isAccepted = test.run { [unowned self] in connections.count > before }
    try #require(isAccepted)
    return peer
  }

  /// The next answer to `peer`.
  func answer(_ peer: Peer, toHead: Bool = false) throws -> HTTPResponse {
    var result: Result<HTTPResponse?, any Error> = .success(nil)
    let came = test.run {
      result = Result { try peer.next(toHead: toHead) }
      if case .success(nil) = result { return peer.isAtEnd }
      return true
    }
    let response = try result.get()
    return try #require(response, came ? "the server closed" : "no answer came")
  }

  /// Whether the server ends the connection without a byte more.
  func ends(_ peer: Peer) -> Bool {
    let before = peer.bytes.count
    let ended = test.run {
      peer.receive()
      return peer.isAtEnd
    }
    return ended && peer.bytes.count == before
  }

  /// Waits until the server knows no connection any more.
  func isEmpty() -> Bool { test.run { [budget] in budget.count == 0 } }
}
