// NaiveModel.swift: what a policy set should say, worked out the slow way: every policy in turn, every condition on
// plain values. Shares no code with the room but the types of a policy. `World` makes up policies and checks whose
// values are few, so that they meet.

import Limiting

@testable import Policies

/// The meaning of a check: values as they count, whatever the spelling.
struct Meaning {
  var domain: String
  /// Values by attribute name as policy files write it, without `ip` and captures.
  var values: [String: [String]]
  var ip: String?
  var segments: [String]?
  var cost: Int64
}

/// The meaning of a charge. `key` is nil for the shared counter.
struct NaiveCharge: Equatable {
  var policy: Int
  var key: [Set<String>]?
  var effect: Charge.Effect
  var limit: Limit
  var cost: Int64
}

enum NaiveModel {
  static func charges(_ policies: [Policy], _ check: Meaning) -> [NaiveCharge] {
    policies.indices.compactMap { index in
      let policy = policies[index]
      guard policy.domain == check.domain, let captures = match(policy.match, check, captures: [:]) else { return nil }
      if let except = policy.except, match(except, check, captures: captures) != nil { return nil }
      return charge(index, policy, check, captures)
    }
  }

  /// nil where a condition does not hold, else what the path captured.
  private static func match(
    _ conditions: Conditions, _ check: Meaning, captures: [String: String]
  ) -> [String: String]? {
    var captures = captures
    if !conditions.paths.isEmpty {
      guard let segments = check.segments,
        let found = conditions.paths.lazy.compactMap({ Self.captures($0, segments) }).first
      else { return nil }
      captures = found
    }
    if !conditions.methods.isEmpty {
      guard let method = check.values["method"]?.first, conditions.methods.contains(method) else { return nil }
    }
    if !conditions.hosts.isEmpty {
      guard let host = check.values["host"]?.first, conditions.hosts.contains(where: { holds($0, host) }) else {
        return nil
      }
    }
    if !conditions.networks.isEmpty {
      guard let ip = check.ip, conditions.networks.contains(where: { holds($0, ip) }) else { return nil }
    }
    for condition in conditions.attributes where !holds(condition, check, captures) { return nil }
    return captures
  }

  private static func captures(_ pattern: PathPattern, _ segments: [String]) -> [String: String]? {
    guard segments.count == pattern.segments.count || (pattern.matchesRest && segments.count > pattern.segments.count)
    else { return nil }
    var captures: [String: String] = [:]
    for (wanted, segment) in zip(pattern.segments, segments) {
      switch wanted {
      case .any: break
      case .literal(let text): if text != segment { return nil }
      case .capture(let name): captures[name] = segment
      }
    }
    return captures
  }

  private static func holds(_ pattern: HostPattern, _ host: String) -> Bool {
    let labels = host.split(separator: ".", omittingEmptySubsequences: false)
    let wanted = pattern.name.split(separator: ".", omittingEmptySubsequences: false)
    return pattern.matchesSubdomains
      ? labels.count > wanted.count && Array(labels.suffix(wanted.count)) == Array(wanted) : labels == wanted
  }

  private static func holds(_ network: IPNetwork, _ ip: String) -> Bool {
    let wanted = bits(network.address)
    let given = bits(IPAddress(ip)!)
    return wanted.count == given.count && wanted.prefix(network.prefix) == given.prefix(network.prefix)
  }

  /// 32 or 128 bits, first bit first.
  private static func bits(_ address: IPAddress) -> [Bool] {
    var all: [Bool] = []
    for word in [address.high, address.low] {
      for place in 0..<64 { all.append(word & (1 << UInt64(63 - place)) != 0) }
    }
    let isV4 = !all[..<80].contains(true) && !all[80..<96].contains(false)
    return isV4 ? Array(all[96...]) : all
  }

  private static func holds(_ condition: AttributeCondition, _ check: Meaning, _ captures: [String: String]) -> Bool {
    if condition.name == .ip, case .oneOf(let texts) = condition.test {
      guard let ip = check.ip else { return false }
      return texts.contains { holds(IPNetwork($0)!, ip) }
    }
    let values = values(condition.name, check, captures)
    switch condition.test {
    case .oneOf(let wanted): return values?.contains { wanted.contains($0) } ?? false
    case .prefix(let wanted): return values?.contains { value in wanted.contains { value.hasPrefix($0) } } ?? false
    case .present(let wanted): return (values != nil) == wanted
    }
  }

  private static func values(_ name: AttributeName, _ check: Meaning, _ captures: [String: String]) -> [String]? {
    switch name {
    case .capture(let name): captures[name].map { [$0] }
    case .ip: check.ip.map { [counted($0)] }
    default: check.values[name.text]
    }
  }

  /// A name for what counts of an address: in a `World`, IPv6 networks of 64 bits differ in their first nine letters.
  private static func counted(_ ip: String) -> String { ip.contains(":") ? String(ip.prefix(9)) : ip }

  private static func charge(
    _ index: Int, _ policy: Policy, _ check: Meaning, _ captures: [String: String]
  ) -> NaiveCharge? {
    let parts = policy.key.map { values($0, check, captures).map { Set($0) } }
    var charge = NaiveCharge(
      policy: index, key: parts.compactMap { $0 }, effect: .limit, limit: policy.limit,
      cost: cost(policy.cost, check, captures) * check.cost)
    guard !parts.contains(nil) else {
      charge.key = nil
      return policy.missing == .share ? charge : nil
    }
    let override = policy.overrides.first { override in
      override.key.indices.allSatisfy { part in
        guard let text = override.key[part] else { return true }
        return charge.key![part].contains(policy.key[part] == .ip ? counted(text) : text)
      }
    }
    switch override?.effect {
    case .limit(let limit): charge.limit = limit
    case .unlimited: charge.effect = .unlimited
    case .block: charge.effect = .block
    case nil: break
    }
    return charge
  }

  private static func cost(_ cost: Policy.Cost, _ check: Meaning, _ captures: [String: String]) -> Int64 {
    switch cost {
    case .fixed(let amount):
      return amount
    case .attribute(let name, let fallback, let minimum, let maximum):
      let numbers = name == .ip ? [] : (values(name, check, captures) ?? []).compactMap { Int64($0) }
      return numbers.max().map { min(maximum, max(minimum, $0)) } ?? fallback
    }
  }
}
