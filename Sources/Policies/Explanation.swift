// Explanation.swift: what one policy makes of one check, and why, for a person who asks.
//
// `PolicySet.match` finds the policies that apply by an index and compiled conditions. An explanation goes the other
// way: every policy of the domain in turn, each condition as its author wrote it. The two share how a check is
// normalised and nothing of how it is decided, so that one can be tested against the other.

public import Limiting

/// One policy's part in one check.
public struct Explanation: Sendable, Equatable {
  /// The policy's place in its set.
  public var policy: Int
  /// A sentence without its full stop: the condition that failed, or the conditions that hold.
  public var why: String
  /// nil: the policy does not apply.
  public var terms: Terms?

  /// What a policy that applies asks of a store.
  public struct Terms: Sendable, Equatable {
    public var key: KeyText
    public var effect: Charge.Effect
    /// The numbers in force; meaningless unless `effect` is `.limit`.
    public var limit: Limit
    /// The place in `Policy.overrides` of the one that gave them; nil: they are the policy's own.
    public var override: Int?
    public var cost: Int64
  }
}

extension PolicySet {
  /// Explains what every policy of a domain makes of a check, in the order of the set. Looks at each policy and each of
  /// its overrides, so its time grows with them.
  ///
  /// - Parameters:
  ///   - check: Filled for this set; not changed in meaning.
  ///   - domain: The domain that the check was given.
  public func explain(_ check: inout Check, domain: String) -> [Explanation] {
    let evaluation = Evaluation(facts: CheckFacts(&check, self), cost: check.cost, ipv6Prefix: program.ipv6Prefix)
    return policies.indices.filter { policies[$0].domain == domain }.map { evaluation.explain(policies[$0], at: $0) }
  }
}
