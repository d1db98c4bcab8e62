// Peer.swift: the client at the other end of a test's connection. Nothing here blocks but the connecting, since the
// server runs on the same thread.

import EventLoop
import Glibc
import TestKit

@testable import TestKit

/// A TCP client whose answers are read as they come.
final class Peer {
  private let descriptor: Int32
  private var reader = HTTPResponseReader()
  /// All bytes that came.
  private(set) var bytes: [UInt8] = []
  /// The server has ended the connection, or broken it.
  private(set) var isAtEnd = false

  /// - Parameter receiveBuffer: Bytes that the kernel keeps for a peer that does not read; nil: as it likes.
  init(_ address: SocketAddress, receiveBuffer: Int32? = nil) {
    guard case .v4(let host, let port) = address else { preconditionFailure("meant for IPv4") }
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    if var size = receiveBuffer {
      unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
    }
    var on: Int32 = 1
    unsafe setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    var name = sockaddr_in()
    name.sin_family = sa_family_t(AF_INET)
    name.sin_port = port.bigEndian
    name.sin_addr.s_addr = host.bigEndian
    let size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let number = descriptor
    let result = unsafe withUnsafePointer(to: &name) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe connect(number, $0, size) }
    }
    precondition(result == 0, "the kernel accepts for the listener")
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
  }

  deinit { close(descriptor) }

  /// Sends what the kernel takes, and says how much that was; -1 where the connection is broken or full.
  @discardableResult
  func send(_ bytes: some Sequence<UInt8>) -> Int {
    let bytes = Array(bytes)
    return unsafe Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
  }

  @discardableResult
  func send(_ text: String) -> Int { send(text.utf8) }

  func endSending() { shutdown(descriptor, Int32(SHUT_WR)) }

  /// Breaks the connection off with a reset.
  func reset() {
    var option = linger(l_onoff: 1, l_linger: 0)
    unsafe setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    let other = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    dup2(other, descriptor)
    close(other)
  }

  /// Reads whatever is there.
  func receive() {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while !isAtEnd {
      let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
      if count < 0 {
        isAtEnd = errno != EAGAIN && errno != EINTR
        return
      }
      isAtEnd = count == 0
      bytes += buffer[..<count]
      reader.bytes += buffer[..<count]
    }
  }

  /// The next answer among those received; nil where none is whole.
  func next(toHead: Bool = false) throws -> HTTPResponse? {
    receive()
    return try reader.next(toHead: toHead, atEnd: false)
  }
}
