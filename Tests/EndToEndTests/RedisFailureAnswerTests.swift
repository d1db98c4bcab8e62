// RedisFailureAnswerTests.swift: what an answer says when Redis cannot decide, policy by policy, in both forms.

import TestKit
import Testing

@Suite struct RedisFailureAnswerTests {
  static let policies = """
    policies:
      - {name: open, match: {path: [/allow, /both, /all]}, algorithm: token-bucket, limit: 5, period: \(forever),
         on_store_failure: allow}
      - name: closed
        match: {path: [/deny, /all, /with-memory, /used-up]}
        key: [header.x-k]
        missing: share
        algorithm: token-bucket
        limit: 5
        period: \(forever)
        on_store_failure: deny
        overrides: [{key: [gold], unlimited: true}, {key: [bad], block: true}]
      - {name: own, match: {path: [/memory, /all]}, algorithm: sliding-log, limit: 5, period: \(forever),
         on_store_failure: memory}
      - {name: local, match: {path: [/both, /with-memory]}, store: memory, algorithm: fixed-window, limit: 50,
         period: \(forever)}
      - {name: none, match: {path: /used-up}, store: memory, algorithm: token-bucket, limit: 1, period: \(forever)}
      - {name: seen, match: {path: /shadow}, algorithm: token-bucket, limit: 1, period: \(forever), mode: shadow,
         on_store_failure: deny}
    """

  /// A weir whose Redis is not there.
  private func weir(_ arguments: [String] = []) throws -> WeirProcess {
    let weir = try WeirProcess(
      Self.policies, redis: "redis://127.0.0.1:\(try RedisServer.freePort())", arguments: patient + arguments)
    #expect(try weir.health() == "degraded")
    return weir
  }

  private static let limitHeaders = ["X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "Retry-After"]

  @Test("allow: passed without numbers, however often")
  func allow() throws {
    let weir = try weir(["--ietf-headers", "on"])
    for _ in 0..<7 {
      let gateway = try weir.request("GET", "/check/allow")
      #expect(gateway.status == 200)
      #expect(gateway["Content-Length"] == "0")
      let json = try weir.json(#"{"attributes": {"path": "/allow"}}"#)
      #expect(json.status == 200)
      #expect(json.json?["allowed"]?.bool == true)
      #expect(json.json?["degraded"]?.bool == true)
      #expect(json.json?["policies"]?.int == 1)
      for name in ["policy", "limit", "remaining", "reset"] { #expect(json.json?[name] == nil, "\(name)") }
      for name in Self.limitHeaders + ["RateLimit", "RateLimit-Policy"] {
        #expect(gateway[name] == nil && json[name] == nil, "\(name)")
      }
    }
    #expect(try weir.metric("weir_decisions_degraded_total", ["domain": "default", "policy": "open"]) == 14)
  }

  @Test("allow beside a policy in memory: the numbers are the latter's")
  func allowBeside() throws {
    let weir = try weir()
    let json = try weir.json(#"{"attributes": {"path": "/both"}}"#)
    #expect(json.json?["policy"]?.string == "local")
    #expect(json.json?["policies"]?.int == 2)
    #expect(json.json?["degraded"]?.bool == true)
    #expect(json["RateLimit-Policy"]?.contains("open") == false)
    #expect(try weir.request("GET", "/check/both").int("X-RateLimit-Remaining") == 48)
  }

  @Test("deny: 503 with Retry-After: 1 in both forms, whatever deny_status says, and without limit headers")
  func deny() throws {
    let weir = try weir(["--deny-status", "403"])
    let answers = [
      try weir.request("GET", "/check/deny"), try weir.request("GET", "/check/deny?deny_status=401"),
      try weir.exact("/deny", query: "?deny_status=401"), try weir.json(#"{"attributes": {"path": "/deny"}}"#),
      try weir.json(#"{"attributes": {"path": "/deny"}}"#, to: "/json/check"),
    ]
    for answer in answers {
      #expect(answer.status == 503)
      #expect(answer["Retry-After"] == "1")
      #expect(answer["Content-Type"] == "application/problem+json")
      #expect(answer["Cache-Control"] == "no-store")
      #expect(answer.json?["status"]?.int == 503)
      #expect(answer.json?["detail"]?.string?.contains("closed") == true)
      for name in Self.limitHeaders.dropLast() { #expect(answer[name] == nil, "\(name)") }
      #expect(!answer.closes)
    }
    let head = try weir.request("HEAD", "/check/deny")
    #expect(head.status == 503)
    #expect(head["Retry-After"] == "1")
  }

  @Test("memory: the limit holds in this process, and the body says that it is degraded")
  func memory() throws {
    let weir = try weir()
    for remaining in (0..<5).reversed() {
      let answer = try weir.json(#"{"attributes": {"path": "/memory"}}"#)
      #expect(answer.status == 200)
      #expect(answer.json?["degraded"]?.bool == true)
      #expect(answer.int("X-RateLimit-Limit") == 5)
      #expect(answer.int("X-RateLimit-Remaining") == remaining)
    }
    let denied = try weir.json(#"{"attributes": {"path": "/memory"}}"#)
    #expect(denied.status == 429)
    #expect(denied.json?["degraded"]?.bool == true)
    #expect(denied.json?["violated-policies"] == .array([.string("own")]))
    let gateway = try weir.request("GET", "/check/memory")
    #expect(gateway.status == 429)
    #expect(gateway.json?["degraded"]?.bool == true)
    #expect((gateway.int("Retry-After") ?? 0) > 0)
  }

  @Test("a policy that cannot decide makes 503 of the whole check, and nothing is consumed by it")
  func denyWins() throws {
    let weir = try weir()
    for _ in 0..<7 {
      #expect(try weir.request("GET", "/check/all").status == 503)
      #expect(try weir.request("GET", "/check/with-memory").status == 503)
    }
    #expect(try weir.look(#"{"path": "/both"}"#) == 50)
    #expect(try weir.look(#"{"path": "/memory"}"#) == 5)
    // Also where another policy would have denied.
    let exhausted = #"{"cost": 2, "attributes": {"path": "/used-up"}}"#
    #expect(try weir.json(exhausted).status == 503)
  }

  @Test("overrides that need no counter hold without Redis: unlimited passes, block denies")
  func overrides() throws {
    let weir = try weir()
    #expect(try weir.request("GET", "/check/deny", [("X-K", "gold")]).status == 200)
    let blocked = try weir.request("GET", "/check/deny", [("X-K", "bad")])
    #expect(blocked.status == 429)
    #expect(blocked["X-RateLimit-Limit"] == "0")
    #expect(try weir.request("GET", "/check/deny", [("X-K", "other")]).status == 503)
    #expect(try weir.json(#"{"attributes": {"path": "/deny", "header.x-k": "gold"}}"#).json?["degraded"] == nil)
  }

  @Test("a shadow policy that cannot decide stops nobody, and a check that no policy matches passes")
  func bystanders() throws {
    let weir = try weir()
    for _ in 0..<3 { #expect(try weir.request("GET", "/check/shadow").status == 200) }
    #expect(try weir.request("GET", "/check/unmatched").status == 200)
    #expect(try weir.json(#"{"attributes": {"path": "/unmatched"}}"#).json?["policies"]?.int == 0)
  }
}
