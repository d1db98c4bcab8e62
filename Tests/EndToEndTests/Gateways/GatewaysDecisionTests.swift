// GatewaysDecisionTests.swift: what a client of each gateway sees, with the files of deploy/gateways in front of a real
// weir and a small service.

import Foundation
import TestKit
import Testing

@Suite struct GatewaysDecisionTests {
  /// The policies that the examples go with: five requests a minute from one address.
  static func examplePolicies() throws -> String {
    try String(contentsOfFile: WeirProcess.repository + "/deploy/gateways/policies.yaml", encoding: .utf8)
  }

  /// Two checks to each path under /twice, and no end of others.
  static let twice = """
    policies:
      - {name: twice, match: {path: /twice/**}, key: path, algorithm: fixed-window, limit: 2, period: \(forever)}
    """

  /// What a denial looks like to a client.
  private func expectDenial(
    _ response: HTTPResponse, of gateway: Gateway, limit: Int, head: Bool = false,
    location: SourceLocation = #_sourceLocation
  ) {
    #expect(response.status == 429, sourceLocation: location)
    #expect(!response.isFromService, sourceLocation: location)
    #expect(response.int("X-RateLimit-Limit") == limit, sourceLocation: location)
    #expect(response.int("X-RateLimit-Remaining") == 0, sourceLocation: location)
    #expect((response.int("X-RateLimit-Reset") ?? 0) > 1_700_000_000, sourceLocation: location)
    #expect((response.int("Retry-After") ?? 0) >= 1, sourceLocation: location)
    if !head || gateway.typesHead {
      #expect(response["Content-Type"] == "application/problem+json", sourceLocation: location)
    }
  }

