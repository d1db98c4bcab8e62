// SentinelTrio.swift: a master with two replicas, and the three sentinels that watch over them, all real, on loopback.
//
// The sentinels take a server for down after `downAfter`, so that a busy machine does not fail over by itself.

import Foundation
import Glibc
import Synchronization

/// Three Redis servers and three sentinels. Ended with their owner. Thread-safe.
public final class SentinelTrio: Sendable {
  public static let name = "mymaster"
  /// Milliseconds. Stalls of two seconds were seen where the tests of several working copies ran at once.
  public static let downAfter = 4000
  /// The first was the master at the start.
  public let servers: [RedisServer]
  public let sentinels: [Sentinel]

  /// Starts them and waits until all know each other.
  ///
  /// - Parameters:
  ///   - password: Of the servers.
  ///   - sentinelPassword: Of the sentinels.
  public init(password: String? = nil, sentinelPassword: String? = nil) throws {
    let shared = password.map { ["--masterauth", $0] } ?? []
    let master = try RedisServer(password: password, arguments: shared)
    let replicas = try (0..<2).map { _ in
      try RedisServer(password: password, arguments: shared + ["--replicaof", "127.0.0.1", "\(master.port)"])
    }
    servers = [master] + replicas
    sentinels = try (0..<3).map { _ in
      try Sentinel(of: master.port, password: password, sentinelPassword: sentinelPassword)
    }
    try waitUntilWell()
  }

  /// `127.0.0.1:PORT` of each sentinel, with commas between.
  public var authority: String { sentinels.map { "127.0.0.1:\($0.port)" }.joined(separator: ",") }
  public var url: String { "redis-sentinel://\(authority)/\(Self.name)" }

  /// Waits until the master has two replicas in step, and each sentinel that runs knows them and the others.
  public func waitUntilWell(within seconds: Double = 40) throws {
    try eventually("sentinels and replicas know each other", within: seconds) {
      guard let master = try? master(), let info = try? master.info("replication"), info["connected_slaves"] == "2",
        info["slave0"]?.contains("state=online") == true, info["slave1"]?.contains("state=online") == true
      else { return false }
      return sentinels.allSatisfy { sentinel in
        guard let fields = try? sentinel.fields() else { return false }
        return fields["num-slaves"] == "2" && fields["num-other-sentinels"] == "2" && fields["flags"] == "master"
      }
    }
  }

  /// The server that a sentinel names as the master.
  public func master() throws -> RedisServer? {
    for sentinel in sentinels {
      guard let port = try? sentinel.masterPort() else { continue }
      return servers.first { $0.port == port }
    }
    return nil
  }

  /// Waits until every running sentinel names another master than `old`; returns it.
  ///
  /// - Parameter seconds: By default long enough for failed votes, which are repeated after ten seconds, and for a
  ///   sentinel that a busy machine has kept from running for two seconds: it then does nothing for thirty (TILT).
  @discardableResult
  public func waitForFailover(from old: RedisServer, within seconds: Double = 150) throws -> RedisServer {
    var fresh: RedisServer?
    do {
      try eventually("the sentinels name another master than \(old.port)", within: seconds) {
        let ports = sentinels.filter(\.isRunning).map { try? $0.masterPort() }
        guard let port = ports.first ?? nil, port != old.port, ports.allSatisfy({ $0 == port }) else { return false }
        fresh = servers.first { $0.port == port }
        return fresh != nil
      }
    } catch {
      let logs = sentinels.map { "sentinel \($0.port):\n\($0.log.suffix(4000))" }
      throw NeverHappened(description: "\(error)\n" + logs.joined(separator: "\n"))
    }
    guard let fresh else { throw NeverHappened(description: "the new master is a stranger") }
    return fresh
  }
}

/// A redis-sentinel on a port of its own. Thread-safe.
public final class Sentinel: Sendable {
  public let port: UInt16
  private let directory: TemporaryDirectory
  private let password: String?
  private let child: Mutex<ChildProcess>
  private let running = Atomic(true)

  init(of master: UInt16, password: String?, sentinelPassword: String?) throws {
    directory = try TemporaryDirectory()
    port = try RedisServer.freePort()
    self.password = sentinelPassword
    let name = SentinelTrio.name
    var lines = [
      "port \(port)", "bind 127.0.0.1", "dir \(directory.path)", "daemonize no",
      "sentinel monitor \(name) 127.0.0.1 \(master) 2",
      "sentinel down-after-milliseconds \(name) \(SentinelTrio.downAfter)",
      "sentinel failover-timeout \(name) 5000", "sentinel parallel-syncs \(name) 2",
    ]
    if let password { lines.append("sentinel auth-pass \(name) \(password)") }
    if let sentinelPassword {
      lines += ["requirepass \(sentinelPassword)", "sentinel sentinel-pass \(sentinelPassword)"]
    }
    try directory.write("sentinel.conf", lines.joined(separator: "\n") + "\n")
    child = Mutex(try Self.start(directory))
    try waitUntilItAnswers()
  }

  deinit {
    child.withLock {
      $0.signal(SIGKILL)
      _ = try? $0.wait(within: 10)
    }
  }

  public var isRunning: Bool { running.load(ordering: .relaxed) }

  /// Ends it as a crash would.
  public func kill() throws {
    running.store(false, ordering: .relaxed)
    try child.withLock {
      $0.signal(SIGKILL)
      try $0.wait()
    }
  }

  /// Starts it again with what it knew.
  public func restart() throws {
    let fresh = try Self.start(directory)
    child.withLock { $0 = fresh }
    try waitUntilItAnswers()
    running.store(true, ordering: .relaxed)
  }

  /// Stops it where it stands, connections and all, until `resume`.
  public func pause() {
    running.store(false, ordering: .relaxed)
    child.withLock { $0.signal(SIGSTOP) }
  }

  public func resume() {
    child.withLock { $0.signal(SIGCONT) }
    running.store(true, ordering: .relaxed)
  }

  /// One command on a connection of its own; an error reply throws.
  @discardableResult
  public func run(_ parts: String...) throws -> RedisReply {
    let client = try RedisClient(.tcp(host: "127.0.0.1", port: port), timeout: 5)
    if let password { try client.run("AUTH", password) }
    return try client.run(parts)
  }

  /// What it has logged since its last start.
  public var log: String { child.withLock { $0.standardOutput } }

  /// What SENTINEL MASTER says.
  func fields() throws -> [String: String] {
    let words = try run("SENTINEL", "MASTER", SentinelTrio.name).array?.map { $0.text ?? "" } ?? []
    return stride(from: 0, to: words.count - 1, by: 2).reduce(into: [:]) { $0[words[$1]] = words[$1 + 1] }
  }

  func masterPort() throws -> UInt16? {
    let words = try run("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SentinelTrio.name).array ?? []
    return words.last?.text.flatMap { UInt16($0) }
  }

  private static func start(_ directory: TemporaryDirectory) throws -> ChildProcess {
    try ChildProcess(["redis-server", directory.file("sentinel.conf"), "--sentinel"])
  }

  private func waitUntilItAnswers() throws {
    try eventually("sentinel \(port) answers") { (try? masterPort()) != nil }
  }
}
