// Explainer.swift: tells a person what the policies make of a check. Runs where nobody waits for a decision, and never
// charges: every counter is only looked at.
//
//   let explainer = Explainer(rules, settings)
//   var check = try explainer.read(body)            what applies, and why
//   check.obey(orders, at: now)
//   if check.needsRedis { … check.take(answer) }    where a Redis counts: what a look there said
//   check.look(in: memory, at: now)                 the counters of this weir
//   let text = try check.json(at: now)

import CheckAPI
import Policies

struct Explainer {
  private let rules: Rules
  private let settings: APISettings

  init(_ rules: Rules, _ settings: APISettings) {
    self.rules = rules
    self.settings = settings
  }

  /// Understands the body of a request and matches it.
  func read(_ body: Span<UInt8>) throws(Refusal) -> ExplainedCheck { try explain(DescribedCheck(json: body)) }

  func explain(_ described: DescribedCheck) throws(Refusal) -> ExplainedCheck {
    let set = rules.set
    var check = Check()
    try described.fill(&check, settings, rules.headers, set)
    set.match(&check)
    return ExplainedCheck(
      rules: rules, domain: described.domain, explanations: set.explain(&check, domain: described.domain),
      charges: check.charges, keys: check.bytes)
  }
}
