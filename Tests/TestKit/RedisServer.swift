// RedisServer.swift: a redis-server of the system's package, for the tests that need the real thing: on a port of its
// own, without persistence, with what tests do to it: kill it, stop it for a while, start it again where it was.
//
// The test talks to it over a Unix socket of its own, so that closing its port, TLS or a time of silence on TCP never
// keeps the test out, and as a user of its own, so that neither does what a test does to passwords and permissions. Its
// process ends at the latest with its owner, also when a test fails.

import Foundation
import Glibc
import Synchronization

/// A redis-server on IPv4 loopback. Thread-safe.
public final class RedisServer: Sendable {
  /// Where its socket, log and data are.
  public let directory: TemporaryDirectory
  public let port: UInt16
  /// Set where it was started with certificates.
  public let tlsPort: UInt16?
  /// Where other nodes of its cluster reach it; set where it was started as one.
  public let busPort: UInt16?
  private let command: [String]
  private let environment: [String: String]
  private let child: Mutex<ChildProcess>

  /// Starts it and waits until it answers.
  ///
  /// - Parameters:
  ///   - port: A port from `freePort`; by default a fresh one.
  ///   - password: For `requirepass`.
  ///   - certificates: Opens a second port with TLS, and their server's certificate.
  ///   - asksForCertificate: Whether TLS clients need a certificate of their own.
  ///   - arguments: More of redis-server's.
  ///   - environment: As `ChildProcess` takes it.
  ///   - busPort: Only kept; RedisCluster sets it by `arguments`.
  ///   - tlsPort: As `port`, for the second port.
  public init(
    port: UInt16? = nil, password: String? = nil, certificates: Certificates? = nil, asksForCertificate: Bool = false,
    arguments: [String] = [], environment: [String: String] = [:], busPort: UInt16? = nil, tlsPort: UInt16? = nil
  ) throws {
    directory = try TemporaryDirectory()
    self.port = try port ?? Self.freePort()
    self.busPort = busPort
    var command = [
      "redis-server", "--bind", "127.0.0.1", "--port", "\(self.port)", "--dir", directory.path,
      "--unixsocket", directory.file("redis.sock"), "--save", "", "--appendonly", "no", "--daemonize", "no",
      "--repl-diskless-sync-delay", "0",
      "--user", Self.operator, "on", "nopass", "~*", "&*", "+@all",
    ]
    if let password { command += ["--requirepass", password] }
    if let certificates {
      let secure = try tlsPort ?? Self.freePort()
      self.tlsPort = secure
      command += ["--tls-port", "\(secure)", "--tls-auth-clients", asksForCertificate ? "yes" : "no"]
      command += ["--tls-ca-cert-file", certificates.authority, "--tls-cert-file", certificates.server]
      command += ["--tls-key-file", certificates.serverKey]
    } else {
      self.tlsPort = nil
    }
    self.command = command + arguments
    self.environment = environment
    child = Mutex(try Self.start(self.command, environment, directory))
  }

  deinit {
    child.withLock {
      $0.signal(SIGKILL)
      _ = try? $0.wait(within: 10)
    }
  }

  // MARK: where it is

  /// `127.0.0.1:PORT`, for URLs.
  public var authority: String { "127.0.0.1:\(port)" }
  public var url: String { "redis://\(authority)" }
  public var socketURL: String { "unix://\(directory.file("redis.sock"))" }
  /// Without a query; `rediss://127.0.0.1:PORT`.
  public var tlsURL: String { "rediss://127.0.0.1:\(tlsPort ?? 0)" }

  // MARK: asking

  private static let `operator` = "operator"

  /// A new connection that may do everything.
  public func client() throws -> RedisClient {
    let client = try RedisClient(.unix(path: directory.file("redis.sock")))
    try client.run("AUTH", Self.operator, "any")
    return client
  }

