// TemporaryDirectory.swift: a directory for one test, removed with all that is in it.

import Glibc
import PolicyFiles
import Testing

/// A policy file with one policy.
func one(_ name: String) -> String { "policies: [{name: \(name), limit: 1, period: 1s, key: k-\(name)}]\n" }

final class TemporaryDirectory: Sendable {
  let path: String

  init() {
    var template = Array("/tmp/weir-policies-XXXXXX".utf8CString)
    let made = unsafe template.withUnsafeMutableBufferPointer {
      unsafe $0.baseAddress.map { unsafe mkdtemp($0) } != nil
    }
    precondition(made, "/tmp is writable")
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit { remove() }

  func write(_ name: String, _ text: String) {
    let bytes = Array(text.utf8)
    let descriptor = unsafe open(path + "/" + name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    precondition(descriptor >= 0, "\(name) can be written")
    let written = unsafe Glibc.write(descriptor, bytes, bytes.count)
    precondition(written == bytes.count && close(descriptor) == 0, "\(name) can be written")
  }

  func makeDirectory(_ name: String) { precondition(unsafe mkdir(path + "/" + name, 0o755) == 0, name) }

  func link(_ name: String, to target: String) { precondition(unsafe symlink(target, path + "/" + name) == 0, name) }

  func load() throws -> LoadedPolicies {
    guard case .loaded(let loaded) = PolicyLoader.load(path: path) else {
      throw NotLoaded(result: "\(PolicyLoader.load(path: path))")
    }
    return loaded
  }

  struct NotLoaded: Error {
    var result: String
  }

  /// Removes the directory and what is in it, links as such.
  func remove() { Self.remove(path) }

  private static func remove(_ path: String) {
    if unsafe unlink(path) == 0 { return }
    guard let stream = unsafe opendir(path) else { return }
    while let entry = unsafe readdir(stream) {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { field in
        unsafe field.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
      }
      if name != "." && name != ".." { remove(path + "/" + name) }
    }
    unsafe closedir(stream)
    unsafe rmdir(path)
  }
}
