// PolicyCompiler.swift: policies as written to the flat form that a check runs against. Runs at a load, off the path
// of a check, so that it may use dictionaries and take its time. PolicyIndexer then files each policy where a check
// will find it.

import Limiting

struct PolicyCompiler {
  private var program = PolicyProgram()
  private var indexer = PolicyIndexer()
  private let shadowAll: Bool
  private var groupCount = PolicyProgram.Group.firstFree
  private var captureNames: [String: Int32] = [:]
  private var domains: [String: Int32] = [:]
  private(set) var listCount = Int(Check.List.firstOther)
  private(set) var headers: [(name: String, list: Int32)] = []
  private(set) var uses: PolicySet.Uses = []

  init(ipv6Prefix: Int, shadowAll: Bool) {
    program.ipv6Prefix = ipv6Prefix
    self.shadowAll = shadowAll
  }

  mutating func add(_ policy: Policy, slot: UInt32) {
    let match = conditions(policy.match)
    let except = policy.except.map { conditions($0) } ?? 0..<0
    let keyStart = Int32(program.keyParts.count)
    for name in policy.key { program.keyParts.append(source(name)) }
    let overrides = compileOverrides(policy)
    let compiled = PolicyProgram.Compiled(
      slot: slot, limit: policy.limit, isShadow: shadowAll || policy.mode == .shadow,
      place: policy.store == .redis ? .redis : .memory, onStoreFailure: policy.onStoreFailure,
      sharesMissing: policy.missing == .share, match: match, except: except,
      key: keyStart..<Int32(program.keyParts.count), cost: cost(policy.cost), overrideFiles: overrides.files,
      catchAll: overrides.catchAll)
    indexer.add(
      Array(program.conditions[Int(match.lowerBound)..<Int(match.upperBound)]), of: policy,
      domain: domain(policy.domain))
    program.compiled.append(compiled)
  }

  mutating func finish() -> PolicyProgram {
    indexer.write(into: &program, groups: &groupCount)
    return program
  }

  // MARK: Names to numbers

  private mutating func domain(_ name: String) -> Int32 {
    if let known = domains[name] { return known }
    let number = Int32(domains.count)
    domains[name] = number
    program.map.set(Array(name.utf8), group: PolicyProgram.Group.domains, to: number)
    return number
  }

  private mutating func newGroup(_ count: Int32 = 1) -> Int32 {
    defer { groupCount += count }
    return groupCount
  }

  private mutating func source(_ name: AttributeName) -> PolicyProgram.Source {
    switch name {
    case .method:
      uses.insert(.method)
      return .list(Check.List.method)
    case .path:
      uses.insert(.path)
      return .list(Check.List.path)
    case .host:
      uses.insert(.host)
      return .list(Check.List.host)
    case .ip:
      uses.insert(.ip)
      return .ip
    case .capture(let name): return .capture(capture(name))
    case .header, .query, .custom: break
    }
    let text = Array(name.text.utf8)
    let known = program.map.value(of: text, group: PolicyProgram.Group.names)
    if known >= 0 { return .list(known) }
    let list = Int32(listCount)
    listCount += 1
    program.map.set(text, group: PolicyProgram.Group.names, to: list)
    if case .header(let name) = name { headers.append((name, list)) }
    if case .query(let name) = name {
      uses.insert(.query)
      program.map.set(Array(name.utf8), group: PolicyProgram.Group.queries, to: list)
    }
    return .list(list)
  }

  private mutating func capture(_ name: String) -> Int32 {
    if let known = captureNames[name] { return known }
    let number = Int32(captureNames.count)
    captureNames[name] = number
    return number
  }

  // MARK: Conditions

  private mutating func conditions(_ given: Conditions) -> Range<Int32> {
    let start = Int32(program.conditions.count)
    // The path stands first: later conditions may ask for what it captured.
    if !given.paths.isEmpty { program.conditions.append(paths(given.paths)) }
    if !given.methods.isEmpty {
      program.conditions.append(oneOf(source(.method), given.methods.map { Array($0.utf8) }))
    }
    if !given.hosts.isEmpty { program.conditions.append(hosts(given.hosts)) }
    if !given.networks.isEmpty { program.conditions.append(networks(given.networks)) }
    for condition in given.attributes { program.conditions.append(attribute(condition)) }
    return start..<Int32(program.conditions.count)
  }

  private mutating func paths(_ patterns: [PathPattern]) -> PolicyProgram.Condition {
    uses.insert(.path)
    let start = Int32(program.patterns.count)
    for pattern in patterns {
      let segmentStart = Int32(program.patternSegments.count)
      let captureStart = Int32(program.captures.count)
      for (index, segment) in pattern.segments.enumerated() {
        switch segment {
        case .literal(let text):
          program.patternSegments.append(program.map.intern(text.utf8))
        case .any:
          program.patternSegments.append(ArenaRange(start: 0, count: -1))
        case .capture(let name):
          program.patternSegments.append(ArenaRange(start: 0, count: -1))
          program.captures.append(PolicyProgram.Capture(name: capture(name), segment: Int32(index)))
        }
      }
      program.patterns.append(
        PolicyProgram.Pattern(
          segments: segmentStart..<Int32(program.patternSegments.count),
          captures: captureStart..<Int32(program.captures.count), matchesRest: pattern.matchesRest))
    }
    return .paths(start..<Int32(program.patterns.count))
  }

