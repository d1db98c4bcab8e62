// FileIdentity.swift: what tells one state of a file from another without reading it.

import Glibc

/// Which file a path leads to, and in what state, as `stat` says it (symbolic links followed).
struct FileIdentity: Sendable, Equatable {
  var kind: Kind
  var device: UInt64
  var inode: UInt64
  /// Bytes.
  var size: Int64
  /// Nanoseconds since the Unix epoch. The change time catches what `touch` and `cp -p` hide.
  var modified: Int64
  var changed: Int64

  enum Kind: Sendable {
    case file, directory, other
  }

  private init(_ status: stat) {
    kind =
      switch status.st_mode & S_IFMT {
      case S_IFREG: .file
      case S_IFDIR: .directory
      default: .other
      }
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
    size = Int64(status.st_size)
    modified = Self.nanoseconds(status.st_mtim)
    changed = Self.nanoseconds(status.st_ctim)
  }

  /// The identity of what `path` leads to.
  static func of(path: String) -> Result<FileIdentity, SystemError> {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { return .failure(SystemError(code: errno)) }
    return .success(FileIdentity(status))
  }

  /// The identity of an open file.
  static func of(descriptor: Int32) -> Result<FileIdentity, SystemError> {
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else { return .failure(SystemError(code: errno)) }
    return .success(FileIdentity(status))
  }

  /// Saturates for the absurd times that a broken file system may report.
  private static func nanoseconds(_ time: timespec) -> Int64 {
    let (product, overflow) = Int64(time.tv_sec).multipliedReportingOverflow(by: 1_000_000_000)
    return overflow
      ? (time.tv_sec < 0 ? .min : .max) : product.addingReportingOverflow(Int64(time.tv_nsec)).partialValue
  }
}

/// An errno, and its sentence.
struct SystemError: Error, Sendable, Equatable {
  var code: Int32

  var message: String {
    // `strerror` is not for threads; its GNU reentrant form is not imported under one name everywhere.
    switch code {
    case ENOENT: "no such file or directory"
    case EACCES: "permission denied"
    case ELOOP: "too many symbolic links"
    case ENOTDIR: "a part of the path is no directory"
    case EISDIR: "is a directory"
    case EMFILE, ENFILE: "too many open files"
    case ENAMETOOLONG: "the name is too long"
    case EIO: "input/output error"
    default: "error \(code)"
    }
  }
}
