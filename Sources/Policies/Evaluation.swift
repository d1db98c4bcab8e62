// Evaluation.swift: a policy as its author wrote it, tried on a check the slow and plain way.

import Limiting

/// One check, ready to be held against policies.
struct Evaluation {
  let facts: CheckFacts
  /// The check's own, which multiplies the policy's.
  let cost: Int64
  let ipv6Prefix: Int

  /// What one condition makes of the check, in words.
  struct Finding {
    var holds: Bool
    var text: String
  }

  func explain(_ policy: Policy, at place: Int) -> Explanation {
    var captures: [String: [UInt8]] = [:]
    let findings = findings(policy.match, &captures)
    if let failed = findings.last, !failed.holds { return Explanation(policy: place, why: failed.text) }
    if let except = policy.except, !except.isEmpty {
      // Without paths of its own, `except` speaks of what `match` captured.
      var exceptCaptures = captures
      let findings = self.findings(except, &exceptCaptures)
      if findings.allSatisfy(\.holds) {
        return Explanation(policy: place, why: "excepted: " + Self.joined(findings))
      }
    }
    var why = findings.isEmpty ? "it has no conditions" : Self.joined(findings)
    let lacking = policy.key.first { part(of: $0, captures) == nil }
    if let lacking {
      guard policy.missing == .share else {
        return Explanation(
          policy: place, why: "the check has no \(Words.bare(Array(lacking.text.utf8))), and missing is skip")
      }
      why += "; the check has no \(Words.bare(Array(lacking.text.utf8))), and missing is share"
    }
    return Explanation(policy: place, why: why, terms: terms(policy, captures, isShared: lacking != nil))
  }

  private static func joined(_ findings: [Finding]) -> String { findings.map(\.text).joined(separator: ", and ") }

  // MARK: Conditions

  /// One finding a condition, up to the first that fails. A path leaves in `captures` what its pattern captured.
  private func findings(_ conditions: Conditions, _ captures: inout [String: [UInt8]]) -> [Finding] {
    var findings: [Finding] = []
    func goOn(_ finding: Finding) -> Bool {
      findings.append(finding)
      return finding.holds
    }
    if !conditions.paths.isEmpty {
      let (finding, captured) = path(conditions.paths)
      captures = captured
      guard goOn(finding) else { return findings }
    }
    if !conditions.methods.isEmpty { guard goOn(method(conditions.methods)) else { return findings } }
    if !conditions.hosts.isEmpty { guard goOn(host(conditions.hosts)) else { return findings } }
    if !conditions.networks.isEmpty { guard goOn(address(conditions.networks)) else { return findings } }
    for condition in conditions.attributes {
      guard goOn(attribute(condition, captures)) else { return findings }
    }
    return findings
  }

  private func path(_ patterns: [PathPattern]) -> (Finding, captures: [String: [UInt8]]) {
    guard let path = facts.values(of: .path, captures: [:])?.first else {
      return (Finding(holds: false, text: "the check has no path"), [:])
    }
    let shown = Words.bare(path)
    for pattern in patterns {
      guard let captures = captures(pattern) else { continue }
      return (Finding(holds: true, text: "path \(shown) matches \(pattern.text)"), captures)
    }
    return (Finding(holds: false, text: Words.mismatch("path", shown, patterns.map(\.text))), [:])
  }

  /// nil where the pattern does not match the path.
  private func captures(_ pattern: PathPattern) -> [String: [UInt8]]? {
    let count = pattern.segments.count
    guard facts.segments.count == count || (pattern.matchesRest && facts.segments.count > count) else { return nil }
    var captures: [String: [UInt8]] = [:]
    for (wanted, segment) in zip(pattern.segments, facts.segments) {
      switch wanted {
      case .any: break
      case .literal(let text): guard segment == Array(text.utf8) else { return nil }
      case .capture(let name): captures[name] = segment
      }
    }
    return captures
  }

  private func method(_ methods: [String]) -> Finding {
    guard let method = facts.values(of: .method, captures: [:])?.first else {
      return Finding(holds: false, text: "the check has no method")
    }
    let shown = Words.bare(method)
    if methods.contains(where: { Array($0.utf8) == method }) { return Finding(holds: true, text: "method is \(shown)") }
    return Finding(holds: false, text: "method \(shown) is " + Words.none(of: methods, one: "not "))
  }

  private func host(_ patterns: [HostPattern]) -> Finding {
    guard let host = facts.values(of: .host, captures: [:])?.first else {
      return Finding(holds: false, text: "the check has no host")
    }
    let shown = Words.bare(host)
    if let pattern = patterns.first(where: { Self.matches($0, host) }) {
      return Finding(holds: true, text: "host \(shown) matches \(pattern.text)")
    }
    return Finding(holds: false, text: Words.mismatch("host", shown, patterns.map(\.text)))
  }

  private static func matches(_ pattern: HostPattern, _ host: [UInt8]) -> Bool {
    let name = Array(pattern.name.utf8)
    guard pattern.matchesSubdomains else { return host == name }
    let end = [UInt8(ascii: ".")] + name
    return host.count > end.count && Array(host.suffix(end.count)) == end
  }

