// Gateway.swift: the real gateway programs, each set up by exactly the files of its folder in deploy/gateways.
//
// Only addresses and paths are substituted, and, for a variant, the edit that the folder's README names. What a
// gateway cannot do is a property here, and tests expect just that; nothing is skipped.

import Foundation
import TestKit
import Testing

/// A gateway that asks weir about every request.
struct Gateway: Sendable, CustomTestStringConvertible {
  /// How an example is changed before it is used.
  enum Variant: Sendable, CaseIterable {
    /// The files as they are: no answer from weir is a denial.
    case failClosed
    /// No answer from weir lets a request pass.
    case failOpen
    /// Weir is asked over its Unix socket.
    case unixSocket

    static let onTCP: [Variant] = [.failClosed, .failOpen]
  }

  /// An edit that a README describes: one line, or a part of it, replaced by another text.
  struct Edit: Sendable {
    var file: String
    var line: String
    var by: String
  }

  /// The folder's name below deploy/gateways.
  var name: String
  /// The program with its arguments; the files lie in `directory`, and relative names are relative to it.
  var command: @Sendable (_ directory: String) -> [String]
  /// Whether it does what its files say, which may be later than that it listens. Must not make it ask weir.
  var isReady: @Sendable (_ gateway: Address) throws -> Bool = { _ in true }
  /// Ports that the gateway keeps for itself.
  var ownPorts: [String] = []
  /// What lets requests pass while weir does not answer.
  var failOpen: [Edit]
  var unixSocket: [Edit]?
  /// Whether the client sees weir's numbers with the service's answer.
  var showsHeadersOnSuccess = true
  /// Whether the client gets weir's own problem, with the policy's name in it, and not one of the gateway.
  var passesWeirsProblem = true
  /// Whether it asks once more where a kept connection is closed in the place of an answer. Weir never does that to a
  /// check that it has read.
  var asksAgain = false
  /// Whether the denial of a HEAD says of what type the body of a GET would be. Weir's own does not.
  var typesHead = true
  /// Forged headers that make it refuse a request with a 400.
  var refusedHeaders: Set<String> = []
  /// Whether a header reaches the service whose name has underscores in the place of dashes.
  var passesUnderscores = false
  /// The status with which it refuses 150 headers before it asks weir, if it does.
  var refusesManyHeaders: Int?
  /// The status with which it refuses 60 KB of headers before it asks weir, if it does.
  var refusesLargeHeaders: Int?

  var testDescription: String { name }

  /// Every gateway that these tests run.
  static let all: [Gateway] = [.nginx, .haproxy, .envoy, .caddy, .traefik]

  static let overUnixSocket = all.filter { $0.unixSocket != nil }

  /// What the client gets where weir gives no answer and the gateway fails closed.
  static let statusOnFailure = 503

  // MARK: running it

  /// Starts the gateway in front of `service`, with `edits` besides those of the variant.
  func start(
    weir: Address, service: Address, _ variant: Variant = .failClosed, edits more: [Edit] = []
  ) throws -> ServerProcess {
    let readme = try readme
    for edit in edits(variant) {
      for text in [edit.line, edit.by].map({ $0.trimmingCharacters(in: .whitespaces) })
      where !readme.contains("`\(text)`") {
        throw UnusableExample(description: "\(folder)/README.md does not name the edit: \(text)")
      }
    }
    let gateway = try ServerProcess { port, directory in
      try copy(to: directory, port: port, weir: weir, service: service, edits(variant) + more)
      return command(directory.path)
    }
    try eventually("\(name) is ready", within: 20) { try isReady(gateway.address) }
    return gateway
  }

  private var folder: String { WeirProcess.repository + "/deploy/gateways/" + name }

  var readme: String {
    get throws { try String(contentsOfFile: folder + "/README.md", encoding: .utf8) }
  }

