// RedisClient.swift: one connection to a Redis under test, blocking, command by command.

import Glibc

/// A connection. Not thread-safe: one thread, one client.
public final class RedisClient {
  private let descriptor: Int32
  private let address: Address
  private var reader = RedisReplyReader()

  /// An error reply where a test needs success.
  public struct Refused: Error, CustomStringConvertible {
    public var description: String
  }

  /// - Parameter seconds: How long each read and write may take.
  public init(_ address: Address, timeout seconds: Int = 30) throws {
    self.address = address
    descriptor = try HTTPClient.connect(to: address)
    var limit = timeval(tv_sec: seconds, tv_usec: 0)
    let size = socklen_t(MemoryLayout<timeval>.size)
    unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
    unsafe setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
  }

  deinit { close(descriptor) }

  /// Sends a command and reads its reply, which may be an error reply.
  @discardableResult
  public func ask(_ parts: [String]) throws -> RedisReply {
    try send(parts)
    return try reply()
  }

  @discardableResult
  public func ask(_ parts: String...) throws -> RedisReply { try ask(parts) }

  /// The same, where an error reply is the end of the test.
  ///
  /// - Throws: `Refused`.
  @discardableResult
  public func run(_ parts: [String]) throws -> RedisReply {
    let reply = try ask(parts)
    if let error = reply.error { throw Refused(description: "\(parts.joined(separator: " ")): \(error)") }
    return reply
  }

  @discardableResult
  public func run(_ parts: String...) throws -> RedisReply { try run(parts) }

  // MARK: bytes

  public func send(_ parts: [String]) throws {
    var text = "*\(parts.count)\r\n"
    for part in parts { text += "$\(part.utf8.count)\r\n\(part)\r\n" }
    try HTTPClient.sendAll(Array(text.utf8), to: descriptor, address)
  }

  /// The next reply.
  ///
  /// - Throws: `HTTPClient.NoAnswer` after the time-out or at the end of the connection.
  public func reply() throws -> RedisReply {
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      if let reply = try reader.next() { return reply }
      let count = unsafe recv(descriptor, &chunk, chunk.count, 0)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else {
        throw HTTPClient.NoAnswer(description: "no reply from Redis at \(address.text)", isClosed: count == 0)
      }
      reader.append(chunk[..<count])
    }
  }
}
