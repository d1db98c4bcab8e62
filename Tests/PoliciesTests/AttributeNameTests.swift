// AttributeNameTests.swift: names of attributes and of policies.

import Testing

@testable import Policies

struct AttributeNameTests {
  @Test(
    "a name is one of the known, or one of the forms",
    arguments: [
      ("method", .method), ("path", .path), ("host", .host), ("ip", .ip), ("header.x-plan", .header("x-plan")),
      ("header.X-Plan", .header("x-plan")), ("header.!#$%&'*+-.^_`|~", .header("!#$%&'*+-.^_`|~")),
      ("query.q", .query("q")), ("query.Q", .query("Q")), ("query.a b=é", .query("a b=é")), ("query..", .query(".")),
      ("path.id", .capture("id")), ("path._I-1", .capture("_I-1")), ("plan", .custom("plan")),
      ("a-b_c9", .custom("a-b_c9")), ("header", .custom("header")), ("query", .custom("query")),
    ] as [(String, AttributeName)])
  func reads(text: String, expected: AttributeName) {
    #expect(AttributeName(text) == expected)
  }

  @Test(
    "what is no name is none",
    arguments: [
      "", " ", "Method", "PATH", "header.", "header.a b", "header.a:b", "header.é", "header.(", "header.[", "header.{",
      "header.@", "query.", "path.", "path.1", "path.a.b", "path.é", "9a", "-a", "_a", "A", "aB", "a.b", "a b", "é",
      "aé",
    ])
  func refuses(text: String) {
    #expect(AttributeName(text) == nil)
  }

  @Test(
    "a name's text reads as the name",
    arguments: ["method", "path", "host", "ip", "header.a", "query.B", "path.c", "d"])
  func text(name: String) {
    #expect(AttributeName(name)?.text == name)
  }

  @Test(
    "names of policies and domains are lower case, 1 to 64 bytes",
    arguments: [
      ("a", true), ("7", true), ("a.b-c_9", true), (String(repeating: "a", count: 64), true),
      (String(repeating: "a", count: 65), false), ("", false), (".a", false), ("-a", false), ("_a", false),
      ("A", false), ("aB", false), ("a b", false), ("a/b", false), ("é", false), ("aé", false), ("a\u{0}", false),
    ])
  func policyName(text: String, isValid: Bool) {
    #expect(PolicyName.isValid(text.utf8) == isValid)
  }
}
