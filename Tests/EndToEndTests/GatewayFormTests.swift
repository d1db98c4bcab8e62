// GatewayFormTests.swift: which original request a gateway's request stands for, at exactly `/check` and below it.

import TestKit
import Testing

@Suite struct GatewayFormTests {
  static let policies = fingerprints([
    ("match: {path: /orders/**}", 1001), ("match: {methods: [PURGE]}", 1002),
    ("match: {host: shop.example.com}", 1003), ("match: {path: /metrics}", 1004), ("match: {path: /}", 1005),
    ("match: {path: /healthz}", 1006), ("match: {headers: {x-plan: free}}", 1007),
    ("match: {attributes: {query.q: \"a b\"}}", 1008), ("match: {path: /deep/a/c}", 1009),
  ])

  /// A request and the policy that should apply to it (by limit), or none.
  struct Case: Sendable, CustomTestStringConvertible {
    var method = "GET"
    var target: String
    var headers: [(String, String)] = []
    var limit: Int?
    var testDescription: String { "\(method) \(target) \(headers)" }
  }

  static let exact: [Case] = [
    Case(target: "/check", headers: [("X-Forwarded-Uri", "/orders/1")], limit: 1001),
    Case(target: "/check", headers: [("x-forwarded-uri", "/orders")], limit: 1001),
    Case(target: "/check", headers: [("X-Forwarded-Uri", "/orders/?a=b")], limit: 1001),
    Case(target: "/check", headers: [("X-Forwarded-Uri", "orders/1")], limit: 1001),
    Case(target: "/check", headers: [("X-Forwarded-Uri", "https://shop.example.net/orders/1?x=y")], limit: 1001),
    Case(target: "/check", headers: [("X-Forwarded-Uri", "//orders//1")], limit: 1001),
    Case(target: "/check", headers: [("X-Forwarded-Uri", "/x/../orders/./1")], limit: 1001),
    Case(target: "/check", headers: [("X-Forwarded-Uri", "/%6frders/1")], limit: 1001),
    Case(target: "/check", headers: [("X-Forwarded-Uri", "/orders/\u{e9}")], limit: 1001),
    Case(target: "/check", headers: [("X-Forwarded-Uri", "/orders/%zz")], limit: 1001),
    Case(target: "/check", headers: [("X-Forwarded-Uri", "/orders/%00")], limit: 1001),
    Case(target: "/check", headers: [("X-Forwarded-Uri", "/orders/%ff%fe")], limit: 1001),
    Case(target: "/check", headers: [("X-Forwarded-Uri", "/deep/a/b/%2e%2e/c")], limit: 1009),
    Case(target: "/check", headers: [("X-Forwarded-Uri", "/other?q=a+b")], limit: 1008),
    Case(target: "/check", headers: [("X-Forwarded-Uri", "/other?%71=a%20b")], limit: 1008),
    Case(target: "/check", headers: [("X-Forwarded-Uri", "/other?path=/orders/1")], limit: nil),
    Case(target: "/check", headers: [("X-Forwarded-Uri", "/other")], limit: nil),
    Case(target: "/check", headers: [], limit: nil),
    Case(target: "/check?X-Forwarded-Uri=/orders/1", headers: [], limit: nil),
    Case(target: "/check", headers: [("X-Original-URI", "/orders/1")], limit: nil),
    Case(target: "/check", headers: [("X-Original-URL", "/orders/1")], limit: nil),
    Case(target: "/check", headers: [("X-Envoy-Original-Path", "/orders/1")], limit: nil),
    Case(target: "/check", headers: [("X-Forwarded-Uri", "/x"), ("X-Original-URI", "/orders/1")], limit: nil),
    Case(target: "/check", headers: [("X-Forwarded-Method", "PURGE")], limit: 1002),
    Case(method: "PURGE", target: "/check", limit: 1002),
    Case(method: "PURGE", target: "/check", headers: [("X-Forwarded-Method", "GET")], limit: nil),
    Case(target: "/check", headers: [("X-Original-Method", "PURGE")], limit: nil),
    Case(target: "/check", headers: [("X-HTTP-Method-Override", "PURGE")], limit: nil),
    Case(target: "/check", headers: [("X-Forwarded-Host", "shop.example.com")], limit: 1003),
    Case(target: "/check", headers: [("X-Forwarded-Host", "SHOP.Example.com.:8443")], limit: 1003),
    Case(target: "/check", headers: [("X-Original-Host", "shop.example.com")], limit: nil),
    Case(target: "/check", headers: [("Host", "shop.example.com")], limit: nil),
    Case(target: "/check", headers: [("X-Plan", "free")], limit: 1007),
  ]

  static let below: [Case] = [
    Case(target: "/check/orders/1", limit: 1001),
    Case(target: "/check/orders/1?x=y", limit: 1001),
    Case(target: "/check//orders/./1/", limit: 1001),
    Case(target: "/check/x/../orders/1", limit: 1001),
    Case(target: "/check/%6Frders/1", limit: 1001),
    Case(target: "/check/orders/%zz%00%ff", limit: 1001),
    Case(target: "/check/orders/\u{e9}", limit: 1001),
    Case(target: "/check/other?q=a%20b", limit: 1008),
    Case(target: "/check/../metrics", limit: 1004),
    Case(target: "/check/metrics", limit: 1004),
    Case(target: "/check/healthz", limit: 1006),
    Case(target: "/check/", limit: 1005),
    Case(method: "PURGE", target: "/check/x", limit: 1002),
    Case(target: "/check/x", headers: [("Host", "shop.example.com:80")], limit: 1003),
    Case(target: "/check/x", headers: [("X-Forwarded-Uri", "/orders/1")], limit: nil),
    Case(target: "/check/x", headers: [("X-Forwarded-Method", "PURGE")], limit: nil),
    Case(target: "/check/x", headers: [("X-Forwarded-Host", "shop.example.com")], limit: nil),
    Case(target: "/check/x?deny_status=403", headers: [("X-Plan", "free")], limit: 1007),
    Case(target: "/check/check", limit: nil),
  ]