  private func address(_ networks: [IPNetwork]) -> Finding {
    guard let ip = facts.ip else { return Finding(holds: false, text: "the check has no ip") }
    if let network = networks.first(where: { $0.contains(ip) }) {
      return Finding(holds: true, text: "ip \(ip.text) is in \(network.text)")
    }
    return Finding(
      holds: false,
      text: "ip \(ip.text) is " + Words.none(of: networks.map(\.text), one: "not in ", many: "in none of "))
  }

  private func attribute(_ condition: AttributeCondition, _ captures: [String: [UInt8]]) -> Finding {
    let name = condition.name
    let values = facts.values(of: name, captures: captures)
    let noun = Words.noun(name)
    let isThere = name == .ip ? facts.ip != nil : values != nil
    switch condition.test {
    case .present(let wanted):
      return Finding(holds: isThere == wanted, text: "\(noun) is \(isThere ? "present" : "absent")")
    case .oneOf(let texts) where name == .ip:
      return address(texts.compactMap { IPNetwork($0) })
    case .oneOf(let texts):
      guard let values else { return Finding(holds: false, text: "\(noun) is absent") }
      let wanted = texts.map { CanonicalValue.bytes($0, of: name, ipv6Prefix: ipv6Prefix) }
      if let value = values.first(where: { wanted.contains($0) }) {
        return Finding(holds: true, text: "\(noun) is \(Words.quoted(value))")
      }
      let none = Words.none(of: wanted.map(Words.quoted), one: "not ")
      return Finding(holds: false, text: "\(noun) is \(Words.list(values.map(Words.quoted))), \(none)")
    case .prefix(let texts):
      guard let values else { return Finding(holds: false, text: "\(noun) is absent") }
      let wanted = texts.map { CanonicalValue.prefix($0, of: name) }
      for value in values {
        guard let prefix = wanted.first(where: { value.starts(with: $0) }) else { continue }
        return Finding(holds: true, text: "\(noun) \(Words.quoted(value)) begins with \(Words.quoted(prefix))")
      }
      let none = Words.none(of: wanted.map(Words.quoted), one: "does not begin with ", many: "begins with none of ")
      return Finding(holds: false, text: "\(noun) \(Words.list(values.map(Words.quoted))) \(none)")
    }
  }

  // MARK: Terms

  private func terms(_ policy: Policy, _ captures: [String: [UInt8]], isShared: Bool) -> Explanation.Terms {
    var terms = Explanation.Terms(
      key: isShared ? .shared : KeyText(parts: policy.key.compactMap { part(of: $0, captures) }), effect: .limit,
      limit: policy.limit,
      cost: amount(policy.cost, captures) * cost)
    // Checks that share one counter take the policy's own numbers.
    guard !isShared, let number = policy.overrides.firstIndex(where: { matches($0, policy, captures) }) else {
      return terms
    }
    terms.override = number
    switch policy.overrides[number].effect {
    case .limit(let limit): terms.limit = limit
    case .unlimited: terms.effect = .unlimited
    case .block: terms.effect = .block
    }
    return terms
  }

  /// nil where the check lacks the attribute.
  private func part(of name: AttributeName, _ captures: [String: [UInt8]]) -> KeyText.Part? {
    if name == .ip {
      return facts.ip.map { .value(Array($0.keyText(ipv6Prefix: ipv6Prefix).utf8)) }
    }
    guard let values = facts.values(of: name, captures: captures) else { return nil }
    guard values.count > 1 else { return .value(values[0]) }
    guard values.count <= CheckBounds.sortedValues else { return .values(values) }
    let set = Set(values).sorted { $0.lexicographicallyPrecedes($1) }
    return set.count == 1 ? .value(set[0]) : .values(set)
  }

  private func matches(_ override: Policy.Override, _ policy: Policy, _ captures: [String: [UInt8]]) -> Bool {
    zip(policy.key, override.key).allSatisfy { name, text in
      guard let text else { return true }
      let wanted = CanonicalValue.bytes(text, of: name, ipv6Prefix: ipv6Prefix)
      if name == .ip { return facts.ip?.counted(ipv6Prefix: ipv6Prefix).bytes == wanted }
      return facts.values(of: name, captures: captures)?.contains(wanted) == true
    }
  }

  private func amount(_ cost: Policy.Cost, _ captures: [String: [UInt8]]) -> Int64 {
    switch cost {
    case .fixed(let amount):
      return amount
    case .attribute(let name, let fallback, let minimum, let maximum):
      let numbers = facts.values(of: name, captures: captures)?.compactMap(Self.number) ?? []
      return numbers.max().map { max(minimum, min(maximum, $0)) } ?? fallback
    }
  }

  /// The number that the digits write, `Int64.max` where it is larger; nil where they are none.
  private static func number(_ digits: [UInt8]) -> Int64? {
    guard !digits.isEmpty, digits.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }) else { return nil }
    return Int64(String(decoding: digits, as: UTF8.self)) ?? .max
  }
}
