// WatchedDirectories.swift: where a change of policies could come from: the directory of the path, the directories that
// symbolic links in it lead to, since a write to the end of a link is no event where the link stands, and those in which
// the links stand that lead there, since one may be turned elsewhere.

import Glibc

extension PolicyLoader {
  /// The directories to watch for changes of the policies at `path`, each once: the path itself or the directory of the
  /// file, the one that holds it, those that links lead to, and those that hold a link on the way. Missing ones are left
  /// out.
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
    for way in [path] + signature.entries.map(\.path) {
      for place in linkPlaces(on: way) { add(resolved(place)) }
    }
    return directories
  }

  /// The directories in which links stand that lead to a path.
  private static func linkPlaces(on path: String) -> [String] {
    var places: [String] = []
    var reached = path.hasPrefix("/") ? "/" : "."
    // The next one last.
    var rest = components(path)
    while let name = rest.popLast(), places.count < mostLinks {
      let next = reached + (reached == "/" ? "" : "/") + name
      guard let target = link(next) else {
        reached = next
        continue
      }
      places.append(reached)
      if target.hasPrefix("/") { reached = "/" }
      rest += components(target)
    }
    return places
  }

  /// What Linux follows on one way: path_resolution(7).
  private static let mostLinks = 40

  private static func components(_ path: String) -> [String] {
    path.utf8.split(separator: UInt8(ascii: "/")).reversed().map { String(decoding: $0, as: UTF8.self) }
  }

  /// What a symbolic link says; nil where there is none.
  private static func link(_ path: String) -> String? {
    var text = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = unsafe text.withUnsafeMutableBytes { bytes in
      unsafe bytes.baseAddress.map { unsafe readlink(path, $0, bytes.count) } ?? 0
    }
    return count > 0 ? String(decoding: text[..<count], as: UTF8.self) : nil
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
