// GatewayCheckTests.swift: from the head of a gateway's request to the facts of the original one.

import HTTP1
import Limiting
import Policies
import TestKit
import Testing

@testable import CheckAPI

@Suite struct GatewayCheckTests {
  static let limit = Limit(algorithm: .tokenBucket, limit: 1, period: 1_000_000_000)

  /// A set of one policy whose key is one attribute, so that a key shows what the attribute was.
  static func keyed(_ name: String, domain: String = "default") -> PolicySet {
    PolicySet([Policy(domain: domain, name: "p", key: [AttributeName(name)!], limit: limit)])
  }

  /// An attribute's value as a check of this request has it; nil where it is absent.
  static func value(_ name: String, _ request: Request, _ settings: APISettings = APISettings()) -> String? {
    guard let key = keyed(name).asked(request, settings).first?.key else { return nil }
    return texts(key).joined(separator: "|")
  }

  /// The values in a key of one part.
  static func texts(_ key: [UInt8]) -> [String] {
    var rest = key.dropFirst()
    func number() -> Int {
      defer { rest = rest.dropFirst(4) }
      return rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
    }
    func text() -> String {
      let count = number()
      defer { rest = rest.dropFirst(count) }
      return String(decoding: rest.prefix(count), as: UTF8.self)
    }
    if key[0] == 1 { return [text()] }
    precondition(key[0] == 2, "meant for strings")
    return (0..<number()).map { _ in text() }
  }

  // MARK: Exactly /check

  static let forwarded = [
    ("X-Forwarded-Method", "PURGE"), ("X-Forwarded-Host", "Shop.Example.com:443"), ("X-Forwarded-Uri", "/a//b/?q=1+2"),
  ]

  @Test("at exactly /check the facts are in the configured headers")
  func exact() {
    let request = Request("GET", "/check", Self.forwarded)
    #expect(Self.value("method", request) == "PURGE")
    #expect(Self.value("host", request) == "shop.example.com")
    #expect(Self.value("path", request) == "/a/b")
    #expect(Self.value("query.q", request) == "1 2")
  }

  @Test("the configured names replace the usual ones, which then say nothing")
  func configured() {
    var settings = APISettings()
    settings.methodHeader = "x-m"
    settings.hostHeader = "x-h"
    settings.targetHeader = "x-t"
    let usual = Request("GET", "/check", Self.forwarded)
    #expect(Self.value("method", usual, settings) == "GET")
    #expect(Self.value("host", usual, settings) == nil)
    #expect(Self.value("path", usual, settings) == nil)
    let request = Request("GET", "/check", Self.forwarded + [("X-M", "PUT"), ("X-H", "h"), ("X-T", "/t?q=z")])
    #expect(Self.value("method", request, settings) == "PUT")
    #expect(Self.value("host", request, settings) == "h")
    #expect(Self.value("path", request, settings) == "/t")
    #expect(Self.value("query.q", request, settings) == "z")
  }

  @Test("there is no fallback from one name to the next, which a client could supply")
  func noFallback() {
    let others = [
      ("X-Original-Uri", "/evil"), ("X-Original-URL", "/evil"), ("X-Original-Method", "EVIL"),
      ("X-Original-Host", "evil"),
      ("X-Rewrite-Url", "/evil"), ("X-Envoy-Original-Path", "/evil"), ("Forwarded", "host=evil"),
      ("X-HTTP-Method-Override", "EVIL"),
    ]
    let request = Request("GET", "/check", others)
    #expect(Self.value("method", request) == "GET")
    #expect(Self.value("host", request) == nil)
    #expect(Self.value("path", request) == nil)
    #expect(Self.value("query.q", Request("GET", "/check?q=evil", others)) == nil)
  }

