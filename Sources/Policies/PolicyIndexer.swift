// PolicyIndexer.swift: files each policy where a check that it could match will find it, so that a check costs the
// same whether one or ten thousand other policies exist.
//
// A policy with several conditions is filed under one of them: the rarest, the one whose values the fewest policies of
// its domain share. A condition with several values files it under each. What has no condition that can be looked up
// (none at all, only prefixes, only absence) is considered at every check. Filing only proposes: every condition of a
// proposed policy is still tested.

import Limiting

struct PolicyIndexer {
  /// One thing a policy can be filed under. Bytes, not strings: strings are equal where only their meaning is.
  private enum Place: Hashable {
    case list(Int32, [UInt8])
    case host([UInt8], subdomains: Bool)
    case network(IPNetwork)
    case path([UInt8])
  }

  private struct Entry {
    var policy: Int32
    var domain: Int32
    /// Per condition that can be looked up, its places.
    var choices: [[Place]]
    var patterns: [PathPattern]
  }

  private var entries: [Entry] = []

  mutating func add(_ conditions: [PolicyProgram.Condition], of policy: Policy, domain: Int32) {
    var choices: [[Place]] = []
    let match = policy.match
    if !match.methods.isEmpty { choices.append(match.methods.map { .list(Check.List.method, Array($0.utf8)) }) }
    if !match.hosts.isEmpty {
      choices.append(match.hosts.map { .host(Array($0.name.utf8), subdomains: $0.matchesSubdomains) })
    }
    if !match.networks.isEmpty { choices.append(match.networks.map { .network($0) }) }
    if !match.paths.isEmpty, match.paths.allSatisfy(Self.isSelective) {
      choices.append(match.paths.map { .path(Self.shape($0)) })
    }
    let firstAttribute = conditions.count - match.attributes.count
    for (index, condition) in match.attributes.enumerated() {
      guard case .oneOf(let values) = condition.test else { continue }
      if condition.name == .ip {
        choices.append(values.compactMap { IPNetwork($0) }.map { .network($0) })
        continue
      }
      // The compiled condition, which stands behind the others, knows the attribute's number.
      guard case .oneOf(.list(let list), _) = conditions[firstAttribute + index] else { continue }
      choices.append(values.map { .list(list, CanonicalValue.bytes($0, of: condition.name, ipv6Prefix: 128)) })
    }
    entries.append(
      Entry(policy: Int32(entries.count), domain: domain, choices: choices, patterns: match.paths))
  }

  /// A pattern of wildcards alone proposes its policy for nearly every path.
  private static func isSelective(_ pattern: PathPattern) -> Bool {
    let hasLiteral = pattern.segments.contains { if case .literal = $0 { true } else { false } }
    return hasLiteral || (pattern.segments.isEmpty && !pattern.matchesRest)
  }

  /// Equal for patterns that match the same paths.
  private static func shape(_ pattern: PathPattern) -> [UInt8] {
    let segments = pattern.segments.map { if case .literal(let text) = $0 { "/" + text } else { "/*" } }
    return Array((segments.joined() + (pattern.matchesRest ? "/**" : "")).utf8)
  }

  // MARK: Writing

  mutating func write(into program: inout PolicyProgram, groups: inout Int32) {
    let domainCount = Int((entries.map(\.domain).max() ?? -1) + 1)
    var byDomain = Array(repeating: [Entry](), count: domainCount)
    for entry in entries { byDomain[Int(entry.domain)].append(entry) }
    for entries in byDomain {
      var writer = DomainWriter(groups: groups)
      var population: [Place: Int] = [:]
      for place in entries.flatMap({ Set($0.choices.joined()) }) { population[place, default: 0] += 1 }
      for entry in entries {
        let rarest = entry.choices.min { a, b in
          Self.crowd(a, population) < Self.crowd(b, population)
        }
        writer.file(entry.policy, patterns: entry.patterns, under: rarest ?? [])
      }
      program.domains.append(writer.write(into: &program))
      groups = writer.groups
    }
    entries = []
  }

  private static func crowd(_ places: [Place], _ population: [Place: Int]) -> Int {
    places.reduce(0) { $0 + population[$1, default: 0] }
  }