  /// One command on a connection of its own; an error reply throws.
  @discardableResult
  public func run(_ parts: String...) throws -> RedisReply { try client().run(parts) }

  /// The fields of a section of INFO.
  public func info(_ section: String) throws -> [String: String] {
    let text = try run("INFO", section).text ?? ""
    return text.split(separator: "\r\n").reduce(into: [:]) { fields, line in
      let pair = line.split(separator: ":", maxSplits: 1)
      if pair.count == 2 { fields[String(pair[0])] = String(pair[1]) }
    }
  }

  /// How often a command was called since the start, scripts' own calls included; failed ones too.
  public func calls(of command: String) throws -> Int {
    let fields = try info("commandstats")["cmdstat_\(command.lowercased())"] ?? ""
    return fields.split(separator: ",").lazy.compactMap { field in
      field.hasPrefix("calls=") ? Int(field.dropFirst("calls=".count)) : nil
    }.first ?? 0
  }

  /// All keys of a database that match, by name.
  public func keys(_ pattern: String = "*", database: Int = 0) throws -> [String] {
    let client = try client()
    try client.run("SELECT", "\(database)")
    return try client.run("KEYS", pattern).array?.compactMap(\.text).sorted() ?? []
  }

  /// The keys of a database that would stay for ever.
  public func keysWithoutExpiry(database: Int = 0) throws -> [String] {
    let client = try client()
    try client.run("SELECT", "\(database)")
    // -2: it has gone since the list was made.
    return try keys(database: database).filter { try client.run("PTTL", $0).int == -1 }
  }

  /// What clients ask of it while `body` runs, as MONITOR prints it: commands that scripts run are `[0 lua]`.
  public func monitor(_ body: () throws -> Void) throws -> [String] {
    let monitor = try client()
    try monitor.run("MONITOR")
    try body()
    let marker = "end-\(UInt32.random(in: 0 ... .max))"
    try run("ECHO", marker)
    var lines: [String] = []
    while let line = try monitor.reply().text, !line.contains(marker) { lines.append(line) }
    return lines
  }

  // MARK: what happens to it

  /// Ends it as a crash would.
  public func kill() throws {
    try child.withLock {
      $0.signal(SIGKILL)
      try $0.wait()
    }
  }

  /// Starts it again, on the same ports, after `kill`.
  public func restart(_ arguments: [String] = []) throws {
    let fresh = try Self.start(command + arguments, environment, directory)
    child.withLock { $0 = fresh }
  }

  /// Stops it where it stands, connections and all, until `resume`.
  public func pause() { child.withLock { $0.signal(SIGSTOP) } }
  public func resume() { child.withLock { $0.signal(SIGCONT) } }

  // MARK: starting

  private static func start(
    _ command: [String], _ environment: [String: String], _ directory: TemporaryDirectory
  ) throws -> ChildProcess {
    let process = try ChildProcess(command, environment: environment)
    let socket = Address.unix(path: directory.file("redis.sock"))
    try eventually("redis-server answers", within: 20) {
      // Any reply will do: NOAUTH and LOADING come from a server that is there.
      process.poll() != nil || (try? RedisClient(socket, timeout: 5).ask("PING")) != nil
    }
    guard process.poll() == nil else {
      throw WeirProcess.StartFailure(description: "redis-server ended:\n\(process.standardOutput)")
    }
    return process
  }

  private static let used = Mutex<Set<UInt16>>([])

  /// A port that nobody listens on and nobody else here gets. It lies below those that the system gives to outgoing
  /// connections: a server that was killed finds it free again.
  public static func freePort() throws -> UInt16 {
    for _ in 0..<1000 {
      let port = UInt16.random(in: 12_000..<32_000)
      let isNew = used.withLock { $0.insert(port).inserted }
      if isNew, (try? ServerProcess.bindable(port)) == port { return port }
    }
    throw WeirProcess.StartFailure(description: "no port between 12000 and 32000 is free")
  }
}
