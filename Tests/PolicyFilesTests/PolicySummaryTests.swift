// PolicySummaryTests.swift: what people and programs see of a load.

import Limiting
import Policies
import PolicyFiles
import Testing

@Suite struct PolicySummaryTests {
  private static let text = """
    domain: api
    policies:
      - { name: per-client, limit: 100, period: 1m, burst: 20, key: [ip, header.x-a], missing: share }
      - { name: all, limit: 5, period: 90s, algorithm: fixed-window, mode: shadow }
    """

  @Test("the table has a line a policy, in columns")
  func table() {
    #expect(
      PolicySummary.table(read(Self.text).policies) == """
        DOMAIN  POLICY        ALGORITHM     LIMIT                  KEY             SOURCE
        api     per-client    token-bucket  100 per 1m (burst 20)  ip, header.x-a  p.yaml:3
        api     all (shadow)  fixed-window  5 per 1m30s            -               p.yaml:4

        """)
    #expect(PolicySummary.table([]) == "")
  }

  @Test("JSON has the documented members")
  func json() {
    let policies = read(Self.text).policies
    let warning = Diagnostic(file: "p\"\n", line: 1, column: 2, severity: .warning, message: "a\tb")
    let loaded = LoadedPolicies(policies: policies, warnings: [warning], files: [], sha256: "00")
    #expect(
      PolicySummary.json(.loaded(loaded)) == #"{"valid":true,"policies":["#
        + #"{"domain":"api","name":"per-client","algorithm":"token-bucket","limit":100,"period":"1m","period_ms":60000,"#
        + #""burst":20,"key":["ip","header.x-a"],"missing":"share","store":"memory","on_store_failure":"memory","#
        + #""mode":"enforce","overrides":0,"file":"p.yaml","line":3},"#
        + #"{"domain":"api","name":"all","algorithm":"fixed-window","limit":5,"period":"1m30s","period_ms":90000,"#
        + #""key":[],"missing":"skip","store":"memory","on_store_failure":"memory","#
        + #""mode":"shadow","overrides":0,"file":"p.yaml","line":4}],"#
        + #""diagnostics":[{"file":"p\"\n","line":1,"column":2,"severity":"warning","message":"a\\tb"}],"sha256":"00"}"#
        + "\n")
  }

  @Test("notes stand behind everything else, and only where there are any")
  func notes() {
    let loaded = LoadedPolicies(policies: [], warnings: [], files: [], sha256: "00")
    #expect(
      PolicySummary.json(.loaded(loaded), notes: ["a \"b\"", "c"])
        == #"{"valid":true,"policies":[],"diagnostics":[],"sha256":"00","notes":["a \"b\"","c"]}"# + "\n")
    #expect(PolicySummary.lines(notes: ["a", "b"]) == "note: a\nnote: b\n")
    #expect(PolicySummary.lines(notes: []) == "")
  }

  @Test("what is not loaded is not valid, and says why")
  func invalid() {
    let error = Diagnostic(file: "p", line: 1, column: 2, message: "m")
    #expect(
      PolicySummary.json(.invalid([error])) == #"{"valid":false,"policies":[],"diagnostics":"#
        + #"[{"file":"p","line":1,"column":2,"severity":"error","message":"m"}],"sha256":null}"# + "\n")
    #expect(PolicySummary.json(.changed).hasPrefix(#"{"valid":false,"policies":[],"diagnostics":[{"#))
    #expect(
      PolicySummary.lines([error, Diagnostic(file: "q", line: 0, column: 0, severity: .warning, message: "n")])
        == "p:1:2: m\nq: warning: n\n")
  }
}