  @Test("without the target header there is no path, and the gap is told; with it there is none")
  func gap() {
    let set = Self.keyed("path")
    let settings = APISettings()
    for (request, lacks) in [
      (Request("GET", "/check"), true), (Request("GET", "/check?deny_status=403"), true),
      (Request("GET", "/check", [("X-Forwarded-Uri", "/")]), false), (Request("GET", "/check/"), false),
      (Request("GET", "/domains/default/check"), true),
    ] {
      var check = Check()
      let gaps = GatewayCheck.fill(
        &check, request.gatewayRoute, request.head, request.bytes.span, peer: nil, settings,
        HeaderTable(settings, set), set)
      #expect(gaps.lacksTarget == lacks)
      #expect(set.asked(&check).isEmpty == lacks)
    }
  }

  @Test("of several lines the last counts, and of a joined one what follows the last comma: gateways append theirs")
  func last() {
    let twice = Request(
      "GET", "/check",
      [
        ("X-Forwarded-Method", "EVIL"), ("X-Forwarded-Host", "evil"), ("X-Forwarded-Uri", "/evil"),
        ("x-forwarded-method", "PUT"), ("x-forwarded-host", "good"), ("x-forwarded-uri", "/good"),
      ])
    #expect(Self.value("method", twice) == "PUT")
    #expect(Self.value("host", twice) == "good")
    #expect(Self.value("path", twice) == "/good")
    let joined = Request(
      "GET", "/check", [("X-Forwarded-Method", "EVIL, PUT"), ("X-Forwarded-Host", "evil,\tgood:80")])
    #expect(Self.value("method", joined) == "PUT")
    #expect(Self.value("host", joined) == "good")
    // A comma is an ordinary byte of a target.
    #expect(Self.value("path", Request("GET", "/check", [("X-Forwarded-Uri", "/a,/b")])) == "/a,/b")
  }

  @Test("a method header that is empty says nothing, and the request's own method counts")
  func emptyMethod() {
    for value in ["", ",", "PUT,", "PUT, "] {
      #expect(Self.value("method", Request("GET", "/check", [("X-Forwarded-Method", value)])) == "GET", "\(value)")
    }
  }

  @Test(
    "a target may be a whole URL, lack its first slash or hold raw bytes",
    arguments: [
      ("https://h/a/b?q=1", "/a/b"), ("a/b", "/a/b"), ("/a/%62", "/a/b"), ("/a/./c/../b", "/a/b"), ("//a//b//", "/a/b"),
      ("/\u{e9}", "/\u{e9}"), ("/%", "/%"), ("/a%00b", "/a%00b"), ("", "/"), ("?q=1", "/"), ("/../..", "/"),
    ])
  func targets(target: String, path: String) {
    #expect(Self.value("path", Request("GET", "/check", [("X-Forwarded-Uri", target)])) == path)
  }

  // MARK: Below /check

  @Test("below /check the request's own target, method and host count, whatever the headers say")
  func below() {
    for prefix in ["/check", "/domains/default/check", "http://ignored/check"] {
      let request = Request("DELETE", "\(prefix)/own//path/?q=a%2Bb", Self.forwarded)
      #expect(Self.value("method", request) == "DELETE")
      #expect(Self.value("host", request) == "own.test")
      #expect(Self.value("path", request) == "/own/path")
      #expect(Self.value("query.q", request) == "a+b")
    }
    #expect(Self.value("host", Request(text: "GET /check/a HTTP/1.0\r\n\r\n")) == nil)
    let forged = Request(text: "GET /check/a HTTP/1.0\r\nX-Forwarded-Host: evil\r\n\r\n")
    #expect(Self.value("host", forged) == nil)
  }

  @Test("the domain is the target's, or default; the headers and the query never choose one")
  func domain() {
    let api = Self.keyed("method", domain: "api")
    #expect(api.asked(Request("GET", "/domains/api/check")).count == 1)
    #expect(api.asked(Request("GET", "/domains/api/check/x")).count == 1)
    #expect(api.asked(Request("GET", "/domains/apis/check")).isEmpty)
    #expect(api.asked(Request("GET", "/check?domain=api", [("Domain", "api"), ("X-Domain", "api")])).isEmpty)
    #expect(Self.keyed("method").asked(Request("GET", "/domains/default/check/x")).count == 1)
  }

