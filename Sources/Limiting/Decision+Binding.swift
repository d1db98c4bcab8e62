// Decision+Binding.swift: of several decisions, the one whose numbers the answer carries.

extension Decision {
  /// Whether this decision binds rather than `other`, which stands before it: among denying ones the longest wait, a
  /// denial that no wait helps being the longest; else the least remaining. Ties stay with the one that stands first.
  public func binds(over other: Decision) -> Bool {
    if outcome != other.outcome { return outcome.rank > other.outcome.rank }
    switch outcome {
    case .denyAlways: return false
    case .deny: return retryAfter > other.retryAfter
    case .allow: return remaining < other.remaining
    }
  }
}

extension Decision.Outcome {
  fileprivate var rank: Int {
    switch self {
    case .allow: 0
    case .deny: 1
    case .denyAlways: 2
    }
  }
}
