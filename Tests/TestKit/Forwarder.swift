// Forwarder.swift: an address that leads to a server, and later to another: what a virtual address or a name does when
// the server behind it fails over. Connections that were made before stay where they are, as they do there.

import Foundation
import Glibc
import Synchronization

/// Passes bytes between those who connect to it and a TCP server. Ends with its owner.
public final class Forwarder: Sendable {
  public let address: Address
  private let listener: Int32
  private let target: Mutex<Address>
  private let sockets = Mutex<Set<Int32>>([])

  public init(to target: Address) throws {
    self.target = Mutex(target)
    listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard listener >= 0 else { throw SystemFailure("socket") }
    let port = try RedisServer.freePort()
    address = .tcp(host: "127.0.0.1", port: port)
    var place = sockaddr_in()
    place.sin_family = sa_family_t(AF_INET)
    place.sin_port = port.bigEndian
    unsafe inet_pton(AF_INET, "127.0.0.1", &place.sin_addr)
    let size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let result = unsafe withUnsafePointer(to: &place) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe bind(listener, $0, size) }
    }
    guard result == 0, listen(listener, 64) == 0 else { throw SystemFailure("listen on \(address.text)") }
    let descriptor = listener
    Thread.detachNewThread { [weak self] in
      while true {
        let peer = accept(descriptor, nil, nil)
        guard peer >= 0 else { return }
        _ = fcntl(peer, F_SETFD, FD_CLOEXEC)
        guard let self, self.join(peer) else {
          close(peer)
          continue
        }
      }
    }
  }

  deinit {
    shutdown(listener, Int32(SHUT_RDWR))
    close(listener)
    sockets.withLock { for socket in $0 { shutdown(socket, Int32(SHUT_RDWR)) } }
  }

  /// From now on, new connections go to `address`.
  public func lead(to address: Address) { target.withLock { $0 = address } }

  /// Connects a peer to the target; false where nobody answers there.
  private func join(_ peer: Int32) -> Bool {
    let target = target.withLock { $0 }
    guard let server = try? HTTPClient.connect(to: target) else { return false }
    sockets.withLock { $0.formUnion([peer, server]) }
    let ends = Ends(peer, server) { [weak self] in self?.sockets.withLock { $0.subtract([peer, server]) } }
    Thread.detachNewThread { ends.pump(from: peer, to: server) }
    Thread.detachNewThread { ends.pump(from: server, to: peer) }
    return true
  }

  /// Two sockets, closed when both directions have ended.
  private final class Ends: Sendable {
    private let peer: Int32
    private let server: Int32
    private let whenClosed: @Sendable () -> Void

    init(_ peer: Int32, _ server: Int32, _ whenClosed: @escaping @Sendable () -> Void) {
      self.peer = peer
      self.server = server
      self.whenClosed = whenClosed
    }

    deinit {
      whenClosed()
      close(peer)
      close(server)
    }

    func pump(from source: Int32, to sink: Int32) {
      var chunk = [UInt8](repeating: 0, count: 65_536)
      while true {
        let count = unsafe recv(source, &chunk, chunk.count, 0)
        if count < 0 && errno == EINTR { continue }
        guard count > 0, (try? HTTPClient.sendAll(Array(chunk[..<count]), to: sink, .unix(path: "/"))) != nil else {
          break
        }
      }
      shutdown(source, Int32(SHUT_RDWR))
      shutdown(sink, Int32(SHUT_RDWR))
    }
  }
}
