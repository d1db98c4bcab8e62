// TemporaryDirectory.swift: a directory that goes when the test ends, with the ways in which people and machines change
// files: writing in place, renaming over, moving away.

import Foundation
import Glibc

/// A fresh directory under `/tmp`. Names are relative to it.
public final class TemporaryDirectory: Sendable {
  public let path: String

  public init() throws {
    // Short: a Unix socket path has room for 107 bytes.
    let name = "/tmp/weir-" + String(UInt64.random(in: 0..<(1 << 40)), radix: 36)
    guard unsafe mkdir(name, 0o755) == 0 else { throw SystemFailure("mkdir \(name)") }
    path = name
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  public func file(_ name: String) -> String { path + "/" + name }

  public func makeDirectory(_ name: String) throws {
    guard unsafe mkdir(file(name), 0o755) == 0 else { throw SystemFailure("mkdir \(file(name))") }
  }

  /// Writes in place, as `>` in a shell does: the same file, truncated first.
  public func write(_ name: String, _ text: String) throws {
    let descriptor = unsafe open(file(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw SystemFailure("open \(file(name))") }
    defer { close(descriptor) }
    let bytes = Array(text.utf8)
    guard unsafe Glibc.write(descriptor, bytes, bytes.count) == bytes.count else {
      throw SystemFailure("write \(file(name))")
    }
  }

  /// Writes a new file and renames it over `name`, as careful programs do.
  public func replace(_ name: String, _ text: String) throws {
    try write("." + name + ".new", text)
    try move("." + name + ".new", to: name)
  }

  public func move(_ name: String, to other: String) throws {
    guard unsafe rename(file(name), file(other)) == 0 else { throw SystemFailure("rename \(file(name))") }
  }

  public func remove(_ name: String) throws {
    try FileManager.default.removeItem(atPath: file(name))
  }

  public func link(_ name: String, to target: String) throws {
    guard unsafe symlink(target, file(name)) == 0 else { throw SystemFailure("symlink \(file(name))") }
  }

  public func read(_ name: String) throws -> String {
    try String(contentsOfFile: file(name), encoding: .utf8)
  }
}

/// A system call that failed, with its errno's text.
public struct SystemFailure: Error, CustomStringConvertible {
  public var description: String
  public var code: Int32

  /// Call at once after the failure: it reads `errno`.
  public init(_ what: String) {
    code = errno
    description = unsafe "\(what): \(String(cString: strerror(code)))"
  }
}
