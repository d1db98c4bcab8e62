// ByteByByte.swift: servers in the middle and servers that are none, on a test's own loop.

import EventLoop
import Testing

/// Passes what it gets on to another address, one byte a write, so that each may arrive alone.
final class ByteByByte: ListenerHandler {
  let address: SocketAddress
  /// Bytes that clients have sent, and clients that have gone.
  private(set) var bytesUp = 0
  private(set) var clientsGone = 0
  private let listener: Listener
  private let loop: Loop
  private let upstream: SocketAddress

  init(_ loop: Loop, to upstream: SocketAddress) throws {
    self.loop = loop
    self.upstream = upstream
    let relay = WeakHandler()
    listener = try Listener(
      loop: loop, socket: ListeningSocket.open(.v4(0x7f00_0001, port: 0), count: 1)[0], maximumInput: 1 << 20,
      maximumOutput: 1 << 24, handler: relay)
    address = listener.address
    relay.handler = self
  }

  deinit { listener.close() }

  func accepted(_ listener: Listener, stream: Stream) {
    let up = Half { [weak self] in self?.bytesUp += $0 }
    let down = Half { _ in }
    up.onClosed = { [weak self] in self?.clientsGone += 1 }
    stream.handler = up
    let server = Stream.connect(
      loop: loop, to: upstream, timeoutNanoseconds: 10_000_000_000, maximumInput: 1 << 20, maximumOutput: 1 << 24,
      handler: down)
    up.other = server
    down.other = stream
  }

  func acceptFailed(_ listener: Listener, error: UVError) { Issue.record("accept failed: \(error)") }

  private final class Half: StreamHandler {
    weak var other: Stream?
    var onClosed: () -> Void = {}
    private let count: (Int) -> Void

    init(_ count: @escaping (Int) -> Void) { self.count = count }

    func received(_ stream: Stream, bytes: Span<UInt8>) -> Int {
      count(bytes.count)
      for index in bytes.indices { _ = other?.write(bytes.extracting(index..<index + 1)) }
      return bytes.count
    }
    func ended(_ stream: Stream) { stream.close() }
    func closed(_ stream: Stream, error: UVError?) {
      other?.close()
      onClosed()
    }
  }
}

/// Says the same bytes to everybody, whatever they say.
final class RawServer: ListenerHandler {
  let address: SocketAddress
  var bytes: [UInt8] = []
  private let listener: Listener

  init(_ loop: Loop) throws {
    let relay = WeakHandler()
    listener = try Listener(
      loop: loop, socket: ListeningSocket.open(.v4(0x7f00_0001, port: 0), count: 1)[0], maximumInput: 1 << 20,
      maximumOutput: 1 << 24, handler: relay)
    address = listener.address
    relay.handler = self
  }

  deinit { listener.close() }

  func accepted(_ listener: Listener, stream: Stream) {
    stream.handler = Deaf()
    let bytes = bytes
    _ = stream.write(bytes.span)
  }

  func acceptFailed(_ listener: Listener, error: UVError) { Issue.record("accept failed: \(error)") }

  private final class Deaf: StreamHandler {
    func received(_ stream: Stream, bytes: Span<UInt8>) -> Int { bytes.count }
    func ended(_ stream: Stream) { stream.close() }
    func closed(_ stream: Stream, error: UVError?) {}
  }
}

/// A listener keeps its handler; this one does not keep the server, which the test does.
final class WeakHandler: ListenerHandler {
  weak var handler: (any ListenerHandler)?

  func accepted(_ listener: Listener, stream: Stream) {
    if let handler { handler.accepted(listener, stream: stream) } else { stream.close() }
  }
  func acceptFailed(_ listener: Listener, error: UVError) { handler?.acceptFailed(listener, error: error) }
}