  // MARK: Headers

  @Test("a header is the set of its values, however a gateway wrote it")
  func lists() {
    let same: [[(String, String)]] = [
      [("X-Plan", "b, a")], [("X-Plan", "a"), ("x-plan", "b")], [("X-PLAN", "b"), ("X-Plan", ",a ,, b,")],
    ]
    for lines in same {
      #expect(Self.value("header.x-plan", Request("GET", "/check", lines)) == "a|b")
      #expect(Self.value("header.x-plan", Request("GET", "/check/t", lines)) == "a|b")
    }
    #expect(Self.value("header.x-plan", Request("GET", "/check", [("X-Plan", "")])) == "")
    #expect(Self.value("header.x-plan", Request("GET", "/check")) == nil)
    #expect(Self.value("header.x-plan", Request("GET", "/check", [("X-Plan", "\"a, b\", c")])) == "\"a,b\"|c")
  }

  @Test("a header can name a fact of the original request and be an attribute of its own")
  func roleAndAttribute() {
    let request = Request(
      "GET", "/check",
      [("X-Forwarded-Uri", "/a"), ("X-Forwarded-Host", "h:1"), ("X-Forwarded-For", "1.2.3.4, 5.6.7.8")])
    #expect(Self.value("path", request) == "/a")
    #expect(Self.value("header.x-forwarded-uri", request) == "/a")
    #expect(Self.value("host", request) == "h")
    #expect(Self.value("header.x-forwarded-host", request) == "h:1")
    #expect(Self.value("header.x-forwarded-for", request) == "1.2.3.4|5.6.7.8")
    #expect(Self.value("header.host", request) == "own.test")
  }

  @Test("nothing of one check is left in the next")
  func reuse() {
    let set = PolicySet(
      ["method", "path", "host", "ip", "header.x-plan", "query.q"].enumerated().map {
        Policy(name: "p\($0)", key: [AttributeName($1)!], limit: Self.limit)
      })
    let settings = APISettings()
    let table = HeaderTable(settings, set)
    var check = Check()
    let full = Request("GET", "/check", Self.forwarded + [("X-Plan", "a"), ("X-Forwarded-For", "1.2.3.4")])
    GatewayCheck.fill(
      &check, full.gatewayRoute, full.head, full.bytes.span, peer: nil, settings, table, set)
    #expect(set.asked(&check).map(\.policy) == ["p0", "p1", "p2", "p3", "p4", "p5"])
    let bare = Request(text: "GET /check HTTP/1.0\r\n\r\n")
    GatewayCheck.fill(
      &check, bare.gatewayRoute, bare.head, bare.bytes.span, peer: nil, settings, table, set)
    #expect(set.asked(&check).map(\.policy) == ["p0"])
  }

  // MARK: Attributes in use

  @Test("setting only the attributes that policies use decides as setting all does", arguments: [1, 2, 3] as [UInt64])
  func onlyUsed(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var asked = 0
    for _ in 0..<300 {
      let set = PolicySet((0..<Int.random(in: 1...4, using: &random)).map { Self.policy("p\($0)", &random) })
      let settings = APISettings()
      let request = Self.request(&random)
      let found = set.asked(request, peer: "127.0.0.1", settings)
      #expect(found == Self.askedOfAll(set, request), "seed \(seed): \(String(decoding: request.bytes, as: UTF8.self))")
      asked += found.count
    }
    #expect(asked > 100, "the requests meet the policies")
  }

