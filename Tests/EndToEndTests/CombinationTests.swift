// CombinationTests.swift: several policies are one decision: all allow or none is charged, and one of them binds.

import TestKit
import Testing

@Suite struct CombinationTests {
  @Test("a denied check consumes from no policy")
  func allOrNothing() throws {
    let weir = try WeirProcess(
      """
      policies:
        - {name: first, algorithm: fixed-window, limit: 100, period: \(forever)}
        - {name: small, key: [v], algorithm: token-bucket, limit: 1, period: \(forever)}
        - {name: log, algorithm: sliding-log, limit: 100, period: \(forever)}
        - {name: window, algorithm: sliding-window, limit: 100, period: \(forever)}
        - {name: observed, algorithm: token-bucket, limit: 100, period: \(forever), mode: shadow}
      """)
    #expect(try weir.json(#"{"attributes": {"v": "a"}}"#).status == 200)
    for _ in 0..<50 { #expect(try weir.json(#"{"attributes": {"v": "a"}}"#).status == 429) }
    #expect(try weir.look() == 99)
    let rest = try weir.json(#"{"cost": 99}"#)
    #expect(rest.status == 200)
    #expect(rest.json?["shadow_denied"] == nil)
    #expect(try weir.json("{}").status == 429)
  }

  @Test("the policy with the least remaining binds an allowed check; ties go to the file path, then the position")
  func bindingAllowed() throws {
    let directory = try TemporaryDirectory()
    let policy = "algorithm: token-bucket, period: \(forever)"
    try directory.write("b.yaml", "policies: [{name: b1, limit: 5, \(policy)}, {name: b2, limit: 5, \(policy)}]")
    try directory.write("c.yaml", "policies: [{name: c, limit: 4, match: {path: /c}, \(policy)}]")
    let weir = try WeirProcess(directory: directory)
    #expect(try weir.json("{}").json?["policy"]?.string == "b1")
    #expect(try weir.json(#"{"attributes": {"path": "/c"}}"#).json?["policy"]?.string == "b1")
    try directory.write("a.yaml", "policies: [{name: a, limit: 3, \(policy)}]")
    try eventually("the new file counts") { try weir.json(#"{"cost": 0}"#).json?["policies"]?.int == 3 }
    #expect(try weir.json(#"{"cost": 0}"#).json?["policy"]?.string == "a")
    #expect(try weir.json("{}").json?["policy"]?.string == "a")
    #expect(try weir.json(#"{"cost": 0}"#).json?["policy"]?.string == "a")
  }

  @Test("among denying policies the one with the longest wait binds, and all that deny are named")
  func bindingDenied() throws {
    let weir = try WeirProcess(
      """
      policies:
        - {name: minute, algorithm: token-bucket, limit: 1, period: 1m}
        - {name: hour, algorithm: token-bucket, limit: 1, period: 1h}
        - {name: plenty, algorithm: token-bucket, limit: 50, period: 100d}
      """)
    #expect(try weir.json("{}").status == 200)
    let denied = try weir.json("{}")
    #expect(denied.status == 429)
    #expect(denied.json?["policy"]?.string == "hour")
    #expect(denied.int("X-RateLimit-Limit") == 1)
    #expect((3500...3600).contains(denied.int("Retry-After") ?? 0))
    let violated = Set((denied.json?["violated-policies"]?.array ?? []).compactMap(\.string))
    #expect(violated == ["minute", "hour"])
    #expect(denied["RateLimit"]?.hasPrefix("\"hour\";r=0;t=") == true)
  }

  @Test("a denial that no wait helps counts as the longest wait")
  func impossibleBinds() throws {
    let weir = try WeirProcess(
      """
      policies:
        - {name: year, algorithm: token-bucket, limit: 5, period: \(forever)}
        - {name: tiny, algorithm: token-bucket, limit: 4, burst: 3, period: 1ms}
      """)
    #expect(try weir.json(#"{"cost": 3}"#).status == 200)
    let denied = try weir.json(#"{"cost": 4}"#)
    #expect(denied.json?["policy"]?.string == "tiny")
    #expect(denied.json?["retry_after"] == .null)
    #expect(denied["Retry-After"] == nil)
  }

  @Test("a shadow policy counts in a counter of its own, never denies and never shows in the headers")
  func shadow() throws {
    let weir = try WeirProcess(
      """
      policies:
        - {name: real, algorithm: token-bucket, limit: 100, period: \(forever)}
        - {name: observed, algorithm: token-bucket, limit: 1, period: \(forever), mode: shadow}
      """)
    let first = try weir.json("{}")
    #expect(first.json?["shadow_denied"] == nil)
    let second = try weir.json("{}")
    #expect(second.status == 200)
    #expect(second.json?["shadow_denied"] == .array([.string("observed")]))
    #expect(second.json?["policy"]?.string == "real")
    #expect(second.int("X-RateLimit-Limit") == 100)
    #expect(second["RateLimit-Policy"]?.contains("observed") == false)
    #expect(try weir.request("GET", "/check/a").int("X-RateLimit-Remaining") == 97)
    #expect(try weir.metric("weir_decisions_total", ["policy": "observed", "outcome": "shadow_denied"]) == 2)
    #expect(try weir.metric("weir_decisions_total", ["policy": "real", "outcome": "allowed"]) == 3)
  }

  @Test("where only shadow or unlimited policies match there are no numbers")
  func onlyShadow() throws {
    let weir = try WeirProcess(
      """
      policies:
        - {name: observed, algorithm: token-bucket, limit: 1, period: \(forever), mode: shadow}
        - name: free
          key: [v]
          algorithm: token-bucket
          limit: 1
          period: 1h
          overrides: [{key: ["gold"], unlimited: true}]
      """)
    for _ in 0..<3 {
      let response = try weir.json(#"{"attributes": {"v": "gold"}}"#)
      #expect(response.status == 200)
      #expect(response.json?["policies"]?.int == 2)
      #expect(response["X-RateLimit-Limit"] == nil)
      for name in ["policy", "limit", "remaining", "reset"] { #expect(response.json?[name] == nil, "\(name)") }
    }
  }

  @Test("--shadow makes every policy shadow")
  func shadowFlag() throws {
    let weir = try WeirProcess(
      "policies: [{name: a, algorithm: token-bucket, limit: 1, period: \(forever)}]", arguments: ["--shadow"])
    for _ in 0..<5 {
      let response = try weir.request("GET", "/check/a")
      #expect(response.status == 200)
      #expect(response["X-RateLimit-Limit"] == nil)
    }
    #expect(try weir.json("{}").json?["shadow_denied"] == .array([.string("a")]))
  }
}