  /// Collects what is filed where in one domain, then writes it as postings.
  private struct DomainWriter {
    private struct TrieNode {
      var literals: [[UInt8]: Int] = [:]
      var wildcard: Int?
      var exact: [Int32] = []
      var rest: [Int32] = []
    }

    var groups: Int32
    private var always: [Int32] = []
    private var lists: [Int32: [[UInt8]: [Int32]]] = [:]
    private var hosts: [[UInt8]: [Int32]] = [:]
    private var subdomains: [[UInt8]: [Int32]] = [:]
    private var networks: [(network: IPNetwork, value: Int32)] = []
    private var nodes: [TrieNode] = [TrieNode()]

    init(groups: Int32) { self.groups = groups }

    mutating func file(_ policy: Int32, patterns: [PathPattern], under places: [Place]) {
      guard let first = places.first else {
        always.append(policy)
        return
      }
      if case .path = first {
        for pattern in patterns { file(policy, under: pattern) }
        return
      }
      for place in Set(places) {
        switch place {
        case .list(let list, let value): lists[list, default: [:]][value, default: []].append(policy)
        case .host(let name, subdomains: false): hosts[name, default: []].append(policy)
        case .host(let name, subdomains: true): subdomains[name, default: []].append(policy)
        case .network(let network): networks.append((network, policy))
        case .path: break
        }
      }
    }

    private mutating func file(_ policy: Int32, under pattern: PathPattern) {
      var node = 0
      for segment in pattern.segments {
        let new = nodes.count
        let next: Int
        if case .literal(let text) = segment {
          next = nodes[node].literals[Array(text.utf8)] ?? new
          nodes[node].literals[Array(text.utf8)] = next
        } else {
          next = nodes[node].wildcard ?? new
          nodes[node].wildcard = next
        }
        if next == new { nodes.append(TrieNode()) }
        node = next
      }
      if pattern.matchesRest { nodes[node].rest.append(policy) } else { nodes[node].exact.append(policy) }
    }

    mutating func write(into program: inout PolicyProgram) -> PolicyProgram.Domain {
      var domain = PolicyProgram.Domain()
      domain.always = program.postings(always)
      for (list, values) in lists.sorted(by: { $0.key < $1.key }) {
        domain.lists.append((list, groups))
        for (value, policies) in values { program.map.set(value, group: groups, to: program.posting(policies)) }
        groups += 1
      }
      if !hosts.isEmpty || !subdomains.isEmpty {
        domain.hostGroup = groups
        for (name, policies) in hosts { program.map.set(name, group: groups, to: program.posting(policies)) }
        for (name, policies) in subdomains { program.map.set(name, group: groups + 1, to: program.posting(policies)) }
        let start = Int32(program.lengths.count)
        program.lengths.append(contentsOf: Set(subdomains.keys.map { Int32($0.count) }).sorted())
        domain.hostLengths = start..<Int32(program.lengths.count)
        groups += 2
      }
      domain.networks = NetworkMap(networks)
      if nodes.count > 1 || !nodes[0].exact.isEmpty { domain.root = writeTrie(into: &program) }
      return domain
    }

    private mutating func writeTrie(into program: inout PolicyProgram) -> Int32 {
      let base = Int32(program.nodes.count)
      for node in nodes {
        var written = PolicyProgram.Node(edges: groups)
        groups += 1
        for (text, child) in node.literals {
          program.map.set(text, group: written.edges, to: base + Int32(child))
        }
        if let wildcard = node.wildcard { written.wildcard = base + Int32(wildcard) }
        if !node.exact.isEmpty { written.exact = program.posting(node.exact) }
        if !node.rest.isEmpty { written.rest = program.posting(node.rest) }
        program.nodes.append(written)
      }
      return base
    }
  }
}

extension PolicyProgram {
  /// Keeps a list of policies and gives its number.
  fileprivate mutating func posting(_ policies: [Int32]) -> Int32 {
    let range = postings(policies)
    postings.append(range)
    return Int32(postings.count - 1)
  }

  fileprivate mutating func postings(_ policies: [Int32]) -> Range<Int32> {
    let start = Int32(postingMembers.count)
    postingMembers.append(contentsOf: policies)
    return start..<Int32(postingMembers.count)
  }
}
