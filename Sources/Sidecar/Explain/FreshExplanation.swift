// FreshExplanation.swift: an explanation without a server, for `weir explain`: every counter is unused.

import CheckAPI
import EventLoop
import Limiting
public import Policies

public enum FreshExplanation {
  /// The text that `weir explain` prints.
  ///
  /// - Throws: What is wrong with the check.
  public static func text(_ options: ExplainOptions, _ policies: [Policy]) throws(UsageError) -> String {
    let settings = APISettings()
    let slots = policies.indices.map { UInt32($0) }
    let rules = Rules(PolicySet(policies, slots: slots, ipv6Prefix: options.ipv6Prefix), settings)
    let now = SharedClock().now(at: Loop.monotonicNow())
    do throws(Refusal) {
      var check = try Explainer(rules, settings).explain(options.check)
      check.lookAtFreshCounters(at: now)
      guard options.format == .text else { return try check.json(at: now) }
      return check.text + "No server was asked: every counter is taken as unused.\n"
    } catch {
      throw UsageError("no such check: \(error.detail)")
    }
  }
}
