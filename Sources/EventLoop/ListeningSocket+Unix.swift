// ListeningSocket+Unix.swift: a socket with a name in the file system.
//
// Nobody can connect between `bind` and `listen`, so mode and group are set in between: the process's umask, which all
// threads share, is left alone. A lock on the directory keeps two processes that start at once from replacing each
// other's file.

extension ListeningSocket {
  static func openUnix(
    _ path: String, count: Int, mode: UInt16, group: String?
  ) throws(ListenError) -> [ListeningSocket] {
    let address = SocketAddress.unix(path: path)
    let groupNumber = try number(ofGroup: group, for: address)
    guard !path.isEmpty, !path.utf8.contains(0), path.utf8.count < Bounds.unixPath else {
      throw ListenError(
        address: address.description, problem: "the path has \(path.utf8.count) bytes", cause: nil,
        advice: "choose a path of 1 to \(Bounds.unixPath - 1) bytes")
    }
    let lock = Platform.lockDirectory(of: path)
    defer { if let lock { Platform.closeDescriptor(lock) } }
    try removeStaleFile(path, address)
    let (descriptor, file) = try withNewSocket(address) { (descriptor) throws(ListenError) in
      try step("bind", address) { () throws(UVError) in try Platform.bindSocket(descriptor, to: address) }
      let file = UnixSocketFile(path: path)
      do throws(ListenError) {
        if let groupNumber {
          try step("chown", address) { () throws(UVError) in try Platform.setGroup(groupNumber, ofFile: path) }
        }
        try step("chmod", address) { () throws(UVError) in try Platform.setMode(mode & 0o777, ofFile: path) }
        try step("listen", address) { () throws(UVError) in
          try Platform.listenSocket(descriptor, backlog: Bounds.backlog)
        }
      } catch {
        file.withdraw()
        throw error
      }
      return (descriptor, file)
    }
    return try share(descriptor, count: count, at: address, file: file)
  }

  /// Removes a socket that nobody answers on; fails if anything else is in the way.
  private static func removeStaleFile(_ path: String, _ address: SocketAddress) throws(ListenError) {
    guard let found = Platform.identity(ofFile: path, followingLinks: false) else { return }
    guard found.isSocket else {
      throw ListenError(
        address: address.description, problem: "\(path) exists and is no socket", cause: nil,
        advice: "remove it or choose another path")
    }
    let cause = try withNewSocket(address) { (probe) throws(ListenError) -> UVError? in
      defer { Platform.closeDescriptor(probe) }
      do throws(UVError) {
        try Platform.connectSocket(probe, to: address)
        return nil
      } catch {
        return error
      }
    }
    switch cause {
    case .some(.connectionRefused):
      try step("unlink", address) { () throws(UVError) in try Platform.unlinkFile(path) }
    case .some(.noSuchFile):
      break
    default:
      // Somebody answers, or the answer is kept from us (EACCES) or has to wait (EAGAIN): not ours to remove.
      throw ListenError("another process listens there", address, .addressInUse)
    }
  }

  private static func number(ofGroup name: String?, for address: SocketAddress) throws(ListenError) -> UInt32? {
    guard let name else { return nil }
    guard let number = Platform.groupNumber(name) else {
      throw ListenError(
        address: address.description, problem: "there is no group \"\(name)\"", cause: nil,
        advice: "create it or choose another")
    }
    return number
  }
}
