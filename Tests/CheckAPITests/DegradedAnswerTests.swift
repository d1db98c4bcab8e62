// DegradedAnswerTests.swift: what an answer says where Redis decided, where something else decided in its place, and
// where nothing could.

import HTTP1
import Limiting
import Policies
import TestKit
import Testing

@testable import CheckAPI

@Suite struct DegradedAnswerTests {
  /// What a store that was not asked leaves behind: numbers that no answer may show.
  static func lost(_ name: String, _ onStoreFailure: Policy.OnStoreFailure = .allow) -> Scene.Part {
    .denies(name, limit: 99, remaining: 98).counted(.nowhere, onStoreFailure: onStoreFailure)
  }

  // MARK: Undecided

  static let body =
    #"{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"policy 'b' cannot decide, since its "#
    + #"store does not answer (on_store_failure: deny)","allowed":false,"degraded":true}"#

  static func undecided() -> Scene {
    Scene(
      .undecided,
      [.denies("a"), lost("s", .deny).shadow, lost("x"), lost("b", .deny), lost("c", .deny), .allows("d")])
  }

  @Test("an undecided check is a 503 to be asked again in a second, without numbers, that names the policy")
  func gateway() {
    #expect(
      Self.undecided().gateway()
        == "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nCache-Control: no-store\r\n"
        + "Content-Type: application/problem+json\r\nContent-Length: \(Self.body.utf8.count)\r\n\r\n\(Self.body)")
  }

  @Test("in the JSON form it has a date besides")
  func json() {
    #expect(
      Self.undecided().json(domain: "api")
        == "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nCache-Control: no-store\r\n"
        + "Date: Tue, 14 Nov 2023 22:13:20 GMT\r\nContent-Type: application/problem+json\r\n"
        + "Content-Length: \(Self.body.utf8.count)\r\n\r\n\(Self.body)")
  }

  @Test("HEAD gets its head and no content")
  func head() throws {
    let head = try parsed(Self.undecided().gateway(Request("HEAD", "/check")), toHead: true)
    #expect(head.status == 503)
    #expect(head.int("Content-Length") == Self.body.utf8.count)
    #expect(head["Content-Type"] == "application/problem+json")
  }

  @Test("no setting of denials and no query touches it")
  func settings() {
    var scene = Self.undecided()
    let expected = scene.gateway()
    scene.settings.style.denyStatus = 403
    scene.settings.style.sendsDenyBody = false
    scene.settings.style.sendsIETFHeaders = true
    scene.settings.style.reset = .delta
    #expect(scene.gateway() == expected)
    #expect(scene.gateway(Request("GET", "/check?deny_status=401")) == expected)
    #expect(scene.gateway(Request("GET", "/domains/api/check/x")) == expected)
  }

  @Test(
    "what becomes of the connection is said", arguments: [(Afterwards.keepHTTP10, "keep-alive"), (.close, "close")])
  func connection(after: Afterwards, value: String) throws {
    var scene = Self.undecided()
    scene.after = after
    #expect(try parsed(scene.gateway())["Connection"] == value)
    #expect(try parsed(scene.json())["Connection"] == value)
  }

  @Test("a check is undecided by the first policy that enforces, fails closed and was not decided")
  func undecidedIndex() {
    #expect(Answer.undecidedIndex(Self.undecided().charges) == 3)
    for part in [
      Self.lost("a"), Self.lost("a", .memory), Self.lost("a", .deny).shadow,
      .denies().counted(.redis, onStoreFailure: .deny), .denies().counted(.fallback, onStoreFailure: .deny),
      .denies().counted(.memory, onStoreFailure: .deny), .blocks().counted(.nowhere, onStoreFailure: .deny),
      .exempts().counted(.nowhere, onStoreFailure: .deny),
    ] {
      #expect(Answer.undecidedIndex(Scene([part]).charges) == -1, "\(part)")
    }
    #expect(Answer.undecidedIndex([]) == -1)
  }

  @Test("the status that was written is told")
  func status() {
    var scene = Scene([.allows()])
    scene.settings.style.denyStatus = 403
    for (outcome, gateway, json) in [(.allowed, 200, 200), (.denied, 403, 429), (.undecided, 503, 503)]
      as [(CheckOutcome, Int, Int)]
    {
      scene.outcome = outcome
      #expect(scene.gatewayStatus(denyStatus: nil) == gateway && scene.jsonStatus() == json)
      #expect(scene.gatewayStatus(denyStatus: 401) == (outcome == .denied ? 401 : gateway))
    }
  }

  // MARK: Let through without a store

  @Test("a policy that was let through without its store counts, and shows nowhere else")
  func letThrough() throws {
    for outcome in [CheckOutcome.allowed, .denied] {
      let mine: Scene.Part = outcome == .allowed ? .allows("m") : .denies("m")
      var scene = Scene(outcome, [Self.lost("x"), mine, Self.lost("s").shadow, .allows("n", remaining: 9)])
      scene.settings.style.sendsIETFHeaders = true
      for text in [scene.gateway(), scene.json()] {
        let response = try parsed(text)
        #expect(response.int("X-RateLimit-Limit") == 10)
        for name in ["RateLimit", "RateLimit-Policy"] {
          let names = try #require(response[name]).split(separator: ", ").map { $0.split(separator: "\"")[0] }
          #expect(names == ["m", "n"], "\(name)")
        }
        guard let json = response.json else {
          #expect(outcome == .allowed)
          continue
        }
        #expect(json["policies"]?.int == 4 && json["policy"]?.string == "m")
        #expect(json["degraded"]?.bool == true)
        #expect(json["shadow_denied"] == nil)
        #expect(json["violated-policies"]?.array == (outcome == .allowed ? nil : [.string("m")]))
      }
    }
  }

  @Test("where only such policies are left, there are no numbers at all")
  func onlyLetThrough() throws {
    for parts in [
      [Self.lost("x")], [Self.lost("x").shadow], [Self.lost("x"), .exempts("u"), .allows("s").shadow],
    ] {
      var scene = Scene(parts)
      scene.settings.style.sendsIETFHeaders = true
      #expect(Answer.bindingIndex(scene.charges) == -1)
      #expect(scene.gateway() == "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: 0\r\n\r\n")
      let json = try #require(try parsed(scene.json()).json)
      #expect(json.names == ["allowed", "domain", "policies", "degraded"])
      #expect(json["policies"]?.int == parts.count)
    }
  }

  @Test("a block keeps its numbers without its store, and denies")
  func block() throws {
    let scene = Scene(.denied, [Self.lost("x"), .blocks("b").counted(.nowhere)])
    let response = try parsed(scene.json())
    #expect(response.int("X-RateLimit-Limit") == 0)
    #expect(response.json?["violated-policies"]?.array == [.string("b")])
  }

  // MARK: Degraded

  @Test("degraded is said where on_store_failure decided any matching policy, and nowhere else")
  func degraded() throws {
    let cases: [(Scene.Part, Bool?)] = [
      (.allows().counted(.memory), nil), (.allows().counted(.redis), nil), (.allows().counted(.fallback), true),
      (.allows().counted(.fallback).shadow, true), (Self.lost("x"), true), (Self.lost("x").shadow, true),
      (.exempts().counted(.nowhere), nil), (.exempts().counted(.redis), nil),
    ]
    for (part, expected) in cases {
      #expect(try parsed(Scene([part]).json()).json?["degraded"]?.bool == expected, "\(part)")
      #expect(try parsed(Scene([.allows("o"), part]).json()).json?["degraded"]?.bool == expected, "\(part)")
      for text in [Scene(.denied, [.denies("o"), part]).gateway(), Scene(.denied, [.denies("o"), part]).json()] {
        #expect(try parsed(text).json?["degraded"]?.bool == expected, "\(part)")
      }
    }
  }

  @Test("what was not asked, since another policy is known to deny, has no numbers, denies nothing and is no failure")
  func unasked() throws {
    let parts: [Scene.Part] = [
      .denies("x", limit: 99, remaining: 98).counted(.unasked, onStoreFailure: .deny), .denies("o"),
      .denies("s").counted(.unasked).shadow,
    ]
    for text in [Scene(.denied, parts).gateway(), Scene(.denied, parts).json()] {
      let response = try parsed(text)
      #expect(response.status == 429)
      #expect(response.json?["violated-policies"]?.array == [.string("o")])
      #expect(response.json?["policy"]?.string == "o")
      #expect(response.json?["policies"]?.int == 3)
      #expect(response.json?["shadow_denied"] == nil && response.json?["degraded"] == nil)
    }
    let header = try parsed(Scene(.denied, parts).json())["RateLimit"] ?? ""
    #expect(header.hasPrefix("\"o\"") && !header.contains("\"x\""))
  }

  @Test("a fallback's decision is shown as any other")
  func fallback() throws {
    let body =
      #"{"type":"\#(AnswerTests.quotaExceeded)","title":"Too Many Requests","status":429,"violated-policies":["a"],"#
      + #""allowed":false,"domain":"default","policies":2,"policy":"a","limit":3,"remaining":0,"reset":1700000060,"#
      + #""retry_after":30,"shadow_denied":["s"],"degraded":true}"#
    let scene = Scene(
      .denied, [.denies(limit: 3).counted(.fallback), .denies("s").shadow.counted(.fallback)])
    #expect(
      scene.gateway()
        == "HTTP/1.1 429 Too Many Requests\r\nX-RateLimit-Limit: 3\r\nX-RateLimit-Remaining: 0\r\n"
        + "X-RateLimit-Reset: 1700000060\r\nRetry-After: 30\r\nCache-Control: no-store\r\n"
        + "Content-Type: application/problem+json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
  }

  // MARK: Redis's clock

  @Test("a reset counts from Redis's clock where Redis decided the policy that binds, else from our own")
  func redisClock() throws {
    let cases: [(Scene.Part, Int)] = [
      (.allows().counted(.redis), 1_700_000_025), (.allows().counted(.memory), 1_700_000_060),
      (.allows().counted(.fallback), 1_700_000_060), (.blocks().counted(.redis), 1_700_000_000),
    ]
    for (part, expected) in cases {
      var scene = Scene([part, .allows("o", remaining: 9).counted(.redis)])
      scene.redisUnix = scene.now.unix - 35 * second - 1
      for text in [scene.gateway(), scene.json()] {
        let response = try parsed(text)
        #expect(response.int("X-RateLimit-Reset") == expected, "\(part)")
        if let json = response.json { #expect(json["reset"]?.int == expected) }
      }
      #expect(try parsed(scene.json())["Date"] == "Tue, 14 Nov 2023 22:13:20 GMT", "the date is ours")
      scene.settings.style.reset = .delta
      let delta = part.effect == .block ? 0 : 60
      #expect(try parsed(scene.json()).int("X-RateLimit-Reset") == delta)
      scene.redisUnix = nil
      scene.settings.style.reset = .epoch
      #expect(try parsed(scene.json()).int("X-RateLimit-Reset") == 1_700_000_000 + delta)
    }
    var last = Scene(.denied, [.denies(reset: .max).counted(.redis)])
    last.redisUnix = .max
    #expect(try parsed(last.json()).int("X-RateLimit-Reset") == 9_223_372_037)
  }
}

extension Scene {
  fileprivate func gatewayStatus(denyStatus: Int?) -> Int {
    var status = 0
    _ = written { out in
      status = answer.writeGateway(charges, outcome, denyStatus: denyStatus, isHead: false, to: &out)
    }
    return status
  }

  fileprivate func jsonStatus() -> Int {
    var status = 0
    _ = written { status = answer.writeJSON(charges, outcome, domain: "d".utf8.span, to: &$0) }
    return status
  }
}
