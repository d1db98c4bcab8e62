// ListeningSocket.swift: a bound, listening descriptor that no loop has yet. Sockets are opened before any loop runs,
// so that what is wrong with an address is said before the service starts.

import Synchronization

/// One descriptor that listens. Closes it, unless a `Listener` took it, when it goes away.
public final class ListeningSocket: Sendable {
  /// Where it is bound, with the port that the system chose for port 0.
  public let boundAddress: SocketAddress
  /// The name to remove at the end, for a Unix socket.
  let file: UnixSocketFile?
  /// Nil once taken or closed.
  private let descriptor: Mutex<Int32?>

  init(descriptor: Int32, boundAddress: SocketAddress, file: UnixSocketFile?) {
    self.descriptor = Mutex(descriptor)
    self.boundAddress = boundAddress
    self.file = file
  }

  deinit {
    close()
  }

  /// Listens on `address` with `count` sockets, one for each loop.
  ///
  /// The kernel spreads TCP connections over the sockets where it can (SO_REUSEPORT on Linux); elsewhere, and for Unix
  /// sockets, all share one queue and whoever is first takes a connection. A port that another process listens on is
  /// an error even if that process would share it. `[::]` takes IPv4 too.
  ///
  /// A Unix socket gets its mode and group before anybody can connect. A file left by a process that is gone is
  /// replaced; one that somebody answers on, and one that is no socket, are errors and stay as they are.
  ///
  /// - Parameters:
  ///   - count: At least 1.
  ///   - unixMode: Permission bits of a Unix socket.
  ///   - unixGroup: Name or number of its group; nil leaves the process's own.
  public static func open(
    _ address: SocketAddress, count: Int, unixMode: UInt16 = 0o660, unixGroup: String? = nil
  ) throws(ListenError) -> [ListeningSocket] {
    precondition(count > 0, "somebody has to listen")
    return switch address {
    case .v4, .v6: try openTCP(address, count: count)
    case .unix(let path): try openUnix(path, count: count, mode: unixMode, group: unixGroup)
    }
  }

  /// Stops listening, if no `Listener` has taken the socket. May be called twice.
  public func close() {
    guard let descriptor = take() else { return }
    file?.withdraw()
    Platform.closeDescriptor(descriptor)
  }

  /// Hands the descriptor over; the caller closes it and withdraws `file`.
  func take() -> Int32? {
    descriptor.withLock { $0.take() }
  }

  /// `count` sockets that are all the same one, from a descriptor that is handed over.
  static func share(
    _ descriptor: Int32, count: Int, at address: SocketAddress, file: UnixSocketFile?
  ) throws(ListenError) -> [ListeningSocket] {
    var sockets = [ListeningSocket(descriptor: descriptor, boundAddress: address, file: file)]
    while sockets.count < count {
      do throws(UVError) {
        let copy = try Platform.duplicate(descriptor)
        sockets.append(ListeningSocket(descriptor: copy, boundAddress: address, file: file))
      } catch {
        throw ListenError("dup", address, error)
      }
    }
    return sockets
  }
}
