// RealRedis.swift: a redis-server for a link's tests.

import TestKit

@testable import RedisStore

/// A server on a free port of 127.0.0.1 that keeps nothing on disk. Ended with its owner.
struct RealRedis {
  private let process: ServerProcess

  /// - Parameter options: More of the command line, made from the port.
  init(_ options: (UInt16) -> [String] = { ["--port", "\($0)"] }) throws {
    process = try ServerProcess { port, directory in
      ["redis-server", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", directory.path]
        + options(port)
    }
  }

  init(_ options: String...) throws {
    try self.init { ["--port", "\($0)"] + options }
  }

  var port: UInt16 { process.address.port }
  var target: RedisTarget { RedisTarget(place: .host("127.0.0.1", port: port)) }

  func signal(_ number: Int32) { process.signal(number) }
}
