// KeyNamingTests.swift: which counter a key in a call or a query names: parts, bytes, addresses, the shared counter, and
// keys that the policy file treats in another way.

import TestKit
import Testing

@Suite struct KeyNamingTests {
  @Test("a key of several parts is given in their order, whatever characters they hold")
  func parts() throws {
    let weir = try WeirProcess(
      "policies: [{name: p, key: [ip, header.plan, path], algorithm: fixed-window, limit: 1, period: \(forever)}]")
    let attributes = #"{"ip": "203.0.113.9", "header.plan": "a&b=c d%", "path": "/x"}"#
    #expect(try weir.passes(attributes))
    let state = try weir.state("policy=p&key=203.0.113.9&key=a%26b%3Dc+d%25&key=/x").json
    #expect(state?["key"] == .array([.string("203.0.113.9"), .string("a&b=c d%"), .string("/x")]))
    #expect(state?["remaining"]?.int == 0)
    #expect(try weir.state("policy=p&key=203.0.113.9&key=/x&key=a%26b%3Dc+d%25").json?["remaining"]?.int == 1)
    #expect(
      try weir.call("reset", #"{"policy": "p", "key": ["203.0.113.9", "a&b=c d%", "/x"]}"#).json?["reset"]?.bool == true
    )
    #expect(try weir.passes(attributes))
    // Several values of one header are a list.
    #expect(try weir.passes(#"{"ip": "203.0.113.9", "header.plan": "b, a", "path": "/x"}"#))
    let several = #"{"policy": "p", "key": ["203.0.113.9", ["a", "b"], "/x"]}"#
    let reset = try weir.call("reset", several).json
    #expect(reset?["reset"]?.bool == true)
    #expect(reset?["key"]?[1] == .array([.string("a"), .string("b")]))
  }

