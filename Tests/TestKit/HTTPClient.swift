// HTTPClient.swift: one connection to a server under test, with bytes in and out: blocking sockets, so that a test reads
// from top to bottom, and no help from an HTTP library, so that a test can send what no library would.

import Glibc

/// A connection. Not thread-safe: one thread, one client.
public final class HTTPClient {
  public let address: Address
  private let descriptor: Int32
  private let server: AnyObject?
  private var reader = HTTPResponseReader()
  private var isAtEnd = false

  /// The connection ended, or nothing came in time.
  public struct NoAnswer: Error, CustomStringConvertible {
    public var description: String
    /// The server closed (or reset) before a complete answer.
    public var isClosed: Bool
  }

  /// - Parameters:
  ///   - seconds: How long each read and write may take.
  ///   - receiveBuffer: Bytes that the kernel keeps for a client that does not read; nil: as it likes.
  ///   - server: Kept alive for as long as this connection.
  public init(
    _ address: Address, timeout seconds: Int = 30, receiveBuffer: Int32? = nil, of server: AnyObject? = nil
  ) throws {
    self.address = address
    self.server = server
    descriptor = try Self.connect(to: address, receiveBuffer: receiveBuffer)
    var limit = timeval(tv_sec: seconds, tv_usec: 0)
    let size = socklen_t(MemoryLayout<timeval>.size)
    unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
    unsafe setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
    var on: Int32 = 1
    unsafe setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
  }

  deinit { close(descriptor) }

  // MARK: whole requests

  /// Sends one request and reads its answer.
  ///
  /// - Parameters:
  ///   - headers: Sent as they are; `Host: test` is added unless there is one.
  ///   - body: Sent with its `Content-Length` where not nil.
  @discardableResult
  public func request(
    _ method: String = "GET", _ target: String, _ headers: [(String, String)] = [], body: String? = nil
  ) throws -> HTTPResponse {
    try send(Self.requestText(method, target, headers, body: body))
    return try response(toHead: method == "HEAD")
  }

  /// The bytes of a request, for those who send several at once or part of one.
  public static func requestText(
    _ method: String = "GET", _ target: String, _ headers: [(String, String)] = [], body: String? = nil
  ) -> String {
    var text = "\(method) \(target) HTTP/1.1\r\n"
    if !headers.contains(where: { $0.0.lowercased() == "host" }) { text += "Host: test\r\n" }
    for (name, value) in headers { text += "\(name): \(value)\r\n" }
    if let body { text += "Content-Length: \(body.utf8.count)\r\n" }
    return text + "\r\n" + (body ?? "")
  }

  // MARK: bytes

  public func send(_ text: String) throws { try send(Array(text.utf8)) }

  /// - Throws: `SystemFailure`, as when the server has closed.
  public func send(_ bytes: [UInt8]) throws { try Self.sendAll(bytes, to: descriptor, address) }

  /// No more will be sent; answers can still be read.
  public func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

  /// The next answer, also an interim one (1xx).
  ///
  /// - Throws: `NoAnswer`; `MalformedResponse`.
  public func response(toHead: Bool = false) throws -> HTTPResponse {
    while true {
      if let response = try reader.next(toHead: toHead, atEnd: isAtEnd) { return response }
      let rest = String(decoding: reader.bytes.prefix(200), as: UTF8.self)
      guard !isAtEnd else {
        throw NoAnswer(description: "\(address.text) closed before an answer; read \"\(rest)\"", isClosed: true)
      }
      guard try receive() else {
        throw NoAnswer(description: "no answer from \(address.text); read \"\(rest)\"", isClosed: false)
      }
    }
  }

  /// Whether the server ends the connection, without a byte more, before the read time-out.
  public func isClosedByServer() throws -> Bool {
    guard reader.bytes.isEmpty else { return false }
    if !isAtEnd { _ = try receive() }
    return isAtEnd && reader.bytes.isEmpty
  }

