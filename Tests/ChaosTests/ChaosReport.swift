// ChaosReport.swift: the verdict of a run, its figures, and what is needed to look into a failure.

import Foundation
import TestKit

struct ChaosReport {
  struct Use: Sendable {
    var descriptors: Int
    /// KiB.
    var memory: Int
  }

  let plan: ChaosPlan
  /// Nanoseconds from the first check to the last.
  let loaded: Int
  /// Everything that should not be: a sentence each.
  let findings: [String]
  /// Failures and degraded answers with a stated reason.
  let stated: [String: Int]
  let figures: [(name: String, value: Int)]
  private let state: ChaosRecord.State
  private let logs: [String: String]

  init(plan: ChaosPlan, state: ChaosRecord.State, base: [Use], end: [Use], loaded: Int, logs: [String: String]) {
    (self.plan, self.loaded, self.state, self.logs) = (plan, loaded, state, logs)
    let ledger = AdmissionLedger(history: state.history, checks: state.checks)
    let rules = ChaosRules(history: state.history).findings(state.checks)
    findings = state.findings + ledger.excesses() + ledger.needlessDenials() + rules.unstated
    stated = rules.stated

    let checks = state.checks.filter { $0.cost > 0 }
    func denied(_ check: ChaosCheck) -> Bool { if case .denied = check.outcome { true } else { false } }
    figures = [
      ("seconds", loaded / second), ("checks", checks.count), ("admitted", checks.count(where: \.isAllowed)),
      ("denied", checks.count(where: denied)), ("degraded", checks.count(where: \.isDegraded)),
      ("undecided", checks.count { $0.outcome == .undecided }),
      ("failed", checks.count { if case .failed = $0.outcome { true } else { false } }),
      ("certain charges", ledger.counters().values.reduce(0) { $0 + $1.count }),
      ("starts", state.history.lives.count), ("stalls", state.history.stalls.count),
      ("stalled ms", state.history.stalls.reduce(0) { $0 + $1.to - $1.from } / millisecond),
      ("base KiB", base.map(\.memory).max() ?? 0), ("third KiB", state.mostMemoryInThird),
      ("most KiB", state.mostMemory.values.max() ?? 0),
      ("end KiB", end.map(\.memory).max() ?? 0), ("base descriptors", base.map(\.descriptors).max() ?? 0),
      ("most descriptors", state.mostDescriptors.values.max() ?? 0),
      ("end descriptors", end.map(\.descriptors).max() ?? 0),
    ]
  }

  var isSound: Bool { findings.isEmpty }

  /// For the console: figures, reasons, and how to repeat it.
  var summary: String {
    let counts = figures.map { "\($0.name) \($0.value)" }.joined(separator: ", ")
    let faults = state.faults.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    let reasons = stated.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: "; ")
    let command =
      "WEIR_CHAOS_SCENARIO=\(plan.scenario.rawValue) WEIR_CHAOS_SEED=\(plan.seed) "
      + "WEIR_CHAOS_SECONDS=\(plan.length / second) scripts/test --filter ChaosTests.ChaosTests"
    return """
      chaos: \(plan.scenario.rawValue), \(counts)
      chaos: faults: \(faults)
      chaos: stated: \(reasons)
      chaos: to repeat: \(command)
      """
  }

  /// The first findings, with what happened.
  var account: String {
    let shown = findings.prefix(20).joined(separator: "\n")
    return "\(findings.count) findings:\n\(shown)\n\(plan)what happened:\n\(state.events.joined(separator: "\n"))"
  }

  /// Writes everything into a folder: the plan, the events, each check, and what the weirs logged; and adds a line of
  /// figures to `figures.tsv` beside it.
  func keep(in folder: String) throws {
    let name = "\(plan.scenario.rawValue)-\(plan.seed)"
    let place = URL(fileURLWithPath: folder).appendingPathComponent(name)
    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
    func write(_ file: String, _ text: String) throws {
      try Data(text.utf8).write(to: place.appendingPathComponent(file))
    }
    try write("plan.txt", plan.description)
    try write("events.txt", state.events.joined(separator: "\n") + "\n")
    try write("findings.txt", findings.joined(separator: "\n") + "\n")
    try write("checks.txt", state.checks.map(\.text).joined(separator: "\n") + "\n")
    for (file, text) in logs { try write(file, text) }

    // Name, then value, line by line: what a script can add up.
    var lines = [("verdict", isSound ? "sound" : "\(findings.count) findings")]
    lines += figures.map { ($0.name, "\($0.value)") }
    lines += state.faults.sorted { $0.key < $1.key }.map { ("fault \($0.key)", "\($0.value)") }
    lines += stated.sorted { $0.key < $1.key }.map { ("stated \($0.key)", "\($0.value)") }
    try write("figures.tsv", lines.map { "\($0.0)\t\($0.1)\n" }.joined())
  }
}
