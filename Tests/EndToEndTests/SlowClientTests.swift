// SlowClientTests.swift: slowhttptest against the real binary: slow heads, slow bodies and slow readers at once, all on the
// one thread that answers honest checks. These are all answered, with the right numbers, and the slow ones end within
// their bounds. How fast the honest ones are is `scripts/bench slow`'s business.
//
// slowhttptest asks for at most ten answers a connection, which the system's buffers hold: its slow readers occupy
// connections, and weir holds nothing for them. So others ask for more than any buffer takes.

import Foundation
import TestKit
import Testing

@Suite struct SlowClientTests {
  /// slowhttptest asks now and then whether the server still answers, which counts under its own path.
  private static let policies = """
    policies:
      - {name: a, key: [path], match: {path: [/a, /slow]}, algorithm: token-bucket, limit: 1000000, period: \(forever)}
      - {name: denied, match: {path: /denied}, algorithm: token-bucket, limit: 1, period: \(forever)}
    """
  private static let connections = 300
  /// Slow readers of the admin listener, which takes 256 connections.
  private static let adminReaders = 200
  /// Clients that take a byte now and then of far more answers than the system holds for them: denials, which are long.
  private static let hoarders = 10
  private static let hoard = String(repeating: "GET /check/denied HTTP/1.1\r\n\r\n", count: 30_000)
  static let isInstalled = FileManager.default.isExecutableFile(atPath: "/usr/bin/slowhttptest")

  private static func attack(_ arguments: String, _ address: Address, _ path: String) throws -> ChildProcess {
    try ChildProcess(
      ["slowhttptest"] + arguments.split(separator: " ").map(String.init)
        + ["-l", "25", "-p", "3", "-u", "http://\(address.text)\(path)"])
  }

  @Test(
    "slow heads, bodies and readers leave honest checks alone, and end by themselves",
    .enabled(if: SlowClientTests.isInstalled, "slowhttptest is not installed"))
  func slowClients() async throws {
    try await aside {
      let weir = try WeirProcess(Self.policies, arguments: ["--threads", "1"])
      let honest = try weir.client()
      #expect(try honest.request("GET", "/check/a").int("X-RateLimit-Remaining") == 999_999)
      // Whoever cannot send all of it has sent enough.
      let hoarders = try (0..<Self.hoarders).map { _ in
        let client = try HTTPClient(weir.listen[0], timeout: 1, receiveBuffer: 4_096)
        try? client.send(Self.hoard)
        return client
      }
      try eventually("weir holds answers for them") { try weir.metric("weir_connection_bytes") ?? 0 > 0 }
      let common = "-c \(Self.connections) -r \(Self.connections) -i 2"
      let slowReads = "-k 10 -w 10 -y 20 -n 1 -z 1"
      let attacks = try [
        Self.attack("-H \(common)", weir.listen[0], "/check/slow"),
        Self.attack("-B \(common) -s 8192 -t POST -f application/json", weir.listen[0], "/json/check"),
        Self.attack(
          "-X -c \(Self.connections) -r \(Self.connections) \(slowReads)", weir.listen[0], "/check/slow"),
        Self.attack(
          "-X -c \(Self.adminReaders) -r \(Self.adminReaders) \(slowReads)", #require(weir.admin), "/metrics"),
      ]
      var asked = 1
      try eventually("the attacks are over", within: 120) {
        for _ in 0..<5 {
          asked += 1
          let response = try honest.request("GET", "/check/a")
          #expect(response.status == 200 && response.int("X-RateLimit-Remaining") == 1_000_000 - asked)
        }
        for hoarder in hoarders { hoarder.discard(atMost: 1) }
        return attacks.allSatisfy { $0.poll() != nil }
      }
      // Ten a second at the very least: they do not wait until the time of slow ones is over.
      #expect(asked > 250, "\(asked) honest checks beside 25 s of slow clients")
      #expect(try weir.request("GET", "/check/a").status == 200)
      for kind in ["head", "body"] {
        #expect(try weir.metric("weir_timeouts_total", ["kind": kind]) == Double(Self.connections), "\(kind)")
      }
      #expect(try weir.metric("weir_timeouts_total", ["kind": "output"]) ?? 0 >= Double(Self.hoarders))
      try eventually("no slow connection is left") { try weir.metric("weir_connections") ?? 0 <= 2 }
      // They still have their ends open: it was weir that closed.
      withExtendedLifetime(hoarders) {}
      #expect(try weir.metric("weir_connection_bytes") == 0)
      #expect(weir.poll() == nil)
      for attack in attacks { #expect(attack.standardOutput.contains("Exit status"), "\(attack.standardOutput)") }
    }
  }
}
