// Forwarder.swift: an address that leads to a server, and later to another: what a virtual address or a name does when
// the server behind it fails over. Connections that were made before stay where they are, as they do there. It can be
// cut: then nothing comes through, and nobody is told.

import Foundation
import Glibc
import Synchronization

/// Passes bytes between those who connect to it and a TCP server. Ends with its owner.
public final class Forwarder: Sendable {
  public var address: Address { listener.address }
  private let listener: LoopbackListener
  private let pairs: Pairs

  /// - Parameter place: Where to listen: another loopback address with its port. By default a free port.
  public init(to target: Address, at place: Address? = nil) throws {
    let pairs = Pairs(target)
    self.pairs = pairs
    listener = try LoopbackListener(at: place) { peer in
      if !pairs.join(peer) { close(peer) }
    }
  }

  deinit { pairs.shutdownAll() }

  /// From now on, new connections go to `address`.
  public func lead(to address: Address) { pairs.target.withLock { $0 = address } }

  /// Keeps back everything that comes, from either side, until `heal`. New connections are accepted.
  public func cut() { pairs.gate.close() }

  /// Lets everything through again, also what has waited.
  public func heal() { pairs.gate.open() }

  /// Open, or closed for a while.
  private final class Gate: Sendable {
    private let isClosed = Mutex(false)
    private let condition = NSCondition()

    func close() { isClosed.withLock { $0 = true } }

    func open() {
      condition.withLock {
        isClosed.withLock { $0 = false }
        condition.broadcast()
      }
    }

    func pass() {
      guard isClosed.withLock({ $0 }) else { return }
      condition.withLock { while isClosed.withLock({ $0 }) { condition.wait() } }
    }
  }

  /// Where new connections lead, and the sockets of those that there are.
  private final class Pairs: Sendable {
    let target: Mutex<Address>
    let gate = Gate()
    private let sockets = Mutex<Set<Int32>>([])

    init(_ target: Address) { self.target = Mutex(target) }

    func shutdownAll() {
      gate.open()
      sockets.withLock { for socket in $0 { shutdown(socket, Int32(SHUT_RDWR)) } }
    }

    /// Connects a peer to the target; false where nobody answers there.
    func join(_ peer: Int32) -> Bool {
      let target = target.withLock { $0 }
      guard let server = try? HTTPClient.connect(to: target) else { return false }
      sockets.withLock { $0.formUnion([peer, server]) }
      let ends = Ends(peer, server, gate) { [weak self] in self?.sockets.withLock { $0.subtract([peer, server]) } }
      Thread.detachNewThread { ends.pump(from: peer, to: server) }
      Thread.detachNewThread { ends.pump(from: server, to: peer) }
      return true
    }
  }

  /// Two sockets, closed when both directions have ended.
  private final class Ends: Sendable {
    private let peer: Int32
    private let server: Int32
    private let gate: Gate
    private let whenClosed: @Sendable () -> Void

    init(_ peer: Int32, _ server: Int32, _ gate: Gate, _ whenClosed: @escaping @Sendable () -> Void) {
      self.gate = gate
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
        gate.pass()
        guard count > 0, (try? HTTPClient.sendAll(Array(chunk[..<count]), to: sink, .unix(path: "/"))) != nil else {
          break
        }
      }
      shutdown(source, Int32(SHUT_RDWR))
      shutdown(sink, Int32(SHUT_RDWR))
    }
  }
}
