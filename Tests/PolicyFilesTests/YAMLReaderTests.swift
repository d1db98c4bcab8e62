// YAMLReaderTests.swift: what is a document, where its errors stand, and that no small file becomes a large tree.

import Limiting
import Policies
import Testing

@testable import PolicyFiles

@Suite struct YAMLReaderTests {
  @Test(
    "a syntax error is libyaml's sentence with line and column",
    arguments: [
      (
        "policies:\n\t- name: a\n",
        "2:1: found character that cannot start any token while scanning for the next token; "
          + "indent with spaces, not tabs"
      ),
      (
        "policies:\n  - name: a\n\tlimit: 3\n",
        "3:1: found a tab character that violates indentation while scanning a plain scalar that begins at line 2"
      ),
      ("policies: [", "2:1: did not find expected node content while parsing a flow node"),
      (
        "policies:\n  - name: \"a\n",
        "3:1: found unexpected end of stream while scanning a quoted scalar that begins at line 2"
      ),
      ("a: b: c", "1:5: mapping values are not allowed in this context"),
      ("policies: [] extra", "1:14: did not find expected key while parsing a block mapping"),
      ("é: [\u{7}]", "1:5: control characters are not allowed"),
      ("policies: []\u{0}\n", "1:13: control characters are not allowed"),
      ("a: 1\r\u{7}", "2:1: control characters are not allowed"),
      ("a: 1\r\n\r\n\u{7}", "3:1: control characters are not allowed"),
      ("a: 1\u{85}\u{2028}b\u{2029} \u{7}", "4:2: control characters are not allowed"),
      ("policies: []\n---\npolicies: []\n", "2:1: a second document; a policy file holds one"),
      ("policies: []\n---\n", "2:1: a second document; a policy file holds one"),
      ("policies: !!seq []", "1:11: tags (\"!…\") are not supported; put a text with \"!\" in quotes"),
      (
        "host: *.example.com",
        "1:8: did not find expected alphabetic or numeric character while scanning an alias; "
          + "put a text that begins with \"*\" in quotes"
      ),
      ("path: *x", "1:7: alias \"*x\" names no anchor; put a text that begins with \"*\" in quotes"),
      ("a: &a [*a]", "1:8: alias \"*a\" stands inside the value that it names"),
    ])
  func syntax(text: String, diagnostic: String) {
    #expect(diagnostics(text) == [diagnostic])
  }

  @Test(
    "a byte order mark, a directive, an end mark, comments and JSON are no errors",
    arguments: [
      "\u{feff}policies: []\n", "%YAML 1.2\n---\npolicies: []\n", "policies: []\n...\n", "# a\npolicies: [] # b\n",
      "{\"policies\": []}", "{\n\t\"policies\": [\n\t]\n}", "policies: []\r\n", "\"policies\": []",
    ])
  func accepted(text: String) {
    #expect(diagnostics(text) == [])
  }

  @Test("invalid UTF-8 is an error at its line and column")
  func invalidUTF8() {
    let bytes = Array("policies: []\n# ab".utf8) + [0xff]
    let result = PolicyParser.parse([SourceFile(name: "p.yaml", bytes: bytes)])
    #expect(result.diagnostics.map(\.text) == ["p.yaml:2:5: invalid leading UTF-8 octet"])
  }

  @Test("an alias stands for what it names, wherever it is used")
  func aliases() throws {
    let result = read(
      """
      policies:
        - &first
          name: a
          key: ip
          limit: &n 7
          period: &p 1m
          overrides: [{ key: 192.0.2.1, limit: *n, period: *p }]
        - { name: b, limit: *n, period: *p }
      """)
    #expect(result.diagnostics == [])
    #expect(result.policies.map(\.limit.limit) == [7, 7])
    #expect(result.policies.map(\.limit.period) == [60_000_000_000, 60_000_000_000])
  }

  @Test("an error in an aliased scalar stands at the alias")
  func aliasMarks() {
    let text = "policies:\n  - {name: a, description: &x no, limit: *x, period: 1s}\n"
    #expect(
      diagnostics(text) == ["2:42: limit \"no\": must be a whole number from 1 to 1000000000, in digits alone"])
  }

  @Test("aliases of aliases count as what they stand for, so that a billion laughs end early")
  func billionLaughs() {
    var text = "a: &a0 [" + String(repeating: "x, ", count: 100) + "]\n"
    for level in 1...9 {
      text += "a\(level): &a\(level) [" + String(repeating: "*a\(level - 1), ", count: 10) + "]\n"
    }
    #expect(diagnostics(text) == ["6:10: more than 2000000 values, aliases counted as what they name"])
  }

  @Test("nesting is bounded, also through aliases and in flow style of any length")
  func depth() {
    let deep = String(repeating: "[", count: 31) + String(repeating: "]", count: 31)
    #expect(diagnostics("policies: " + deep) == ["1:12: a policy: must be a mapping, not a list"])
    #expect(diagnostics("policies: [" + deep + "]") == ["1:42: nested deeper than 32 levels"])
    #expect(
      diagnostics("policies: " + String(repeating: "[", count: 200_000)) == ["1:42: nested deeper than 32 levels"])
    let half = String(repeating: "[", count: 20) + String(repeating: "]", count: 20)
    let aliased = "a: &a \(half)\nb: " + String(repeating: "[", count: 15) + "*a" + String(repeating: "]", count: 15)
    #expect(diagnostics(aliased) == ["2:19: nested deeper than 32 levels"])
  }
}
