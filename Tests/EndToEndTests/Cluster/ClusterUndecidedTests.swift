// ClusterUndecidedTests.swift: where a node is silent, a policy that fails closed leaves the check undecided, whatever a
// policy on another node says of it.

import TestKit
import Testing

extension ClusterFaultTests {
  @Suite struct Undecided {
    private static let policies = """
      policies:
        - {name: probe, match: {path: /probe}, key: user, limit: 1000, period: \(forever)}
        - {name: small, match: {path: [/small, /closed, /open]}, key: other, limit: 1, period: \(forever)}
        - {name: closed, match: {path: /closed}, key: user, limit: 1000, period: \(forever), on_store_failure: deny}
        - {name: open, match: {path: /open}, key: user, limit: 1000, period: \(forever)}
      """

    private static func body(_ path: String, user: String, other: String) -> String {
      #"{"attributes": {"path": "\#(path)", "user": "\#(user)", "other": "\#(other)"}}"#
    }

    @Test("503 where a policy that fails closed cannot decide, though another one denies; 429 where it fails open")
    func frozen() async throws {
      try await aside {
        let cluster = try RedisCluster(replicas: 0, nodeTimeout: steady)
        let weir = try WeirProcess.clusterFleet(
          1, Self.policies, redis: cluster.url, arguments: ["--redis-timeout", "500ms", "--threads", "1"])[0]
        // The same value of another attribute lies in the same slot.
        let other = try cluster.user(on: cluster.nodes[0], of: weir, path: "/probe")
        let user = try cluster.user(on: cluster.nodes[1], of: weir, path: "/probe")
        for _ in 0..<2 { _ = try weir.json(Self.body("/small", user: user, other: other)) }
        cluster.freeze(cluster.nodes[1])
        defer { cluster.thaw(cluster.nodes[1]) }
        // Once with the denial of a moment ago in mind, and once when the breaker is open.
        for round in 0..<8 {
          let response = try weir.json(Self.body("/closed", user: user, other: other))
          #expect(response.status == 503 && response.int("Retry-After") == 1, "round \(round): \(response.text)")
          #expect(response["X-RateLimit-Limit"] == nil)
        }
        let denied = try weir.json(Self.body("/open", user: user, other: other))
        #expect(denied.status == 429)
        #expect(denied.json?["violated-policies"] == .array([.string("small")]))
      }
    }
  }
}