  private static func policy(_ name: String, _ random: inout SeededGenerator) -> Policy {
    var match = Conditions()
    switch Int.random(in: 0...8, using: &random) {
    case 0: match.methods = ["PUT", "GET"]
    case 1: match.paths = [try! PathPattern(random.pick(["/a/**", "/{x}", "/a/{x}"]))]
    case 2: match.hosts = [try! HostPattern(random.pick(["h.com", "*.h.com"]))]
    case 3: match.networks = [IPNetwork("203.0.113.0/24")!]
    case 4: match.attributes = [AttributeCondition(name: .query("q"), test: .oneOf(["1", "2"]))]
    case 5: match.attributes = [AttributeCondition(name: .ip, test: .present(true))]
    case 6: match.attributes = [AttributeCondition(name: .header("x-plan"), test: .prefix(["f"]))]
    default: break
    }
    let names = ["method", "path", "host", "ip", "header.x-plan", "header.x-forwarded-for", "query.q", "query.r"]
    let key = (0..<Int.random(in: 0...2, using: &random)).map { _ in AttributeName(random.pick(names))! }
    let cost: Policy.Cost =
      Bool.random(using: &random) ? .fixed(2) : .attribute(.query("q"), default: 1, min: 1, max: 9)
    var except: Conditions?
    if Int.random(in: 0...3, using: &random) == 0 { except = Conditions(methods: ["PUT"]) }
    return Policy(
      name: name, match: match, except: except, key: key, missing: random.pick([.skip, .share]), limit: limit,
      cost: cost)
  }

  private static func request(_ random: inout SeededGenerator) -> Request {
    var headers: [(String, String)] = []
    func maybe(_ name: String, _ values: [String], _ random: inout SeededGenerator) {
      for _ in 0..<random.pick([0, 1, 1, 2]) { headers.append((name, random.pick(values))) }
    }
    maybe("X-Forwarded-Uri", ["/a/b?q=1", "/a?q=2&r=3", "/", "x?r=", "/a/b/?q=7&q=1"], &random)
    maybe("X-Forwarded-Method", ["PUT", "GET", "POST, GET", ""], &random)
    maybe("X-Forwarded-Host", ["h.com", "a.H.com:80", "evil, h.com"], &random)
    maybe("X-Forwarded-For", ["203.0.113.9", "198.51.100.1, 127.0.0.1", "x", ""], &random)
    maybe("X-Plan", ["free", "pro, free", "", "\"a,b\""], &random)
    let target = random.pick(["/check", "/check", "/check/a/b?q=2", "/check/x?q=1&r=2", "/domains/default/check"])
    return Request(random.pick(["GET", "PUT", "POST"]), target, headers.shuffled(using: &random))
  }

  /// The same check with every fact set, found by a plain look at the headers.
  private static func askedOfAll(_ set: PolicySet, _ request: Request) -> [Asked] {
    let route = request.gatewayRoute
    func lines(_ name: String) -> [String] {
      request.head.headers.filter { request.text($0.name).lowercased() == name }.map { request.text($0.value) }
    }
    func element(_ name: String) -> String? {
      guard let text = lines(name).last?.split(separator: ",", omittingEmptySubsequences: false).last else {
        return nil
      }
      return text.filter { $0 != " " }
    }
    var check = Check()
    check.begin(set)
    check.setDomain("default".utf8.span, in: set)
    let own = request.text(request.head.method)
    let isBelow = route.target != nil
    let method = isBelow ? own : element("x-forwarded-method").flatMap { $0.isEmpty ? nil : $0 } ?? own
    check.setMethod(method.utf8.span)
    if let host = isBelow ? request.head.host.map(request.text) : element("x-forwarded-host") {
      check.setHost(host.utf8.span)
    }
    if let target = route.target.map(request.text) ?? lines("x-forwarded-uri").last {
      check.setTarget(target.utf8.span, in: set)
    }
    for (name, list) in set.headers {
      for line in lines(name) { check.addLine(line.utf8.span, to: list) }
    }
    let forwarded = lines("x-forwarded-for").map { ("x-forwarded-for", $0) }
    check.ip = ClientAddressTests.address(peer: "127.0.0.1", forwarded, APISettings())
    return set.asked(&check)
  }
}
