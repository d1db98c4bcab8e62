// ExplainCallTests.swift: why a check would pass or not, asked of a running weir in both forms of a check.

import TestKit
import Testing

@Suite struct ExplainCallTests {
  static let policies = """
    policies:
      - {name: per-user, match: {path: /v1/**}, key: [header.user], limit: 2, period: \(forever)}
      - {name: uploads, match: {path: /v1/**, methods: PUT}, limit: 1, period: \(forever)}
      - {name: tried, key: [header.user], limit: 1, period: \(forever), mode: shadow}
    """

  /// Two forms of one check.
  static let bodies = [
    #"{"method": "GET", "target": "/v1/x?q=1", "host": "a.example", "ip": "203.0.113.9", "headers": {"User": "ann"}}"#,
    #"{"attributes": {"method": "GET", "path": "/v1/x", "header.user": "ann"}}"#,
  ]

  private func explain(_ weir: WeirProcess, _ body: String) throws -> JSON {
    let answer = try weir.call("/explain", body)
    #expect(answer.status == 200 && answer["Content-Type"] == "application/json", "\(answer.text)")
    #expect(answer.text.hasSuffix("}\n") && answer.text.split(separator: "\n").count == 1)
    return try #require(answer.json)
  }

  @Test("every policy says whether it applies, why, and what its counter holds; nothing is consumed", arguments: bodies)
  func allowed(body: String) throws {
    let weir = try WeirProcess(Self.policies)
    #expect(try weir.request("GET", "/check/v1/x", [("User", "ann")]).status == 200)
    for _ in 0..<3 {
      let answer = try explain(weir, body)
      #expect(answer["domain"]?.string == "default" && answer["allowed"]?.bool == true)
      #expect(answer["binding"]?.string == "per-user")
      let policies = try #require(answer["policies"]?.array)
      #expect(policies.map { $0["policy"]?.string } == ["per-user", "uploads", "tried"])
      #expect(policies.map { $0["applies"]?.bool } == [true, false, true])
      let sources = policies.map { $0["source"]?.string }
      #expect(sources == (2...4).map { weir.policies.file("test.yaml:\($0)") })
      #expect(policies[0]["key"] == .array([.string("ann")]) && policies[0]["decision"]?.string == "allow")
      #expect(policies[0]["limit"]?.int == 2 && policies[0]["remaining"]?.int == 1 && policies[0]["cost"]?.int == 1)
      #expect(policies[0]["retry_after"]?.int == 0 && policies[0]["order"] == .null)
      #expect(policies[0]["store"]?.string == "memory" && policies[0]["mode"]?.string == "enforce")
      #expect(policies[1].names == ["domain", "policy", "source", "applies", "why"])
      #expect(policies[1]["why"]?.string?.contains("GET") == true)
      #expect(policies[2]["mode"]?.string == "shadow" && policies[2]["decision"]?.string == "deny")
    }
    #expect(try weir.request("GET", "/check/v1/x", [("User", "ann")]).status == 200, "its one was still there")
  }

  @Test("a denial: which policy binds, and how long", arguments: bodies)
  func denied(body: String) throws {
    let weir = try WeirProcess(Self.policies)
    #expect(try statuses(weir, 3, "/check/v1/x", [("User", "ann")]) == [200, 200, 429])
    let answer = try explain(weir, body)
    #expect(answer["allowed"]?.bool == false && answer["binding"]?.string == "per-user")
    #expect(answer["why"]?.string?.contains("per-user denies for") == true)
    let policy = answer["policies"]?[0]
    #expect(policy?["decision"]?.string == "deny" && policy?["remaining"]?.int == 0)
    #expect((policy?["retry_after"]?.int ?? 0) > 1_000)
    let large = try explain(weir, #"{"cost": 3, "attributes": {"path": "/v1/x", "header.user": "bob"}}"#)
    #expect(large["policies"]?[0]?["decision"]?.string == "deny_always" && large["policies"]?[0]?["cost"]?.int == 3)
    #expect(large["policies"]?[0]?["retry_after"] == .null)
  }

  @Test("an order shows with who gave it, and decides", arguments: bodies)
  func orders(body: String) throws {
    let weir = try WeirProcess(Self.policies)
    let key = #""policy": "per-user", "key": ["ann"]"#
    try weir.call("grant", #"{\#(key), "amount": 5, "for": "1h", "note": "launch"}"#)
    let granted = try explain(weir, body)["policies"]?[0]
    #expect(granted?["limit"]?.int == 7 && granted?["remaining"]?.int == 7)
    #expect(granted?["order"]?["kind"]?.string == "grant" && granted?["order"]?["amount"]?.int == 5)
    #expect(granted?["order"]?["by"]?.string == "127.0.0.1: launch")

    let until = unixSeconds() + 600
    try weir.call("block", #"{\#(key), "until": \#(until)}"#)
    let answer = try explain(weir, body)
    #expect(answer["allowed"]?.bool == false && answer["binding"]?.string == "per-user")
    #expect(answer["why"]?.string?.hasPrefix("an order blocks this key of per-user for ") == true)
    let blocked = answer["policies"]?[0]
    #expect(blocked?["limit"]?.int == 0 && blocked?["decision"]?.string == "deny" && blocked?["reset"]?.int == until)
    #expect(blocked?["order"] == .object(["kind": .string("block"), "until": .int(until), "by": .string("127.0.0.1")]))
    #expect(try explain(weir, body.replacing("ann", with: "bob"))["allowed"]?.bool == true)
  }

  @Test("a check that nothing limits says so")
  func nothing() throws {
    let weir = try WeirProcess(Self.policies)
    let answer = try explain(weir, "{}")
    #expect(answer["allowed"]?.bool == true && answer["binding"] == .null)
    #expect(answer["policies"]?.array?.allSatisfy { $0["applies"]?.bool == false } == true)
    let other = try explain(weir, #"{"domain": "other"}"#)
    #expect(other["domain"]?.string == "other" && other["policies"] == .array([]) && other["allowed"]?.bool == true)
  }
}
