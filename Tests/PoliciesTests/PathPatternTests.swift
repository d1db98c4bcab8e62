// PathPatternTests.swift: patterns of paths, as they are read and as they match.

import Testing

@testable import Policies

struct PathPatternTests {
  typealias Segment = PathPattern.Segment

  @Test(
    "a pattern is read segment by segment",
    arguments: [
      ("/", [], false), ("/**", [], true), ("/a", [.literal("a")], false), ("/a/", [.literal("a")], false),
      ("/a/**", [.literal("a")], true), ("/a/**/", [.literal("a")], true), ("/*", [.any], false),
      ("/{id}", [.capture("id")], false),
      ("/v1/*/x/{_i-1}/**", [.literal("v1"), .any, .literal("x"), .capture("_i-1")], true),
      ("/a b/é", [.literal("a b"), .literal("é")], false), ("/...", [.literal("...")], false),
    ] as [(String, [Segment], Bool)])
  func reads(text: String, segments: [Segment], matchesRest: Bool) throws {
    let pattern = try PathPattern(text)
    #expect(pattern.segments == segments)
    #expect(pattern.matchesRest == matchesRest)
  }

  @Test(
    "what no path can be is refused",
    arguments: [
      "", "a", "a/b", "*", "**", "//", "/a//b", "/a//", "/.", "/..", "/a/./b", "/a/../b", "/**/a", "/**/**", "/a*",
      "/*a", "/***", "/a**", "/{}", "/{1}", "/{a", "/a}", "/a{b}", "/{a}b", "/{a}{b}", "/{a b}", "/{*}", "/{a}/{a}",
    ])
  func refuses(text: String) {
    #expect(throws: PathPattern.Malformed.self) { try PathPattern(text) }
  }

  @Test(
    "a pattern matches the paths it says",
    arguments: [
      ("/", ["/", "", "//", "/a/.."], ["/a"]), ("/**", ["/", "/a", "/a/b"], []),
      ("/a", ["/a", "/a/", "/%61", "a", "/b/../a"], ["/", "/a/b", "/A", "/aa", "/b"]),
      ("/a/**", ["/a", "/a/", "/a/b", "/a/b/c"], ["/", "/ab", "/b/a"]), ("/*", ["/a", "/a/"], ["/", "/a/b"]),
      ("/*/**", ["/a", "/a/b"], ["/"]), ("/*/b", ["/a/b", "/b/b"], ["/b", "/a/b/c", "/a/a"]),
      ("/a/{x}/c", ["/a/b/c", "/a/a%2f/c"], ["/a/c", "/a/b/b/c"]), ("/a b", ["/a%20b", "/a b"], ["/a+b"]),
    ] as [(String, [String], [String])])
  func matches(pattern: String, yes: [String], no: [String]) {
    let set = PolicySet([
      .with("alone", match: .when(path: [pattern])), .with("among", match: .when(path: ["/other", pattern, "/x/**"])),
      .with("except", match: .when([.of("path", .present(true))]), except: .when(path: [pattern])),
    ])
    for target in yes { #expect(set.names(Facts(target: target)) == ["alone", "among"], "\(target)") }
    for target in no { #expect(set.names(Facts(target: target)) == ["except"], "\(target)") }
    #expect(set.names(Facts()) == [])
  }

  @Test("literals are compared by bytes, not by what they mean in Unicode")
  func canonicalEquivalence() {
    let (composed, decomposed) = ("/\u{e9}", "/e\u{301}")
    let set = PolicySet([
      .with("composed", match: .when(path: [composed])), .with("decomposed", match: .when(path: [decomposed])),
    ])
    #expect(set.names(Facts(target: composed)) == ["composed"])
    #expect(set.names(Facts(target: decomposed)) == ["decomposed"])
  }

  @Test("of several patterns the first that matches captures")
  func captures() {
    let set = PolicySet([.with(match: .when(path: ["/a/{x}", "/{x}/*", "/{y}/{z}/{x}"]), key: ["path.x"])])
    #expect(set.key(Facts(target: "/a/b")) == [1, 0, 0, 0, 1] + "b".utf8)
    #expect(set.key(Facts(target: "/c/b")) == [1, 0, 0, 0, 1] + "c".utf8)
    #expect(set.key(Facts(target: "/c/b/d")) == [1, 0, 0, 0, 1] + "d".utf8)
    #expect(set.key(Facts(target: "/c")) == nil)
  }
}
