// EvaluationTests.swift: the words in which a policy is explained.

import Limiting
import Testing

@testable import Policies

struct EvaluationTests {
  private static let facts = Facts(
    method: "POST", target: "/v2/x?q=1&q=2", host: "b.org", ip: "192.0.2.7",
    headers: [("x-plan", "pro, free"), ("e", "")], customs: [("plan", "trial")])

  private func explanation(_ policy: Policy, _ facts: Facts = EvaluationTests.facts) -> Explanation {
    let set = PolicySet([policy])
    var check = Check()
    check.fill(facts, set)
    return set.explain(&check, domain: policy.domain)[0]
  }

  @Test(
    "the first condition that fails is named, with the check's value and what was wanted",
    arguments: [
      (Conditions.when(path: ["/v1/**"]), "path /v1/** does not match /v2/x"),
      (.when(path: ["/v1/**", "/v3/{id}"]), "path /v2/x matches none of /v1/**, /v3/{id}"),
      (.when(methods: ["GET", "HEAD"]), "method POST is none of GET, HEAD"),
      (.when(methods: ["GET"]), "method POST is not GET"),
      (.when(host: ["*.a.com"]), "host *.a.com does not match b.org"),
      (.when(host: ["*.a.com", "c.org"]), "host b.org matches none of *.a.com, c.org"),
      (.when(ip: ["10.0.0.0/8"]), "ip 192.0.2.7 is not in 10.0.0.0/8"),
      (.when(ip: ["10.0.0.0/8", "2001:db8::/32"]), "ip 192.0.2.7 is in none of 10.0.0.0/8, 2001:db8::/32"),
      (.when([.of("ip", .oneOf(["10.0.0.1"]))]), "ip 192.0.2.7 is not in 10.0.0.1"),
      (.when([.of("header.x-key", .oneOf(["a"]))]), "header x-key is absent"),
      (.when([.of("header.x-key", .prefix(["a"]))]), "header x-key is absent"),
      (.when([.of("header.x-key", .present(true))]), "header x-key is absent"),
      (.when([.of("header.e", .present(false))]), "header e is present"),
      (.when([.of("ip", .present(false))]), "ip is present"),
      (.when([.of("header.x-plan", .oneOf(["trial"]))]), #"header x-plan is "pro", "free", not "trial""#),
      (.when([.of("header.e", .oneOf(["a", "b"]))]), #"header e is "", none of "a", "b""#),
      (.when([.of("plan", .prefix(["f"]))]), #"attribute plan "trial" does not begin with "f""#),
      (.when([.of("query.q", .prefix(["3", "4"]))]), #"query parameter q "1", "2" begins with none of "3", "4""#),
      (.when([.of("path.id", .present(true))]), "capture id is absent"),
      (.when(path: ["/v2/**"], [.of("plan", .oneOf(["pro"]))]), #"attribute plan is "trial", not "pro""#),
      (.when(methods: ["GET"], path: ["/v1/**"]), "path /v1/** does not match /v2/x"),
    ])
  func fails(conditions: Conditions, why: String) {
    let found = explanation(.with(match: conditions))
    #expect(found.why == why)
    #expect(found.terms == nil)
  }

  @Test(
    "a check without the fact that a condition asks for is told so",
    arguments: [
      (Conditions.when(path: ["/**"]), "the check has no path"), (.when(methods: ["GET"]), "the check has no method"),
      (.when(host: ["*.a.com"]), "the check has no host"), (.when(ip: ["::/0"]), "the check has no ip"),
    ])
  func lacks(conditions: Conditions, why: String) {
    #expect(explanation(.with(match: conditions), Facts()).why == why)
  }

  @Test(
    "of a policy that applies, the conditions are told that hold",
    arguments: [
      (Conditions(), "it has no conditions"), (.when(path: ["/v1/**", "/v2/{x}"]), "path /v2/x matches /v2/{x}"),
      (.when(methods: ["POST"], host: ["b.org"]), "method is POST, and host b.org matches b.org"),
      (.when(ip: ["::/0", "192.0.2.0/24"]), "ip 192.0.2.7 is in 192.0.2.0/24"),
      (.when([.of("header.x-plan", .oneOf(["free"]))]), #"header x-plan is "free""#),
      (.when([.of("header.x-key", .present(false))]), "header x-key is absent"),
      (.when([.of("header.x-plan", .prefix(["fr"]))]), #"header x-plan "free" begins with "fr""#),
      (
        .when(path: ["/v2/{id}"], [.of("path.id", .oneOf(["x"]))]),
        #"path /v2/x matches /v2/{id}, and capture id is "x""#
      ),
    ])
  func holds(conditions: Conditions, why: String) {
    let found = explanation(.with(match: conditions))
    #expect(found.why == why)
    #expect(found.terms?.key == KeyText(parts: []))
  }

  @Test("an exception that holds is told, and one that holds in part does not except")
  func excepted() {
    let network = Conditions.when(ip: ["192.0.2.0/24"])
    #expect(explanation(.with(except: network)).why == "excepted: ip 192.0.2.7 is in 192.0.2.0/24")
    #expect(explanation(.with(except: network)).terms == nil)
    let both = Conditions.when(methods: ["POST"], ip: ["192.0.2.0/24"])
    #expect(
      explanation(.with(except: both)).why == "excepted: method is POST, and ip 192.0.2.7 is in 192.0.2.0/24")
    let part = explanation(.with(except: .when(methods: ["GET"], ip: ["192.0.2.0/24"])))
    #expect(part.why == "it has no conditions")
    #expect(part.terms != nil)
  }

  @Test("a key part that the check lacks skips the policy, or shares its counter with the policy's own numbers")
  func missing() {
    let skipped = explanation(.with(key: ["ip", "header.x-client"]))
    #expect(skipped.why == "the check has no header.x-client, and missing is skip")
    #expect(skipped.terms == nil)
    let shared = explanation(
      .with(
        key: ["header.x-client"], missing: .share,
        overrides: [Policy.Override(key: [nil], effect: .block)]))
    #expect(shared.why == "it has no conditions; the check has no header.x-client, and missing is share")
    #expect(shared.terms == Explanation.Terms(key: .shared, effect: .limit, limit: .ten, override: nil, cost: 1))
  }

  @Test("the first override that matches gives the numbers, and is named")
  func overrides() {
    func terms(_ overrides: [Policy.Override]) -> Explanation.Terms? {
      explanation(.with(key: ["header.x-plan", "ip"], overrides: overrides)).terms
    }
    let others = Policy.Override(key: ["none", nil], effect: .unlimited)
    let own = Policy.Override(key: ["free", "192.0.2.7"], effect: .limit(.of(3)))
    #expect(terms([others])?.override == nil)
    #expect(terms([others, own])?.override == 1)
    #expect(terms([others, own])?.limit == .of(3))
    #expect(terms([Policy.Override(key: [nil, nil], effect: .block), own])?.effect == .block)
    #expect(terms([Policy.Override(key: [nil, "10.0.0.1"], effect: .unlimited), own])?.override == 1)
    #expect(
      terms([])?.key
        == KeyText(parts: [.values([Array("free".utf8), Array("pro".utf8)]), .value(Array("192.0.2.7".utf8))]))
  }

  @Test("a cost from an attribute is held between its bounds, however long its digits")
  func cost() {
    let cost = Policy.Cost.attribute(.header("c"), default: 2, min: 3, max: 50)
    for (line, expected) in [
      ("7", Int64(7)), ("1", 3), ("99", 50), ("99999999999999999999999", 50), ("x", 2), ("", 2), ("4, 9, x", 9),
      ("-5", 2),
    ] {
      #expect(explanation(.with(cost: cost), Facts(headers: [("c", line)], cost: 2)).terms?.cost == 2 * expected)
    }
    #expect(explanation(.with(cost: cost), Facts(cost: 1)).terms?.cost == 2)
  }
}
