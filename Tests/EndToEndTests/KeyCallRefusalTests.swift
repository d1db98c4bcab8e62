// KeyCallRefusalTests.swift: what the admin listener refuses to do with keys, since they are wrong. A refused call
// changes nothing.

import TestKit
import Testing

@Suite struct KeyCallRefusalTests {
  static let policies = """
    policies:
      - {name: per-user, key: [header.user], limit: 3, period: \(forever)}
      - {name: per-address, key: [ip, method], limit: 3, period: \(forever)}
      - {name: all, limit: 100, period: \(forever)}
    """
  static let wrong: [(call: String, body: String, status: Int, detail: String)] = [
    ("reset", "", 400, "the body is empty"), ("reset", "{", 400, "malformed JSON"),
    ("reset", "[]", 400, "must be a JSON object"), ("reset", "{}", 400, "policy is missing"),
    ("reset", #"{"policy": "per-user"}"#, 400, "key is missing"),
    ("reset", #"{"policy": "per-user", "key": ["a"], "for": "1h"}"#, 400, "unknown member \"for\""),
    ("unblock", #"{"policy": "per-user", "key": ["a"], "amount": 1}"#, 400, "unknown member \"amount\""),
    ("block", #"{"policy": "per-user", "key": ["a"], "for": "1h", "amount": 1}"#, 400, "unknown member \"amount\""),
    ("block", #"{"policy": "per-user", "key": ["a"], "key": ["a"], "for": "1h"}"#, 400, "duplicate object key"),
    ("reset", #"{"policy": "none", "key": []}"#, 404, "has no policy 'none'"),
    ("block", #"{"domain": "other", "policy": "per-user", "key": ["a"], "for": "1h"}"#, 404, "domain 'other'"),
    (
      "reset", #"{"policy": "per-user", "key": []}"#, 400,
      "key has 0 parts; policy per-user has a key of 1: header.user"
    ),
    (
      "reset", #"{"policy": "per-address", "key": ["::1"]}"#, 400, "key has 1 part; policy per-address has a key of 2"
    ),
    ("reset", #"{"policy": "all", "key": ["a"]}"#, 400, "give []"),
    ("reset", #"{"policy": "per-user", "key": null}"#, 400, "no counter that checks without an attribute share"),
    ("reset", #"{"policy": "per-address", "key": ["ann", "GET"]}"#, 400, "part 1 of key (ip) must be an IP address"),
    ("reset", #"{"policy": "per-address", "key": ["::1", ["GET"]]}"#, 400, "part 2 of key (method) has one value"),
    ("reset", #"{"policy": "per-user", "key": [[]]}"#, 400, "part 1 of key (header.user) is an empty list"),
    ("block", #"{"policy": "per-user", "key": ["a"]}"#, 400, "until (Unix seconds) or for (as in 10m) is missing"),
    ("block", #"{"policy": "per-user", "key": ["a"], "for": "1h", "until": 1}"#, 400, "give until or for, not both"),
    ("block", #"{"policy": "per-user", "key": ["a"], "for": "soon"}"#, 400, "for \"soon\""),
    ("block", #"{"policy": "per-user", "key": ["a"], "for": ""}"#, 400, "for \"\""),
    ("block", #"{"policy": "per-user", "key": ["a"], "for": "0s"}"#, 400, "ended already"),
    ("block", #"{"policy": "per-user", "key": ["a"], "for": "8d"}"#, 400, "7 days at most"),
    ("block", #"{"policy": "per-user", "key": ["a"], "until": 1700000000}"#, 400, "ended already"),
    ("block", #"{"policy": "per-user", "key": ["a"], "until": -9223372036854775808}"#, 400, "ended already"),
    ("block", #"{"policy": "per-user", "key": ["a"], "until": 9223372036854775807}"#, 400, "7 days at most"),
    ("grant", #"{"policy": "per-user", "key": ["a"], "for": "1h"}"#, 400, "amount is missing"),
    (
      "grant", #"{"policy": "per-user", "key": ["a"], "amount": 0, "for": "1h"}"#, 400,
      "amount 0: give a whole number"
    ),
    (
      "grant", #"{"policy": "per-user", "key": ["a"], "amount": 1000000001, "for": "1h"}"#, 400,
      "from 1 to 1000000000"
    ),
    ("grant", #"{"policy": "per-user", "key": ["a"], "amount": -1, "for": "1h"}"#, 400, "amount -1"),
    ("/explain", #"{"cost": -1}"#, 400, "cost must be"),
    ("/explain", #"{"path": "/"}"#, 400, "unknown member \"path\""),
  ]

  @Test("a call that is wrong is a problem that says what is wrong")
  func calls() throws {
    let weir = try WeirProcess(Self.policies)
    for (call, body, status, detail) in Self.wrong {
      let answer = try weir.call(call, body)
      #expect(answer.status == status && answer["Content-Type"] == "application/problem+json", "\(call) \(body)")
      #expect(answer.json?["detail"]?.string?.contains(detail) == true, "\(call) \(body): \(answer.text)")
    }
    #expect(!weir.events.contains { $0["event"]?.string?.hasPrefix("key ") == true }, "nothing was done")
  }

  @Test("a query that is wrong is a problem that says what is wrong")
  func queries() throws {
    let weir = try WeirProcess(Self.policies)
    let cases: [(String, Int, String)] = [
      ("", 400, "parameter policy is missing"), ("policy=per-user", 400, "key has 0 parts"),
      ("policy=per-user&key=a&key=b", 400, "key has 2 parts"), ("policy=none&key=a", 404, "has no policy 'none'"),
      ("policy=per-user&policy=per-user&key=a", 400, "parameter policy is given 2 times"),
      ("policy=per-user&domain=a&domain=a&key=a", 400, "parameter domain is given 2 times"),
      ("policy=per-user&keys=a", 400, "unknown parameter \"keys\"; known are domain, policy, key, shared"),
      ("policy=per-user&shared=true", 400, "no counter that checks without an attribute share"),
      ("policy=per-user&shared=true&key=a", 400, "give key, or shared=true"),
      ("policy=per-user&shared=yes&key=a", 400, "shared must be true or false"),
      ("policy=per-user&shared=&key=a", 400, "shared must be true or false"),
      ("policy=per-address&key=ann&key=GET", 400, "part 1 of key (ip) must be an IP address"),
      ("policy=all&key=", 400, "give []"),
    ]
    for (query, status, detail) in cases {
      let answer = try weir.state(query)
      #expect(answer.status == status, "\(query)")
      #expect(answer.json?["detail"]?.string?.contains(detail) == true, "\(query): \(answer.text)")
    }
    #expect(try weir.state("policy=per-user&shared=false&key=a").status == 200)
  }

  @Test("a call takes POST and a page GET, and each says so")
  func methods() throws {
    let weir = try WeirProcess(Self.policies)
    for call in AdminAccessTests.calls + ["/explain"] {
      for method in ["GET", "HEAD", "PUT", "DELETE", "post"] {
        let answer = try weir.asked(method, call, [ownHost, jsonType])
        #expect(answer.status == 405 && answer["Allow"] == "POST", "\(method) \(call)")
      }
      #expect(try weir.asked("POST", call + "/", [ownHost, jsonType], body: AdminAccessTests.body(call)).status == 404)
    }
    for page in ["/keys", "/keys/top"] {
      let answer = try weir.asked("POST", page, [ownHost, jsonType], body: AdminAccessTests.block)
      #expect(answer.status == 405 && answer["Allow"] == "GET, HEAD", "\(page)")
    }
    #expect(try weir.order("policy=per-user&key=ann") == .null)
  }

  @Test("a key that shares its counter with others, since --max-keys was reached, cannot be reset: 409")
  func conflict() throws {
    let weir = try WeirProcess(
      "policies: [{name: per-user, key: [header.user], limit: 3, period: \(forever)}]", arguments: ["--max-keys", "1"])
    for user in ["bob", "ann"] { #expect(try weir.passes(#"{"header.user": "\#(user)"}"#)) }
    let answer = try weir.call("reset", #"{"policy": "per-user", "key": ["ann"]}"#)
    #expect(answer.status == 409 && answer.text.contains("--max-keys was reached"), "\(answer.text)")
    #expect(weir.events("key reset").isEmpty)
    #expect(try weir.call("reset", #"{"policy": "per-user", "key": ["bob"]}"#).json?["reset"]?.bool == true)
  }
}
