// ExplainedCheckJSONTests.swift: an explained check as JSON, member by member.

import CheckAPI
import Limiting
import Policies
import TestKit
import Testing

@testable import Sidecar

@Suite struct ExplainedCheckJSONTests {
  @Test("the answer, member by member")
  func whole() throws {
    var rig = ExplainRig([
      ExplainRig.policy(
        "per-client", .tokenBucket, match: ExplainRig.plan("free"), key: ["header.x-client", "ip"],
        overrides: [
          Policy.Override(
            key: ["ann", nil],
            effect: .limit(Limit(algorithm: .tokenBucket, limit: 60, period: 60_000_000_000, burst: 3)))
        ]),
      ExplainRig.policy("none", match: ExplainRig.plan("pro")),
    ])
    let attributes = #"{"plan":"free","header.x-client":"ann, \"b","ip":"2001:db8::1"}"#
    let body = #"{"cost":2,"attributes":\#(attributes)}"#
    try rig.decide(#"{"attributes":\#(attributes)}"#)
    rig.clock.advance(by: 500_000_000)
    let expected =
      #"{"domain":"default","allowed":true,"binding":"per-client","#
      + #""why":"per-client is the only policy that limits it, and has 0 left after this check","policies":["#
      + #"{"domain":"default","policy":"per-client","source":"a.yaml:3","applies":true,"#
      + #""why":"attribute plan is \"free\"","key":[["\"b","ann"],"2001:db8::/64"],"#
      + #""override":{"number":1,"key":["ann",null],"effect":"limit"},"algorithm":"token-bucket","period":"1m","#
      + #""limit":3,"remaining":2,"reset":1700000001,"retry_after":0,"cost":2,"decision":"allow","mode":"enforce","#
      + #""store":"memory","order":null},"#
      + #"{"domain":"default","policy":"none","source":"a.yaml:3","applies":false,"#
      + #""why":"attribute plan is \"free\", not \"pro\""}]}"# + "\n"
    #expect(try rig.explain(body).json(at: rig.clock.now) == expected)
  }

  @Test("a shared counter has the key null, a policy without a key an empty one")
  func keys() throws {
    let rig = ExplainRig([ExplainRig.policy("a", key: ["plan"], missing: .share), ExplainRig.policy("b")])
    let policies = try #require(JSON(try rig.explain("{}").json(at: rig.clock.now))?["policies"])
    #expect(policies[0]?["key"] == .null)
    #expect(policies[1]?["key"] == .array([]))
    #expect(policies[1]?["override"] == .null)
  }

  @Test("an unlimited key has no numbers, and a blocked one has none left")
  func overrides() throws {
    func policy(_ name: String, _ effect: Policy.Override.Effect) -> Policy {
      ExplainRig.policy(name, key: ["plan"], overrides: [Policy.Override(key: ["a"], effect: effect)])
    }
    let rig = ExplainRig([policy("free", .unlimited), policy("closed", .block)])
    let json = try #require(JSON(try rig.explain(#"{"attributes":{"plan":"a"}}"#).json(at: rig.clock.now)))
    let free = try #require(json["policies"]?[0])
    for name in ["limit", "period", "remaining", "reset"] { #expect(free[name] == .null, "\(name)") }
    #expect(free["retry_after"]?.int == 0)
    #expect(free["decision"]?.string == "allow")
    let closed = try #require(json["policies"]?[1])
    #expect(closed["limit"]?.int == 0)
    #expect(closed["remaining"]?.int == 0)
    #expect(closed["retry_after"] == .null)
    #expect(closed["decision"]?.string == "deny_always")
    #expect(closed["override"]?["effect"]?.string == "block")
    #expect(json["binding"]?.string == "closed")
    #expect(json["allowed"]?.bool == false)
  }

  @Test("a shadow policy says its mode, and what it would do denies nothing")
  func shadow() throws {
    let rig = ExplainRig([ExplainRig.policy("watch", limit: 1, mode: .shadow)])
    try rig.decide("{}")
    let json = try #require(JSON(try rig.explain("{}").json(at: rig.clock.now)))
    #expect(json["allowed"]?.bool == true)
    #expect(json["binding"] == .null)
    #expect(json["policies"]?[0]?["mode"]?.string == "shadow")
    #expect(json["policies"]?[0]?["decision"]?.string == "deny")
  }

  @Test("an explanation longer than its bound is refused")
  func tooLong() throws {
    let policies = (0..<100).map { ExplainRig.policy("p\($0)", key: ["plan"]) }
    let rig = ExplainRig(policies)
    let body = #"{"attributes":{"plan":"\#(String(repeating: "a", count: 60_000))"}}"#
    #expect(throws: Refusal(413, "the explanation is longer than 4194304 bytes; ask about shorter values")) {
      _ = try rig.explain(body).json(at: rig.clock.now)
    }
  }

  @Test("a body that describes no check is refused with a 400")
  func refused() {
    let rig = ExplainRig([ExplainRig.policy("p")])
    for body in ["", "[]", #"{"attributes":{"ip":"x"}}"#, #"{"method":"G T"}"#, #"{"plan":"a"}"#] {
      do {
        _ = try rig.read(body)
        Issue.record("read: \(body)")
      } catch {
        #expect(error.status == 400, "\(body)")
      }
    }
  }
}
