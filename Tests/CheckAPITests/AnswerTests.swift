// AnswerTests.swift: decisions as responses, byte for byte, in both forms.

import HTTP1
import Limiting
import Policies
import TestKit
import Testing

@testable import CheckAPI

@Suite struct AnswerTests {
  static let quotaExceeded = "https://iana.org/assignments/http-problem-types#quota-exceeded"

  // MARK: The gateway form

  @Test("an allowance is exactly 200 without content")
  func gatewayAllowed() {
    #expect(
      Scene([.allows()]).gateway()
        == "HTTP/1.1 200 OK\r\nX-RateLimit-Limit: 10\r\nX-RateLimit-Remaining: 7\r\nX-RateLimit-Reset: 1700000060\r\n"
        + "Cache-Control: no-store\r\nContent-Length: 0\r\n\r\n")
  }

  @Test("a denial is a 429 problem with the numbers of the policy that binds")
  func gatewayDenied() {
    let body =
      #"{"type":"\#(Self.quotaExceeded)","title":"Too Many Requests","status":429,"violated-policies":["a"],"#
      + #""allowed":false,"domain":"default","policies":1,"policy":"a","limit":10,"remaining":0,"reset":1700000060,"#
      + #""retry_after":30}"#
    #expect(
      Scene(.denied, [.denies()]).gateway()
        == "HTTP/1.1 429 Too Many Requests\r\nX-RateLimit-Limit: 10\r\nX-RateLimit-Remaining: 0\r\n"
        + "X-RateLimit-Reset: 1700000060\r\nRetry-After: 30\r\nCache-Control: no-store\r\n"
        + "Content-Type: application/problem+json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
  }

  @Test("without a policy that has numbers, there are no headers of a limit", arguments: [0, 1, 2, 3])
  func noNumbers(index: Int) {
    let parts: [[Scene.Part]] = [
      [], [.exempts()], [.denies().shadow], [.allows("s").shadow, .exempts("u"), .exempts("v").shadow],
    ]
    var scene = Scene(parts[index])
    scene.settings.style.sendsIETFHeaders = true
    #expect(scene.gateway() == "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: 0\r\n\r\n")
  }

  @Test("HEAD is told the length of the problem and gets no content")
  func head() throws {
    let scene = Scene(.denied, [.denies()])
    let whole = try parsed(scene.gateway())
    let head = try parsed(scene.gateway(Request("HEAD", "/check")), toHead: true)
    #expect(head.status == 429)
    #expect(head.headers.map { "\($0)" } == whole.headers.map { "\($0)" })
    #expect(head.int("Content-Length") == whole.body.count)
    #expect(whole.body.count > 0)
  }

  @Test("without deny bodies, a denial has its headers and no content")
  func noDenyBody() throws {
    var scene = Scene(.denied, [.denies()])
    scene.settings.style.sendsDenyBody = false
    let response = try parsed(scene.gateway())
    #expect(response.status == 429)
    #expect(response["Content-Length"] == "0")
    #expect(response["Content-Type"] == nil)
    #expect(response.int("Retry-After") == 30)
    #expect(try parsed(scene.json()).json?["allowed"]?.bool == false)
  }

  @Test("the status of a denial is the query's, else the setting's; the body says the same; the JSON form keeps 429")
  func denyStatus() throws {
    var scene = Scene(.denied, [.denies()])
    for (setting, target, status, reason) in [
      (429, "/check", 429, "Too Many Requests"), (403, "/check", 403, "Forbidden"),
      (401, "/check", 401, "Unauthorized"),
      (429, "/check?deny_status=403", 403, "Forbidden"), (403, "/check?deny_status=429", 429, "Too Many Requests"),
      (403, "/check?deny_status=200", 403, "Forbidden"), (429, "/check/a?deny_status=403", 429, "Too Many Requests"),
    ] {
      scene.settings.style.denyStatus = setting
      let response = try parsed(scene.gateway(Request("GET", target)))
      #expect(response.status == status, "\(setting) \(target)")
      #expect(response.reason == reason)
      #expect(response.json?["status"]?.int == status)
      #expect(response.json?["title"]?.string == "Too Many Requests")
      #expect(try parsed(scene.json()).status == 429)
      #expect(try parsed(scene.json()).json?["status"]?.int == 429)
    }
    scene.outcome = .allowed
    #expect(try parsed(scene.gateway(Request("GET", "/check?deny_status=403"))).status == 200)
  }

  @Test("the domain in the body is that of the policies")
  func domain() throws {
    var scene = Scene(.denied, [.denies()])
    #expect(try parsed(scene.gateway()).json?["domain"]?.string == "default")
    scene.domain = "api"
    #expect(try parsed(scene.gateway(Request("GET", "/domains/api/check/x"))).json?["domain"]?.string == "api")
  }

  // MARK: The JSON form

  @Test("an allowance in the JSON form has a body, a date and the fields of the draft")
  func jsonAllowed() {
    let body =
      #"{"allowed":true,"domain":"api","policies":1,"policy":"a","limit":10,"remaining":7,"reset":1700000060}"#
    #expect(
      Scene([.allows()]).json(domain: "api")
        == "HTTP/1.1 200 OK\r\nX-RateLimit-Limit: 10\r\nX-RateLimit-Remaining: 7\r\nX-RateLimit-Reset: 1700000060\r\n"
        + "RateLimit-Policy: \"a\";q=10;w=60\r\nRateLimit: \"a\";r=7;t=60\r\nCache-Control: no-store\r\n"
        + "Date: Tue, 14 Nov 2023 22:13:20 GMT\r\nContent-Type: application/json\r\n"
        + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
  }

  @Test("a denial in the JSON form is a problem with the same members besides")
  func jsonDenied() {
    let body =
      #"{"type":"\#(Self.quotaExceeded)","title":"Too Many Requests","status":429,"violated-policies":["b"],"#
      + #""allowed":false,"domain":"default","policies":3,"policy":"b","limit":10,"remaining":0,"reset":1700000060,"#
      + #""retry_after":30,"shadow_denied":["c"]}"#
    #expect(
      Scene(.denied, [.allows(), .denies("b"), .denies("c").shadow]).json()
        == "HTTP/1.1 429 Too Many Requests\r\nX-RateLimit-Limit: 10\r\nX-RateLimit-Remaining: 0\r\n"
        + "X-RateLimit-Reset: 1700000060\r\nRetry-After: 30\r\nRateLimit-Policy: \"b\";q=10;w=60, \"a\";q=10;w=60\r\n"
        + "RateLimit: \"b\";r=0;t=30, \"a\";r=7;t=60\r\nCache-Control: no-store\r\n"
        + "Date: Tue, 14 Nov 2023 22:13:20 GMT\r\nContent-Type: application/problem+json\r\n"
        + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
  }

  @Test("no policy at all is an allowance by none")
  func jsonUnmatched() {
    let body = #"{"allowed":true,"domain":"nowhere","policies":0}"#
    #expect(
      Scene([]).json(domain: "nowhere")
        == "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nDate: Tue, 14 Nov 2023 22:13:20 GMT\r\n"
        + "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
  }

  @Test("where only shadow or unlimited policies match, they are counted, and the members of a limit are absent")
  func jsonNoNumbers() throws {
    let counted: Set = ["allowed", "domain", "policies"]
    for (parts, count, denied) in [
      ([.exempts()], 1, nil), ([.allows().shadow], 1, nil), ([.exempts().shadow], 1, nil),
      ([.exempts(), .denies("b").shadow, .never("c").shadow, .blocks("d").shadow], 4, ["b", "c", "d"]),
    ] as [([Scene.Part], Int, [String]?)] {
      let response = try parsed(Scene(parts).json())
      let json = try #require(response.json)
      #expect(response.status == 200)
      #expect(json["policies"]?.int == count)
      #expect(json["shadow_denied"]?.array?.compactMap(\.string) == denied)
      #expect(json.names == (denied == nil ? counted : counted.union(["shadow_denied"])))
      #expect(
        response["RateLimit"] == nil && response["RateLimit-Policy"] == nil && response["X-RateLimit-Limit"] == nil)
    }
  }

  @Test("an unlimited policy counts beside one that limits, and shows nowhere else")
  func unlimitedBeside() throws {
    let response = try parsed(Scene([.exempts("u"), .allows("b")]).json())
    #expect(response.json?["policies"]?.int == 2)
    #expect(response.json?["policy"]?.string == "b")
    #expect(response["RateLimit"] == "\"b\";r=7;t=60")
  }

  @Test("where no wait helps, there is no Retry-After, and retry_after is null")
  func noWaitHelps() throws {
    for (part, limit, remaining, reset) in [
      (Scene.Part.never(), 10, 4, 1_700_000_009), (.blocks(), 0, 0, 1_700_000_000),
    ] {
      for text in [Scene(.denied, [part]).gateway(), Scene(.denied, [part]).json()] {
        let response = try parsed(text)
        let json = try #require(response.json)
        #expect(response.status == 429)
        #expect(response["Retry-After"] == nil)
        #expect(json["retry_after"] == .null)
        #expect(response.int("X-RateLimit-Limit") == limit && json["limit"]?.int == limit)
        #expect(response.int("X-RateLimit-Remaining") == remaining && json["remaining"]?.int == remaining)
        #expect(response.int("X-RateLimit-Reset") == reset && json["reset"]?.int == reset)
        #expect(json["violated-policies"]?.array == [.string("a")])
      }
      // The draft's `t` says when more comes: here, never.
      let name = try parsed(Scene(.denied, [part]).json())["RateLimit"]
      #expect(name == "\"a\";r=\(remaining)")
    }
  }

  // MARK: Which policy binds

  @Test("the numbers are those of the policy that binds: the longest wait, else the least remaining, else the first")
  func binding() throws {
    let cases: [(Bool, [Scene.Part], String)] = [
      (true, [.allows("a", remaining: 7), .allows("b", remaining: 3)], "b"),
      (true, [.allows("a", remaining: 3), .allows("b", remaining: 3)], "a"),
      (true, [.allows("a", limit: 100, remaining: 5), .allows("b", limit: 10, remaining: 6)], "a"),
      (true, [.denies("s").shadow, .allows("a", remaining: 7)], "a"),
      (true, [.exempts("u"), .allows("a", remaining: 7)], "a"),
      (false, [.allows("a", remaining: 0), .denies("b", remaining: 2)], "b"),
      (false, [.denies("a", wait: second), .denies("b", wait: 2 * second), .denies("c", wait: second)], "b"),
      (false, [.denies("a", wait: second), .denies("b", wait: second)], "a"),
      (false, [.denies("a", wait: Int64.max), .never("b")], "b"),
      (false, [.denies("a"), .blocks("b"), .never("c")], "b"),
      (false, [.never("a"), .blocks("b")], "a"),
      (false, [.blocks("s").shadow, .exempts("u"), .denies("a")], "a"),
    ]
    for (isAllowed, parts, expected) in cases {
      let scene = Scene(isAllowed ? .allowed : .denied, parts)
      #expect(scene.parts[Answer.bindingIndex(scene.charges)].name == expected)
      let response = try parsed(scene.json())
      let bound = try #require(parts.first { $0.name == expected })
      #expect(response.json?["policy"]?.string == expected)
      #expect(response.json?["remaining"]?.int == Int(bound.decision.remaining))
      #expect(response.int("X-RateLimit-Remaining") == Int(bound.decision.remaining))
      #expect(response.int("X-RateLimit-Limit") == Int(bound.decision.limit))
      #expect(response["RateLimit"]?.hasPrefix("\"\(expected)\"") == true)
      #expect((response["Retry-After"] != nil) == (bound.decision.outcome == .deny))
    }
    #expect(Answer.bindingIndex(Scene([.exempts(), .denies().shadow]).charges) == -1)
  }

  @Test("every enforcing policy that denies is listed as violated, in the order of the set")
  func violated() throws {
    let scene = Scene(
      .denied,
      [.denies("a"), .allows("b"), .never("c"), .denies("d").shadow, .exempts("e"), .blocks("f"), .blocks("g").shadow])
    let json = try #require(try parsed(scene.gateway()).json)
    #expect(json["violated-policies"]?.array?.compactMap(\.string) == ["a", "c", "f"])
    #expect(json["shadow_denied"]?.array?.compactMap(\.string) == ["d", "g"])
    #expect(json["policies"]?.int == 7)
  }

  // MARK: The connection

  @Test("what becomes of the connection is said in both forms, allowed or not")
  func connection() throws {
    for (after, value) in [(.keep, nil), (.keepHTTP10, "keep-alive"), (.close, "close")] as [(Afterwards, String?)] {
      for isAllowed in [true, false] {
        var scene = Scene(isAllowed ? .allowed : .denied, [isAllowed ? .allows() : .denies()])
        scene.after = after
        #expect(try parsed(scene.gateway())["Connection"] == value)
        #expect(try parsed(scene.json())["Connection"] == value)
      }
    }
  }

  @Test("nothing that a gateway would pass on is sent besides: no Server, no cookie, and Date only in the JSON form")
  func nothingElse() throws {
    var scene = Scene(.denied, [.denies()])
    scene.settings.style.sendsIETFHeaders = true
    scene.after = .close
    let known: Set = [
      "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "Retry-After", "RateLimit", "RateLimit-Policy",
      "Cache-Control", "Connection", "Content-Type", "Content-Length",
    ]
    #expect(Set(try parsed(scene.gateway()).headers.map(\.name)) == known)
    #expect(Set(try parsed(scene.json()).headers.map(\.name)) == known.union(["Date"]))
    for text in [scene.gateway(), scene.json()] {
      let response = try parsed(text)
      for name in known { #expect(response.count(of: name) == 1, "\(name)") }
    }
  }
}
