// Platform+UnixSockets.swift: the file that a Unix socket is found by.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension Platform {
  /// Permission bits of a file that this process just made.
  static func setMode(_ mode: UInt16, ofFile path: String) throws(UVError) {
    if unsafe chmod(path, mode_t(mode)) != 0 { throw lastError }
  }

  /// Group of a file that this process just made; the owner stays.
  static func setGroup(_ group: UInt32, ofFile path: String) throws(UVError) {
    if unsafe lchown(path, uid_t.max, gid_t(group)) != 0 { throw lastError }
  }

  static func unlinkFile(_ path: String) throws(UVError) {
    if unsafe unlink(path) != 0 { throw lastError }
  }

  /// Keeps other processes that do the same out of a directory until the result is closed with `closeDescriptor`, so
  /// that two that start at once do not both take a stale file for theirs to replace. Waits for at most a second; nil
  /// where the directory cannot be opened or is held for longer.
  static func lockDirectory(of path: String) -> Int32? {
    let directory = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    let descriptor = unsafe open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    for _ in 0..<100 {
      if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return descriptor }
      sleep(milliseconds: 10)
    }
    close(descriptor)
    return nil
  }
}
