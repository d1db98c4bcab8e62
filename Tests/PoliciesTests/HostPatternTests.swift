// HostPatternTests.swift: patterns of hosts are read as hosts of checks are, and match as they say.

import Testing

@testable import Policies

struct HostPatternTests {
  @Test(
    "a pattern is a host, or *. and what must follow",
    arguments: [
      ("example.com", "example.com", false), ("Example.COM", "example.com", false),
      ("*.example.com", "example.com", true),
      ("*.Example.com.", "example.com", true), ("example.com:8080", "example.com", false),
      ("*.example.com:80", "example.com", true), ("example.com.:80", "example.com", false), ("com", "com", false),
      ("*.com", "com", true), ("[::1]", "[::1]", false), ("[::1]:80", "[::1]", false), ("::1", "::1", false),
      ("127.0.0.1:80", "127.0.0.1", false),
    ])
  func reads(text: String, name: String, matchesSubdomains: Bool) throws {
    let pattern = try HostPattern(text)
    #expect(pattern.name == name)
    #expect(pattern.matchesSubdomains == matchesSubdomains)
  }

  @Test(
    "what no host can be is refused",
    arguments: [
      "", ".", "*", "*.", "*.*", "*.*.com", "a.*.com", "a*.com", "*a.com", "**.com", ".com", "*..com", ":80", "a b",
      "a/b", "http://a", "a\u{0}", "a\u{7f}", "a\n", "*.:80",
    ])
  func refuses(text: String) {
    #expect(throws: HostPattern.Malformed.self) { try HostPattern(text) }
  }

  @Test(
    "a pattern matches the hosts it says, alone and beside others",
    arguments: [
      (
        "example.com", ["example.com", "EXAMPLE.com:80", "example.com."],
        ["a.example.com", "xexample.com", "com", ""]
      ),
      (
        "*.example.com", ["a.example.com", "A.B.example.com:1", "..example.com"],
        ["example.com", ".example.com", "aexample.com", "a.example.com.x", "a.example.comm", ""]
      ), ("[::1]", ["[::1]", "[::1]:80"], ["::1"]), ("::1", ["::1"], ["[::1]"]),
    ] as [(String, [String], [String])])
  func matches(pattern: String, yes: [String], no: [String]) {
    let set = PolicySet([
      .with("alone", match: .when(host: [pattern])),
      .with("among", match: .when(host: ["other.test", pattern, "*.other.test"])),
      .with("attribute", match: .when([.of("host", .present(true))]), except: .when(host: [pattern])),
    ])
    for host in yes { #expect(set.names(Facts(host: host)) == ["alone", "among"], "\(host)") }
    for host in no { #expect(set.names(Facts(host: host)) == ["attribute"], "\(host)") }
    #expect(set.names(Facts()) == [])
  }
}
