// LoopbackListener.swift: a listening socket for the servers of this kit, with the thread that accepts.

import Foundation
import Glibc

/// Listens on a free port of IPv4 loopback until its owner ends.
final class LoopbackListener: Sendable {
  let address: Address
  private let descriptor: Int32

  /// - Parameters:
  ///   - place: Another loopback address with its port.
  ///   - accepted: Called on the accepting thread with each connection, which it owns from then on.
  init(at place: Address? = nil, _ accepted: @escaping @Sendable (_ peer: Int32) -> Void) throws {
    (descriptor, address) = try Self.listen(place)
    let descriptor = self.descriptor
    Thread.detachNewThread {
      while true {
        let peer = accept(descriptor, nil, nil)
        if peer < 0 && (errno == EINTR || errno == ECONNABORTED) { continue }
        guard peer >= 0 else { return }
        _ = fcntl(peer, F_SETFD, FD_CLOEXEC)
        accepted(peer)
      }
    }
  }

  /// A port that was free may be somebody else's a moment later: then the next one.
  private static func listen(_ fixed: Address?) throws -> (Int32, Address) {
    var host = "127.0.0.1"
    if case .tcp(let given, _) = fixed { host = given }
    var attempts = 0
    while true {
      let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
      guard descriptor >= 0 else { throw SystemFailure("socket") }
      let port = try fixed?.port ?? RedisServer.freePort()
      var place = sockaddr_in()
      place.sin_family = sa_family_t(AF_INET)
      place.sin_port = port.bigEndian
      unsafe inet_pton(AF_INET, host, &place.sin_addr)
      let size = socklen_t(MemoryLayout<sockaddr_in>.size)
      let isBound = unsafe withUnsafePointer(to: &place) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe bind(descriptor, $0, size) } == 0
      }
      if isBound, Glibc.listen(descriptor, 128) == 0 { return (descriptor, .tcp(host: host, port: port)) }
      let failure = SystemFailure("listen on port \(port)")
      close(descriptor)
      attempts += 1
      if attempts == 5 || fixed != nil { throw failure }
    }
  }

  deinit {
    shutdown(descriptor, Int32(SHUT_RDWR))
    close(descriptor)
  }
}
