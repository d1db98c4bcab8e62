// DescribedCheckTests.swift: a described check is the check that a gateway or a program would ask.

import HTTP1
import Limiting
import Policies
import TestKit
import Testing

@testable import CheckAPI

@Suite struct DescribedCheckTests {
  /// Policies that tell every kind of fact apart by their keys.
  private static let set = PolicySet(
    ["method", "path", "host", "ip", "header.x-plan", "query.q", "plan", "path.id"].map { name in
      let paths = name == "path.id" ? [try! PathPattern("/v1/{id}/**")] : []
      return Policy(
        name: name, match: Conditions(paths: paths), key: [AttributeName(name)!],
        missing: .share, limit: GatewayCheckTests.limit)
    })

  private func asked(_ described: DescribedCheck, _ settings: APISettings = APISettings()) throws -> [Asked] {
    var check = Check()
    try described.fill(&check, settings, HeaderTable(settings, Self.set), Self.set)
    return Self.set.asked(&check)
  }

  private func described(
    _ method: String? = nil, _ target: String? = nil, host: String? = nil, ip: String? = nil,
    _ headers: [(String, String)] = []
  ) -> DescribedCheck {
    var described = DescribedCheck()
    described.method = method
    described.target = target
    described.host = host
    described.ip = ip
    described.headers = headers.map { DescribedCheck.Field($0, $1) }
    return described
  }

  @Test(
    "a described request asks what the same request below /check asks",
    arguments: [
      ("GET", "/v1/x", []), ("POST", "/v1//%61/../b/?q=1&q=2+3", [("X-Plan", "a, b"), ("x-plan", "c")]),
      ("PURGE", "/%zz%00?q=%", [("X-Plan", "\"a, b\""), ("X-Forwarded-Uri", "/evil"), ("X-Forwarded-Host", "evil")]),
      ("get", "/\u{e9}?q", [("X-Forwarded-For", "203.0.113.9, 127.0.0.1"), ("Accept", "*/*")]),
      ("OPTIONS", "*", []),
    ] as [(String, String, [(String, String)])])
  func likeGateway(method: String, target: String, headers: [(String, String)]) throws {
    for peer in ["192.0.2.7", "127.0.0.1", "2001:db8::1"] {
      let request = Request(method, "/check" + target, headers)
      let own = described(method, target, host: "own.test", ip: peer, headers)
      #expect(try asked(own) == Self.set.asked(request, peer: peer), "\(peer)")
    }
    let request = Request(method, "/check" + target, headers)
    let unix = described(method, target, host: "own.test", headers)
    #expect(try asked(unix) == Self.set.asked(request, peer: nil), "a Unix socket")
  }

