// OverrideTests.swift: other numbers for particular keys. Against all of it stands the naive model in MatchTests.

import Limiting
import Testing

@testable import Policies

struct OverrideTests {
  private static func override(_ key: [String?], _ limit: Int64) -> Policy.Override {
    Policy.Override(key: key, effect: .limit(.of(limit)))
  }

  @Test("the first override that matches wins, wherever its literals stand")
  func firstWins() {
    let set = PolicySet([
      .with(
        key: ["method", "host"],
        overrides: [
          Self.override(["GET", "a"], 1), Self.override([nil, "b"], 2), Self.override(["GET", nil], 3),
          Self.override(["GET", "b"], 4), Self.override([nil, nil], 5), Self.override(["PUT", "c"], 6),
        ])
    ])
    let expected = [
      ("GET", "a", 1), ("GET", "b", 2), ("PUT", "b", 2), ("GET", "c", 3), ("PUT", "a", 5), ("PUT", "c", 5),
    ]
    for (method, host, limit) in expected {
      let outcomes = set.outcomes(Facts(method: method, host: host))
      #expect(outcomes.map(\.limit) == [.of(Int64(limit))], "\(method) \(host)")
      #expect(outcomes.map(\.effect) == [.limit])
    }
  }

  @Test("an override can lift a limit, or block; the policy's own numbers stay for the others")
  func effects() {
    let set = PolicySet([
      .with(
        key: ["plan"],
        overrides: [
          Policy.Override(key: ["free"], effect: .unlimited), Policy.Override(key: ["bad"], effect: .block),
          Policy.Override(key: [""], effect: .block),
        ])
    ])
    func effect(_ plan: String) -> Charge.Effect? { set.outcomes(Facts(customs: [("plan", plan)])).first?.effect }
    #expect(effect("free") == .unlimited)
    #expect(effect("bad") == .block)
    #expect(effect("") == .block)
    #expect(effect("other") == .limit)
    #expect(set.outcomes(Facts(customs: [("plan", "other")])).map(\.limit) == [.ten])
  }

  @Test("an override leaves the key as it is, so that a reload of numbers keeps the counter")
  func keepsKey() {
    let facts = Facts(method: "GET", ip: "1.2.3.4")
    let plain = PolicySet([.with(key: ["ip", "method"])])
    let set = PolicySet([.with(key: ["ip", "method"], overrides: [Self.override(["1.2.3.4", "GET"], 1)])])
    #expect(set.outcomes(facts).map(\.limit) == [.of(1)])
    #expect(set.key(facts) == plain.key(facts))
  }

  @Test("the shared counter of checks without the key knows no override")
  func shared() {
    let set = PolicySet([
      .with(
        key: ["method", "plan"], missing: .share,
        overrides: [Self.override(["GET", nil], 1), Self.override([nil, nil], 2)])
    ])
    #expect(set.outcomes(Facts(method: "GET")).map(\.limit) == [.ten])
    #expect(set.outcomes(Facts(method: "GET", customs: [("plan", "x")])).map(\.limit) == [.of(1)])
  }

  @Test("a policy without a key can be overridden whole")
  func noKey() {
    let set = PolicySet([.with(overrides: [Self.override([], 1), Self.override([], 2)])])
    #expect(set.outcomes(Facts()).map(\.limit) == [.of(1)])
  }

  @Test(
    "a literal is read as the attribute is",
    arguments: [
      ("ip", "1.2.3.4", Facts(ip: "::ffff:1.2.3.4"), true), ("ip", "::ffff:1.2.3.4", Facts(ip: "1.2.3.4"), true),
      ("ip", "1.2.3.4", Facts(ip: "1.2.3.5"), false), ("ip", "2001:DB8::1", Facts(ip: "2001:db8::2"), true),
      ("ip", "2001:db8::", Facts(ip: "2001:db8:0:1::"), false), ("ip", "nonsense", Facts(ip: "::"), false),
      ("host", "API.example.com.", Facts(host: "api.Example.com:80"), true),
      ("host", "api.example.com", Facts(host: "x.api.example.com"), false),
      ("path", "/a/b/", Facts(target: "/a//%62?q"), true), ("path", "/a/b", Facts(target: "/a/b/c"), false),
      ("path.x", "b c", Facts(target: "/b%20c/d"), true), ("path.x", "b", Facts(target: "/b%20c/d"), false),
      ("header.h", " a ", Facts(headers: [("h", "a")]), true), ("header.h", "a", Facts(headers: [("h", "A")]), false),
      ("header.h", "a", Facts(headers: [("h", "b"), ("h", "c,a")]), true),
      ("header.h", "\"a, b\"", Facts(headers: [("h", "\"a,b\"")]), true),
      ("query.q", "é", Facts(target: "/?q=%C3%A9"), true), ("method", "GET", Facts(method: "GET"), true),
      ("method", "GET", Facts(method: "get"), false), ("plan", " a", Facts(customs: [("plan", " a")]), true),
      ("plan", "a", Facts(customs: [("plan", "a,b")]), false),
    ] as [(String, String, Facts, Bool)])
  func literals(name: String, literal: String, facts: Facts, matches: Bool) {
    // Once as the only part, once behind others of every kind, where the part has to be found in the key.
    var facts = facts
    facts.method = facts.method ?? "M"
    facts.ip = facts.ip ?? "9.9.9.9"
    facts.headers.append(("l", "1,2,3"))
    let match: Conditions = name == "path.x" ? .when(path: ["/{x}/d"]) : Conditions()
    let set = PolicySet([
      .with("alone", match: match, key: [name], overrides: [Self.override([literal], 1)]),
      .with(
        "last", match: match, key: ["header.l", "method", "ip", name],
        overrides: [Self.override([nil, nil, nil, literal], 1)]),
    ])
    #expect(set.outcomes(facts).map(\.limit) == Array(repeating: matches ? .of(1) : .ten, count: 2))
  }
}
