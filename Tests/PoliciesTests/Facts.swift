// Facts.swift: a check as plain Swift values, and what a policy set makes of it, so that tests read as tables.

import Limiting

@testable import Policies

/// What a caller says about one check. nil: the attribute is absent.
struct Facts {
  var domain = "default"
  var method: String?
  var target: String?
  var host: String?
  var ip: String?
  /// Lines of headers, names in lower case, in the order they came.
  var headers: [(name: String, line: String)] = []
  var customs: [(name: String, value: String)] = []
  var cost: Int64 = 1
}

/// One charge, with its key's bytes taken out of the check.
struct Outcome: Equatable {
  var policy: Int
  var key: [UInt8]
  var effect: Charge.Effect
  var limit: Limit
  var cost: Int64
  var isShadow: Bool
}

extension Check {
  mutating func fill(_ facts: Facts, _ set: PolicySet) {
    begin(set)
    let domain = Array(facts.domain.utf8)
    setDomain(domain.span, in: set)
    cost = facts.cost
    ip = facts.ip.map { IPAddress($0)! }
    if let method = facts.method.map({ Array($0.utf8) }) { setMethod(method.span) }
    if let target = facts.target.map({ Array($0.utf8) }) { setTarget(target.span, in: set) }
    if let host = facts.host.map({ Array($0.utf8) }) { setHost(host.span) }
    for (name, line) in facts.headers { add("header." + name, line, set) }
    for (name, value) in facts.customs {
      let list = set.list(named: name)
      let value = Array(value.utf8)
      if list >= 0 { setCustom(list, to: value.span) }
    }
  }

  mutating func add(_ name: String, _ line: String, _ set: PolicySet) {
    let list = set.list(named: name)
    let line = Array(line.utf8)
    if list >= 0 { addLine(line.span, to: list) }
  }

  var outcomes: [Outcome] {
    charges.map {
      Outcome(
        policy: Int($0.policy), key: Array(bytes[Int($0.keyStart)..<Int($0.keyStart + $0.keyCount)]),
        effect: $0.effect, limit: $0.limit, cost: $0.cost, isShadow: $0.isShadow)
    }
  }

  /// The values of an attribute, or nil where it is absent.
  func values(of list: Int32) -> [String]? {
    guard chains[Int(list)].first >= 0 else { return nil }
    var texts: [String] = []
    var next = chains[Int(list)].first
    while next >= 0 {
      let range = values[Int(next)].range
      texts.append(String(decoding: bytes[Int(range.start)..<range.end], as: UTF8.self))
      next = values[Int(next)].next
    }
    return texts
  }
}

extension PolicySet {
  /// A set whose slots count from 100, so that a slot is not mistaken for a policy's place.
  convenience init(_ policies: [Policy], ipv6Prefix: Int = 64) {
    self.init(policies, slots: policies.indices.map { UInt32($0 + 100) }, ipv6Prefix: ipv6Prefix)
  }

  func list(named name: String) -> Int32 {
    let bytes = Array(name.utf8)
    return list(named: bytes.span)
  }

  func outcomes(_ facts: Facts) -> [Outcome] {
    var check = Check()
    check.fill(facts, self)
    match(&check)
    return check.outcomes
  }

  /// The names of the policies that apply, in order.
  func names(_ facts: Facts) -> [String] { outcomes(facts).map { policies[$0.policy].name } }

  /// The key of the only policy that applies; nil where none does.
  func key(_ facts: Facts) -> [UInt8]? {
    let outcomes = outcomes(facts)
    precondition(outcomes.count <= 1, "meant for sets of one policy")
    return outcomes.first?.key
  }
}

extension Policy {
  /// A policy of 10 a minute with what a test is about.
  static func with(
    _ name: String = "p", domain: String = "default", match: Conditions = Conditions(), except: Conditions? = nil,
    key: [String] = [], missing: Missing = .skip, cost: Cost = .fixed(1), mode: Mode = .enforce,
    overrides: [Override] = []
  ) -> Policy {
    Policy(
      domain: domain, name: name, match: match, except: except, key: key.map { AttributeName($0)! }, missing: missing,
      limit: .ten, cost: cost, mode: mode, overrides: overrides)
  }
}

extension Limit {
  static let ten = Limit(algorithm: .tokenBucket, limit: 10, period: 60_000_000_000)

  static func of(_ limit: Int64) -> Limit { Limit(algorithm: .tokenBucket, limit: limit, period: 60_000_000_000) }
}

extension AttributeCondition {
  static func of(_ name: String, _ test: Test) -> AttributeCondition {
    AttributeCondition(name: AttributeName(name)!, test: test)
  }
}

extension Conditions {
  /// Conditions as a policy file writes them.
  static func when(
    methods: [String] = [], path: [String] = [], host: [String] = [], ip: [String] = [],
    _ attributes: [AttributeCondition] = []
  ) -> Conditions {
    Conditions(
      methods: methods, paths: path.map { try! PathPattern($0) }, hosts: host.map { try! HostPattern($0) },
      networks: ip.map { IPNetwork($0)! }, attributes: attributes)
  }
}

/// A generator with a seed, so that a failure can be run again (SplitMix64, Steele et al. 2014).
struct Seeded: RandomNumberGenerator {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }

  mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }

  /// True once in `times`.
  mutating func oneIn(_ times: Int) -> Bool { below(times) == 0 }

  mutating func pick<T>(_ values: [T]) -> T { values[below(values.count)] }

  /// `count` of the values, each at most once, in any order.
  mutating func some<T>(_ count: Int, of values: [T]) -> [T] {
    Array(values.shuffled(using: &self).prefix(count))
  }
}
