// PolicySet+KeyCharge.swift: what a policy asks of a store for a key that somebody names, without a check: for whoever
// looks at one key. Slow and plain; a check finds the same by an index (PolicySet+Key.swift, which draws the layout).

import Limiting

extension PolicySet {
  /// The charge of cost 1 that a check with this key would make, overrides included; its key offsets are those of `key`
  /// itself.
  ///
  /// - Parameters:
  ///   - number: The policy's place in `policies`.
  ///   - key: Any bytes.
  /// - Returns: nil where these are no bytes of a key of the policy.
  public func charge(policy number: Int, key: [UInt8]) -> Charge? {
    let policy = policies[number]
    let compiled = program.compiled[number]
    let isShared = key == [0] && !policy.key.isEmpty
    guard isShared ? compiled.sharesMissing : true, let parts = isShared ? [] : Self.parts(of: key, policy.key) else {
      return nil
    }
    var charge = Charge(
      policy: Int32(number), slot: compiled.slot, keyStart: 0, keyCount: Int32(key.count), effect: .limit,
      isShadow: compiled.isShadow, place: compiled.place, onStoreFailure: compiled.onStoreFailure,
      limit: compiled.limit, cost: 1)
    guard !isShared, let override = policy.overrides.first(where: { holds($0, policy, key, parts) }) else {
      return charge
    }
    switch override.effect {
    case .limit(let limit): charge.limit = limit
    case .unlimited: charge.effect = .unlimited
    case .block: charge.effect = .block
    }
    return charge
  }

  private func holds(_ override: Policy.Override, _ policy: Policy, _ key: [UInt8], _ parts: [[ArenaRange]]) -> Bool {
    override.key.indices.allSatisfy { part in
      guard let text = override.key[part] else { return true }
      let literal = CanonicalValue.bytes(text, of: policy.key[part], ipv6Prefix: program.ipv6Prefix)
      return parts[part].contains { key[Int($0.start)..<$0.end].elementsEqual(literal) }
    }
  }

  /// Where the values of each part stand; nil where `key` is not made of one part for each of `names`.
  private static func parts(of key: [UInt8], _ names: [AttributeName]) -> [[ArenaRange]]? {
    var offset = 0
    func take(_ count: Int) -> ArenaRange? {
      guard count <= key.count - offset else { return nil }
      defer { offset += count }
      return ArenaRange(start: offset, count: count)
    }
    func count() -> Int? { take(4).map { key[Int($0.start)..<$0.end].reduce(0) { $0 << 8 | Int($1) } } }
    var parts: [[ArenaRange]] = []
    for name in names {
      guard let tag = take(1) else { return nil }
      switch (key[Int(tag.start)], name) {
      case (4, .ip):
        guard let address = take(16) else { return nil }
        parts.append([address])
      case (1, let name) where name != .ip:
        guard let length = count(), let value = take(length) else { return nil }
        parts.append([value])
      case (2, .header), (2, .query):
        guard let values = count() else { return nil }
        var ranges: [ArenaRange] = []
        for _ in 0..<values {
          guard let length = count(), let value = take(length) else { return nil }
          ranges.append(value)
        }
        parts.append(ranges)
      default:
        return nil
      }
    }
    return offset == key.count ? parts : nil
  }
}
