// WeirProcess.swift: the real binary, started on free ports with its own policies, ready when the initialiser returns.
//
// Its `listening` event on standard error says which ports it got, so that any number of tests run side by side.

import Foundation
public import Glibc

/// A running `weir serve`. Ended at the latest with its owner.
public final class WeirProcess: Sendable {
  /// The policy directory.
  public let policies: TemporaryDirectory
  /// Addresses of the data listeners, in the order of the flags.
  public let listen: [Address]
  /// Nil where it is off.
  public let admin: Address?
  public let metrics: Address?
  private let child: ChildProcess

  /// It ended, or did not listen in time.
  public struct StartFailure: Error, CustomStringConvertible {
    public var description: String
  }

  /// Starts it and waits until all its listeners accept.
  ///
  /// - Parameters:
  ///   - yaml: Written as `test.yaml` into a policy directory of its own; nil leaves `directory` as it is.
  ///   - directory: The policy directory; a fresh one by default.
  ///   - listen: Data listeners, by default one free port on IPv4 loopback.
  ///   - arguments: Besides `--listen`, and besides `--policies` and `--admin` (on a free port) unless they are among
  ///     these.
  ///   - launcher: A command that gets the whole command line as its arguments, to start weir under other conditions.
  public init(
    _ yaml: String? = nil, directory: TemporaryDirectory? = nil, listen: [String] = ["127.0.0.1:0"],
    arguments: [String] = [], environment: [String: String] = [:], launcher: [String] = []
  ) throws {
    policies = try directory ?? TemporaryDirectory()
    if let yaml { try policies.write("test.yaml", yaml) }
    var command = launcher + [Self.binary, "serve"]
    if !arguments.contains("--policies") { command += ["--policies", policies.path] }
    for address in listen { command += ["--listen", address] }
    if !arguments.contains("--admin") { command += ["--admin", "127.0.0.1:0"] }
    let child = try ChildProcess(command + arguments, environment: environment)
    self.child = child

    var event: JSON?
    do {
      try eventually("weir listens", within: 30) {
        event = Self.events(child).first { $0["event"]?.string == "listening" }
        return event != nil || child.poll() != nil
      }
    } catch {
      throw StartFailure(description: "\(error)\n\(child.standardError)")
    }
    guard let event else {
      throw StartFailure(description: "weir ended (\(child.poll().map { "\($0)" } ?? "")):\n\(child.standardError)")
    }
    self.listen = (event["listen"]?.array ?? []).compactMap { $0.string.flatMap { Address($0) } }
    admin = event["admin"]?.string.flatMap { Address($0) }
    metrics = event["metrics"]?.string.flatMap { Address($0) }
    guard self.listen.count == listen.count else {
      throw StartFailure(description: "asked for \(listen), listening event: \(event)")
    }
  }

  /// The binary under test: `WEIR_BINARY`, else what `swift build` left in `.build`.
  public static let binary: String = {
    if let given = ProcessInfo.processInfo.environment["WEIR_BINARY"], !given.isEmpty { return given }
    let candidates = ["release", "debug"].map { repository + "/.build/" + $0 + "/weir" }
    return candidates.first { FileManager.default.isExecutableFile(atPath: $0) } ?? candidates[0]
  }()

  /// The root of the working copy that these tests were built from.
  public static let repository: String = {
    var url = URL(fileURLWithPath: #filePath)
    for _ in 0..<3 { url.deleteLastPathComponent() }
    return url.path
  }()

  /// Runs another command of the binary to its end.
  public static func run(
    _ arguments: [String], environment: [String: String] = [:], directory: String? = nil
  ) throws -> (status: ChildProcess.Status, output: String, errors: String) {
    let child = try ChildProcess([binary] + arguments, environment: environment, directory: directory)
    let status = try child.wait(within: 30)
    return (status, child.standardOutput, child.standardError)
  }

  // MARK: asking

  /// A new connection to the first data listener; this process lives for as long as it does.
  public func client() throws -> HTTPClient { try HTTPClient(listen[0], of: self) }

  /// One request to the first data listener, on a connection of its own.
  @discardableResult
  public func request(
    _ method: String = "GET", _ target: String, _ headers: [(String, String)] = [], body: String? = nil
  ) throws -> HTTPResponse {
    try client().request(method, target, headers, body: body)
  }

  /// One request to the admin listener, on a connection of its own.
  @discardableResult
  public func adminRequest(_ target: String, method: String = "GET") throws -> HTTPResponse {
    guard let admin else { throw StartFailure(description: "no admin listener") }
    return try HTTPClient(admin).request(method, target, [("Host", "localhost")])
  }

  /// The value of a sample of `/metrics`, whose labels include all those given; the sum where several do; nil where
  /// none does.
  public func metric(_ name: String, _ labels: [String: String] = [:]) throws -> Double? {
    let wanted = labels.map { "\($0.key)=\"\($0.value)\"" }
    let samples = try adminRequest("/metrics").text.split(separator: "\n").compactMap { line -> Double? in
      guard line.hasPrefix(name + "{") || line.hasPrefix(name + " "), wanted.allSatisfy({ line.contains($0) }) else {
        return nil
      }
      return line.split(separator: " ").last.flatMap { Double($0) }
    }
    return samples.isEmpty ? nil : samples.reduce(0, +)
  }

  // MARK: the process

  public var pid: pid_t { child.pid }
  public var standardError: String { child.standardError }

  /// What it has logged so far, where it logs JSON.
  public var events: [JSON] { Self.events(child) }

  public func signal(_ number: Int32) { child.signal(number) }

  /// How it ended, or nil while it runs.
  public func poll() -> ChildProcess.Status? { child.poll() }

  @discardableResult
  public func wait(within seconds: Double = 30) throws -> ChildProcess.Status { try child.wait(within: seconds) }

  /// Asks it to end (SIGTERM) and waits.
  @discardableResult
  public func terminate(within seconds: Double = 30) throws -> ChildProcess.Status {
    signal(SIGTERM)
    return try wait(within: seconds)
  }

  private static func events(_ child: ChildProcess) -> [JSON] { child.errorLines.compactMap { JSON($0) } }
}