  @Test("what is typed names the key that checks count under: a header's list, a path, a host as a gateway sends them")
  func spellings() throws {
    let weir = try WeirProcess(
      "policies: [{name: p, key: [header.plan, path, host], algorithm: sliding-log, limit: 9, period: \(forever)}]")
    #expect(
      try weir.request("GET", "/check//a%20b/./c/?q=1", [("Plan", " b, a"), ("Plan", "b"), ("Host", "API.example:80")])
        .status == 200)
    let counted = JSON.array([.array([.string("a"), .string("b")]), .string("/a b/c"), .string("api.example")])
    for key in ["key=a,b&key=/a b/c&key=api.example", "key= b , a,b&key=/a%2520b/c/&key=API.Example.:443"] {
      let state = try weir.state("policy=p&" + key.replacing(" ", with: "+")).json
      #expect(state?["key"] == counted && state?["remaining"]?.int == 8, "\(key)")
    }
    let typed = #"["b, a", "//a%20b/c?q=1", "api.example"]"#
    #expect(try weir.call("block", #"{"policy": "p", "for": "1h", "key": \#(typed)}"#).json?["key"] == counted)
    #expect(
      try weir.request("GET", "/check/a%20b/c", [("Plan", "a,b"), ("Host", "api.example")]).status == 429)
    #expect(
      try weir.call("unblock", #"{"policy": "p", "key": \#(typed)}"#).json?["replaced"]?["kind"]?.string == "block")
    #expect(try weir.call("reset", #"{"policy": "p", "key": \#(typed)}"#).json?["reset"]?.bool == true)
  }

  @Test(
    "a key that a text cannot name, such as of a path that was escaped twice, is shown by its bytes, and named by them")
  func escapedTwice() throws {
    let weir = try WeirProcess(
      "policies: [{name: p, key: path, algorithm: sliding-log, limit: 1, period: \(forever)}]")
    #expect(try statuses(weir, 2, "/check/%2541") == [200, 429])
    let top = try weir.asked("GET", "/keys/top", [ownHost]).json
    let shown = try #require(top?["policies"]?[0]?["denied"]?[0]?["key"])
    #expect(shown == .array([.object(["hex": .string("2f253431")])]))
    #expect(try weir.state("policy=p&key=/%2541").json?["remaining"]?.int == 1, "the text names /A")
    let named = try weir.state(#"policy=p&key=[{"hex":"2f253431"}]"#.replacing("\"", with: "%22")).json
    #expect(named?["remaining"]?.int == 0 && named?["key"] == shown)
    #expect(try weir.call("reset", #"{"policy": "p", "key": [{"hex": "2f253431"}]}"#).json?["reset"]?.bool == true)
    #expect(try statuses(weir, 2, "/check/%2541") == [200, 429])
    let explained = try weir.call("/explain", #"{"target": "/%2541"}"#).json
    #expect(explained?["policies"]?[0]?["key"] == shown)
  }

  @Test("a value that is no UTF-8 is its own key, by its bytes, and no other")
  func bytes() throws {
    let weir = try WeirProcess(KeyCallsTests.policies())
    try weir.call("block", #"{"policy": "per-user", "key": [{"hex": "ff"}], "for": "1h"}"#)
    let client = try weir.client()
    try client.send(Array("GET /check HTTP/1.1\r\nUser: ".utf8) + [0xff] + Array("\r\n\r\n".utf8))
    #expect(try client.response().status == 429)
    let state = try weir.state("policy=per-user&key=%ff").json
    #expect(state?["order"]?["kind"]?.string == "block" && state?["key"]?[0] == .object(["hex": .string("ff")]))
    #expect(try weir.order("policy=per-user&key=%ef%bf%bd") == .null)
    #expect(try weir.order("policy=per-user&key=%fe") == .null)
  }

  @Test("shared=true, and null in a call, is the counter of checks that lack an attribute")
  func shared() throws {
    let weir = try WeirProcess(KeyCallsTests.policies(more: ", missing: share"))
    #expect(try weir.passes("{}") && weir.passes(KeyCallsTests.ann))
    let state = try weir.state("policy=per-user&shared=true").json
    #expect(state?["key"] == .null && state?["remaining"]?.int == 2)
    #expect(try weir.call("block", #"{"policy": "per-user", "key": null, "for": "1h"}"#).json?["key"] == .null)
    #expect(try !weir.passes("{}") && weir.passes(KeyCallsTests.ann))
    #expect(try weir.order("policy=per-user&shared=true")?["kind"]?.string == "block")
  }

  @Test("any address of an IPv6 network is the network's key; an IPv4 address is its own")
  func addresses() throws {
    let weir = try WeirProcess(
      "policies: [{name: p, key: ip, algorithm: sliding-log, limit: 2, period: \(forever)}]")
    #expect(try weir.passes(#"{"ip": "2001:db8::1"}"#))
    for key in ["2001:DB8::ffff", "2001:db8::/64", "2001:db8:0:0:9:9:9:9"] {
      let state = try weir.state("policy=p&key=\(key)").json
      #expect(state?["key"]?[0]?.string == "2001:db8::/64" && state?["remaining"]?.int == 1, "\(key)")
    }
    #expect(try weir.state("policy=p&key=2001:db8:0:1::1").json?["remaining"]?.int == 2)
    for wrong in ["2001:db8::/48", "2001:db8::/128x", "[2001:db8::]", "203.0.113.0/24", "ann", ""] {
      #expect(try weir.state("policy=p&key=\(wrong)").status == 400, "\(wrong)")
    }
    let blocked = try weir.call("block", #"{"policy": "p", "key": ["2001:db8::7"], "for": "1h"}"#)
    #expect(blocked.json?["key"]?[0]?.string == "2001:db8::/64")
    #expect(try !weir.passes(#"{"ip": "2001:db8::2"}"#) && weir.passes(#"{"ip": "2001:db8:0:1::2"}"#))
    #expect(try weir.passes(#"{"ip": "::ffff:203.0.113.9"}"#))
    #expect(try weir.state("policy=p&key=203.0.113.9").json?["remaining"]?.int == 1)
  }

  @Test("a key that the file exempts or blocks says so; a policy without a key has one key, of no parts")
  func effects() throws {
    let weir = try WeirProcess(
      """
      policies:
        - name: p
          key: [header.user]
          limit: 5
          period: 1h
          overrides: [{key: [free], unlimited: true}, {key: [bad], block: true}, {key: [big], limit: 50}]
        - {name: all, limit: 9, period: 1h, mode: shadow}
      """)
    let free = try weir.state("policy=p&key=free").json
    #expect(free?["limit"] == .null && free?["remaining"] == .null && free?["reset"] == .null)
    #expect(free?["retry_after"]?.int == 0)
    let bad = try weir.state("policy=p&key=bad").json
    #expect(bad?["limit"]?.int == 0 && bad?["retry_after"] == .null && bad?["order"] == .null)
    #expect(try weir.state("policy=p&key=big").json?["limit"]?.int == 50)
    let all = try weir.state("policy=all").json
    #expect(all?["key"] == .array([]) && all?["limit"]?.int == 9 && all?["mode"]?.string == "shadow")
    #expect(try weir.state("policy=p&domain=default&key=x").status == 200)
    #expect(try weir.state("policy=p&key=x").json?["mode"]?.string == "enforce")
    let shadow = try WeirProcess("policies: [{name: p, limit: 9, period: 1h}]", arguments: ["--shadow"])
    #expect(try shadow.state("policy=p").json?["mode"]?.string == "shadow", "--shadow makes it one")
  }

  @Test("a key in Redis says so, blocked or not")
  func redis() throws {
    let redis = try RedisServer()
    let weir = try WeirProcess(KeyCallsTests.policies(), redis: redis.url)
    try weir.waitForHealth("healthy")
    #expect(try weir.state(KeyCallsTests.annQuery).json?["store"]?.string == "redis")
    try weir.call("block", #"{\#(KeyCallsTests.annKey), "for": "1h"}"#)
    try weir.waitForOrder("block", "ann")
    let state = try weir.state(KeyCallsTests.annQuery).json
    #expect(state?["store"]?.string == "redis" && state?["limit"]?.int == 0)
  }
}
