// Meeting.swift: whether one check can be limited by two policies. The answer "no" is certain; "yes" is also said where
// the conditions are too many or too intertwined to tell. Conditions are compared one by one, as in Implication.swift.

import Policies

/// What a policy asks of the checks that it limits, to be compared with other policies of its domain.
struct Meeting {
  private let match: Conditions
  private let except: Conditions?
  private let facts: Implication

  init(_ policy: Policy) {
    match = policy.match
    except = policy.except
    facts = Implication(policy)
  }

  /// Whether a check may be limited by both.
  func isPossible(with other: Meeting) -> Bool {
    Self.mayOverlap(match.methods, other.match.methods) { $0 == $1 }
      && Self.mayOverlap(match.paths, other.match.paths) { $0.overlaps($1) }
      && Self.mayOverlap(match.hosts, other.match.hosts) { $0.isCovered(by: $1) || $1.isCovered(by: $0) }
      && Self.mayOverlap(match.networks, other.match.networks) { $0.isCovered(by: $1) || $1.isCovered(by: $0) }
      && mayHaveAttributes(of: other) && other.mayHaveAttributes(of: self)
      && !isExempted(by: other) && !other.isExempted(by: self)
  }

  /// No elements are no condition.
  private static func mayOverlap<Element>(
    _ one: [Element], _ other: [Element], _ overlaps: (Element, Element) -> Bool
  ) -> Bool {
    one.isEmpty || other.isEmpty || one.contains { element in other.contains { overlaps(element, $0) } }
  }

  private func mayHaveAttributes(of other: Meeting) -> Bool {
    // What a path captures is a matter of each policy's own pattern.
    guard !facts.present.contains(where: { !$0.isCapture && other.facts.absent.contains($0) }) else { return false }
    return match.attributes.allSatisfy { one in
      // Only an attribute of the JSON form has one value at most: any value of a header or parameter will do.
      guard case .custom = one.name else { return true }
      return other.match.attributes.allSatisfy { $0.name != one.name || Self.mayHold(one.test, $0.test) }
    }
  }

  /// Whether one value can meet both tests; asked both ways round.
  private static func mayHold(_ one: AttributeCondition.Test, _ other: AttributeCondition.Test) -> Bool {
    guard case .oneOf(let values) = one else { return true }
    switch other {
    case .oneOf(let others): return !Set(values).isDisjoint(with: others)
    case .prefix(let prefixes):
      return values.contains { value in prefixes.contains { value.utf8.starts(with: $0.utf8) } }
    case .present: return true
    }
  }

  /// Whether `except` of the other policy holds for every check that this one limits.
  private func isExempted(by other: Meeting) -> Bool {
    guard let except = other.except, !except.attributes.contains(where: { $0.name.isCapture }) else { return false }
    return facts.implies(except)
  }
}

extension AttributeName {
  fileprivate var isCapture: Bool { if case .capture = self { true } else { false } }
}

extension PathPattern {
  /// Whether a path can match both patterns.
  fileprivate func overlaps(_ other: PathPattern) -> Bool {
    guard segments.count == other.segments.count || (segments.count < other.segments.count ? self : other).matchesRest
    else { return false }
    return zip(segments, other.segments).allSatisfy { one, two in
      guard case .literal = one, case .literal = two else { return true }
      return one == two
    }
  }
}
