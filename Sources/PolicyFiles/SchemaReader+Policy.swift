// SchemaReader+Policy.swift: one policy of a file.

import Limiting
import Policies

extension SchemaReader {
  private static let policyKeys = [
    "name", "description", "match", "except", "key", "missing", "algorithm", "limit", "period", "burst", "cost",
    "store",
    "on_store_failure", "mode", "overrides",
  ]

  /// A policy of `domain`; nil where it has no valid name.
  mutating func policy(_ node: YAMLNode, domain: String) -> NamedPolicy? {
    guard let members = members(node, "a policy", known: Self.policyKeys) else { return nil }
    let errorsBefore = errorCount
    var named = policyName(members)
    let match = members["match"].map { conditions($0, "match") }
    let except = members["except"].map { self.except($0) }
    // A path that could not be read says nothing about captures; a policy without any has none.
    let paths = match.map { read in read.flatMap { $0.pathsAreKnown ? $0.conditions.paths : nil } } ?? []
    for captured in [match, except].compactMap({ $0.flatMap { $0 } }).flatMap(\.captures) {
      requireCapture(captured.name, in: paths, at: captured.mark, "attributes")
    }
    let key = self.key(members["key"], paths: paths)
    let numbers = self.numbers(members)
    let cost = members["cost"].map { self.cost($0, paths: paths) } ?? Policy.Cost.fixed(1)
    let store = self.store(members["store"])
    let onStoreFailure: Policy.OnStoreFailure? = choice(members, "on_store_failure", default: .memory)
    let mode: Policy.Mode? = choice(members, "mode", default: .enforce)
    let missing: Policy.Missing? = choice(members, "missing", default: .skip)
    let description = members["description"].flatMap { self.description($0) }
    let base = OverrideBase(
      key: key?.map(\.name), algorithm: numbers.algorithm, limit: numbers.limit, period: numbers.period,
      burst: numbers.burst)
    let overrides = members["overrides"].map { self.overrides($0, base) } ?? []

    guard errorCount == errorsBefore, let name = named, let key, let limit = numbers.combined, let cost, let store,
      let onStoreFailure, let mode, let missing
    else { return named }
    let policy = Policy(
      domain: domain, name: name.name, description: description, source: SourceLine(file: file, line: name.mark.line),
      match: match.flatMap { $0?.conditions } ?? Conditions(), except: except.flatMap { $0?.conditions },
      key: key.map(\.name), missing: missing, limit: limit, cost: cost, store: store, onStoreFailure: onStoreFailure,
      mode: mode, overrides: overrides.map(\.0))
    let marks = ReadPolicy.Marks(
      name: name.mark, match: members.mark("match"), except: members.mark("except"), key: key.map(\.mark),
      limit: members["limit"]?.mark ?? name.mark, cost: members["cost"]?.mark ?? name.mark,
      overrides: overrides.map(\.1))
    named?.policy = ReadPolicy(policy: policy, marks: marks)
    return named
  }

  private mutating func policyName(_ members: Members) -> NamedPolicy? {
    guard let node = members["name"] else {
      error(members.mark, "a policy needs \"name\"")
      return nil
    }
    return name(node, "name").map { NamedPolicy(name: $0, mark: node.mark) }
  }

  private mutating func description(_ node: YAMLNode) -> String? {
    if case .nothing = node.content { return nil }
    return text(node, "description")
  }

  private mutating func except(_ node: YAMLNode) -> ReadConditions? {
    let errorsBefore = errorCount
    guard let read = conditions(node, "except") else { return nil }
    if errorCount == errorsBefore, read.conditions.isEmpty {
      error(node.mark, "except: needs a condition; without one it always holds, and the policy never applies")
    }
    return read
  }

  /// The attributes of the key and where each stands; none where `node` is nil.
  private mutating func key(_ node: YAMLNode?, paths: [PathPattern]?) -> [(name: AttributeName, mark: Mark)]? {
    guard let node else { return [] }
    if case .list(let elements) = node.content, elements.isEmpty { return [] }
    guard let parts = texts(node, "key") else { return nil }
    var key: [(name: AttributeName, mark: Mark)] = []
    for part in parts {
      guard let name = attribute(part.text, at: part.mark, "key") else { continue }
      if key.contains(where: { $0.name == name }) {
        error(part.mark, "key \"\(name.text)\": is in the key already")
      }
      requireCapture(name, in: paths, at: part.mark, "key")
      warnOfSlip(name, at: part.mark, "key")
      key.append((name, part.mark))
    }
    return key.count == parts.count ? key : nil
  }

  /// The policy's own numbers, each nil where it could not be read (a burst also where there is none).
  private struct Numbers {
    var algorithm: Algorithm?
    var limit: Int64?
    var period: Int64?
    var burst: Int64?

    var combined: Limit? {
      guard let algorithm, let limit, let period else { return nil }
      return Limit(algorithm: algorithm, limit: limit, period: period, burst: burst)
    }
  }

  private mutating func numbers(_ members: Members) -> Numbers {
    var numbers = Numbers()
    numbers.algorithm = algorithm(members["algorithm"])
    if let node = members["limit"] {
      numbers.limit = limit(node, "limit", numbers.algorithm)
    } else {
      error(members.mark, "a policy needs \"limit\"")
    }
    if let node = members["period"] {
      numbers.period = period(node, "period")
    } else {
      error(members.mark, "a policy needs \"period\"")
    }
    numbers.burst = burst(members, "burst", numbers.algorithm)
    return numbers
  }

  private mutating func store(_ node: YAMLNode?) -> Policy.StoreKind? {
    guard let node else { return options.redisIsGiven ? .redis : .memory }
    guard let store: Policy.StoreKind = word(node, "store") else { return nil }
    if store == .redis, !options.redisIsGiven {
      error(node.mark, "store \"redis\": no Redis is given; start with --redis URL, or use memory")
      return nil
    }
    return store
  }

  private mutating func choice<Word: RawRepresentable<String> & CaseIterable>(
    _ members: Members, _ key: String, default standard: Word
  ) -> Word? {
    guard let node = members[key] else { return standard }
    return word(node, key)
  }
}
