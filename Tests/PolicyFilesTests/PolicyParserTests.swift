// PolicyParserTests.swift: several files, names across them, and the order of diagnostics.

import Policies
import PolicyFiles
import Testing

@Suite struct PolicyParserTests {
  private func parse(_ files: [(String, String)]) -> PolicyParser.Result {
    PolicyParser.parse(files.map { SourceFile(name: $0.0, bytes: Array($0.1.utf8)) })
  }

  @Test("all errors of all files are reported, in the order of files, lines and columns")
  func allAtOnce() {
    let result = parse([
      ("b.yaml", "policies:\n  - {name: a, limit: 0, period: x, mode: off}\nextra: 1\n"),
      ("a.yaml", "policies: ["),
      ("c.yaml", "domain: api\npolicies:\n  - {nam: b, limit: 1, period: 1s}\n"),
    ])
    #expect(
      result.diagnostics.map(\.text) == [
        "b.yaml:2:22: limit \"0\": must be a whole number from 1 to 1000000000",
        "b.yaml:2:33: period \"x\": needs a whole number before each unit, as in 250ms, 10s or 1h30m",
        "b.yaml:2:42: mode \"off\": unknown; use enforce or shadow",
        "b.yaml:3:1: unknown key \"extra\" in a policy file; use domain or policies",
        "a.yaml:2:1: did not find expected node content while parsing a flow node",
        "c.yaml:3:5: a policy needs \"name\"",
        "c.yaml:3:6: unknown key \"nam\" in a policy; did you mean \"name\"?",
      ])
    #expect(!result.isValid)
    #expect(result.domains == ["default", "default", "api"])
  }

  @Test("a name is unique in its domain, across files, also beside a faulty policy")
  func names() {
    let one = "policies: [{name: a, limit: 1, period: 1s, key: ip}]"
    let result = parse([
      ("1.yaml", "policies:\n  - {name: a, limit: 0, period: 1s}"), ("2.yaml", one), ("3.yaml", "domain: api\n" + one),
      ("4.yaml", "domain: api\n" + one),
    ])
    #expect(
      result.diagnostics.map(\.text) == [
        "1.yaml:2:22: limit \"0\": must be a whole number from 1 to 1000000000",
        "2.yaml:1:19: name \"a\": domain \"default\" has a policy of that name already, at 1.yaml:2",
        "4.yaml:2:19: name \"a\": domain \"api\" has a policy of that name already, at 3.yaml:2",
      ])
  }

  @Test("policies keep the order of the files and theirs")
  func order() {
    let result = parse([
      ("z.yaml", "policies: [{name: b, limit: 1, period: 1s, key: a}, {name: a, limit: 1, period: 1s, key: b}]"),
      ("a.yaml", "policies: [{name: c, limit: 1, period: 1s, key: c}]"),
    ])
    #expect(result.diagnostics == [])
    #expect(result.policies.map(\.name) == ["b", "a", "c"])
  }

  @Test("an error that an alias repeats is said once")
  func repeated() {
    let text = "policies:\n  - {name: a, limit: 1, period: 1s, match: &m {path: [x]}, except: *m}\n"
    #expect(
      parse([("p", text)]).diagnostics.map(\.text) == ["p:2:55: path pattern \"x\" must begin with \"/\""])
  }

  @Test("diagnostics without end are cut, and how many were left out is said")
  func bound() {
    let text = "policies: [" + String(repeating: "1,", count: 10_007) + "]"
    let found = parse([("p", text)]).diagnostics
    #expect(found.count == 10_001)
    #expect(found.last == Diagnostic(file: "p", line: 0, column: 0, message: "7 more not shown"))
  }

  @Test("no text whatever makes the parser trap")
  func fuzz() {
    let seed: UInt64 = 7
    var state = seed
    func next(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    let pieces = [
      "policies:", "\n  - ", "name: ", "a", "limit: ", "99999999999999999999", "period: ", "1d", "9223372036854775807d",
      ",",
      "[", "]", "{", "}", "\n    ", "key: ", "ip", "overrides: ", "\"", "'", "*", "&a ", "*a", "!", "cost: ", "match: ",
      "except: ", "path: ", "/{x}/**", "headers: ", ": ", "\n", "-", "|", ">", "%", "#", "\t", "\u{0}", "é", "\u{feff}",
      "present: ", "prefix: ", "attributes: ", "path.x", "header.x", "burst: ", "algorithm: sliding-log", "/", "128",
      "::",
    ]
    for _ in 0..<3_000 {
      var text = ""
      for _ in 0..<next(40) { text += pieces[next(pieces.count)] }
      let result = PolicyParser.parse([SourceFile(name: "p", bytes: Array(text.utf8))])
      #expect(result.isValid == !result.diagnostics.contains { $0.severity == .error }, "seed \(seed)")
      #expect(result.diagnostics.allSatisfy { !$0.text.contains("\n") && $0.line > 0 && $0.column > 0 }, "seed \(seed)")
    }
  }
}
