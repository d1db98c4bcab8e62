// PolicySummary.swift: what a load found, as `weir validate` shows it: a table for people, JSON for programs. Texts
// only; printing is the command line's.

public import Limiting
public import Policies

public enum PolicySummary {
  /// One line a policy below a line of titles, columns aligned, each line ended; empty where there are no policies.
  /// A shadow policy is marked after its name.
  public static func table(_ policies: [Policy]) -> String {
    guard !policies.isEmpty else { return "" }
    var rows = [["DOMAIN", "POLICY", "ALGORITHM", "LIMIT", "KEY", "SOURCE"]]
    for policy in policies {
      rows.append([
        policy.domain, policy.name + (policy.mode == .shadow ? " (shadow)" : ""), "\(policy.limit.algorithm.name)",
        limit(policy.limit), policy.key.isEmpty ? "-" : policy.key.map(\.text).joined(separator: ", "),
        "\(policy.source.file):\(policy.source.line)",
      ])
    }
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      let padded = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
      return padded.dropLast().joined(separator: "  ") + "  " + row[row.count - 1] + "\n"
    }.joined()
  }

  /// `100 per 1m`, with `(burst 20)` where that is another number.
  public static func limit(_ limit: Limit) -> String {
    "\(limit.limit) per \(DurationText.text(limit.period))"
      + (limit.burst == limit.limit ? "" : " (burst \(limit.burst))")
  }

  /// One line a note, each ended.
  public static func lines(notes: [String]) -> String { notes.map { "note: \($0)\n" }.joined() }

  /// One line a diagnostic, each ended.
  public static func lines(_ diagnostics: [Diagnostic]) -> String { diagnostics.map { $0.text + "\n" }.joined() }

  /// One line: an object with `valid`, `policies`, `diagnostics` and `sha256` (null unless valid); and
  /// with `notes`, a list of sentences, where there are any.
  ///
  /// A policy has the members `domain`, `name`, `algorithm`, `limit`, `period` (text), `period_ms`, `burst`
  /// (token-bucket only), `key` (a list), `missing`, `store`, `on_store_failure`, `mode`, `overrides` (how many), `file`
  /// and `line`. A diagnostic has those of `Diagnostic.json`; what cannot be read is an error at line 0.
  public static func json(_ result: PolicyLoader.Result, notes: [String] = []) -> String {
    switch result {
    case .loaded(let loaded):
      object(
        valid: true, policies: loaded.policies, diagnostics: loaded.warnings, sha256: loaded.sha256,
        notes: notes)
    case .invalid(let diagnostics): object(valid: false, diagnostics: diagnostics)
    case .unreadable(let problems):
      object(
        valid: false,
        diagnostics: problems.map { Diagnostic(file: $0.path, line: 0, column: 0, message: $0.reason) })
    case .changed:
      object(
        valid: false,
        diagnostics: [Diagnostic(file: "", line: 0, column: 0, message: "the files changed while they were read")])
    }
  }

  /// The policies as JSON: an array of the objects that `json` lists under `policies`.
  public static func jsonArray(_ policies: [Policy]) -> String { JSONText.array(policies.map(json)) }

  private static func object(
    valid: Bool, policies: [Policy] = [], diagnostics: [Diagnostic], sha256: String? = nil, notes: [String] = []
  ) -> String {
    "{\"valid\":\(valid),\"policies\":\(jsonArray(policies))"
      + ",\"diagnostics\":\(JSONText.array(diagnostics.map(\.json)))"
      + ",\"sha256\":\(sha256.map(JSONText.quoted) ?? "null")"
      + (notes.isEmpty ? "" : ",\"notes\":\(JSONText.array(notes.map(JSONText.quoted)))") + "}\n"
  }

  private static func json(_ policy: Policy) -> String {
    let limit = policy.limit
    var members = [
      ("domain", JSONText.quoted(policy.domain)), ("name", JSONText.quoted(policy.name)),
      ("algorithm", JSONText.quoted("\(limit.algorithm.name)")), ("limit", "\(limit.limit)"),
      ("period", JSONText.quoted(DurationText.text(limit.period))), ("period_ms", "\(limit.period / 1_000_000)"),
    ]
    if limit.algorithm == .tokenBucket { members.append(("burst", "\(limit.burst)")) }
    members += [
      ("key", JSONText.array(policy.key.map { JSONText.quoted($0.text) })),
      ("missing", JSONText.quoted(policy.missing.rawValue)), ("store", JSONText.quoted(policy.store.rawValue)),
      ("on_store_failure", JSONText.quoted(policy.onStoreFailure.rawValue)),
      ("mode", JSONText.quoted(policy.mode.rawValue)), ("overrides", "\(policy.overrides.count)"),
      ("file", JSONText.quoted(policy.source.file)), ("line", "\(policy.source.line)"),
    ]
    return JSONText.object(members)
  }
}
