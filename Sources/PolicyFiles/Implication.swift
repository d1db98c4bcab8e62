// Implication.swift: what surely holds of every check that a policy limits, so that conditions which then must hold,
// or cannot, are found. It answers "surely" or "perhaps not", and compares condition by condition: what several
// conditions imply only together is not found.

import Policies

struct Implication {
  private let match: Conditions
  /// Attributes that every limited check has.
  let present: Set<AttributeName>
  /// Attributes that none has.
  let absent: Set<AttributeName>

  init(_ policy: Policy) {
    match = policy.match
    var present: Set<AttributeName> = []
    if !match.methods.isEmpty { present.insert(.method) }
    if !match.paths.isEmpty { present.insert(.path) }
    if !match.hosts.isEmpty { present.insert(.host) }
    if !match.networks.isEmpty { present.insert(.ip) }
    if let first = match.paths.first {
      for name in first.captures where match.paths.allSatisfy({ $0.captures.contains(name) }) {
        present.insert(.capture(name))
      }
    }
    // A policy that skips checks without its key limits only those that have it.
    if policy.missing == .skip { present.formUnion(policy.key) }
    var absent: Set<AttributeName> = []
    for condition in match.attributes {
      if condition.test == .present(false) { absent.insert(condition.name) } else { present.insert(condition.name) }
    }
    self.present = present
    self.absent = absent
  }

  /// An attribute that a limited check would have to have and to lack.
  var contradiction: AttributeName? {
    present.intersection(absent).min { $0.text < $1.text }
  }

  /// Whether every check that the policy would limit meets `conditions`, too.
  func implies(_ conditions: Conditions) -> Bool {
    (conditions.methods.isEmpty || (!match.methods.isEmpty && Set(match.methods).isSubset(of: conditions.methods)))
      && Self.covered(match.paths, conditions.paths) { $0.isCovered(by: $1) }
      && Self.covered(match.hosts, conditions.hosts) { $0.isCovered(by: $1) }
      && Self.covered(match.networks, conditions.networks) { $0.isCovered(by: $1) }
      && conditions.attributes.allSatisfy(implies)
  }

  /// Whether each of `given` lies within one of `wanted`; no `wanted` is no condition.
  private static func covered<Element>(
    _ given: [Element], _ wanted: [Element], _ isCovered: (Element, Element) -> Bool
  ) -> Bool {
    wanted.isEmpty || (!given.isEmpty && given.allSatisfy { one in wanted.contains { isCovered(one, $0) } })
  }

  private func implies(_ condition: AttributeCondition) -> Bool {
    switch condition.test {
    case .present(true): return present.contains(condition.name)
    case .present(false): return absent.contains(condition.name)
    case .oneOf(let values):
      guard case .oneOf(let given) = test(of: condition.name) else { return false }
      return Set(given).isSubset(of: values)
    case .prefix(let prefixes):
      let given: [String]
      switch test(of: condition.name) {
      case .oneOf(let values), .prefix(let values): given = values
      default: return false
      }
      return given.allSatisfy { one in
        prefixes.contains { prefix in one.utf8.starts(with: prefix.utf8) }
      }
    }
  }

  private func test(of name: AttributeName) -> AttributeCondition.Test? {
    match.attributes.first { $0.name == name }?.test
  }
}

extension PathPattern {
  /// Whether `other` matches every path that this pattern matches.
  fileprivate func isCovered(by other: PathPattern) -> Bool {
    let fits =
      other.matchesRest
      ? segments.count >= other.segments.count : !matchesRest && segments.count == other.segments.count
    return fits
      && zip(segments, other.segments).allSatisfy { segment, wanted in
        if case .literal = wanted { segment == wanted } else { true }
      }
  }
}

extension HostPattern {
  /// Whether `other` matches every host that this pattern matches.
  func isCovered(by other: HostPattern) -> Bool {
    if self == other { return true }
    return other.matchesSubdomains && name.utf8.reversed().starts(with: ("." + other.name).utf8.reversed())
  }
}

extension IPNetwork {
  /// Whether `other` holds every address of this network.
  func isCovered(by other: IPNetwork) -> Bool { prefix >= other.prefix && other.contains(address) }
}
