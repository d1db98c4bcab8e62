// SlowClientTests.swift: slowhttptest against the real binary: slow heads, slow bodies and slow readers at once. Honest
// checks beside them are all answered, with the right numbers, and the slow ones end within their bounds. How fast the
// honest ones are is `scripts/bench slow`'s business.

import Foundation
import TestKit
import Testing

@Suite struct SlowClientTests {
  /// slowhttptest asks now and then whether the server still answers, which counts under its own path.
  private static let policies =
    "policies: [{name: a, key: [path], algorithm: token-bucket, limit: 1000000, period: \(forever)}]"
  private static let connections = 300
  /// Of slow readers, which need long answers: those of the admin listener, which takes 256 connections.
  private static let readers = 200
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
      let weir = try WeirProcess(Self.policies)
      let honest = try weir.client()
      #expect(try honest.request("GET", "/check/a").int("X-RateLimit-Remaining") == 999_999)
      let common = "-c \(Self.connections) -r \(Self.connections) -i 2"
      let attacks = try [
        Self.attack("-H \(common)", weir.listen[0], "/check/slow"),
        Self.attack("-B \(common) -s 8192 -t POST -f application/json", weir.listen[0], "/json/check"),
        Self.attack(
          "-X -c \(Self.readers) -r \(Self.readers) -k 10 -w 10 -y 20 -n 1 -z 1", #require(weir.admin), "/metrics"),
      ]
      var asked = 1
      try eventually("the attacks are over", within: 120) {
        for _ in 0..<5 {
          asked += 1
          let response = try honest.request("GET", "/check/a")
          #expect(response.status == 200 && response.int("X-RateLimit-Remaining") == 1_000_000 - asked)
        }
        return attacks.allSatisfy { $0.poll() != nil }
      }
      #expect(try weir.request("GET", "/check/a").status == 200)
      for kind in ["head", "body"] {
        #expect(try weir.metric("weir_timeouts_total", ["kind": kind]) == Double(Self.connections), "\(kind)")
      }
      try eventually("no slow connection is left") { try weir.metric("weir_connections") ?? 0 <= 2 }
      #expect(try weir.metric("weir_connection_bytes") == 0)
      #expect(weir.poll() == nil)
      for attack in attacks { #expect(attack.standardOutput.contains("Exit status"), "\(attack.standardOutput)") }
    }
  }
}
