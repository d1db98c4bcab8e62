// KeyedSet.swift: a policy set that shows what a check is: one policy an attribute, with that attribute as its key.

import Limiting

@testable import Policies

/// What a match asked for, by the name of the policy.
typealias Asked = [String: AskedCharge]

struct AskedCharge: Equatable {
  var key: [UInt8]
  var cost: Int64
}

enum KeyedSet {
  /// Every domain that the set has.
  static let domains = ["default", "api"]

  static let set: PolicySet = {
    let limit = Limit(algorithm: .tokenBucket, limit: 1, period: 1_000_000_000)
    let names: [AttributeName] = [
      .method, .path, .host, .ip, .header("x-list"), .query("q"), .query("a b"), .custom("plan"),
    ]
    var policies: [Policy] = []
    for domain in domains {
      policies += names.map { Policy(domain: domain, name: policy(of: $0), key: [$0], limit: limit) }
      let pattern = try? PathPattern("/items/{id}")
      policies += [
        Policy(
          domain: domain, name: "captured", match: Conditions(paths: pattern.map { [$0] } ?? []),
          key: [.capture("id")], limit: limit),
        Policy(domain: domain, name: "shared", key: [.custom("plan"), .path], missing: .share, limit: limit),
        Policy(
          domain: domain, name: "cost", limit: limit,
          cost: .attribute(.header("x-cost"), default: 2, min: 2, max: 100)),
      ]
    }
    return PolicySet(policies, slots: policies.indices.map { UInt32($0) })
  }()

  /// `header.x-list` and `query.a b` are no policy names.
  static func policy(of name: AttributeName) -> String {
    String(name.text.map { $0.isLetter || $0 == "." ? $0 : "-" })
  }

  /// Matches a filled check.
  static func asked(_ check: inout Check) -> Asked {
    set.match(&check)
    var asked: Asked = [:]
    for charge in check.charges {
      let start = Int(charge.keyStart)
      asked[set.policies[Int(charge.policy)].name] = AskedCharge(
        key: Array(check.bytes[start..<start + Int(charge.keyCount)]), cost: charge.cost)
    }
    return asked
  }

  /// What a check with these facts must ask for.
  static func expected(_ facts: Facts) -> Asked {
    guard domains.contains(where: { Array($0.utf8) == facts.domain }) else { return [:] }
    var keys: [String: [UInt8]] = [:]
    keys["method"] = facts.method.map(ReferenceFacts.key)
    keys["path"] = facts.path.map(ReferenceFacts.key)
    keys["host"] = facts.host.map(ReferenceFacts.key)
    keys["ip"] = facts.ip.map { ReferenceFacts.key(ofAddress: $0) }
    keys["header.x-list"] = key(ofLines: facts.list)
    keys["query.q"] = key(ofLines: facts.q)
    keys["query.a-b"] = key(ofLines: facts.spaced)
    keys["plan"] = facts.plan.map(ReferenceFacts.key)
    if let path = facts.path {
      let segments = ReferenceFacts.split(path, UInt8(ascii: "/")).dropFirst()
      if segments.count == 2, segments.first == Array("items".utf8) {
        keys["captured"] = segments.last.map(ReferenceFacts.key)
      }
    }
    keys["shared"] = [0]
    if let plan = facts.plan, let path = facts.path {
      keys["shared"] = ReferenceFacts.key(of: plan) + ReferenceFacts.key(of: path)
    }
    var asked = keys.mapValues { AskedCharge(key: $0, cost: facts.cost) }
    let costs = ReferenceFacts.elements(facts.costs).compactMap { ReferenceFacts.number($0, most: 100) }
    asked["cost"] = AskedCharge(key: [], cost: facts.cost * (costs.max().map { max(2, $0) } ?? 2))
    return asked
  }

  private static func key(ofLines lines: [[UInt8]]) -> [UInt8]? {
    lines.isEmpty ? nil : ReferenceFacts.key(ofElements: ReferenceFacts.elements(lines))
  }

  /// Names the policies whose keys or costs differ.
  static func requireSame(_ found: Asked, _ expected: Asked, _ what: String) throws(Broken) {
    for name in Set(found.keys).union(expected.keys) {
      let (found, expected) = (found[name], expected[name])
      try require(
        found == expected, "\(what): \(name) is \(String(describing: found)), not \(String(describing: expected))")
    }
  }
}

/// The attributes of one check, normalised but for the lines of lists.
struct Facts {
  var domain = Array("default".utf8)
  var method: [UInt8]?
  var path: [UInt8]?
  var host: [UInt8]?
  var ip: [UInt8]?
  /// The lines of `x-list` and of `x-cost`, and the occurrences of two query parameters.
  var list: [[UInt8]] = []
  var costs: [[UInt8]] = []
  var q: [[UInt8]] = []
  var spaced: [[UInt8]] = []
  var plan: [UInt8]?
  /// Multiplies each policy's own.
  var cost: Int64 = 1
}
