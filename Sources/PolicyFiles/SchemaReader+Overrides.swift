// SchemaReader+Overrides.swift: other numbers for particular keys.

import Limiting
import Policies

extension SchemaReader {
  /// What the overrides of a policy build on; nil where it could not be read.
  struct OverrideBase {
    var key: [AttributeName]?
    var algorithm: Algorithm?
    var limit: Int64?
    var period: Int64?
    /// As the policy gives it; nil where it gives none.
    var burst: Int64?
  }

  mutating func overrides(_ node: YAMLNode, _ base: OverrideBase) -> [(Policy.Override, Mark)] {
    guard case .list(let elements) = node.content else {
      error(node.mark, "overrides: must be a list, not \(node.kind)")
      return []
    }
    if let key = base.key, key.isEmpty, let first = elements.first {
      error(first.mark, "overrides: need a policy with a key, since they are for particular keys")
      return []
    }
    var result: [(Policy.Override, Mark)] = []
    for element in elements {
      if let override = override(element, base) { result.append((override, element.mark)) }
    }
    return result
  }

  private mutating func override(_ node: YAMLNode, _ base: OverrideBase) -> Policy.Override? {
    let known = ["key", "limit", "period", "burst", "unlimited", "block"]
    guard let members = members(node, "an override", known: known) else { return nil }
    let errorsBefore = errorCount
    var key: [String?] = []
    if let node = members["key"] {
      key = overrideKey(node, base.key)
    } else {
      error(members.mark, "an override needs \"key\"")
    }
    let effect = effect(members, base)
    guard errorCount == errorsBefore, let effect else { return nil }
    return Policy.Override(key: key, effect: effect)
  }

  private mutating func overrideKey(_ node: YAMLNode, _ attributes: [AttributeName]?) -> [String?] {
    guard let parts = texts(node, "override key") else { return [] }
    guard let attributes else { return [] }
    guard parts.count == attributes.count else {
      let wanted = attributes.map(\.text).joined(separator: ", ")
      error(
        node.mark,
        "override key: must have one entry for each part of the policy's key (\(wanted)), \(attributes.count) in all, "
          + "not \(parts.count)")
      return []
    }
    var key: [String?] = []
    for (part, attribute) in zip(parts, attributes) {
      if part.text == "*" {
        key.append(nil)
        continue
      }
      if attribute == .ip, !Self.namesOneKey(part.text) {
        error(
          part.mark,
          "override key \(Quote.text(part.text)): no address; use one such as 192.0.2.1 or 2001:db8::/64, or \"*\"")
      }
      key.append(part.text)
    }
    return key
  }

  /// An address, or an IPv6 prefix as long as those that count by default. An IPv4 network and a shorter prefix are many
  /// keys, and an override for one of them only would be no more than a surprise.
  private static func namesOneKey(_ text: String) -> Bool {
    guard let network = network(text) else { return false }
    return network.prefix >= (network.address.isV4 ? 32 : 64)
  }

  /// Exactly one of numbers, `unlimited: true` and `block: true`.
  private mutating func effect(_ members: Members, _ base: OverrideBase) -> Policy.Override.Effect? {
    let hasNumbers = ["limit", "period", "burst"].contains { members[$0] != nil }
    let ways = (hasNumbers ? 1 : 0) + ["unlimited", "block"].count { members[$0] != nil }
    if let node = members["unlimited"] { onlyTrue(node, "unlimited") }
    if let node = members["block"] { onlyTrue(node, "block") }
    let numbers = hasNumbers ? numbers(members, base) : nil
    guard ways == 1 else {
      error(
        members.mark, "an override needs exactly one of numbers (limit, period, burst), unlimited: true and block: true"
      )
      return nil
    }
    if hasNumbers { return numbers.map { .limit($0) } }
    return members["block"] != nil ? .block : .unlimited
  }

  /// The override's numbers, the policy's where it gives none. A burst that neither gives is this override's limit.
  private mutating func numbers(_ members: Members, _ base: OverrideBase) -> Limit? {
    let limit = members["limit"].map { self.limit($0, "override limit", base.algorithm) } ?? base.limit
    let period = members["period"].map { self.period($0, "override period") } ?? base.period
    let burst = self.burst(members, "override burst", base.algorithm) ?? base.burst
    guard let algorithm = base.algorithm, let limit, let period else { return nil }
    return Limit(algorithm: algorithm, limit: limit, period: period, burst: algorithm == .tokenBucket ? burst : nil)
  }
}