  /// Whether anything can be read now or within `milliseconds`: an answer, or the end.
  public func hasInput(within milliseconds: Int32 = 0) -> Bool {
    if !reader.bytes.isEmpty || isAtEnd { return true }
    var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return unsafe poll(&wanted, 1, milliseconds) > 0
  }

  /// Reads at most `count` bytes that are there, and drops them.
  public func discard(atMost count: Int) {
    var chunk = [UInt8](repeating: 0, count: count)
    _ = unsafe recv(descriptor, &chunk, count, Int32(MSG_DONTWAIT))
  }

  /// Reads once. False after the time-out; at the end, and after a reset, true with `isAtEnd` set.
  private func receive() throws -> Bool {
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = unsafe recv(descriptor, &chunk, chunk.count, 0)
      if count > 0 {
        reader.bytes += chunk[..<count]
        return true
      }
      if count == 0 || errno == ECONNRESET || errno == EPIPE {
        isAtEnd = true
        return true
      }
      if errno == EINTR { continue }
      guard errno == EAGAIN else { throw SystemFailure("read from \(address.text)") }
      return false
    }
  }

  // MARK: sockets, for other clients too

  /// A blocking connection; the caller closes it.
  static func connect(to address: Address, receiveBuffer: Int32? = nil) throws -> Int32 {
    switch address {
    case .tcp(let host, let port) where host.contains(":"):
      var socketAddress = sockaddr_in6()
      socketAddress.sin6_family = sa_family_t(AF_INET6)
      socketAddress.sin6_port = port.bigEndian
      unsafe inet_pton(AF_INET6, host, &socketAddress.sin6_addr)
      return try connect(AF_INET6, &socketAddress, address, receiveBuffer)
    case .tcp(let host, let port):
      var socketAddress = sockaddr_in()
      socketAddress.sin_family = sa_family_t(AF_INET)
      socketAddress.sin_port = port.bigEndian
      unsafe inet_pton(AF_INET, host, &socketAddress.sin_addr)
      return try connect(AF_INET, &socketAddress, address, receiveBuffer)
    case .unix(let path):
      var socketAddress = sockaddr_un()
      socketAddress.sun_family = sa_family_t(AF_UNIX)
      let fits = unsafe withUnsafeMutableBytes(of: &socketAddress.sun_path) { raw in
        guard path.utf8.count < raw.count else { return false }
        unsafe raw.copyBytes(from: path.utf8)
        return true
      }
      guard fits else {
        errno = ENAMETOOLONG
        throw SystemFailure("connect to \(address.text)")
      }
      return try connect(AF_UNIX, &socketAddress, address, receiveBuffer)
    }
  }

  private static func connect<SocketAddress>(
    _ family: Int32, _ socketAddress: inout SocketAddress, _ address: Address, _ receiveBuffer: Int32?
  ) throws -> Int32 {
    let descriptor = socket(family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw SystemFailure("socket") }
    if var bytes = receiveBuffer {
      unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, socklen_t(MemoryLayout<Int32>.size))
    }
    let size = socklen_t(MemoryLayout<SocketAddress>.size)
    let result = unsafe withUnsafePointer(to: &socketAddress) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe Glibc.connect(descriptor, $0, size) }
    }
    guard result == 0 else {
      let failure = SystemFailure("connect to \(address.text)")
      close(descriptor)
      throw failure
    }
    return descriptor
  }

  /// Sends everything; throws `SystemFailure`, as when the peer has closed.
  static func sendAll(_ bytes: [UInt8], to descriptor: Int32, _ address: Address) throws {
    var sent = 0
    while sent < bytes.count {
      let count = unsafe bytes.withUnsafeBytes { raw in
        unsafe Glibc.send(descriptor, raw.baseAddress! + sent, raw.count - sent, Int32(MSG_NOSIGNAL))
      }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw SystemFailure("send to \(address.text)") }
      sent += count
    }
  }
}