  @Test(
    "five requests a minute pass with weir's headers, the sixth is a 429 with headers and a problem",
    arguments: Gateway.all)
  func sixth(kind: Gateway) async throws {
    try await aside {
      let setup = try GatewaySetup(kind, Self.examplePolicies())
      let client = try setup.client()
      for remaining in [4, 3, 2, 1, 0] {
        let response = try client.request("GET", "/items?x=1")
        #expect(response.status == 200)
        #expect(response.text == "GET /items?x=1 0")
        #expect(response["Retry-After"] == nil)
        if kind.showsHeadersOnSuccess {
          #expect(response.int("X-RateLimit-Limit") == 5)
          #expect(response.int("X-RateLimit-Remaining") == remaining)
          #expect((response.int("X-RateLimit-Reset") ?? 0) > 1_700_000_000)
          #expect(response.count(of: "X-RateLimit-Limit") == 1)
        }
      }
      let denied = try client.request("GET", "/items?x=1")
      expectDenial(denied, of: kind, limit: 5)
      #expect(denied.json?["status"]?.int == 429)
      #expect(denied.json?["title"]?.string == "Too Many Requests")
      if kind.passesWeirsProblem { #expect(denied.json?["policy"]?.string == "per-address") }
      #expect(setup.service.requests.count == 5)
    }
  }

  @Test("a header that policies use counts: three requests a minute with one API key", arguments: Gateway.all)
  func apiKey(kind: Gateway) async throws {
    try await aside {
      let setup = try GatewaySetup(kind, Self.examplePolicies())
      let client = try setup.client()
      for _ in 0..<3 { #expect(try client.request("GET", "/", [("X-Api-Key", "k1")]).status == 200) }
      expectDenial(try client.request("GET", "/", [("X-Api-Key", "k1")]), of: kind, limit: 3)
      #expect(try client.request("GET", "/", [("X-Api-Key", "k2")]).status == 200)
    }
  }

  @Test("HEAD counts, and its denial has headers and no body", arguments: Gateway.all)
  func head(kind: Gateway) async throws {
    try await aside {
      let setup = try GatewaySetup(kind, Self.twice)
      let client = try setup.client()
      for _ in 0..<2 { #expect(try client.request("HEAD", "/twice/a").status == 200) }
      expectDenial(try client.request("HEAD", "/twice/a"), of: kind, limit: 2, head: true)
      // The connection is still in step: a body would be taken for this answer.
      #expect(try client.request("GET", "/free").text == "GET /free 0")
      #expect(setup.service.requests.map(\.method) == ["HEAD", "HEAD", "GET"])
    }
  }

  @Test("a body reaches the service whole, and counts as one check however it comes", arguments: Gateway.all)
  func bodies(kind: Gateway) async throws {
    try await aside {
      let setup = try GatewaySetup(kind, Self.twice)
      let body = String(repeating: "0123456789", count: 30_000)
      let client = try setup.client()
      for _ in 0..<2 { #expect(try client.request("POST", "/twice/a", body: body).text == "POST /twice/a 300000") }
      expectDenial(try setup.client().request("POST", "/twice/a", body: "short"), of: kind, limit: 2)

      let chunked = try setup.client()
      for _ in 0..<2 {
        try chunked.send("PUT /twice/b HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in 0..<3 { try chunked.send("186A0\r\n\(body.prefix(100_000))\r\n") }
        try chunked.send("0\r\n\r\n")
        #expect(try chunked.response().text == "PUT /twice/b 300000")
      }
      try chunked.send("PUT /twice/b HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n0\r\n\r\n")
      expectDenial(try chunked.response(), of: kind, limit: 2)
      #expect(setup.service.requests.count == 4)
      #expect(setup.service.requests.allSatisfy { $0.body == Array(body.utf8) })
    }
  }

  @Test("Expect: 100-continue is served, and a denial needs no body", arguments: Gateway.all)
  func expectContinue(kind: Gateway) async throws {
    try await aside {
      let setup = try GatewaySetup(kind, Self.twice)
      let head = "POST /twice/a HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
      for _ in 0..<2 {
        let client = try setup.client()
        try client.send(head)
        // Whoever waits for it gets a 100, from the gateway or from the service; then the body is sent.
        let interim = try client.response()
        #expect(interim.status == 100)
        try client.send("12345")
        var response = try client.response()
        // Caddy sends a 100 of its own as well as the service's, as it may.
        if response.status == 100 { response = try client.response() }
        #expect(response.text == "POST /twice/a 5")
      }
      let client = try setup.client()
      try client.send(head)
      var response = try client.response()
      if response.status == 100 {
        try client.send("12345")
        response = try client.response()
      }
      expectDenial(response, of: kind, limit: 2)
      #expect(setup.service.requests.count == 2)
    }
  }

  @Test("an upgrade reaches the service and turns into bytes both ways; a denied one is a 429", arguments: Gateway.all)
  func upgrade(kind: Gateway) async throws {
    try await aside {
      let setup = try GatewaySetup(kind, Self.twice)
      let upgrade = [
        ("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
      ]
      for _ in 0..<2 {
        let client = try setup.client()
        #expect(try client.request("GET", "/twice/a", upgrade).status == 101)
        try client.send("HTTP/1.1 200 ping\r\nContent-Length: 0\r\n\r\n")
        #expect(try client.response().reason == "ping")
      }
      expectDenial(try setup.client().request("GET", "/twice/a", upgrade), of: kind, limit: 2)
    }
  }

  @Test("a request with 90 headers, 150 headers, or 60 KB of them is counted or refused", arguments: Gateway.all)
  func manyHeaders(kind: Gateway) async throws {
    try await aside {
      let setup = try GatewaySetup(kind, Self.twice)
      func headers(_ count: Int, bytes: Int) -> [(String, String)] {
        (0..<count).map { ("X-Filler-\($0)", String(repeating: "v", count: bytes)) }
      }
      let cases = [
        ("/twice/some", headers(90, bytes: 5), nil),
        ("/twice/many", headers(150, bytes: 5), kind.refusesManyHeaders),
        ("/twice/large", headers(60, bytes: 1000), kind.refusesLargeHeaders),
      ]
      for (path, headers, refusal) in cases {
        let statuses = try (0..<4).map { _ in try setup.client().request("GET", path, headers).status }
        #expect(statuses == refusal.map { Array(repeating: $0, count: 4) } ?? [200, 200, 429, 429], "\(path)")
        #expect(setup.service.requests.count { $0.target == path } == (refusal == nil ? 2 : 0), "\(path)")
      }
    }
  }

  @Test("the service's own statuses reach the client as they are, and cost one check", arguments: Gateway.all)
  func serviceStatuses(kind: Gateway) async throws {
    try await aside {
      let setup = try GatewaySetup(kind, plenty)
      let client = try setup.client()
      let statuses = [401, 403, 404, 429, 500, 503]
      for status in statuses {
        let response = try client.request("GET", "/status/\(status)")
        #expect(response.status == status)
        #expect(response.isFromService)
        #expect(response.text == "GET /status/\(status) 0")
      }
      #expect(try setup.weir.metric("weir_checks_total") == Double(statuses.count))
    }
  }

  @Test("rate-limit headers of the service give way to weir's, and are not doubled", arguments: Gateway.all)
  func ownHeaders(kind: Gateway) async throws {
    try await aside {
      let setup = try GatewaySetup(kind, plenty)
      let response = try setup.client().request("GET", "/own")
      #expect(response.count(of: "X-RateLimit-Limit") == 1)
      #expect(response.int("X-RateLimit-Limit") == (kind.showsHeadersOnSuccess ? 1_000_000 : 999))
    }
  }

  @Test("many clients at once never get more than the limit", arguments: Gateway.all)
  func concurrent(kind: Gateway) async throws {
    try await aside {
      let setup = try GatewaySetup(
        kind, "policies: [{name: a, key: ip, algorithm: token-bucket, limit: 200, period: \(forever)}]")
      try concurrently(8) { _ in
        let client = try setup.client()
        for _ in 0..<50 {
          let status = try client.request("GET", "/x").status
          guard status == 200 || status == 429 else { throw NeverHappened(description: "status \(status)") }
        }
      }
      #expect(setup.service.requests.count == 200)
      #expect(try setup.weir.metric("weir_decisions_total") == 400)
    }
  }

  @Test("connections to weir are kept", arguments: Gateway.all)
  func keepAlive(kind: Gateway) async throws {
    try await aside {
      let setup = try GatewaySetup(kind, Self.twice)
      // Denials as well as allowed checks, with and without bodies.
      let client = try setup.client()
      let statuses = try (0..<50).map { _ in try client.request("GET", "/twice/a").status }
      #expect(statuses == [200, 200] + Array(repeating: 429, count: 48))
      for _ in 0..<50 { #expect(try client.request("GET", "/free").status == 200) }
      for _ in 0..<50 { #expect(try client.request("POST", "/free", body: "body").status == 200) }
      #expect(try setup.weir.metric("weir_checks_total") == 150)
      // A connection or two for each of the gateway's threads.
      #expect(try setup.weir.metric("weir_connections_opened_total", [:]) ?? .infinity <= 8)
    }
  }

  @Test("weir is asked over its Unix socket", arguments: Gateway.overUnixSocket)
  func unixSocket(kind: Gateway) async throws {
    try await aside {
      let setup = try GatewaySetup(kind, Self.examplePolicies(), .unixSocket)
      let client = try setup.client()
      for _ in 0..<5 { #expect(try client.request("GET", "/").status == 200) }
      expectDenial(try client.request("GET", "/"), of: kind, limit: 5)
    }
  }
}