  @Test("without a target the check is an exact /check, whose facts are in the headers of the settings")
  func exact() throws {
    let headers = [("X-Forwarded-Uri", "/v1/x?q=1"), ("X-Forwarded-Method", "PUT")]
    let request = Request("GET", "/check", headers + [("X-Forwarded-Host", "a.example")])
    #expect(try asked(described(host: "a.example", ip: "192.0.2.1", headers)) == Self.set.asked(request))
    var settings = APISettings()
    settings.hostHeader = "x-h"
    settings.targetHeader = "x-t"
    let other = Request("GET", "/check", [("X-H", "h"), ("X-T", "/t")])
    #expect(
      try asked(described(host: "h", ip: "192.0.2.1", [("x-t", "/t")]), settings) == Self.set.asked(other, settings))
  }

  @Test("an absolute target and one without its first slash are taken as a gateway's target header is")
  func oddTargets() throws {
    for target in ["http://a.example/v1/x?q=1", "v1/x?q=1"] {
      let request = Request("GET", "/check", [("X-Forwarded-Uri", target)])
      #expect(try asked(described("GET", target, ip: "192.0.2.1")) == Self.set.asked(request), "\(target)")
    }
  }

  @Test("described attributes ask what the JSON form asks, and nothing of a request is assumed")
  func likeProgram() throws {
    for attributes in [
      #"{}"#, #"{"plan":"pro"}"#,
      #"{"path":"/v1//x/?q=1","method":"PUT","host":"A.example:80","ip":"::ffff:10.0.0.1"}"#,
      #"{"header.X-Plan":"a, b","query.q":"","path.id":"ignored"}"#,
    ] {
      let body = #"{"cost":3,"attributes":\#(attributes)}"#
      #expect(try asked(DescribedCheck(json: Array(body.utf8).span)) == Self.set.asked(json: body), "\(attributes)")
    }
  }

  @Test("attributes are set after the facts of a request, and with a cost and a domain")
  func both() throws {
    let body = #"{"domain":"api","cost":4,"target":"/a","method":"GET","attributes":{"plan":"pro","method":"PUT"}}"#
    let described = try DescribedCheck(json: Array(body.utf8).span)
    let set = PolicySet([
      Policy(
        domain: "api", name: "p", match: Conditions(methods: ["PUT"], paths: [try PathPattern("/a")]),
        key: [.custom("plan")], limit: GatewayCheckTests.limit)
    ])
    var check = Check()
    let settings = APISettings()
    try described.fill(&check, settings, HeaderTable(settings, set), set)
    let asked = set.asked(&check)
    #expect(asked.map(\.cost) == [4])
    #expect(GatewayCheckTests.texts(asked[0].key) == ["pro"])
  }

  @Test("a body is read whole: every member, headers on one line or several")
  func reads() throws {
    let body = #"""
      {"domain":"api","cost":0,"method":"GET","target":"/a?b","host":"h","ip":"192.0.2.1",
       "headers":{"X-A":"1","x-a":["2","3"],"x-b":[]},"attributes":{"plan":"free"}}
      """#
    var expected = described("GET", "/a?b", host: "h", ip: "192.0.2.1", [("X-A", "1"), ("x-a", "2"), ("x-a", "3")])
    expected.domain = "api"
    expected.cost = 0
    expected.attributes = [DescribedCheck.Field("plan", "free")]
    #expect(try DescribedCheck(json: Array(body.utf8).span) == expected)
    #expect(try DescribedCheck(json: Array("{}".utf8).span) == DescribedCheck())
  }

  @Test(
    "what is no description is refused with what is wrong",
    arguments: [
      ("", "empty"), ("[]", "must be a JSON object"), ("{", "malformed JSON"), (#"{"path":"/a"}"#, "\"path\""),
      (#"{"method":1}"#, "method must be a string"), (#"{"target":null}"#, "target must be a string"),
      (#"{"headers":[]}"#, "headers must be an object"), (#"{"headers":{"a":1}}"#, "headers.a must be a string"),
      (#"{"headers":{"a":["b",1]}}"#, "headers.a must be a string"),
      (#"{"attributes":{"plan":["a"]}}"#, "attributes.plan must be a string"),
      (#"{"cost":-1}"#, "cost must be"), (#"{"cost":1.5}"#, "cost must be"), (#"{"domain":"A"}"#, "domain must be"),
      (#"{"domain":"a","domain":"b"}"#, "duplicate"),
    ])
  func malformed(body: String, words: String) {
    do {
      _ = try DescribedCheck(json: Array(body.utf8).span)
      Issue.record("read: \(body)")
    } catch {
      #expect(error.status == 400)
      #expect(error.detail.contains(words), "\(error.detail)")
    }
  }

  @Test("what could stand in no request is refused, and cannot pretend to be another line")
  func noRequest() {
    let cases: [(DescribedCheck, Int, String)] = [
      (described("G T", "/"), 400, "method"), (described("", "/"), 400, "method"),
      (described("GET", "/a b"), 400, "target"), (described("GET", ""), 400, "target"),
      (described("GET", "/a\r\nX-Plan: free"), 400, "target"), (described("GET", "/\u{7f}"), 400, "target"),
      (described("GET", "/", host: "a\r\nX-Plan: free"), 400, "Host"),
      (described("GET", "/", [("x-a", "b\nX-Plan: free")]), 400, "x-a"),
      (described("GET", "/", [("x a", "b")]), 400, "x a"),
      (described("GET", "/", [("", "b")]), 400, "token"), (described("GET", "/", [("x-a: y", "b")]), 400, "token"),
      (described("GET", "/", [("x-a", "\u{0}")]), 400, "NUL"),
      (described("GET", "/", host: "a", [("Host", "b")]), 400, "Host"),
      (described(ip: "10.0.0.0/8"), 400, "10.0.0.0/8"),
      (described("GET", "/" + String(repeating: "a", count: 16_384)), 414, "16384"),
      (described("GET", "/", [("x-a", String(repeating: "a", count: 65_536))]), 431, "65536"),
    ]
    for (described, status, words) in cases {
      let problem = described.problem
      #expect(problem?.status == status, "\(words): \(problem?.detail ?? "none")")
      #expect(problem?.detail.contains(words) == true, "\(words): \(problem?.detail ?? "none")")
    }
    var attributes = DescribedCheck()
    attributes.attributes = [DescribedCheck.Field("Nonsense!", "a")]
    #expect(attributes.problem?.detail.contains("Nonsense!") == true)
    var dear = DescribedCheck()
    dear.cost = 1_000_000_001
    #expect(dear.problem?.status == 400)
    #expect(described("GET", "/a", host: "h", ip: "[2001:db8::1]:80", [("x-a", "")]).problem == nil)
  }
}
