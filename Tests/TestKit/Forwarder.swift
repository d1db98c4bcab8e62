// Forwarder.swift: an address that leads to a server, and later to another: what a virtual address or a name does when
// the server behind it fails over. Connections that were made before stay where they are, as they do there.

import Foundation
import Glibc
import Synchronization

/// Passes bytes between those who connect to it and a TCP server. Ends with its owner.
public final class Forwarder: Sendable {
  public var address: Address { listener.address }
  private let listener: LoopbackListener
  private let pairs: Pairs

  public init(to target: Address) throws {
    let pairs = Pairs(target)
    self.pairs = pairs
    listener = try LoopbackListener { peer in
      if !pairs.join(peer) { close(peer) }
    }
  }

  deinit { pairs.shutdownAll() }

  /// From now on, new connections go to `address`.
  public func lead(to address: Address) { pairs.target.withLock { $0 = address } }

  /// Where new connections lead, and the sockets of those that there are.
  private final class Pairs: Sendable {
    let target: Mutex<Address>
    private let sockets = Mutex<Set<Int32>>([])

    init(_ target: Address) { self.target = Mutex(target) }

    func shutdownAll() {
      sockets.withLock { for socket in $0 { shutdown(socket, Int32(SHUT_RDWR)) } }
    }

    /// Connects a peer to the target; false where nobody answers there.
    func join(_ peer: Int32) -> Bool {
      let target = target.withLock { $0 }
      guard let server = try? HTTPClient.connect(to: target) else { return false }
      sockets.withLock { $0.formUnion([peer, server]) }
      let ends = Ends(peer, server) { [weak self] in self?.sockets.withLock { $0.subtract([peer, server]) } }
      Thread.detachNewThread { ends.pump(from: peer, to: server) }
      Thread.detachNewThread { ends.pump(from: server, to: peer) }
      return true
    }
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
