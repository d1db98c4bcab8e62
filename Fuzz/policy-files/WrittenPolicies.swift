// WrittenPolicies.swift: the contract's words about policy files once more, on a file in JSON that `ReferenceJSON` has
// read: of each policy its members, the defaults of those that are not there, and the values. What hosts and networks are
// normalised to is not compared, only how many there are.

import Limiting
import Policies

/// A policy file as a slow reader sees it, and what must have come of it.
struct WrittenPolicies {
  private let root: ReferenceJSON
  private let redisIsGiven: Bool

  /// nil where the input is no JSON, or may be text that JSON and YAML write differently: letters beyond ASCII can be
  /// line breaks to YAML, and the text of a fraction or of `-0` is not kept.
  init?(_ input: [UInt8], redisIsGiven: Bool) {
    guard input.allSatisfy({ $0 < 0x80 }), let root = ReferenceJSON(input), case .object = root,
      !zip(input, input.dropFirst()).contains(where: { $0 == UInt8(ascii: "-") && $1 == UInt8(ascii: "0") }),
      !Self.holdsFraction(root)
    else { return nil }
    self.root = root
    self.redisIsGiven = redisIsGiven
  }

  private static func holdsFraction(_ value: ReferenceJSON) -> Bool {
    switch value {
    case .real: true
    case .array(let elements): elements.contains(where: holdsFraction)
    case .object(let members): members.contains { holdsFraction($0.value) }
    case .string, .integer, .bool, .null: false
    }
  }

  /// The same file, to be written in another style.
  var asText: PolicyText { Self.policyText(root) }

  private static func policyText(_ value: ReferenceJSON) -> PolicyText {
    switch value {
    case .integer(let number): .number(number)
    case .array(let elements): .list(elements.map(policyText))
    case .object(let members): .mapping(members.map { (key: name(of: $0), value: policyText($0.value)) })
    case .string, .bool, .null, .real: .text(scalar(value) ?? "")
    }
  }

  /// Holds policies that were read without an error against what is written.
  func requireSame(_ policies: [Policy], domain: String) throws(Broken) {
    try Self.requireEqual("the domain", domain, Self.text(of: root, "domain", else: "default"))
    guard case .array(let elements) = root["policies"] else { throw Broken("policies that are no list") }
    try Self.requireEqual("the number of policies", "\(policies.count)", "\(elements.count)")
    for (policy, element) in zip(policies, elements) { try requireSame(policy, element, domain) }
  }

  private func requireSame(_ policy: Policy, _ written: ReferenceJSON, _ domain: String) throws(Broken) {
    let store = redisIsGiven ? "redis" : "memory"
    let words: [(member: String, found: String, standard: String)] = [
      ("name", policy.name, ""), ("missing", policy.missing.rawValue, "skip"),
      ("algorithm", "\(policy.limit.algorithm.name)", "token-bucket"), ("store", policy.store.rawValue, store),
      ("on_store_failure", policy.onStoreFailure.rawValue, "memory"), ("mode", policy.mode.rawValue, "enforce"),
    ]
    for (member, found, standard) in words {
      try Self.requireEqual("\(policy.name).\(member)", found, Self.text(of: written, member, else: standard))
    }
    try Self.requireEqual("\(policy.name).domain", policy.domain, domain)
    let description = written["description"].flatMap(Self.scalar)
    try Self.requireEqual("\(policy.name).description", policy.description ?? "none", description ?? "none")
    let key = Self.texts(written["key"]).map(Self.canonical)
    try Self.requireEqual("\(policy.name).key", policy.key.map(\.text), key)
    try Self.requireEqual("\(policy.name).cost", Self.cost(policy.cost), Self.cost(written["cost"]))
    try Self.requireEqual("\(policy.name)'s numbers", Self.numbers(policy.limit), Self.numbers(written, of: policy))
    try Self.requireConditions("\(policy.name).match", policy.match, written["match"])
    try require((policy.except != nil) == (written["except"] != nil), "\(policy.name): except appears or is gone")
    if let except = policy.except { try Self.requireConditions("\(policy.name).except", except, written["except"]) }
    try requireOverrides(policy, written)
  }

  // MARK: Numbers

  private static func numbers(_ limit: Limit) -> [String] {
    ["\(limit.limit)", "\(limit.period)", "\(limit.burst)"]
  }

  /// Limit, period in nanoseconds and burst; those that `base` gives, or a policy without one, where `written` has none.
  private static func numbers(
    _ written: ReferenceJSON, over base: ReferenceJSON? = nil, of policy: Policy
  ) -> [String] {
    func given(_ member: String) -> String? {
      (written[member] ?? base?[member]).flatMap(scalar)
    }
    let limit = given("limit") ?? ""
    let isBucket = "\(policy.limit.algorithm.name)" == "token-bucket"
    return [limit, "\(nanoseconds(given("period") ?? ""))", isBucket ? given("burst") ?? limit : limit]
  }

