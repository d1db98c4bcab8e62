// JSONFormTests.swift: checks asked by programs: which requests are of this form, and what its answers say.

import TestKit
import Testing

@Suite struct JSONFormTests {
  static let policies = """
    policies:
      - {name: per-plan, key: [plan], algorithm: token-bucket, limit: 100, period: \(forever)}
      - {name: all, algorithm: fixed-window, limit: 1000, period: \(forever)}
    """
  static let json = ("Content-Type", "application/json")

  @Test(
    "a header that marks a gateway or a proxy makes POST /check a gateway check, whose body counts for nothing",
    arguments: [
      "Forwarded", "X-Forwarded-For", "X-Forwarded-Uri", "X-Forwarded-Method", "X-Forwarded-Host", "X-Forwarded-Proto",
      "X-Forwarded-Anything", "X-Original-URI", "X-Original-Anything", "X-Real-IP", "Via", "X-Envoy-Internal",
      "x-real-ip",
    ])
  func marks(name: String) throws {
    let weir = try WeirProcess(Self.policies)
    let response = try weir.json(#"{"domain": "nobody", "cost": 5, "attributes": {"plan": "a"}}"#, [(name, "x")])
    #expect(response.status == 200)
    #expect(response["Content-Length"] == "0")
    #expect(response.int("X-RateLimit-Remaining") == 999)
  }

  @Test("the four headers named by flags mark a gateway too")
  func namedMarks() throws {
    let weir = try WeirProcess(
      Self.policies,
      arguments: [
        "--target-header", "A-Target", "--method-header", "A-Method", "--host-header", "A-Host", "--client-ip-header",
        "A-Client",
      ])
    for name in ["A-Target", "A-Method", "A-Host", "a-client"] {
      #expect(try weir.json("{}", [(name, "x")])["Content-Length"] == "0", "\(name)")
    }
    #expect(try weir.json("{}").json?["allowed"]?.bool == true)
  }

  @Test("POST /check is the JSON form exactly with the JSON content type")
  func selection() throws {
    let weir = try WeirProcess(Self.policies)
    let json = ["application/json", "application/json; charset=utf-8", "Application/JSON;x=y", "application/json ;a=b"]
    for type in json {
      let response = try weir.request("POST", "/check", [("Content-Type", type)], body: "{}")
      #expect(response.json?["allowed"]?.bool == true, "\(type)")
    }
    for type in ["text/json", "application/json-patch+json", "application/jsonx", "text/plain, application/json"] {
      let response = try weir.request("POST", "/check", [("Content-Type", type)], body: "{}")
      #expect(response.status == 200, "\(type)")
      #expect(response.body.isEmpty, "\(type)")
    }
    for (method, target) in [("PUT", "/check"), ("GET", "/check"), ("POST", "/check/"), ("POST", "/check/x")] {
      let response = try weir.request(method, target, [Self.json], body: "{}")
      #expect(response.status == 200, "\(method) \(target)")
      #expect(response.body.isEmpty, "\(method) \(target)")
    }
  }

  @Test("POST /json/check is the JSON form whatever the headers")
  func always() throws {
    let weir = try WeirProcess(Self.policies)
    let headers = [("X-Forwarded-For", "192.0.2.1"), ("Via", "1.1 proxy"), ("Forwarded", "for=192.0.2.1")]
    let response = try weir.json(#"{"attributes": {"plan": "a"}}"#, to: "/json/check", headers)
    #expect(response.json?["policies"]?.int == 2)
    #expect(response.json?["remaining"]?.int == 99)
  }

  @Test("--json-form off switches both off")
  func off() throws {
    let weir = try WeirProcess(Self.policies, arguments: ["--json-form", "off"])
    let response = try weir.json(#"{"cost": 7}"#)
    #expect(response["Content-Length"] == "0")
    #expect(response.int("X-RateLimit-Remaining") == 999)
    #expect(try weir.json("{}", to: "/json/check").status == 404)
  }

  @Test("an allowed check says which policy binds, its numbers, and how many policies matched")
  func allowed() throws {
    let weir = try WeirProcess(Self.policies)
    let response = try weir.json(#"{"domain": "default", "cost": 1, "attributes": {"plan": "pro"}}"#)
    #expect(response.status == 200)
    #expect(response["Content-Type"] == "application/json")
    #expect(response["Cache-Control"] == "no-store")
    #expect(response["Date"] != nil)
    let body = try #require(response.json)
    #expect(body.names == ["allowed", "domain", "policies", "policy", "limit", "remaining", "reset"])
    #expect(body["allowed"]?.bool == true)
    #expect(body["domain"]?.string == "default")
    #expect(body["policies"]?.int == 2)
    #expect(body["policy"]?.string == "per-plan")
    #expect(body["limit"]?.int == 100)
    #expect(body["remaining"]?.int == 99)
    #expect(body["limit"]?.int == response.int("X-RateLimit-Limit"))
    #expect(body["remaining"]?.int == response.int("X-RateLimit-Remaining"))
    #expect(body["reset"]?.int == response.int("X-RateLimit-Reset"))
  }

  @Test("domain, cost and attributes are optional")
  func defaults() throws {
    let weir = try WeirProcess(Self.policies)
    #expect(try weir.json("{}").json?["remaining"]?.int == 999)
    #expect(try weir.json(" { } \n").json?["domain"]?.string == "default")
    #expect(try weir.json(#"{"attributes": {}}"#).json?["policies"]?.int == 1)
  }

  @Test("where nothing matches, or the domain is unknown, the answer allows and carries no numbers")
  func nothing() throws {
    let weir = try WeirProcess("policies: []")
    for domain in ["default", "unknown"] {
      let response = try weir.json(#"{"domain": "\#(domain)"}"#)
      #expect(response.status == 200)
      #expect(response["X-RateLimit-Limit"] == nil)
      #expect(response["RateLimit"] == nil)
      let body = try #require(response.json)
      #expect(body.names == ["allowed", "domain", "policies"])
      #expect(body["policies"]?.int == 0)
      #expect(body["domain"]?.string == domain)
    }
  }

  @Test("a denial is a quota-exceeded problem with the members of a decision")
  func denied() throws {
    let weir = try WeirProcess(Self.policies)
    let request = #"{"cost": 100, "attributes": {"plan": "a"}}"#
    #expect(try weir.json(request).status == 200)
    let response = try weir.json(request)
    #expect(response.status == 429)
    #expect(response["Content-Type"] == "application/problem+json")
    let body = try #require(response.json)
    #expect(body["type"]?.string == "https://iana.org/assignments/http-problem-types#quota-exceeded")
    #expect(body["title"]?.string == "Too Many Requests")
    #expect(body["status"]?.int == 429)
    #expect(body["violated-policies"] == .array([.string("per-plan")]))
    #expect(body["allowed"]?.bool == false)
    #expect(body["domain"]?.string == "default")
    #expect(body["policies"]?.int == 2)
    #expect(body["policy"]?.string == "per-plan")
    #expect(body["limit"]?.int == 100)
    #expect(body["remaining"]?.int == 0)
    #expect(body["retry_after"]?.int == response.int("Retry-After"))
  }

  @Test("cost 0 looks without spending and is always allowed")
  func look() throws {
    let weir = try WeirProcess("policies: [{name: a, algorithm: token-bucket, limit: 2, period: \(forever)}]")
    for _ in 0..<3 { #expect(try weir.json(#"{"cost": 0}"#).json?["remaining"]?.int == 2) }
    #expect(try weir.json(#"{"cost": 2}"#).status == 200)
    let spent = try weir.json(#"{"cost": 0}"#)
    #expect(spent.status == 200)
    #expect(spent.json?["allowed"]?.bool == true)
    #expect(spent.json?["remaining"]?.int == 0)
  }

  @Test("cost multiplies the policy's own cost, up to the largest of both")
  func cost() throws {
    let weir = try WeirProcess(
      """
      policies:
        - {name: a, algorithm: token-bucket, limit: 1000, period: \(forever), cost: 7}
        - {name: b, match: {attributes: {x: "1"}}, algorithm: token-bucket, limit: 1000000000, period: 1ms, cost: 1000000}
      """)
    #expect(try weir.json(#"{"cost": 3}"#).json?["remaining"]?.int == 979)
    let huge = try weir.json(#"{"cost": 1000000000, "attributes": {"x": "1"}}"#)
    #expect(huge.status == 429)
    #expect(huge.json?["retry_after"] == .null)
    #expect(huge["Retry-After"] == nil)
    #expect(try weir.look() == 979)
  }

  @Test("a cost above the capacity is denied for ever: retry_after is null and there is no Retry-After")
  func impossible() throws {
    let weir = try WeirProcess(Self.policies)
    let response = try weir.json(#"{"cost": 1001}"#)
    #expect(response.status == 429)
    #expect(response.json?["retry_after"] == .null)
    #expect(response["Retry-After"] == nil)
  }

  @Test("attributes set by the JSON form are normalised like those of a gateway")
  func normalised() throws {
    let weir = try WeirProcess(
      fingerprints([
        ("match: {path: /orders/**}", 1001), ("match: {host: shop.example.com}", 1003),
        ("match: {ip: 192.0.2.7}", 1004), ("match: {headers: {x-plan: free}}", 1005),
        ("match: {attributes: {query.q: \"1\"}}", 1006),
        ("match: {methods: PUT}", 1007), ("match: {attributes: {plan: pro}}", 1008),
        ("match: {ip: \"2001:db8::/32\"}", 1009),
      ]))
    let cases: [(String, Int?)] = [
      (#"{"path": "/x/..//orders/%31/"}"#, 1001), (#"{"host": "Shop.Example.COM.:99"}"#, 1003),
      (#"{"ip": "192.0.2.7"}"#, 1004), (#"{"ip": "::ffff:192.0.2.7"}"#, 1004), (#"{"ip": "2001:DB8:0::1"}"#, 1009),
      (#"{"header.x-plan": "free"}"#, 1005), (#"{"header.x-plan": "gold, free"}"#, 1005), (#"{"query.q": "1"}"#, 1006),
      (#"{"method": "PUT"}"#, 1007), (#"{"plan": "pro"}"#, 1008), (#"{"plan": "\u0070ro"}"#, 1008),
      (#"{"plan": "PRO"}"#, nil), (#"{"plan": ""}"#, nil), (#"{"other": "pro"}"#, nil),
    ]
    for (attributes, limit) in cases {
      #expect(try weir.json(#"{"attributes": \#(attributes)}"#).json?["limit"]?.int == limit, "\(attributes)")
    }
  }

  @Test("only what attributes says is set: neither the peer's address nor the request's own headers count")
  func onlyAttributes() throws {
    let weir = try WeirProcess(
      fingerprints([
        ("match: {ip: 127.0.0.0/8}", 1001), ("match: {headers: {x-plan: free}}", 1002),
        ("match: {methods: POST}", 1003), ("match: {path: /check}", 1004), ("match: {host: test}", 1005),
      ]))
    let response = try weir.json("{}", [("X-Plan", "free")])
    #expect(response.json?["policies"]?.int == 0)
  }
}
