// GatewaysTrustTests.swift: a client of each gateway that tries to choose what it is counted by: its key, domain, cost,
// address, method, host or path, or to reach another page of weir.

import TestKit
import Testing

@Suite struct GatewaysTrustTests {
  /// Two requests from one address, and what a client would rather be counted by.
  private static let policies = """
    policies:
      - {name: per-address, key: ip, algorithm: fixed-window, limit: 2, period: \(forever),
         except: {path: [/probe/**, /v1/**, /host, /method]}}
      - {name: v1, match: {path: /v1/**}, algorithm: fixed-window, limit: 1000, period: \(forever)}
      - {name: posts, match: {path: /method, methods: [POST]}, algorithm: fixed-window, limit: 1001, period: \(forever)}
      - {name: gets, match: {path: /method, methods: [GET]}, algorithm: fixed-window, limit: 1002, period: \(forever)}
      - {name: host, match: {path: /host, host: shop.example.com}, algorithm: fixed-window, limit: 1003, period: \(forever)}
      - {name: header, match: {path: /probe/**, headers: {x-secret: {present: true}}}, limit: 1004, period: \(forever),
         algorithm: fixed-window}
      - {name: cost, match: {path: /probe/**}, algorithm: fixed-window, limit: 1000000, period: \(forever),
         cost: {attribute: header.x-cost, default: 1, min: 1, max: 100}}
    """

  /// Headers by which limiters and gateways pass facts along, all chosen by the client.
  private static let forged: [(String, String)] = [
    ("X-Forwarded-For", "203.0.113.1"), ("X-Forwarded-For", "203.0.113.2, 203.0.113.3"), ("X-Real-IP", "203.0.113.4"),
    ("Forwarded", "for=203.0.113.5;host=evil.example;proto=https"), ("True-Client-IP", "203.0.113.6"),
    ("X-Client-IP", "203.0.113.7"), ("X-Cluster-Client-IP", "203.0.113.8"), ("CF-Connecting-IP", "203.0.113.9"),
    ("X-Forwarded-Uri", "/probe/x"), ("X-Forwarded-Method", "OPTIONS"), ("X-Forwarded-Host", "evil.example"),
    ("X-Forwarded-Proto", "https"), ("X-Forwarded-Port", "1"), ("X-Forwarded-Prefix", "/probe"),
    ("X-Original-URI", "/probe/x"), ("X-Original-URL", "/probe/x"), ("X-Original-Method", "OPTIONS"),
    ("X-Rewrite-URL", "/probe/x"), ("X-HTTP-Method-Override", "OPTIONS"), ("X-Auth-Request-Redirect", "/probe/x"),
    ("X-Envoy-External-Address", "203.0.113.10"), ("X-Envoy-Original-Path", "/probe/x"),
    ("X-Envoy-Expected-Rq-Timeout-Ms", "1"), ("X-Envoy-Upstream-Rq-Timeout-Ms", "1"), ("X-Envoy-Max-Retries", "9"),
    ("X-Envoy-Retry-On", "5xx"), ("X-Domain", "other"), ("Domain", "other"), ("X-Cost", "0"), ("Cost", "0"),
    ("X-RateLimit-Limit", "1"), ("X-RateLimit-Remaining", "1"), ("Content-Type", "application/json"),
    ("Via", "1.1 evil"), ("Connection", "X-Forwarded-For, X-Forwarded-Uri, X-Forwarded-Method, X-Forwarded-Host"),
  ]

  /// Those that this gateway does not refuse on sight.
  private static func forged(_ kind: Gateway) -> [(String, String)] {
    forged.filter { !kind.refusedHeaders.contains($0.0) }
  }

  @Test("a client cannot choose its address, path, method, host, domain or cost", arguments: Gateway.all)
  func forgery(kind: Gateway) async throws {
    try await aside {
      let setup = try GatewaySetup(kind, Self.policies)
      #expect(try setup.client().request("GET", "/a").status == 200)
      #expect(try setup.client().request("GET", "/a", Self.forged(kind)).status == 200)
      // Two are spent. Each header alone, and all of them, would have to find a way round that.
      for header in Self.forged {
        let status = kind.refusedHeaders.contains(header.0) ? 400 : 429
        #expect(try setup.client().request("GET", "/a", [header]).status == status, "\(header)")
      }
      #expect(try setup.client().request("GET", "/a", Self.forged(kind)).status == 429)
      let json = #"{"domain":"other","cost":0,"attributes":{"ip":"203.0.113.1"}}"#
      for target in [
        "/check", "/json/check", "/domains/other/check", "/check/../json/check", "/..", "/../metrics",
        "/%2e%2e/metrics",
        "//domains/other/check", "/a?domain=other&cost=0&key=x&ip=203.0.113.1&deny_status=401", "/a?path=/probe/x",
        "/a%00", "/probe%3f/../a", "/probe%2f..", "/healthz", "/readyz", "/metrics", "/policies",
        "/?", "/a%0d%0aX-Forwarded-Uri:%20/probe/x", "/a%23/probe",
      ] {
        for (method, body) in [("GET", nil), ("POST", json)] {
          let headers = [("Content-Type", "application/json")]
          let response = try setup.client().request(method, target, headers, body: body)
          // 400: a gateway may refuse a target on sight.
          #expect(response.status == 429 || response.status == 400, "\(method) \(target): \(response.status)")
          #expect(!response.isFromService, "\(method) \(target)")
        }
      }
      #expect(setup.service.requests.count == 2)
      #expect(try setup.weir.metric("weir_checks_total", ["form": "json"]) ?? 0 == 0)
    }
  }