  private mutating func hosts(_ patterns: [HostPattern]) -> PolicyProgram.Condition {
    uses.insert(.host)
    let group = newGroup(2)
    for pattern in patterns {
      program.map.set(Array(pattern.name.utf8), group: pattern.matchesSubdomains ? group + 1 : group, to: 0)
    }
    let start = Int32(program.lengths.count)
    let lengths = Set(patterns.filter(\.matchesSubdomains).map { Int32($0.name.utf8.count) })
    program.lengths.append(contentsOf: lengths.sorted())
    return .hosts(group: group, lengths: start..<Int32(program.lengths.count))
  }

  private mutating func networks(_ networks: [IPNetwork]) -> PolicyProgram.Condition {
    uses.insert(.ip)
    program.networks.append(NetworkMap(networks.map { ($0, 0) }))
    return .networks(Int32(program.networks.count - 1))
  }

  private mutating func oneOf(_ source: PolicyProgram.Source, _ values: [[UInt8]]) -> PolicyProgram.Condition {
    let group = newGroup()
    for value in values { program.map.set(value, group: group, to: 0) }
    return .oneOf(source, group: group)
  }

  private mutating func attribute(_ condition: AttributeCondition) -> PolicyProgram.Condition {
    let source = source(condition.name)
    switch condition.test {
    case .present(let wanted):
      return .present(source, wanted)
    case .oneOf(let values):
      if source == .ip { return networks(values.compactMap { IPNetwork($0) }) }
      return oneOf(source, values.map { CanonicalValue.bytes($0, of: condition.name, ipv6Prefix: program.ipv6Prefix) })
    case .prefix(let values):
      let start = Int32(program.strings.count)
      for value in values {
        program.strings.append(program.map.intern(CanonicalValue.prefix(value, of: condition.name)))
      }
      return .prefix(source, strings: start..<Int32(program.strings.count))
    }
  }

  // MARK: Cost and overrides

  private mutating func cost(_ cost: Policy.Cost) -> PolicyProgram.Cost {
    switch cost {
    case .fixed(let amount):
      return PolicyProgram.Cost(source: nil, fallback: amount, minimum: amount, maximum: amount)
    case .attribute(let name, let fallback, let minimum, let maximum):
      return PolicyProgram.Cost(source: source(name), fallback: fallback, minimum: minimum, maximum: maximum)
    }
  }

  private mutating func compileOverrides(_ policy: Policy) -> (files: Range<Int32>, catchAll: Int32) {
    var catchAll: Int32 = -1
    var files: [Int32: Int32] = [:]  // key part to group
    let start = Int32(program.overrideFiles.count)
    let keys = policy.overrides.map { literals(of: $0, policy) }
    var crowd: [FiledLiteral: Int] = [:]
    for literal in keys.joined() { if let literal { crowd[literal, default: 0] += 1 } }
    for (override, literals) in zip(policy.overrides, keys) {
      let number = Int32(program.overrides.count)
      let partStart = Int32(program.overrideParts.count)
      for literal in literals {
        program.overrideParts.append(literal.map { program.map.intern($0.bytes) } ?? ArenaRange(start: 0, count: -1))
      }
      // Under its rarest literal, so that ten thousand overrides of one tenant are not a list to go through.
      let filed = literals.compactMap { $0 }.min { crowd[$0, default: 0] < crowd[$1, default: 0] }
      var limit = policy.limit
      var effect = Charge.Effect.limit
      switch override.effect {
      case .limit(let numbers): limit = numbers
      case .unlimited: effect = .unlimited
      case .block: effect = .block
      }
      program.overrides.append(
        PolicyProgram.Override(
          parts: partStart..<Int32(program.overrideParts.count), effect: effect, limit: limit, next: -1))
      guard let filed else {
        if catchAll < 0 { catchAll = number }
        continue
      }
      if files[filed.part] == nil {
        let group = newGroup()
        files[filed.part] = group
        program.overrideFiles.append(PolicyProgram.OverrideFile(part: filed.part, group: group))
      }
      file(number, under: filed.bytes, group: files[filed.part]!)
    }
    return (start..<Int32(program.overrideFiles.count), catchAll)
  }

  /// A literal entry of an override's key, in the form that checks have, and which part of the key it stands for.
  private struct FiledLiteral: Hashable {
    var part: Int32
    var bytes: [UInt8]
  }

  /// One a key part; nil where it matches any value.
  private func literals(of override: Policy.Override, _ policy: Policy) -> [FiledLiteral?] {
    override.key.enumerated().map { index, text in
      text.map { text in
        let bytes = CanonicalValue.bytes(text, of: policy.key[index], ipv6Prefix: program.ipv6Prefix)
        return FiledLiteral(part: Int32(index), bytes: bytes)
      }
    }
  }

  /// Hangs an override behind those already filed under the same literal, so that the first still comes first.
  private mutating func file(_ number: Int32, under literal: [UInt8], group: Int32) {
    let head = program.map.value(of: literal, group: group)
    guard head >= 0 else {
      program.map.set(literal, group: group, to: number)
      return
    }
    // Chains run from the newest to the oldest: the look-up takes the smallest number of the whole chain.
    program.overrides[Int(number)].next = head
    program.map.set(literal, group: group, to: number)
  }
}
