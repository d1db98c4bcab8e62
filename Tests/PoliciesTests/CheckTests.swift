// CheckTests.swift: attributes that are not lists, and that a check forgets the one before.

import Limiting
import Testing

@testable import Policies

struct CheckTests {
  @Test(
    "a host is lower case, without port and last dot",
    arguments: [
      ("example.com", "example.com"), ("EXAMPLE.Com", "example.com"), ("example.com:80", "example.com"),
      ("example.com.", "example.com"), ("Example.com.:8443", "example.com"), ("example.com:", "example.com"),
      ("example.com..", "example.com"), ("", ""), (".", ""), (":", ""), (":80", ""), ("80", "80"), ("a:b", "a"),
      ("a:80b", "a"), ("a:8:9", "a"), ("127.0.0.1", "127.0.0.1"), ("127.0.0.1:1", "127.0.0.1"),
      ("a.example.com:x", "a.example.com"), ("a.example.com:80:80", "a.example.com"),
      ("[::1]:x", "[::1]"), ("[::1", "[::1"),
      ("[::1]", "[::1]"), ("[::1]:80", "[::1]"), ("[2001:DB8::A]:80", "[2001:db8::a]"), ("::1", "::1"),
      ("2001:db8::80", "2001:db8::80"), ("]:80", "]"), ("a:999999999999999999999999", "a"), ("a-_~!b", "a-_~!b"),
      ("ÄÖ.example", "ÄÖ.example"), ("@[Z`{", "@[z`{"), (" a ", " a "),
    ])
  func host(given: String, expected: String) {
    let set = PolicySet([])
    var check = Check()
    check.fill(Facts(host: given), set)
    #expect(check.values(of: Check.List.host) == [expected])
  }

  @Test("a later value of a single attribute replaces the earlier")
  func replaces() {
    let set = PolicySet([.with(key: ["plan"])])
    var check = Check()
    check.fill(Facts(method: "GET", host: "a", customs: [("plan", "x"), ("plan", "y, z")]), set)
    check.fill(Facts(method: "GET", host: "a", customs: [("plan", "x"), ("plan", "y, z")]), set)
    let (host, method) = (Array("b".utf8), Array("post".utf8))
    check.setHost(host.span)
    check.setMethod(method.span)
    #expect(check.values(of: Check.List.host) == ["b"])
    #expect(check.values(of: Check.List.method) == ["post"])
    #expect(check.values(of: set.list(named: "plan")) == ["y, z"])
  }

  @Test("a check that begins knows nothing of the one before, whatever sets they were for")
  func forgets() {
    let wide = PolicySet([
      .with("a", match: .when(ip: ["10.0.0.0/8"]), key: ["header.h", "query.q", "plan"]), .with("b", key: ["host"]),
    ])
    let narrow = PolicySet([.with("only", key: ["header.h"], missing: .share)])
    let full = Facts(
      method: "GET", target: "/a/b?q=1", host: "h", ip: "10.0.0.1", headers: [("h", "\"v")], customs: [("plan", "x")],
      cost: 7)
    var check = Check()
    for _ in 0..<3 {
      check.fill(full, wide)
      wide.match(&check)
      #expect(check.charges.count == 2)
      check.begin(narrow)
      #expect(check.domain == -1 && check.cost == 1 && check.ip == nil && check.charges.isEmpty)
      check.fill(Facts(), narrow)
      narrow.match(&check)
      #expect(check.outcomes.map(\.key) == [[0]])
      check.fill(Facts(), wide)
      wide.match(&check)
      #expect(check.charges.isEmpty)
    }
  }

  @Test("matching a check twice gives the same charges once")
  func matchesTwice() {
    let set = PolicySet([.with(key: ["header.h"])])
    var check = Check()
    check.fill(Facts(headers: [("h", "\"a, b\""), ("h", "c")]), set)
    set.match(&check)
    let first = check.outcomes
    set.match(&check)
    #expect(first.count == 1)
    #expect(check.outcomes == first)
  }
}
