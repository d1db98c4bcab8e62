// RejectionMetricsTests.swift: each refused call of an operator counts once, under the reason that operations.md names.

import TestKit
import Testing

@Suite struct RejectionMetricsTests {
  private static let key = #"{"policy": "per-user", "key": ["ann"]}"#
  private static let grant = #"{"policy": "per-user", "key": ["ann"], "amount": 1, "for": "1h"}"#

  /// What was counted, by reason; reasons that counted nothing are left out.
  private static func rejected(_ weir: WeirProcess) throws -> [String: Double] {
    var found: [String: Double] = [:]
    for reason in [
      "malformed", "version", "head_too_large", "target_too_long", "body_too_large", "path", "method", "media_type",
      "json", "query", "token", "origin", "host", "policy", "conflict",
    ] {
      let count = try #require(
        try weir.metric("weir_http_requests_rejected_total", ["reason": reason]), "\(reason) is on the page")
      if count > 0 { found[reason] = count }
    }
    return found
  }

  @Test("a refused call counts once, under its reason, and one that is answered counts under none")
  func reasons() throws {
    let files = try TemporaryDirectory()
    try files.write("token", "s3cret")
    let weir = try WeirProcess(
      "policies: [{name: per-user, key: [header.user], limit: 3, period: 1h, overrides: [{key: [ann], block: true}]}]",
      arguments: ["--admin-token-file", files.file("token"), "--metrics", "127.0.0.1:0"])
    let token = ("Authorization", "Bearer s3cret")
    let cases:
      [(reason: String, status: Int, method: String, target: String, headers: [(String, String)], body: String?)] = [
        ("path", 404, "GET", "/nowhere", [ownHost], nil), ("method", 405, "GET", "/keys/reset", [ownHost], nil),
        ("method", 405, "DELETE", "/metrics", [ownHost], nil),
        ("media_type", 415, "POST", "/keys/reset", [ownHost, token], Self.key),
        ("json", 400, "POST", "/keys/reset", [ownHost, token, jsonType], "{"),
        ("json", 400, "POST", "/explain", [ownHost, jsonType], #"{"cost": -1}"#),
        ("query", 400, "GET", "/keys", [ownHost], nil),
        ("query", 400, "GET", "/keys/top?limit=0", [ownHost], nil),
        ("token", 401, "POST", "/keys/reset", [ownHost, jsonType], Self.key),
        ("token", 401, "POST", "/keys/reset", [ownHost, jsonType, ("Authorization", "Bearer wrong")], Self.key),
        ("origin", 403, "GET", "/keys/top", [ownHost, ("Sec-Fetch-Site", "cross-site")], nil),
        ("origin", 403, "GET", "/policies", [ownHost, ("Origin", "http://evil.example")], nil),
        ("host", 421, "GET", "/keys/top", [("Host", "evil.example")], nil),
        ("policy", 404, "GET", "/keys?policy=none", [ownHost], nil),
        ("policy", 404, "POST", "/keys/reset", [ownHost, token, jsonType], #"{"policy": "none", "key": []}"#),
        ("conflict", 409, "POST", "/keys/grant", [ownHost, token, jsonType], Self.grant),
      ]
    #expect(try Self.rejected(weir) == [:])
    var expected: [String: Double] = [:]
    for (reason, status, method, target, headers, body) in cases {
      #expect(try weir.asked(method, target, headers, body: body).status == status, "\(method) \(target)")
      expected[reason, default: 0] += 1
      #expect(try Self.rejected(weir) == expected, "\(method) \(target)")
    }
    // The metrics listener counts with it.
    let probe = try HTTPClient(#require(weir.metrics))
    #expect(try probe.request("GET", "/keys/top").status == 404 && probe.request("POST", "/metrics").status == 405)
    expected["path", default: 0] += 1
    expected["method", default: 0] += 1
    #expect(try Self.rejected(weir) == expected)
    // What passes, and what is our own failure, is no rejection.
    #expect(try weir.asked("POST", "/keys/reset", [ownHost, token, jsonType], body: Self.key).status == 200)
    try files.remove("token")
    #expect(try weir.asked("POST", "/keys/reset", [ownHost, token, jsonType], body: Self.key).status == 503)
    #expect(try Self.rejected(weir) == expected)
  }

  @Test("a change off loopback without a token file counts as one without a token")
  func offLoopback() throws {
    let weir = try WeirProcess(
      "policies: [{name: per-user, key: [header.user], limit: 3, period: 1h}]", arguments: ["--admin", "0.0.0.0:0"])
    #expect(try weir.asked("POST", "/keys/reset", [ownHost, jsonType], body: Self.key).status == 403)
    #expect(try Self.rejected(weir) == ["token": 1])
  }
}
