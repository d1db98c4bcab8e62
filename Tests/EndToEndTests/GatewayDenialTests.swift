// GatewayDenialTests.swift: what a gateway sees when the limit says no, and what it may ask for.

import TestKit
import Testing

@Suite struct GatewayDenialTests {
  static let blocked = "policies: [{name: tiny, algorithm: token-bucket, limit: 1, period: \(forever), cost: 2}]"
  static let once = "policies: [{name: once, algorithm: token-bucket, limit: 1, period: \(forever)}]"

  @Test("the fourth of three allowed checks is a 429 with a problem body")
  func fourth() throws {
    let weir = try WeirProcess("policies: [{name: three, algorithm: fixed-window, limit: 3, period: \(forever)}]")
    #expect(try statuses(weir, 3, "/check/hello") == [200, 200, 200])
    let denied = try weir.request("GET", "/check/hello")
    #expect(denied.status == 429)
    #expect(denied["Content-Type"] == "application/problem+json")
    #expect(denied.int("X-RateLimit-Limit") == 3)
    #expect(denied.int("X-RateLimit-Remaining") == 0)
    #expect((denied.int("Retry-After") ?? 0) >= 1)
    let problem = try #require(denied.json)
    #expect(problem["type"]?.string == "https://iana.org/assignments/http-problem-types#quota-exceeded")
    #expect(problem["status"]?.int == 429)
    #expect(problem["allowed"]?.bool == false)
    #expect(problem["policy"]?.string == "three")
    #expect(problem["violated-policies"] == .array([.string("three")]))
    #expect(problem["retry_after"]?.int == denied.int("Retry-After"))
  }

  @Test(
    "the query on /check chooses the status of a denial, and nothing else",
    arguments: [
      ("?deny_status=403", 403), ("?deny_status=401", 401), ("?deny_status=429", 429), ("?a=b&deny_status=403", 403),
      ("?deny_status=200", 429), ("?deny_status=204", 429), ("?deny_status=500", 429), ("?deny_status=", 429),
      ("?deny_status=4030", 429), ("?deny_status", 429), ("?", 429), ("?cost=0", 429), ("?domain=nobody", 429),
      ("?deny_status=99999999999999999999999", 429), ("?%00=%zz", 429),
    ])
  func query(query: String, status: Int) throws {
    let response = try WeirProcess(Self.blocked).exact("/a", query: query)
    #expect(response.status == status)
    #expect(response.json?["status"]?.int == status)
  }

  @Test("below /check/ the query is the client's and chooses no status")
  func clientQuery() throws {
    #expect(try WeirProcess(Self.blocked).request("GET", "/check/a?deny_status=403").status == 429)
  }

  @Test("--deny-status sets the status of gateway denials, the query overrides it, the JSON form keeps 429")
  func denyStatusFlag() throws {
    let weir = try WeirProcess(Self.blocked, arguments: ["--deny-status", "403"])
    #expect(try weir.exact("/a").status == 403)
    #expect(try weir.exact("/a").json?["status"]?.int == 403)
    #expect(try weir.exact("/a", query: "?deny_status=401").status == 401)
    #expect(try weir.json("{}").status == 429)
    #expect(try weir.json("{}").json?["status"]?.int == 429)
  }

  @Test("a denied HEAD has the headers of a denial and no body")
  func head() throws {
    let client = try WeirProcess(Self.blocked).client()
    for _ in 0..<3 {
      let response = try client.request("HEAD", "/check/a")
      #expect(response.status == 429)
      #expect(response.int("X-RateLimit-Remaining") == 1)
    }
    #expect(try client.request("GET", "/check/a").json?["status"]?.int == 429)
  }

  @Test("an allowed HEAD is counted like any method")
  func allowedHead() throws {
    let client = try WeirProcess(Self.once).client()
    #expect(try client.request("HEAD", "/check/a").status == 200)
    #expect(try client.request("HEAD", "/check/a").status == 429)
  }

  @Test("with --deny-body off a denial has no body, in the gateway form")
  func noBody() throws {
    let response = try WeirProcess(Self.blocked, arguments: ["--deny-body", "off"]).request("GET", "/check/a")
    #expect(response.status == 429)
    #expect(response["Content-Length"] == "0")
    #expect(response["Content-Type"] == nil)
  }
}
