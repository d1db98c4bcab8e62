// ScriptRig.swift: a real redis-server, asked by a plain blocking client, with the scripts' clock in the test's hands.

import Foundation
import Glibc
import Limiting
import Policies
import TestKit
import Testing

@testable import RedisStore

/// A redis-server on a Unix socket in a directory of its own, and one connection to it. Ended with its owner.
final class ScriptRig {
  /// A reply in RESP2.
  enum Reply: Equatable {
    case text([UInt8])
    case integer(Int64)
    case error(String)
    case array([Reply])
    case none
  }

  private let directory: TemporaryDirectory
  private let child: ChildProcess
  private let descriptor: Int32
  private var input: [UInt8] = []
  private var place = 0

  /// - Parameter options: More of the command line.
  init(_ options: [String] = ["--port", "0"]) throws {
    directory = try TemporaryDirectory()
    let path = directory.file("redis")
    child = try ChildProcess(
      ["redis-server", "--unixsocket", path, "--save", "", "--appendonly", "no", "--dir", directory.path] + options)
    var connected: Int32 = -1
    try eventually("redis-server listens", within: 20) {
      connected = Self.connect(path)
      return connected >= 0
    }
    descriptor = connected
  }

  deinit {
    close(descriptor)
    child.signal(SIGTERM)
    _ = try? child.wait(within: 10)
  }

  private static func connect(_ path: String) -> Int32 {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path.utf8) }
    let size = socklen_t(MemoryLayout<sockaddr_un>.size)
    let result = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe Glibc.connect(descriptor, $0, size) }
    }
    if result == 0 { return descriptor }
    close(descriptor)
    return -1
  }

  // MARK: Commands

  @discardableResult
  func command(_ words: [[UInt8]]) -> Reply {
    send(Self.bytes(words))
    return read()
  }

  @discardableResult
  func command(_ words: String...) -> Reply { command(words.map { Array($0.utf8) }) }

  /// A command in RESP, the plain way.
  static func bytes(_ words: [[UInt8]]) -> [UInt8] {
    var bytes = Array("*\(words.count)\r\n".utf8)
    for word in words { bytes += Array("$\(word.count)\r\n".utf8) + word + Array("\r\n".utf8) }
    return bytes
  }

  func send(_ bytes: [UInt8]) {
    var sent = 0
    while sent < bytes.count {
      let count = unsafe bytes.withUnsafeBytes {
        unsafe Glibc.write(descriptor, $0.baseAddress! + sent, $0.count - sent)
      }
      precondition(count > 0, "redis-server takes what it is sent")
      sent += count
    }
  }

  func read() -> Reply {
    let line = readLine()
    let rest = String(decoding: line.dropFirst(), as: UTF8.self)
    switch line.first {
    case UInt8(ascii: "+"): return .text(Array(rest.utf8))
    case UInt8(ascii: "-"): return .error(rest)
    case UInt8(ascii: ":"): return .integer(Int64(rest) ?? 0)
    case UInt8(ascii: "$"):
      guard let count = Int(rest), count >= 0 else { return .none }
      while input.count - place < count + 2 { fill() }
      defer { place += count + 2 }
      return .text(Array(input[place..<place + count]))
    default:
      return .array((0..<(Int(rest) ?? 0)).map { _ in read() })
    }
  }

  private func readLine() -> [UInt8] {
    while true {
      if let end = input[place...].firstIndex(of: UInt8(ascii: "\n")) {
        defer { place = end + 1 }
        return Array(input[place..<end - 1])
      }
      fill()
    }
  }

  private func fill() {
    input.removeFirst(place)
    place = 0
    var chunk = [UInt8](repeating: 0, count: 65_536)
    let count = unsafe Glibc.read(descriptor, &chunk, chunk.count)
    precondition(count > 0, "redis-server answers: \(child.standardError)")
    input += chunk[..<count]
  }

  // MARK: The scripts

  /// The script with its clock replaced: it reads the microseconds that `setClock` has set. Loaded.
  ///
  /// - Parameter expires: Whether keys live as long as they do elsewhere. Redis takes their lives by its own clock, which
  ///   the test's stands beside: else a key outlives its state by an hour, so that a test that is stopped for some
  ///   seconds, or steps back, finds it.
  func loadWithClock(_ script: Script, expires: Bool = true) -> Script {
    let text = String(decoding: script.text, as: UTF8.self)
    var patched = text.replacing("redis.call('TIME')", with: "{0, redis.call('GET', 'clock')}")
    precondition(patched != text, "the script reads TIME")
    if !expires {
      let lasting = patched.replacing(
        "local MARGIN, LONGEST_LIFE = 10000,", with: "local MARGIN, LONGEST_LIFE = 3600000,")
      precondition(patched != lasting, "the script knows how long a key outlives its state")
      patched = lasting
    }
    let script = Script(Array(patched.utf8))
    precondition(
      command([Array("SCRIPT".utf8), Array("LOAD".utf8), script.text]) == .text(script.digest), "it compiles")
    return script
  }

  func setClock(_ microseconds: Int64) { command("SET", "clock", String(microseconds)) }

  /// The names of all keys but the clock.
  var keys: [[UInt8]] {
    guard case .array(let replies) = command("KEYS", "weir:*") else { return [] }
    return replies.compactMap { if case .text(let name) = $0 { name } else { nil } }
  }
}
