// Recorder.swift: a stream handler that writes down what it is told.

import TestKit

@testable import EventLoop

final class Recorder: StreamHandler {
  enum Event: Equatable {
    case connected
    case received(String)
    case ended, drained
    case closed(UVError?)
  }

  private(set) var events: [Event] = []
  private(set) var bytes: [UInt8] = []
  /// How much to consume of what is offered; all of it unless the test says otherwise.
  var consume: (Stream, Span<UInt8>) -> Int = { _, bytes in bytes.count }
  var onConnected: (Stream) -> Void = { _ in }
  var onEnded: (Stream) -> Void = { _ in }
  var onDrained: (Stream) -> Void = { _ in }
  /// Whether a call came from inside another one.
  private(set) var wasReentered = false
  private var depth = 0

  var closings: [UVError?] { events.compactMap { if case .closed(let error) = $0 { .some(error) } else { nil } } }
  var isClosed: Bool { !closings.isEmpty }
  var hasEnded: Bool { events.contains(.ended) }
  var text: String { String(decoding: bytes, as: UTF8.self) }

  func connected(_ stream: Stream) { note(.connected) { onConnected(stream) } }
  func ended(_ stream: Stream) { note(.ended) { onEnded(stream) } }
  func drained(_ stream: Stream) { note(.drained) { onDrained(stream) } }
  func closed(_ stream: Stream, error: UVError?) { note(.closed(error)) {} }

  func received(_ stream: Stream, bytes new: Span<UInt8>) -> Int {
    let copy = unsafe new.withUnsafeBufferPointer { unsafe Array($0) }
    depth += 1
    if depth > 1 { wasReentered = true }
    events.append(.received(String(decoding: copy, as: UTF8.self)))
    let consumed = consume(stream, new)
    bytes += copy.prefix(consumed)
    depth -= 1
    return consumed
  }

  private func note(_ event: Event, _ react: () -> Void) {
    depth += 1
    if depth > 1 { wasReentered = true }
    events.append(event)
    react()
    depth -= 1
  }
}

/// Accepts connections with a new handler each.
final class Acceptor: ListenerHandler {
  var streams: [Stream] = []
  var failures: [UVError] = []
  var makeHandler: (Stream) -> (any StreamHandler)? = { _ in Recorder() }
  var onAccepted: (Listener, Stream) -> Void = { _, _ in }

  func accepted(_ listener: Listener, stream: Stream) {
    stream.handler = makeHandler(stream)
    streams.append(stream)
    onAccepted(listener, stream)
  }

  func acceptFailed(_ listener: Listener, error: UVError) { failures.append(error) }
}

/// A server on one loop with one accepted stream, and the raw client at its other end.
final class Pair {
  let test: TestLoop
  let listener: Listener
  let acceptor = Acceptor()
  let recorder = Recorder()
  let client: RawSocket
  var stream: Stream { acceptor.streams[0] }

  init(
    _ address: SocketAddress = .v4(0x7f00_0001, port: 0), maximumInput: Int = 65_536, maximumOutput: Int = 65_536
  ) throws {
    test = try TestLoop()
    let socket = try ListeningSocket.open(address, count: 1)[0]
    listener = try Listener(
      loop: test.loop, socket: socket, maximumInput: maximumInput, maximumOutput: maximumOutput, handler: acceptor)
    guard let client = RawSocket(listener.address) else { throw UVError.connectionRefused }
    self.client = client
    acceptor.makeHandler = { [recorder] _ in recorder }
    let acceptor = acceptor
    guard test.run(until: { !acceptor.streams.isEmpty }) else { throw UVError.timedOut }
  }

  func run(until condition: @escaping () -> Bool) -> Bool { test.run(until: condition) }
}

/// Writes an array; what the tests' handlers use to answer.
@discardableResult
func write(_ bytes: [UInt8], to stream: Stream) -> Bool { stream.write(bytes.span) }
