// FileBytes.swift: a whole file into memory, if it is the one that was listed.

import Glibc

enum FileBytes {
  enum Failure: Error, Equatable {
    case system(SystemError)
    /// Another file stands there, or this one grew or shrank.
    case changed
  }

  /// The bytes of a regular file of at most `FileBounds.fileSize`; of a longer one the bound and one more byte, for the
  /// parser to report.
  static func read(path: String, expecting listed: FileIdentity) -> Result<[UInt8], Failure> {
    // Without blocking, lest a pipe that took the file's place holds the thread.
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { return .failure(errno == ENOENT ? .changed : .system(SystemError(code: errno))) }
    defer { close(descriptor) }
    switch FileIdentity.of(descriptor: descriptor) {
    case .failure(let error): return .failure(.system(error))
    case .success(let opened): guard opened == listed else { return .failure(.changed) }
    }
    let wanted = Int(min(listed.size, FileBounds.fileSize + 1))
    return readAll(descriptor, wanted).flatMap { bytes in
      bytes.count == wanted ? .success(bytes) : .failure(.changed)
    }
  }

  /// The first `count` bytes; fewer where the file ends before.
  private static func readAll(_ descriptor: Int32, _ count: Int) -> Result<[UInt8], Failure> {
    var failure: SystemError?
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      while filled < count {
        let result = unsafe Glibc.read(descriptor, buffer.baseAddress! + filled, count - filled)
        if result < 0 && errno == EINTR { continue }
        if result < 0 { failure = SystemError(code: errno) }
        if result <= 0 { break }
        filled += result
      }
    }
    return failure.map { .failure(.system($0)) } ?? .success(bytes)
  }
}
