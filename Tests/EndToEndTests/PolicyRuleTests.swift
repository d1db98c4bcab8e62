// PolicyRuleTests.swift: what a policy file can say, tried through the API: conditions, overrides, missing attributes,
// exceptions and costs.

import TestKit
import Testing

@Suite struct PolicyRuleTests {
  private func limit(_ weir: WeirProcess, _ attributes: String) throws -> Int? {
    try weir.json(#"{"cost": 0, "attributes": \#(attributes)}"#).json?["limit"]?.int
  }

  @Test("path patterns match whole segments: text, * for one, ** for any rest, {name} to capture")
  func paths() throws {
    let weir = try WeirProcess(
      fingerprints([
        ("match: {path: /a/b}", 1), ("match: {path: /s/*/end}", 2), ("match: {path: /rest/**}", 3),
        ("match: {path: \"/c/{id}/x\"}, key: [path.id]", 4), ("match: {path: [/one, /two/**]}", 5),
      ]))
    let cases: [(String, Int?)] = [
      ("/a/b", 1), ("/a/b/", 1), ("/a/B", nil), ("/a/b/c", nil), ("/a", nil), ("/a%2fb", 1), ("/s/1/end", 2),
      ("/s/1/2/end", nil), ("/s//end", nil), ("/s/end", nil), ("/rest", 3), ("/rest/", 3), ("/rest/a/b/c", 3),
      ("/restful", nil), ("/c/7/x", 4), ("/c/x", nil), ("/one", 5), ("/one/1", nil), ("/two", 5), ("/two/x", 5),
    ]
    for (path, expected) in cases { #expect(try limit(weir, #"{"path": "\#(path)"}"#) == expected, "\(path)") }
    #expect(try weir.json(#"{"cost": 3, "attributes": {"path": "/c/7/x"}}"#).json?["remaining"]?.int == 1)
    #expect(try weir.json(#"{"cost": 3, "attributes": {"path": "/c/8/x"}}"#).json?["remaining"]?.int == 1)
  }

  @Test("host patterns: *. is one or more labels; case, port and a last dot do not count")
  func hosts() throws {
    let weir = try WeirProcess(
      fingerprints([("match: {host: \"*.example.com\"}", 1), ("match: {host: [a.test, \"[::1]\"]}", 2)]))
    let cases: [(String, Int?)] = [
      ("x.example.com", 1), ("y.x.example.com", 1), ("X.EXAMPLE.COM:80", 1), ("x.example.com.", 1),
      ("example.com", nil), ("xexample.com", nil), ("x.example.com.evil.net", nil), ("a.test", 2),
      ("b.a.test", nil), ("[::1]:8080", 2),
    ]
    for (host, expected) in cases { #expect(try limit(weir, #"{"host": "\#(host)"}"#) == expected, "\(host)") }
  }

  @Test("a condition on a header or attribute is exact values, presence or a prefix")
  func values() throws {
    let weir = try WeirProcess(
      fingerprints([
        ("match: {headers: {x-a: [one, two]}}", 1), ("match: {headers: {X-B: {prefix: pre}}}", 2),
        ("match: {headers: {x-c: {present: true}}}", 3),
        ("match: {attributes: {d: \"1\"}, headers: {x-e: {present: false}}}", 4),
      ]))
    let cases: [(String, Int?)] = [
      (#"{"header.x-a": "one"}"#, 1), (#"{"header.x-a": "two"}"#, 1), (#"{"header.x-a": "One"}"#, nil),
      (#"{"header.x-a": "zero, two"}"#, 1), (#"{"header.x-a": "onetwo"}"#, nil), (#"{"header.x-b": "prefix"}"#, 2),
      (#"{"header.x-b": "a, pre"}"#, 2), (#"{"header.x-b": "xpre"}"#, nil), (#"{"header.x-c": ""}"#, 3),
      (#"{"d": "1"}"#, 4), (#"{"d": "1", "header.x-e": "0"}"#, nil),
    ]
    for (attributes, expected) in cases { #expect(try limit(weir, attributes) == expected, "\(attributes)") }
  }

  @Test("an added header line cannot hide the first: any listed value satisfies a condition")
  func repeatedHeader() throws {
    let weir = try WeirProcess(fingerprints([("match: {headers: {x-plan: free}}", 7)]))
    let lines: [[(String, String)]] = [
      [("X-Plan", "free"), ("X-Plan", "gold")], [("X-Plan", "gold"), ("x-plan", "free")], [("X-Plan", "gold , free")],
      [("X-Plan", "gold,free,gold")],
    ]
    for headers in lines {
      #expect(try weir.request("GET", "/check/a", headers).int("X-RateLimit-Limit") == 7, "\(headers)")
    }
  }

  @Test("every given condition must hold, and an exception that holds takes the policy away")
  func conditionsAndExcept() throws {
    let weir = try WeirProcess(
      fingerprints([
        (
          "match: {methods: [GET, PUT], path: /v1/**, attributes: {plan: free}},"
            + " except: {ip: [192.0.2.0/24, \"2001:db8::/32\"]}", 5
        )
      ]))
    let base = #""method": "GET", "path": "/v1/x", "plan": "free""#
    #expect(try limit(weir, "{\(base)}") == 5)
    #expect(try limit(weir, #"{\#(base), "ip": "198.51.100.1"}"#) == 5)
    #expect(try limit(weir, #"{\#(base), "ip": "192.0.2.9"}"#) == nil)
    #expect(try limit(weir, #"{\#(base), "ip": "::ffff:192.0.2.9"}"#) == nil)
    #expect(try limit(weir, #"{\#(base), "ip": "2001:db8::7"}"#) == nil)
    #expect(try limit(weir, #"{"method": "POST", "path": "/v1/x", "plan": "free"}"#) == nil)
    #expect(try limit(weir, #"{"method": "GET", "path": "/v2", "plan": "free"}"#) == nil)
    #expect(try limit(weir, #"{"method": "GET", "path": "/v1"}"#) == nil)
  }

  @Test("a check without an attribute of the key is skipped, or shares one counter with its like")
  func missing() throws {
    let weir = try WeirProcess(
      """
      policies:
        - {name: a, match: {path: /skip}, key: [header.x-id], algorithm: token-bucket, limit: 2, period: \(forever)}
        - {name: b, match: {path: /share}, key: [header.x-id, header.x-b], missing: share, algorithm: token-bucket,
           limit: 2, period: \(forever)}
      """)
    #expect(try weir.request("GET", "/check/skip")["X-RateLimit-Limit"] == nil)
    #expect(try weir.request("GET", "/check/skip", [("X-Id", "")]).int("X-RateLimit-Remaining") == 1)
    #expect(try statuses(weir, 3, "/check/share") == [200, 200, 429])
    #expect(try weir.request("GET", "/check/share", [("X-Id", "1")]).status == 429)
    #expect(try weir.request("GET", "/check/share", [("X-Id", "1"), ("X-B", "2")]).int("X-RateLimit-Remaining") == 1)
    #expect(try weir.request("GET", "/check/share", [("X-Id", ""), ("X-B", "")]).int("X-RateLimit-Remaining") == 1)
  }

  @Test("overrides give particular keys other numbers, no limit, or no passage; the first match wins")
  func overrides() throws {
    let weir = try WeirProcess(
      """
      policies:
        - name: a
          key: [header.x-id, method]
          algorithm: token-bucket
          limit: 10
          burst: 5
          period: \(forever)
          overrides:
            - {key: [gold, "*"], limit: 1000, burst: 500}
            - {key: [silver, PUT], limit: 100}
            - {key: [free, "*"], unlimited: true}
            - {key: [evil, "*"], block: true}
            - {key: [gold, PUT], block: true}
            - {key: ["*", DELETE], limit: 1, burst: 1}
      """)
    func ask(_ id: String, _ method: String) throws -> HTTPResponse {
      try weir.request(method, "/check/a", [("X-Id", id)])
    }
    #expect(try ask("any", "GET").int("X-RateLimit-Limit") == 5)
    #expect(try ask("gold", "GET").int("X-RateLimit-Limit") == 500)
    #expect(try ask("gold", "PUT").int("X-RateLimit-Limit") == 500)
    #expect(try ask("silver", "PUT").int("X-RateLimit-Limit") == 5)
    #expect(try ask("silver", "GET").int("X-RateLimit-Limit") == 5)
    #expect(try ask("other", "DELETE").int("X-RateLimit-Limit") == 1)
    for _ in 0..<20 {
      let response = try ask("free", "GET")
      #expect(response.status == 200)
      #expect(response["X-RateLimit-Limit"] == nil)
    }
    let blocked = try ask("evil", "GET")
    #expect(blocked.status == 429)
    #expect(blocked.int("X-RateLimit-Limit") == 0)
    #expect(blocked.int("X-RateLimit-Remaining") == 0)
    #expect(blocked["Retry-After"] == nil)
    #expect(blocked.json?["retry_after"] == .null)
  }

  @Test("an override of an address counts however the address is written")
  func addressOverride() throws {
    let weir = try WeirProcess(
      """
      policies:
        - name: a
          key: [ip]
          algorithm: token-bucket
          limit: 10
          period: \(forever)
          overrides: [{key: ["203.0.113.7"], limit: 20}, {key: ["2001:db8::1"], limit: 30}]
      """)
    #expect(try limit(weir, #"{"ip": "203.0.113.7"}"#) == 20)
    #expect(try limit(weir, #"{"ip": "::ffff:203.0.113.7"}"#) == 20)
    #expect(try limit(weir, #"{"ip": "203.0.113.8"}"#) == 10)
    #expect(try limit(weir, #"{"ip": "2001:0DB8:0:0::1"}"#) == 30)
  }

  @Test("a cost from an attribute: digits only, else the default; held between min and max")
  func costAttribute() throws {
    let weir = try WeirProcess(
      """
      policies:
        - {name: a, key: [header.x-id], algorithm: token-bucket, limit: 1000, period: \(forever),
           cost: {attribute: header.x-cost, default: 5, min: 2, max: 100}}
      """)
    let cases: [(String?, Int)] = [
      (nil, 5), ("7", 7), ("007", 7), ("0", 2), ("1", 2), ("100", 100), ("101", 100), ("-7", 5), ("+7", 5), ("7.0", 5),
      ("", 5), ("x", 5), ("99999999999999999999999999", 100), ("0x10", 5),
    ]
    for (index, item) in cases.enumerated() {
      let headers = [("X-Id", "id\(index)")] + (item.0.map { [("X-Cost", $0)] } ?? [])
      let response = try weir.request("GET", "/check/a", headers)
      #expect(response.int("X-RateLimit-Remaining") == 1000 - item.1, "\(item.0 ?? "none")")
    }
  }

  @Test("a set without policies, and an empty directory, allow everything")
  func noPolicies() throws {
    for yaml in ["policies: []", nil] {
      let weir = try WeirProcess(yaml)
      #expect(try weir.request("GET", "/check/a").status == 200)
      #expect(try weir.request("GET", "/readyz").status == 200)
      #expect(weir.events.contains { $0["level"]?.string == "warning" })
    }
  }
}
