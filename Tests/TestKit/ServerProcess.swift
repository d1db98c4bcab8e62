// ServerProcess.swift: other people's servers, for tests that need the real thing.

import Foundation
import Glibc

/// A server from the system's packages, on a free port of IPv4 loopback, with files of its own. Ended with its owner.
public final class ServerProcess: Sendable {
  public let address: Address
  /// Where its configuration, logs and data are.
  public let directory: TemporaryDirectory
  private let child: ChildProcess

  /// Starts a server and waits until its port accepts.
  ///
  /// - Parameter command: Makes the command line from the port and the directory, after writing what it needs there.
  ///   Called again with another port where somebody else took the first.
  public init(_ command: (_ port: UInt16, _ directory: TemporaryDirectory) throws -> [String]) throws {
    directory = try TemporaryDirectory()
    var lastFailure = ""
    for _ in 0..<5 {
      let port = try RedisServer.freePort()
      let candidate = Address.tcp(host: "127.0.0.1", port: port)
      let process = try ChildProcess(try command(port, directory))
      try? eventually("port \(port) accepts", within: 20) {
        process.poll() != nil || (try? HTTPClient(candidate)) != nil
      }
      if process.poll() == nil, (try? HTTPClient(candidate)) != nil {
        address = candidate
        child = process
        return
      }
      lastFailure = process.standardError
    }
    throw WeirProcess.StartFailure(description: "server does not start: \(lastFailure)")
  }

  public func signal(_ number: Int32) { child.signal(number) }

  public var standardError: String { child.standardError }

  deinit {
    // nginx's worker outlives a killed master: ask first.
    child.signal(SIGTERM)
    _ = try? child.wait(within: 10)
  }

  /// `port`, if nobody holds it; 0 takes any.
  static func bindable(_ port: UInt16) throws -> UInt16 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw SystemFailure("socket") }
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    unsafe inet_pton(AF_INET, "127.0.0.1", &address.sin_addr)
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let result = unsafe withUnsafeMutablePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
        unsafe bind(descriptor, raw, size) == 0 && getsockname(descriptor, raw, &size) == 0
      }
    }
    guard result else { throw SystemFailure("bind") }
    return UInt16(bigEndian: address.sin_port)
  }
}
