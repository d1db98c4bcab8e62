// RouterTests.swift: which targets are checks, in which form, and what the others get.

import HTTP1
import Testing

@testable import CheckAPI

@Suite struct RouterTests {
  enum Expected: Equatable, Sendable {
    case gateway(domain: String? = nil, target: String? = nil, deny: Int? = nil)
    case json, healthz, readyz
    case refused(Int)

    init(_ route: Route, _ request: Request) {
      switch route {
      case .gateway(let route):
        self = .gateway(
          domain: route.domain.map(request.text), target: route.target.map(request.text), deny: route.denyStatus)
      case .json: self = .json
      case .healthz: self = .healthz
      case .readyz: self = .readyz
      case .refused(let refusal): self = .refused(refusal.status)
      }
    }
  }

  static let longest = String(repeating: "d", count: 64)

  static let targets: [(String, Expected)] = [
    ("/check", .gateway()),
    ("/check/", .gateway(target: "/")),
    ("/check/a/b?c=d", .gateway(target: "/a/b?c=d")),
    ("/check//a", .gateway(target: "//a")),
    ("/check/../metrics", .gateway(target: "/../metrics")),
    ("/check/healthz", .gateway(target: "/healthz")),
    ("/check/check", .gateway(target: "/check")),
    ("/check/domains/x/check", .gateway(target: "/domains/x/check")),
    ("/check/a?deny_status=403", .gateway(target: "/a?deny_status=403")),
    ("/check/%2e%2e/\u{e9}", .gateway(target: "/%2e%2e/\u{e9}")),
    ("/checkfoo", .refused(404)), ("/checks", .refused(404)), ("/chec", .refused(404)), ("/Check", .refused(404)),
    ("//check", .refused(404)), ("/./check", .refused(404)), ("/%63heck", .refused(404)), ("/check#", .refused(404)),
    ("check", .refused(404)), ("/", .refused(404)), ("*", .refused(404)), ("own.test:80", .refused(404)),

    ("/check?", .gateway()), ("/check?deny_status", .gateway()), ("/check?deny_status=", .gateway()),
    ("/check?deny_status=401", .gateway(deny: 401)), ("/check?deny_status=403", .gateway(deny: 403)),
    ("/check?deny_status=429", .gateway(deny: 429)), ("/check?deny_status=200", .gateway()),
    ("/check?deny_status=4030", .gateway()), ("/check?Deny_status=403", .gateway()),
    ("/check?xdeny_status=403", .gateway()), ("/check?a=b&deny_status=403&c", .gateway(deny: 403)),
    ("/check?&&deny_status=403", .gateway(deny: 403)), ("/check?deny_status=403&", .gateway(deny: 403)),
    ("/check?deny_status=403&deny_status=401", .gateway(deny: 403)),
    ("/check?domain=x&key=y&cost=0&deny_status=403", .gateway(deny: 403)),

    ("/domains/api/check", .gateway(domain: "api")),
    ("/domains/api/check/", .gateway(domain: "api", target: "/")),
    ("/domains/api/check/x?y", .gateway(domain: "api", target: "/x?y")),
    ("/domains/api/check/../../b/check", .gateway(domain: "api", target: "/../../b/check")),
    ("/domains/api/check?deny_status=401", .gateway(domain: "api", deny: 401)),
    ("/domains/0a.b_c-d/check", .gateway(domain: "0a.b_c-d")),
    ("/domains/\(longest)/check", .gateway(domain: longest)),
    ("/domains/\(longest)d/check", .refused(404)),
    ("/domains/BAD..NAME/check", .refused(404)), ("/domains/.a/check", .refused(404)),
    ("/domains//check", .refused(404)), ("/domains/api", .refused(404)), ("/domains/api/", .refused(404)),
    ("/domains/api/checks", .refused(404)), ("/domains/a%62/check", .refused(404)),
    ("/domains/../check", .refused(404)), ("/domains/a?/check", .refused(404)), ("/domains", .refused(404)),
    ("/domains/", .refused(404)),

    ("http://h/check", .gateway()), ("HTTP://h:80/check/a?b", .gateway(target: "/a?b")),
    ("https://u@h/domains/api/check/x", .gateway(domain: "api", target: "/x")),
    ("http://h/check?deny_status=403", .gateway(deny: 403)),
    ("http:///check", .gateway()), ("http://h", .refused(404)), ("http://", .refused(404)),
    ("http://h?/check", .refused(404)), ("ftp://h/check", .refused(404)), ("http://h/healthz", .healthz),

    ("/healthz", .healthz), ("/healthz?x", .healthz), ("/readyz", .readyz), ("/healthz/", .refused(404)),
    ("/readyz/x", .refused(404)), ("/metrics", .refused(404)), ("/policies", .refused(404)),
    ("/json/check", .refused(405)), ("/json/check/", .refused(404)), ("/json", .refused(404)),
  ]

