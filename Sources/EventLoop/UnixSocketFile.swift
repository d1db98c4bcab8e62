// UnixSocketFile.swift: the name of a Unix socket in the file system, and who may remove it.

import Synchronization

/// The file of a listening Unix socket. Shared by all descriptors of that socket.
final class UnixSocketFile: Sendable {
  private let path: String
  private let identity: Platform.FileIdentity?
  private let isWithdrawn = Mutex(false)

  /// Remembers which file is at `path` now: the one that this process just bound.
  init(path: String) {
    self.path = path
    identity = Platform.identity(ofFile: path, followingLinks: false)
  }

  /// Removes the file, once, if it is still the one that was bound: another process may have put its own there. What
  /// already waits in the socket's backlog can still be accepted.
  func withdraw() {
    let isFirst = isWithdrawn.withLock { withdrawn in
      defer { withdrawn = true }
      return !withdrawn
    }
    guard isFirst, let identity, Platform.identity(ofFile: path, followingLinks: false) == identity else { return }
    try? Platform.unlinkFile(path)  // somebody else's removal just now is as good
  }
}
