// WatchedDirectories.swift: where a change of policies could come from: the directory of the path, and the directories
// that symbolic links in it lead to, since a write to the end of a link is no event where the link stands.

import Glibc

extension PolicyLoader {
  /// The directories to watch for changes of the policies at `path`, each once: the path itself or the directory of the
  /// file, the one that holds it, and those that links lead to. Missing ones are left out.
  public static func watchedDirectories(of path: String) -> [String] {
    let signature = PathSignature(path: path)
    var directories: [String] = []
    func add(_ directory: String?) {
      if let directory, !directories.contains(directory) { directories.append(directory) }
    }
    if case .success(.directory) = signature.root { add(resolved(path)) }
    // Where the directory is gone, whatever is left above it: it will come back below that.
    var above = parent(of: path)
    while resolved(above) == nil, above != parent(of: above) { above = parent(of: above) }
    add(resolved(above))
    for entry in signature.entries {
      if let target = resolved(entry.path) { add(parent(of: target)) }
    }
    return directories
  }

  /// The directory that a path's last component stands in.
  private static func parent(of path: String) -> String {
    var bytes = Array(path.utf8)
    while bytes.count > 1, bytes.last == UInt8(ascii: "/") { bytes.removeLast() }
    guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")) else { return "." }
    return slash == 0 ? "/" : String(decoding: bytes[..<slash], as: UTF8.self)
  }

  private static func resolved(_ path: String) -> String? {
    guard let real = unsafe realpath(path, nil) else { return nil }
    defer { unsafe free(real) }
    return unsafe String(cString: real)
  }
}
