// RawSocket.swift: the plain client at the other end of a test's stream: system calls, nothing of ours.

import Glibc

@testable import EventLoop

/// A client socket. Connecting blocks (the kernel accepts for the listener), sending and receiving do not.
final class RawSocket {
  let descriptor: Int32

  /// Nil with `errno` set where the connection is refused.
  init?(_ address: SocketAddress) {
    let family =
      switch address {
      case .v4: AF_INET
      case .v6: AF_INET6
      case .unix: AF_UNIX
      }
    descriptor = socket(family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    let number = descriptor
    let result = unsafe Platform.withAddress(address) { unsafe connect(number, $0, $1) }
    if result != 0 { return nil }
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
  }

  deinit { close(descriptor) }

  /// How many bytes the kernel took; -1 with `errno`.
  @discardableResult
  func send(_ bytes: [UInt8]) -> Int {
    unsafe Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
  }

  @discardableResult
  func send(_ text: String) -> Int { send(Array(text.utf8)) }

  /// What is there to read: empty at the end of the stream, nil where nothing has come yet or the stream is broken.
  func receive(_ count: Int = 65_536) -> [UInt8]? {
    var buffer = [UInt8](repeating: 0, count: count)
    let result = unsafe recv(descriptor, &buffer, count, 0)
    return result < 0 ? nil : Array(buffer.prefix(result))
  }

  func endSending() { Glibc.shutdown(descriptor, Int32(SHUT_WR)) }

  /// Closes with RST instead of FIN.
  func resetOnClose() {
    var option = linger(l_onoff: 1, l_linger: 0)
    unsafe setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
  }
}

/// A path below the temporary directory that nobody else uses.
func temporaryPath(_ name: String) -> String {
  "/tmp/loop-test-\(getpid())-\(UInt32.random(in: 0...UInt32.max))-\(name)"
}