  /// Copies the folder's files, with these addresses in the place of those of the examples.
  private func copy(
    to directory: TemporaryDirectory, port: UInt16, weir: Address, service: Address, _ edits: [Edit]
  ) throws {
    let files = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0 != "README.md" }
    var texts: [String: String] = [:]
    for file in files { texts[file] = try String(contentsOfFile: folder + "/" + file, encoding: .utf8) }
    for edit in edits {
      let text = texts[edit.file] ?? ""
      guard text.components(separatedBy: edit.line).count == 2 else {
        throw UnusableExample(description: "\(folder)/\(edit.file) does not hold just once: \(edit.line)")
      }
      texts[edit.file] = text.replacingOccurrences(of: edit.line, with: edit.by)
    }
    var substitutions = ["8000": "\(port)", "8080": "\(service.port)"]
    for own in ownPorts { substitutions[own] = "\(try RedisServer.freePort())" }
    switch weir {
    case .tcp: substitutions["7429"] = "\(weir.port)"
    case .unix(let path): substitutions["/run/weir/weir.sock"] = path
    }
    for (literal, replacement) in substitutions {
      guard texts.values.contains(where: { $0.contains(literal) }) else {
        throw UnusableExample(description: "\(folder) does not hold \(literal)")
      }
      // Whole numbers only: 8000 is no part of 80001.
      for (file, text) in texts {
        texts[file] = text.replacingOccurrences(
          of: "(?<![0-9])\(literal)(?![0-9])", with: replacement, options: .regularExpression)
      }
    }
    // Abstract sockets have no directory: one name for each gateway that runs.
    for (file, text) in texts {
      try directory.write(file, text.replacingOccurrences(of: "abns@weir", with: "abns@weir-\(port)"))
    }
  }

  private func edits(_ variant: Variant) -> [Edit] {
    switch variant {
    case .failClosed: []
    case .failOpen: failOpen
    case .unixSocket: unixSocket ?? []
    }
  }

  /// A program that scripts/test installs from PyPI.
  static func tool(_ name: String) -> String { WeirProcess.repository + "/.build/tools/bin/" + name }

  /// The files in deploy/gateways are not what the tests take them for.
  struct UnusableExample: Error, CustomStringConvertible {
    var description: String
  }
}

/// A gateway with weir beside it and a service behind it.
struct GatewaySetup: Sendable {
  let gateway: ServerProcess
  let weir: WeirProcess
  let service: HTTPStub

  init(
    _ kind: Gateway, _ policies: String, _ variant: Gateway.Variant = .failClosed, edits: [Gateway.Edit] = []
  ) throws {
    let weir: WeirProcess
    if variant == .unixSocket {
      let directory = try TemporaryDirectory()
      try directory.makeDirectory("policies")
      weir = try WeirProcess(policies, listen: ["unix:\(directory.file("weir.sock"))?mode=0666"])
      sockets = directory
    } else {
      weir = try WeirProcess(policies)
      sockets = nil
    }
    self.weir = weir
    service = try .service()
    gateway = try kind.start(weir: weir.listen[0], service: service.address, variant, edits: edits)
  }

  /// Where weir's socket lies, if it has one.
  private let sockets: TemporaryDirectory?

  /// A new connection to the gateway.
  func client() throws -> HTTPClient { try HTTPClient(gateway.address) }
}

extension HTTPStub {
  /// The service behind a gateway. It says what reached it; `/status/N` answers with status N, and `/own` has rate-limit
  /// headers of its own. Upgrades are accepted.
  static func service() throws -> HTTPStub {
    try HTTPStub { request in
      if request["Upgrade"] != nil {
        // The answer to the key of RFC 6455 section 1.3; HAProxy looks at it.
        let accept = ("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        return .status(101, [("Connection", "Upgrade"), ("Upgrade", request["Upgrade"] ?? ""), accept])
      }
      let path = request.target.prefix { $0 != "?" }
      var headers = [("X-Service", "yes")]
      if path == "/own" { headers += [("X-RateLimit-Limit", "999"), ("X-RateLimit-Remaining", "999")] }
      let status = path.hasPrefix("/status/") ? Int(path.dropFirst("/status/".count)) ?? 200 : 200
      return .status(status, headers, body: "\(request.method) \(request.target) \(request.body.count)")
    }
  }
}

extension HTTPResponse {
  /// Whether the service behind the gateway made this answer.
  var isFromService: Bool { self["X-Service"] == "yes" }
}

/// A policy that never denies.
let plenty = "policies: [{name: plenty, algorithm: fixed-window, limit: 1000000, period: \(forever)}]"
