// PathSignature.swift: the policy files that a path means, and their identities: two equal signatures mean that nothing
// changed in between. Cheap: a directory listing and a `stat` a file.

import Glibc

/// The state of a path to policies, for finding out whether it changed.
public struct PathSignature: Sendable, Equatable {
  /// What the path leads to.
  var root: Result<Root, SystemError>
  /// In the order of their names' bytes; one, without a name, where the path is a file.
  var entries: [Entry]

  enum Root: Equatable {
    case file
    /// Known by these alone: its times change with every editor's temporary file.
    case directory(device: UInt64, inode: UInt64)
  }

  struct Entry: Sendable, Equatable {
    /// The path as the user named it, with the file's name where that is a directory.
    var path: String
    /// The last component.
    var name: String
    /// A failure for a dangling link or a file that went away since the listing.
    var identity: Result<FileIdentity, SystemError>
  }

  init(path: String) {
    entries = []
    switch FileIdentity.of(path: path) {
    case .failure(let error): root = .failure(error)
    case .success(let identity) where identity.kind == .directory:
      root = .success(.directory(device: identity.device, inode: identity.inode))
      list(path)
    case .success(let identity):
      root = .success(.file)
      let name = path.utf8.split(separator: UInt8(ascii: "/")).last.map { String(decoding: $0, as: UTF8.self) }
      entries = [Entry(path: path, name: name ?? path, identity: .success(identity))]
    }
  }

  private mutating func list(_ directory: String) {
    switch Self.names(in: directory) {
    case .failure(let error): root = .failure(error)
    case .success(let names):
      let prefix = directory.hasSuffix("/") ? directory : directory + "/"
      entries = names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.map { name in
        Entry(path: prefix + name, name: name, identity: FileIdentity.of(path: prefix + name))
      }
    }
  }

  private static func names(in directory: String) -> Result<[String], SystemError> {
    guard let stream = unsafe opendir(directory) else { return .failure(SystemError(code: errno)) }
    defer { unsafe closedir(stream) }
    var names: [String] = []
    while true {
      errno = 0
      guard let entry = unsafe readdir(stream) else {
        return errno == 0 ? .success(names) : .failure(SystemError(code: errno))
      }
      // SAFETY: the name ends with a zero byte within the entry, which lives until the next `readdir`.
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { field in
        unsafe field.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(validatingCString: $0) }
      }
      // A name that is no UTF-8 is none that this program can open again.
      if let name, isPolicyFile(name) { names.append(name) }
    }
  }

  /// Whether a directory's entry of this name holds policies: `*.yaml`, `*.yml` and `*.json`, but not what editors keep
  /// beside a file: dot-files (vim's swap files, Emacs's locks), `#name#`, `name~`, `name___jb_tmp___`.
  static func isPolicyFile(_ name: String) -> Bool {
    guard !name.hasPrefix("."), !name.hasPrefix("#"), !name.hasPrefix("~") else { return false }
    return [".yaml", ".yml", ".json"].contains { name.utf8.count > $0.utf8.count && name.hasSuffix($0) }
  }
}
