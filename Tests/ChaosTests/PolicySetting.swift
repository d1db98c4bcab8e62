// PolicySetting.swift: what stands in the policy files at one time, and what follows from it for the checker.

/// Changes to the policies as they are in `ChaosPolicy.all`.
struct PolicySetting: Sendable {
  /// Limits and bursts are multiplied by this,
  var numerator = 1
  /// and divided by that.
  var denominator = 1
  /// Names of policies in shadow mode.
  var shadow: Set<String> = []
  /// Whether the file of its own is there.
  var hasExtra = true

  /// The files, by name.
  var files: [String: String] {
    var files = ["chaos.yaml": text(of: ChaosPolicy.all.filter { !$0.isExtra })]
    if hasExtra { files["extra.yaml"] = text(of: ChaosPolicy.all.filter(\.isExtra)) }
    return files
  }

  private func text(of policies: [ChaosPolicy]) -> String {
    "policies:\n" + policies.map { $0.line(numbers(of: $0), isShadow: shadow.contains($0.name)) }.joined()
  }

  private func numbers(of policy: ChaosPolicy) -> Numbers { policy.numbers.scaled(numerator, denominator) }

  /// What is in force of a policy.
  func phase(of policy: ChaosPolicy, from instant: Int) -> ChaosHistory.Phase {
    ChaosHistory.Phase(
      span: Span(from: instant, to: Span.always.to), numbers: numbers(of: policy),
      isEnforced: !shadow.contains(policy.name) && (hasExtra || !policy.isExtra))
  }
}