  private func expect(_ cases: [Case], of weir: WeirProcess) throws {
    let client = try weir.client()
    for item in cases {
      let response = try client.request(item.method, item.target, item.headers)
      #expect(response.status == 200, "\(item)")
      #expect(response["Content-Length"] == "0", "\(item)")
      #expect(response.int("X-RateLimit-Limit") == item.limit, "\(item)")
    }
  }

  @Test("at exactly /check the original request is in one header each, and there is no fallback from one to the next")
  func exactForm() throws {
    try expect(Self.exact, of: WeirProcess(Self.policies))
  }

  @Test("below /check/ what follows is the original target, and method and host are the request's own")
  func belowForm() throws {
    try expect(Self.below, of: WeirProcess(Self.policies))
  }

  @Test("the headers that carry the original request can be named, and the default names then mean nothing")
  func namedHeaders() throws {
    let weir = try WeirProcess(
      Self.policies,
      arguments: ["--target-header", "X-Original-URI", "--method-header=X-Original-Method"],
      environment: ["WEIR_HOST_HEADER": "X-Original-Host"])
    try expect(
      [
        Case(target: "/check", headers: [("X-Original-URI", "/orders/1")], limit: 1001),
        Case(target: "/check", headers: [("X-Forwarded-Uri", "/orders/1")], limit: nil),
        Case(target: "/check", headers: [("X-Original-Method", "PURGE")], limit: 1002),
        Case(target: "/check", headers: [("X-Forwarded-Method", "PURGE")], limit: nil),
        Case(target: "/check", headers: [("X-Original-Host", "shop.example.com")], limit: 1003),
        Case(target: "/check", headers: [("X-Forwarded-Host", "shop.example.com")], limit: nil),
      ], of: weir)
  }

  @Test("raw bytes above 0x7f in the target and in headers are taken as they stand")
  func rawBytes() throws {
    let weir = try WeirProcess(Self.policies)
    let client = try weir.client()
    try client.send(Array("GET /check/orders/".utf8) + [0xff, 0xc3, 0x28] + Array(" HTTP/1.1\r\nHost: t\r\n\r\n".utf8))
    #expect(try client.response().int("X-RateLimit-Limit") == 1001)
    try client.send(
      Array("GET /check HTTP/1.1\r\nX-Forwarded-Uri: /orders/".utf8) + [0xff, 0x80]
        + Array("\r\nX-Other: ".utf8) + [0xfe, 0x01] + Array("\r\nHost: t\r\n\r\n".utf8))
    let response = try client.response()
    #expect(response.status == 200)
    #expect(response.int("X-RateLimit-Limit") == 1001)
  }

  @Test("nothing beside the check paths is a check", arguments: ["/checks", "/", "/domains", "/policies", "/metrics"])
  func otherPaths(target: String) throws {
    let response = try WeirProcess(Self.policies).request("GET", target)
    #expect(response.status == 404)
    #expect(response["X-RateLimit-Limit"] == nil)
  }

  @Test("/domains/NAME/check asks domain NAME, /check the domain default, and an unknown domain allows")
  func domains() throws {
    let directory = try TemporaryDirectory()
    try directory.write("a.yaml", "policies: [{name: a, algorithm: fixed-window, limit: 11, period: \(forever)}]")
    try directory.write(
      "b.yaml", "domain: api\npolicies: [{name: a, algorithm: fixed-window, limit: 22, period: \(forever)}]")
    let weir = try WeirProcess(directory: directory)
    let expected: [(String, Int?)] = [
      ("/check", 11), ("/check/x", 11), ("/domains/default/check", 11), ("/domains/api/check", 22),
      ("/domains/api/check/x", 22), ("/domains/api/check?deny_status=403", 22), ("/domains/nobody/check", nil),
      ("/check?domain=api", 11), ("/check/x?domain=api", 11),
    ]
    for (target, limit) in expected {
      let response = try weir.request("GET", target)
      #expect(response.status == 200, "\(target)")
      #expect(response.int("X-RateLimit-Limit") == limit, "\(target)")
    }
    #expect(try weir.request("GET", "/domains/No%20Name/check").status == 404)
    #expect(try weir.request("GET", "/domains/-/check").status == 404)
    #expect(try weir.request("GET", "/domains//check").status == 404)
  }

  @Test("without the target header the path is absent, and a metric counts it")
  func missingTarget() throws {
    let weir = try WeirProcess("policies: [{name: a, key: [path], algorithm: fixed-window, limit: 5, period: 366d}]")
    #expect(try weir.exact(nil)["X-RateLimit-Limit"] == nil)
    #expect(try weir.exact("/a").int("X-RateLimit-Remaining") == 4)
    let lines = try weir.adminRequest("/metrics").text.split(separator: "\n")
    #expect(lines.contains { $0.contains("target") && !$0.hasPrefix("#") && !$0.hasSuffix(" 0") })
  }
}
