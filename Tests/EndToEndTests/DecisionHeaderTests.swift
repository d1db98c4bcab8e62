// DecisionHeaderTests.swift: the headers of a decision: their numbers, their units, and that there are no others.

import Foundation
import TestKit
import Testing

@Suite struct DecisionHeaderTests {
  private func now() -> Int { Int(Date().timeIntervalSince1970) }

  @Test("reset is the Unix second, rounded up, at which everything is there again")
  func epoch() throws {
    let weir = try WeirProcess("policies: [{name: a, algorithm: token-bucket, limit: 10, period: 1000s}]")
    let before = now()
    let response = try weir.request("GET", "/check/a")
    let reset = try #require(response.int("X-RateLimit-Reset"))
    #expect((before + 100...now() + 102).contains(reset))
    #expect(response.int("X-RateLimit-Remaining") == 9)
    #expect(response["Retry-After"] == nil)
  }

  @Test("with --reset delta the reset is in seconds from now, in both forms")
  func delta() throws {
    let weir = try WeirProcess(
      "policies: [{name: a, algorithm: token-bucket, limit: 10, period: 1000s}]", arguments: ["--reset", "delta"])
    let first = try #require(try weir.request("GET", "/check/a").int("X-RateLimit-Reset"))
    #expect((99...100).contains(first))
    let second = try weir.json("{}")
    let reset = try #require(second.int("X-RateLimit-Reset"))
    #expect((101...200).contains(reset))
    #expect(second.json?["reset"]?.int == reset)
  }

  @Test("windows are aligned to the Unix epoch, and reset where they end")
  func aligned() throws {
    let weir = try WeirProcess("policies: [{name: a, algorithm: fixed-window, limit: 10, period: 100d}]")
    let reset = try #require(try weir.request("GET", "/check/a").int("X-RateLimit-Reset"))
    #expect(reset % (100 * 86_400) == 0)
    #expect(reset > now())
  }

  @Test("Retry-After is at least 1 and never earlier than the truth")
  func retryAfter() throws {
    let weir = try WeirProcess(
      """
      policies:
        - {name: slow, match: {path: /slow}, algorithm: token-bucket, limit: 1, period: 1500ms}
        - {name: fast, match: {path: /fast}, algorithm: token-bucket, limit: 1, period: 300ms, cost: 1}
      """)
    let client = try weir.client()
    for target in ["/check/slow", "/check/fast"] {
      // On a slow machine a token may be back before the next check: ask until one is denied. The period is longer than
      // the pause between two looks, else none ever would be.
      var denied = try client.request("GET", target)
      try eventually("\(target) is denied") {
        denied = try client.request("GET", target)
        return denied.status == 429
      }
      let wait = try #require(denied.int("Retry-After"))
      #expect(wait >= 1)
      #expect(wait <= 2)
      pause(seconds: Double(wait))
      #expect(try client.request("GET", target).status == 200, "\(target)")
    }
  }

  @Test("the IETF fields describe the binding policy first, then the others")
  func ietf() throws {
    let yaml = """
      policies:
        - {name: wide, algorithm: token-bucket, limit: 3600, period: 1h, burst: 100}
        - {name: narrow, algorithm: token-bucket, limit: 10, period: 1000s}
        - {name: quiet, algorithm: token-bucket, limit: 5, period: 1h, mode: shadow}
      """
    let weir = try WeirProcess(yaml, arguments: ["--ietf-headers", "on"])
    let first = try weir.request("GET", "/check/a")
    #expect(first["RateLimit-Policy"] == #""narrow";q=10;w=1000, "wide";q=100;w=100"#)
    #expect(first["RateLimit"] == #""narrow";r=9;t=100, "wide";r=99;t=1"#)

    let plain = try WeirProcess(yaml)
    #expect(try plain.request("GET", "/check/a")["RateLimit"] == nil)
    #expect(try plain.json("{}")["RateLimit"]?.hasPrefix(#""narrow";r=8;t="#) == true)
  }

  @Test("on a denial t is the time to wait, the same as Retry-After")
  func ietfDenied() throws {
    let weir = try WeirProcess("policies: [{name: a, algorithm: fixed-window, limit: 1, period: 100d}]")
    try weir.json("{}")
    let denied = try weir.json("{}")
    let wait = try #require(denied.int("Retry-After"))
    #expect(denied["RateLimit"] == #""a";r=0;t=\#(wait)"#)
    #expect(denied["RateLimit-Policy"] == #""a";q=1;w=8640000"#)
  }

  @Test("a decision carries no header but those promised, in less than 4 KB, however many policies match")
  func nothingElse() throws {
    let names = (0..<40).map { "policy-" + String($0) + String(repeating: "x", count: 50) }
    let weir = try WeirProcess(
      "policies:\n"
        + names.map { "  - {name: \($0), algorithm: token-bucket, limit: 2, period: \(forever)}\n" }.joined(),
      arguments: ["--ietf-headers", "on"])
    let client = try weir.client()
    let limits: Set<String> = ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"]
    let always = limits.union(["cache-control", "content-length", "ratelimit", "ratelimit-policy", "connection"])
    let denial: Set<String> = ["retry-after", "content-type"]
    for expected in [200, 200, 429] {
      let response = try client.request("GET", "/check/a")
      let names = Set(response.headers.map { $0.name.lowercased() })
      #expect(response.status == expected)
      #expect(names.isSubset(of: expected == 200 ? always : always.union(denial)), "\(names)")
      #expect(names.count == response.headers.count)
      #expect(response["Cache-Control"] == "no-store")
      #expect(response.headCount < 4096)
      #expect(response["RateLimit"]?.split(separator: ",").count == 16)
    }
    let json = try client.request("POST", "/check", [("Content-Type", "application/json")], body: "{}")
    let jsonNames = Set(json.headers.map { $0.name.lowercased() })
    #expect(jsonNames.isSubset(of: always.union(denial).union(["date"])), "\(jsonNames)")
    #expect(json.headCount < 4096)
  }

  @Test("Date is an IMF-fixdate near to now")
  func date() throws {
    let date = try #require(try WeirProcess("policies: []").json("{}")["Date"])
    let format = DateFormatter()
    format.locale = Locale(identifier: "en_US_POSIX")
    format.timeZone = TimeZone(identifier: "GMT")
    format.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
    let parsed = try #require(format.date(from: date))
    #expect(abs(parsed.timeIntervalSinceNow) < 30)
    #expect(format.string(from: parsed) == date)
  }
}