  /// What a duration says, number by number; 0 where it is none.
  private static func nanoseconds(_ text: String) -> Int64 {
    var total: Int64 = 0
    var rest = text[...]
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isNumber }
      rest = rest.dropFirst(digits.count)
      let unit = rest.prefix { $0.isLetter }
      rest = rest.dropFirst(unit.count)
      let milliseconds: [Substring: Int64] = ["ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000]
      guard let number = Int64(digits), let factor = milliseconds[unit] else { return 0 }
      total += number * factor * 1_000_000
    }
    return total
  }

  private static func cost(_ cost: Policy.Cost) -> [String] {
    switch cost {
    case .fixed(let number): ["\(number)"]
    case .attribute(let name, let standard, let min, let max): [name.text, "\(standard)", "\(min)", "\(max)"]
    }
  }

  private static func cost(_ written: ReferenceJSON?) -> [String] {
    guard let written else { return ["1"] }
    guard case .object = written else { return [scalar(written) ?? ""] }
    let min = text(of: written, "min", else: "1")
    return [
      canonical(text(of: written, "attribute", else: "")), text(of: written, "default", else: min), min,
      text(of: written, "max", else: "1000000"),
    ]
  }

  private func requireOverrides(_ policy: Policy, _ written: ReferenceJSON) throws(Broken) {
    var elements: [ReferenceJSON] = []
    if case .array(let given) = written["overrides"] { elements = given }
    try Self.requireEqual("\(policy.name)'s overrides", "\(policy.overrides.count)", "\(elements.count)")
    for (override, element) in zip(policy.overrides, elements) {
      try Self.requireEqual("\(policy.name)'s override", override.key.map { $0 ?? "*" }, Self.texts(element["key"]))
      let expected =
        element["block"] != nil
        ? ["block"]
        : element["unlimited"] != nil ? ["unlimited"] : Self.numbers(element, over: written, of: policy)
      let found =
        switch override.effect {
        case .block: ["block"]
        case .unlimited: ["unlimited"]
        case .limit(let limit): Self.numbers(limit)
        }
      try Self.requireEqual("\(policy.name)'s override", found, expected)
    }
  }

  // MARK: Conditions

  private static func requireConditions(
    _ what: String, _ found: Conditions, _ written: ReferenceJSON?
  ) throws(Broken) {
    var expected: [String: [String]] = [:]
    for member in ["methods", "path", "host", "ip"] { expected[member] = texts(written?[member]) }
    var tests: [String] = []
    for member in members(written?["headers"]) {
      tests.append(test("header." + name(of: member).lowercased(), member.value))
    }
    let typed = ["method": "methods", "path": "path", "host": "host", "ip": "ip"]
    for member in members(written?["attributes"]) {
      let attribute = canonical(name(of: member))
      if let condition = typed[attribute], !isObject(member.value) {
        expected[condition] = texts(member.value)
      } else {
        tests.append(test(attribute, member.value))
      }
    }
    try requireEqual("\(what).methods", found.methods, expected["methods"] ?? [])
    try requireEqual("\(what).path", found.paths.map(\.text), (expected["path"] ?? []).map(withoutLastSlash))
    let hosts = (expected["host"] ?? []).map { "\($0.utf8.starts(with: "*.".utf8))" }
    try requireEqual("\(what).host, whether with subdomains", found.hosts.map { "\($0.matchesSubdomains)" }, hosts)
    try requireEqual("\(what).ip", "\(found.networks.count)", "\((expected["ip"] ?? []).count)")
    try requireEqual("\(what), its attributes", found.attributes.map { test($0) }, tests)
  }

  private static func withoutLastSlash(_ path: String) -> String {
    path.utf8.count > 1 && path.utf8.last == UInt8(ascii: "/") ? String(path.dropLast()) : path
  }

  /// A condition on an attribute in words.
  private static func test(_ condition: AttributeCondition) -> String {
    switch condition.test {
    case .oneOf(let values): "\(condition.name.text) is \(values)"
    case .present(let present): "\(condition.name.text) is there: \(present)"
    case .prefix(let values): "\(condition.name.text) begins with \(values)"
    }
  }

  private static func test(_ name: String, _ written: ReferenceJSON) -> String {
    if let present = written["present"] { return "\(name) is there: \(scalar(present) ?? "")" }
    guard let prefix = written["prefix"] else { return "\(name) is \(texts(written))" }
    return "\(name) begins with \(texts(prefix).map { name == "host" ? $0.lowercased() : $0 })"
  }

  // MARK: Values

  /// A scalar as it is written; nil for what is none.
  private static func scalar(_ value: ReferenceJSON) -> String? {
    switch value {
    case .string(let text): String(decoding: text, as: UTF8.self)
    case .integer(let number): "\(number)"
    case .bool(let value): "\(value)"
    case .null: "null"
    case .real, .array, .object: nil
    }
  }

  private static func text(of value: ReferenceJSON, _ member: String, else standard: String) -> String {
    value[member].flatMap(scalar) ?? standard
  }

  /// A text, or a list of them; none where there is no value.
  private static func texts(_ value: ReferenceJSON?) -> [String] {
    guard let value else { return [] }
    guard case .array(let elements) = value else { return [scalar(value)].compactMap { $0 } }
    return elements.compactMap(scalar)
  }

  /// The names of headers do not depend on case.
  private static func canonical(_ name: String) -> String {
    name.utf8.starts(with: "header.".utf8) ? name.lowercased() : name
  }

  private static func members(_ value: ReferenceJSON?) -> [ReferenceJSON.Member] {
    if case .object(let members) = value { members } else { [] }
  }

  private static func name(of member: ReferenceJSON.Member) -> String { String(decoding: member.name, as: UTF8.self) }

  private static func isObject(_ value: ReferenceJSON) -> Bool { if case .object = value { true } else { false } }

  // MARK: Comparing

  private static func requireEqual(_ what: String, _ found: String, _ expected: String) throws(Broken) {
    try requireEqual(what, [found], [expected])
  }

  /// To the byte: to Swift, texts that only look alike are equal.
  private static func requireEqual(_ what: String, _ found: [String], _ expected: [String]) throws(Broken) {
    if found.map({ Array($0.utf8) }) != expected.map({ Array($0.utf8) }) {
      throw Broken("\(what) is \(found), and written is \(expected)")
    }
  }
}
