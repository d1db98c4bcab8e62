// Asking.swift: the two forms of a check, as these tests ask them, and small parts of policy files.
//
// Several tests use a policy's limit as its fingerprint: the limit header of an answer then says which policy matched.

import TestKit

/// A period so long that nothing is regained during a test.
let forever = "366d"

extension WeirProcess {
  /// A gateway-form check at exactly `/check`: the original request is in headers.
  func exact(
    _ uri: String?, _ headers: [(String, String)] = [], method: String = "GET", query: String = ""
  ) throws -> HTTPResponse {
    let target = uri.map { [("X-Forwarded-Uri", $0)] } ?? []
    return try request(method, "/check" + query, target + headers)
  }

  /// A JSON-form check.
  @discardableResult
  func json(
    _ body: String, to target: String = "/check", _ headers: [(String, String)] = []
  ) throws -> HTTPResponse {
    try request("POST", target, [("Content-Type", "application/json")] + headers, body: body)
  }

  /// What is left under a key, without spending: a JSON-form check of cost 0.
  func look(_ attributes: String = "{}", domain: String = "default") throws -> Int? {
    try json(#"{"domain": "\#(domain)", "cost": 0, "attributes": \#(attributes)}"#).json?["remaining"]?.int
  }

  /// Waits until the limit in force is `limit`, without spending.
  func waitForLimit(_ limit: Int?, _ attributes: String = "{}") throws {
    try eventually("limit \(limit.map(String.init) ?? "none") in force") {
      try json(#"{"cost": 0, "attributes": \#(attributes)}"#).json?["limit"]?.int == limit
    }
  }
}

/// `count` gateway-form checks on one connection: their status codes.
func statuses(_ weir: WeirProcess, _ count: Int, _ target: String, _ headers: [(String, String)] = []) throws -> [Int] {
  let client = try weir.client()
  return try (0..<count).map { _ in try client.request("GET", target, headers).status }
}

/// A policy set whose policies all count in token buckets that regain nothing: `(fields besides, limit)` each.
func fingerprints(_ policies: [(String, Int)]) -> String {
  "policies:\n"
    + policies.enumerated().map { index, policy in
      "  - {name: p\(index), algorithm: token-bucket, limit: \(policy.1), period: \(forever), \(policy.0)}\n"
    }.joined()
}
