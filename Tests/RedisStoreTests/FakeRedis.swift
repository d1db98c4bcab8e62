// FakeRedis.swift: a server on the test's own loop that answers as the test says, for what a real Redis does too rarely.

import EventLoop
import Testing

@testable import RedisStore

/// What a fake server does about a command.
enum FakeAnswer {
  case say(String)
  case nothing
  case close
  /// Says it and closes.
  case last(String)
}

/// A server. Runs while the loop does.
final class FakeRedis: ListenerHandler {
  let address: SocketAddress
  /// Decides about each command; the number tells connections apart, 0 for the first.
  var answer: (_ command: [String], _ connection: Int) -> FakeAnswer = { command, _ in FakeRedis.healthy(command) }
  /// What a new connection is told before it has asked.
  var welcome: FakeAnswer = .nothing
  private(set) var commands: [[String]] = []
  private(set) var connections: [FakeConnection] = []
  private let listener: Listener

  init(_ loop: Loop, at address: SocketAddress = .v4(0x7f00_0001, port: 0)) throws {
    let relay = WeakHandler()
    listener = try Listener(
      loop: loop, socket: ListeningSocket.open(address, count: 1)[0], maximumInput: 1 << 20, maximumOutput: 1 << 24,
      handler: relay)
    self.address = listener.address
    relay.handler = self
  }

  deinit { close() }

  /// As a Redis that is well.
  static func healthy(_ command: [String]) -> FakeAnswer {
    switch command.first {
    case "AUTH", "SELECT", "CLIENT": .say("+OK")
    case "SCRIPT": .say("$3\r\nabc")
    case "PING": .say("+PONG")
    case "ECHO": .say("$\(command[1].utf8.count)\r\n\(command[1])")
    default: .say(":1")
    }
  }

  /// As a target for a link.
  var target: RedisTarget {
    switch address {
    case .unix(let path): RedisTarget(place: .unix(path: path))
    default: RedisTarget(place: .host("127.0.0.1", port: address.port ?? 0))
    }
  }

  /// Connections that are open.
  var open: Int { connections.count { !$0.isClosed } }

  /// Refuses new connections from now on.
  func stopListening() { listener.close() }

  func close() {
    stopListening()
    for connection in connections { connection.stream.close() }
  }

  /// Says something to everybody who is connected.
  func say(_ answer: FakeAnswer) {
    for connection in connections where !connection.isClosed { connection.act(answer) }
  }

  func accepted(_ listener: Listener, stream: Stream) {
    let connection = FakeConnection(stream, number: connections.count, server: self)
    stream.handler = connection
    connections.append(connection)
    connection.act(welcome)
  }

  func acceptFailed(_ listener: Listener, error: UVError) { Issue.record("accept failed: \(error)") }

  fileprivate func heard(_ command: [String], _ connection: FakeConnection) {
    commands.append(command)
    connection.act(answer(command, connection.number))
  }
}

/// One client of a fake server.
final class FakeConnection: StreamHandler {
  let stream: Stream
  let number: Int
  private(set) var isClosed = false
  private let reader = ReplyReader()
  private weak var server: FakeRedis?

  init(_ stream: Stream, number: Int, server: FakeRedis) {
    self.stream = stream
    self.number = number
    self.server = server
  }

  func act(_ answer: FakeAnswer) {
    switch answer {
    case .nothing: return
    case .close: stream.close()
    case .say(let text): write(text)
    case .last(let text):
      write(text)
      stream.shutdown()
    }
  }

  /// Complete replies get their line end; what ends in a NUL is sent as it is, without the NUL.
  private func write(_ text: String) {
    var bytes = Array(text.utf8)
    if bytes.last == 0 { bytes.removeLast() } else { bytes += [13, 10] }
    _ = stream.write(bytes.span)
  }

  func received(_ stream: Stream, bytes: Span<UInt8>) -> Int {
    reader.feed(bytes)
    while !isClosed, !stream.isClosing, reader.next() == .reply {
      var value = Value.nil
      reader.withReply { value = Value($0) }
      server?.heard(value.words, self)
    }
    return bytes.count
  }

  func ended(_ stream: Stream) { stream.close() }
  func closed(_ stream: Stream, error: UVError?) { isClosed = true }
}

extension Value {
  /// The words of a command.
  var words: [String] {
    guard case .array(let values) = self else { return [] }
    return values.map { if case .string(let bytes) = $0 { String(decoding: bytes, as: UTF8.self) } else { "?" } }
  }
}