  @Test("a target is a check of what follows /check, raw, or one of the few pages, or a 404", arguments: targets)
  func target(target: String, expected: Expected) {
    let request = Request("GET", target)
    #expect(Expected(request.route(), request) == expected)
  }

  @Test("any method token makes a check", arguments: ["POST", "PURGE", "get", "!#$%", "HEAD", "OPTIONS"])
  func anyMethod(method: String) {
    for target in ["/check", "/check/a", "/domains/api/check"] {
      let request = Request(method, target)
      guard case .gateway = request.route() else {
        Issue.record("\(method) \(target) is no check")
        continue
      }
    }
  }

  @Test("the health pages take GET and HEAD, and say so with a 405", arguments: ["/healthz", "/readyz"])
  func healthMethods(target: String) {
    #expect(Request("HEAD", target).route() == Request("GET", target).route())
    for method in ["POST", "PUT", "get", "OPTIONS"] {
      guard case .refused(let refusal) = Request(method, target).route() else {
        Issue.record("\(method) is not refused")
        continue
      }
      #expect(refusal.status == 405)
      #expect(refusal.allow.map { "\($0)" } == "GET, HEAD")
    }
  }

  static let json = ("Content-Type", "application/json")

  @Test(
    "JSON posted to exactly /check is the JSON form, whatever the case and the parameters of its type",
    arguments: [
      "application/json", "Application/JSON", "application/json; charset=utf-8", "application/json;charset=utf-8",
      "application/json ;a=b", "application/json;",
    ])
  func jsonType(type: String) {
    #expect(Request("POST", "/check", [("content-TYPE", type)]).route() == .json)
    #expect(Request("POST", "/json/check", [("Content-Type", type)]).route() == .json)
    #expect(Request("POST", "http://h/check", [("Content-Type", type)]).route() == .json)
  }

  @Test(
    "another type is a check in the gateway form, and a 415 at /json/check",
    arguments: [
      "", "text/json", "application/jsonx", "application/json5; a", "xapplication/json", "application/problem+json",
      "text/plain; application/json", "application/json, text/plain", "application/json text",
    ])
  func otherType(type: String) {
    let request = Request("POST", "/check", [("Content-Type", type)])
    #expect(Expected(request.route(), request) == .gateway())
    #expect(Request("POST", "/json/check", [("Content-Type", type)]).route().status == 415)
    #expect(Request("POST", "/json/check").route().status == 415)
  }

  @Test("only POST, and only exactly /check without a query, is the JSON form")
  func exactly() {
    for (method, target) in [
      ("GET", "/check"), ("PUT", "/check"), ("post", "/check"), ("POST", "/check?"), ("POST", "/check?deny_status=403"),
      ("POST", "/check/"), ("POST", "/check/a"), ("POST", "/domains/api/check"),
    ] {
      guard case .gateway = Request(method, target, [Self.json]).route() else {
        Issue.record("\(method) \(target) is not the gateway form")
        continue
      }
    }
  }

  @Test("/json/check takes POST alone, and says so", arguments: ["GET", "HEAD", "PUT", "post"])
  func jsonMethod(method: String) {
    guard case .refused(let refusal) = Request(method, "/json/check", [Self.json]).route() else {
      Issue.record("not refused")
      return
    }
    #expect(refusal.status == 405)
    #expect(refusal.allow.map { "\($0)" } == "POST")
  }

  @Test("without the JSON form, /check is the gateway form and /json/check is no page")
  func jsonFormOff() {
    var settings = APISettings()
    settings.offersJSONForm = false
    let request = Request("POST", "/check", [Self.json])
    #expect(Expected(request.route(settings), request) == .gateway())
    #expect(Request("POST", "/json/check", [Self.json]).route(settings).status == 404)
    #expect(Request("GET", "/json/check", [Self.json]).route(settings).status == 404)
    #expect(Request("GET", "/healthz").route(settings) == .healthz)
  }

  @Test("the JSON form at /json/check does not mind the headers of proxies")
  func behindProxy() {
    let headers = [Self.json, ("X-Forwarded-For", "1.2.3.4"), ("Via", "1.1 p"), ("X-Forwarded-Uri", "/a")]
    #expect(Request("POST", "/json/check", headers).route() == .json)
  }

  @Test("methods are compared with their case")
  func methods() {
    let request = Request("HEAD", "/check")
    #expect(request.isHead)
    #expect(request.isMethod("HEAD"))
    #expect(!request.isMethod("head"))
    #expect(!request.isMethod("HEA"))
    #expect(!request.isMethod("HEADS"))
    #expect(!Request("head", "/check").isHead)
  }
}

extension Route {
  /// The status of a refusal; nil for what is none.
  var status: Int? { if case .refused(let refusal) = self { refusal.status } else { nil } }
}

extension Request {
  fileprivate var isHead: Bool { Router.isHead(head, bytes.span) }
  fileprivate func isMethod(_ name: StaticString) -> Bool { Router.isMethod(name, head, bytes.span) }
}
