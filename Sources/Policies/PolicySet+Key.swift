// PolicySet+Key.swift: the key, the cost and the numbers in force for a policy that applies.
//
// A key is the concatenation of its parts, each tagged and length-prefixed, so that different facts cannot give the
// same bytes, whatever bytes a client sends:
//
//   part    = one value:      1, length (4 bytes), bytes
//             several values: 2, count (4 bytes), then each: length, bytes; sorted, without duplicates
//             address:        4, 16 bytes
//   shared  = 0               the one counter of all checks without an attribute of the key (`missing: share`)
//
// A policy without a key has the empty key.

import Limiting

extension PolicyProgram {
  /// Appends the charge of a policy that applies, unless the check lacks an attribute of its key and that is skipped.
  func charge(_ check: inout Check, policy number: Int32, _ policy: Compiled, _ pattern: Int32) {
    let start = check.bytes.count
    check.keyStart = start
    var isShared = false
    for index in policy.key where !appendPart(keyParts[Int(index)], &check, pattern) {
      guard policy.sharesMissing else { return }
      check.bytes.removeLast(check.bytes.count - start)
      check.bytes.append(0)
      isShared = true
      break
    }
    var limit = policy.limit
    var effect = Charge.Effect.limit
    if !isShared, let override = override(for: policy, check, pattern) {
      limit = override.limit
      effect = override.effect
    }
    check.charges.append(
      Charge(
        policy: number, slot: policy.slot, keyStart: Int32(start), keyCount: Int32(check.bytes.count - start),
        effect: effect, isShadow: policy.isShadow, place: policy.place, onStoreFailure: policy.onStoreFailure,
        limit: limit, cost: cost(policy.cost, check, pattern) * check.cost))
  }

  // MARK: Key parts

  /// Appends one part to the arena; false where the check lacks the attribute.
  private func appendPart(_ source: Source, _ check: inout Check, _ pattern: Int32) -> Bool {
    switch source {
    case .ip:
      guard let ip = check.ip?.counted(ipv6Prefix: ipv6Prefix) else { return false }
      check.bytes.append(4)
      check.append(bigEndian: ip.high)
      check.append(bigEndian: ip.low)
    case .capture(let name):
      guard let segment = captured(name, pattern, check) else { return false }
      check.appendSingle(segment)
    case .list(let list):
      let chain = check.chains[Int(list)]
      guard chain.first >= 0 else { return false }
      if chain.count == 1 {
        check.appendSingle(check.values[Int(chain.first)].range)
      } else {
        check.appendSet(chain)
      }
    }
    return true
  }

  // MARK: Cost

  /// Digits only, else the default. Of several numbers the largest counts: a line added before or behind one cannot
  /// make a check cheaper.
  private func cost(_ cost: Cost, _ check: borrowing Check, _ pattern: Int32) -> Int64 {
    guard let source = cost.source else { return cost.fallback }
    var found: Int64 = -1
    switch source {
    case .list(let list):
      var next = check.chains[Int(list)].first
      while next >= 0 {
        found = max(found, check.number(at: check.values[Int(next)].range, atMost: cost.maximum))
        next = check.values[Int(next)].next
      }
    case .capture(let name):
      if let segment = captured(name, pattern, check) { found = check.number(at: segment, atMost: cost.maximum) }
    case .ip:
      break
    }
    return found < 0 ? cost.fallback : max(cost.minimum, found)
  }

  // MARK: Overrides

  /// The first override whose every part equals a value of the check's, found by its first literal.
  private func override(for policy: Compiled, _ check: borrowing Check, _ pattern: Int32) -> Override? {
    var first = policy.catchAll
    for index in policy.overrideFiles {
      let file = overrideFiles[Int(index)]
      let source = keyParts[Int(policy.key.lowerBound + file.part)]
      switch source {
      case .list(let list):
        var next = check.chains[Int(list)].first
        while next >= 0 {
          let value = check.values[Int(next)].range
          consider(map.value(of: check.bytes.span, value, group: file.group), policy, check, pattern, &first)
          next = check.values[Int(next)].next
        }
      case .capture(let name):
        guard let segment = captured(name, pattern, check) else { continue }
        consider(map.value(of: check.bytes.span, segment, group: file.group), policy, check, pattern, &first)
      case .ip:
        guard let range = addressPart(policy, file.part, check) else { continue }
        consider(map.value(of: check.bytes.span, range, group: file.group), policy, check, pattern, &first)
      }
    }
    return first < 0 ? nil : overrides[Int(first)]
  }

  /// Takes from a chain the earliest override that matches, if it is earlier than `first`.
  private func consider(
    _ head: Int32, _ policy: Compiled, _ check: borrowing Check, _ pattern: Int32, _ first: inout Int32
  ) {
    var next = head
    while next >= 0 {
      if first < 0 || next < first, matches(overrides[Int(next)], policy, check, pattern) { first = next }
      next = overrides[Int(next)].next
    }
  }

  private func matches(_ override: Override, _ policy: Compiled, _ check: borrowing Check, _ pattern: Int32) -> Bool {
    for index in override.parts {
      let literal = overrideParts[Int(index)]
      guard literal.count >= 0 else { continue }
      let part = index - override.parts.lowerBound
      guard partEquals(literal, part, policy, check, pattern) else { return false }
    }
    return true
  }

  private func partEquals(
    _ literal: ArenaRange, _ part: Int32, _ policy: Compiled, _ check: borrowing Check, _ pattern: Int32
  ) -> Bool {
    switch keyParts[Int(policy.key.lowerBound + part)] {
    case .list(let list):
      var next = check.chains[Int(list)].first
      while next >= 0 {
        let value = check.values[Int(next)]
        if Bytes.equal(check.bytes.span, value.range, map.strings.span, literal) { return true }
        next = value.next
      }
      return false
    case .capture(let name):
      guard let segment = captured(name, pattern, check) else { return false }
      return Bytes.equal(check.bytes.span, segment, map.strings.span, literal)
    case .ip:
      guard let range = addressPart(policy, part, check) else { return false }
      return Bytes.equal(check.bytes.span, range, map.strings.span, literal)
    }
  }

  /// The 16 bytes of an address part of the key that was just built.
  private func addressPart(_ policy: Compiled, _ part: Int32, _ check: borrowing Check) -> ArenaRange? {
    var offset = check.keyStart
    for _ in 0..<part { offset = check.partEnd(from: offset) }
    guard check.bytes[offset] == 4 else { return nil }
    return ArenaRange(start: offset + 1, count: 16)
  }
}