  @Test("method, host, path and chosen headers reach weir as the service sees them", arguments: Gateway.all)
  func forwarded(kind: Gateway) async throws {
    try await aside {
      let setup = try GatewaySetup(kind, Self.policies)
      let client = try setup.client()
      /// Which policies counted how often, by name.
      func counts() throws -> [String: Double] {
        var counts: [String: Double] = [:]
        for name in ["per-address", "v1", "posts", "gets", "host", "header", "cost"] {
          counts[name] = try setup.weir.metric("weir_decisions_total", ["policy": name, "outcome": "allowed"]) ?? 0
        }
        return counts.filter { $0.value > 0 }
      }
      #expect(try client.request("POST", "/method", Self.forged(kind), body: "x").status == 200)
      #expect(try client.request("GET", "/method", Self.forged(kind)).status == 200)
      #expect(try client.request("GET", "/host", [("Host", "Shop.Example.com:80")] + Self.forged(kind)).status == 200)
      for target in ["/v1/a", "//v1/a", "/v1/./a", "/%761/a", "/x/../v1/a", "/v1"] {
        let response = try client.request("GET", target)
        #expect(response.status == 200, "\(target)")
        #expect(response.isFromService, "\(target)")
      }
      #expect(try counts() == ["posts": 1, "gets": 1, "host": 1, "v1": 6])
      // Headers that no policy of the example uses do not reach weir: neither the key nor the cost counts.
      #expect(try client.request("GET", "/probe/x", [("X-Secret", "1"), ("X-Cost", "100")]).status == 200)
      #expect(try counts()["header"] == nil)
      #expect(try counts()["cost"] == 1)
    }
  }

  @Test(
    "of the client's headers only X-Api-Key reaches the check server, and no address but the peer's",
    arguments: Gateway.all)
  func sent(kind: Gateway) async throws {
    try await aside {
      let check = try HTTPStub(ignoresBodies: true) { _ in .status(200, [("X-RateLimit-Limit", "1")]) }
      let service = try HTTPStub.service()
      let gateway = try kind.start(weir: check.address, service: service.address)
      let headers =
        Self.forged(kind) + [
          ("Cookie", "a=b"), ("Authorization", "Basic x"), ("X-Api-Key", "k1"), ("User-Agent", "Forger"),
          ("X-Custom", "1"), ("Range", "bytes=0-1"), ("If-None-Match", "x"), ("TE", "trailers"),
        ]
      let client = try HTTPClient(gateway.address)
      #expect(try client.request("POST", "/a?b=c", headers, body: "0123456789").status == 200)
      let seen = try #require(check.requests.first)
      #expect(seen["X-Api-Key"] == "k1")
      let forgedValues = headers.map(\.1).filter { $0 != "k1" && $0 != "https" && $0.count > 1 }
      for (name, value) in seen.headers {
        for forged in forgedValues { #expect(!value.contains(forged), "\(name): \(value)") }
      }
      let addresses = seen.headers.filter { $0.name.lowercased() == "x-forwarded-for" }.map(\.value)
      #expect(addresses == ["127.0.0.1"])
      // No body, and none announced that would be waited for in vain.
      #expect((seen["Content-Length"] ?? "0") == "0" && seen["Transfer-Encoding"] == nil)
    }
  }

  @Test("a header that some services take for X-Api-Key does not reach them past weir", arguments: Gateway.all)
  func underscores(kind: Gateway) async throws {
    try await aside {
      let check = try HTTPStub(ignoresBodies: true) { _ in .status(200) }
      let service = try HTTPStub.service()
      let gateway = try kind.start(weir: check.address, service: service.address)
      let headers = ["X_Api_Key", "X-Api_Key", "x_api-key"].map { ($0, "forged") }
      #expect(try HTTPClient(gateway.address).request("GET", "/", headers).status == 200)
      let seen = try #require(service.requests.first)
      #expect(seen.headers.contains { $0.value == "forged" } == kind.passesUnderscores)
      #expect(check.requests.first?["X-Api-Key"] == nil)
    }
  }
}
