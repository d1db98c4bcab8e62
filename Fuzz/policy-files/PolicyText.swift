// PolicyText.swift: policies written as a policy file again, every default spelled out: as JSON, or as YAML in blocks.

import Limiting
import PolicyFiles

@testable import Policies

/// A policy file that is to be written.
indirect enum PolicyText {
  case text(String)
  case number(Int64)
  case list([PolicyText])
  case mapping([(key: String, value: PolicyText)])

  /// The file that holds these policies, all of one domain.
  init(_ policies: [Policy], domain: String) {
    self = .mapping([("domain", .text(domain)), ("policies", .list(policies.map(Self.policy)))])
  }

  private static func policy(_ policy: Policy) -> PolicyText {
    var members: [(key: String, value: PolicyText)] = [("name", .text(policy.name))]
    if let description = policy.description { members.append(("description", .text(description))) }
    if !policy.match.isEmpty { members.append(("match", conditions(policy.match))) }
    if let except = policy.except { members.append(("except", conditions(except))) }
    members += [
      ("key", .list(policy.key.map { .text($0.text) })), ("missing", .text(policy.missing.rawValue)),
      ("algorithm", .text("\(policy.limit.algorithm.name)")),
    ]
    members += numbers(policy.limit)
    switch policy.cost {
    case .fixed(let cost): members.append(("cost", .number(cost)))
    case .attribute(let name, let standard, let min, let max):
      members.append(
        (
          "cost",
          .mapping([
            ("attribute", .text(name.text)), ("default", .number(standard)), ("min", .number(min)),
            ("max", .number(max)),
          ])
        ))
    }
    members += [
      ("store", .text(policy.store.rawValue)), ("on_store_failure", .text(policy.onStoreFailure.rawValue)),
      ("mode", .text(policy.mode.rawValue)),
    ]
    if !policy.overrides.isEmpty { members.append(("overrides", .list(policy.overrides.map(override)))) }
    return .mapping(members)
  }

  private static func numbers(_ limit: Limit) -> [(key: String, value: PolicyText)] {
    let burst: [(key: String, value: PolicyText)] =
      limit.algorithm == .tokenBucket ? [("burst", .number(limit.burst))] : []
    return [("limit", .number(limit.limit)), ("period", .text(DurationText.text(limit.period)))] + burst
  }

  private static func override(_ override: Policy.Override) -> PolicyText {
    let key = ("key", PolicyText.list(override.key.map { .text($0 ?? "*") }))
    switch override.effect {
    case .limit(let limit): return .mapping([key] + numbers(limit))
    case .unlimited: return .mapping([key, ("unlimited", .text("true"))])
    case .block: return .mapping([key, ("block", .text("true"))])
    }
  }

  private static func conditions(_ conditions: Conditions) -> PolicyText {
    var members: [(key: String, value: PolicyText)] = []
    let lists: [(String, [String])] = [
      ("methods", conditions.methods), ("path", conditions.paths.map(\.text)), ("host", conditions.hosts.map(\.text)),
      ("ip", conditions.networks.map(\.text)),
    ]
    for (key, values) in lists where !values.isEmpty { members.append((key, .list(values.map { .text($0) }))) }
    let attributes = conditions.attributes.map { condition -> (key: String, value: PolicyText) in
      switch condition.test {
      case .oneOf(let values): (condition.name.text, .list(values.map { .text($0) }))
      case .present(let present): (condition.name.text, .mapping([("present", .text("\(present)"))]))
      case .prefix(let values): (condition.name.text, .mapping([("prefix", .list(values.map { .text($0) }))]))
      }
    }
    if !attributes.isEmpty { members.append(("attributes", .mapping(attributes))) }
    return .mapping(members)
  }

  // MARK: Writing

  var json: String {
    switch self {
    case .text(let text): Self.quoted(text)
    case .number(let number): String(number)
    case .list(let elements): "[" + elements.map(\.json).joined(separator: ",") + "]"
    case .mapping(let members):
      "{" + members.map { Self.quoted($0.key) + ": " + $0.value.json }.joined(separator: ",") + "}"
    }
  }

  /// What follows a key and its colon, or a dash.
  func block(_ indentation: String = "") -> String {
    switch self {
    case .list(let elements) where !elements.isEmpty:
      return elements.map { "\n" + indentation + "-" + $0.block(indentation + "  ") }.joined()
    case .mapping(let members) where !members.isEmpty:
      return members.map { "\n" + indentation + Self.quoted($0.key) + ":" + $0.value.block(indentation + "  ") }
        .joined()
    default: return " " + json
    }
  }

  /// The longest key: YAML takes no key of more than 1024 characters, quotation marks included, without a `?`.
  var longestKey: Int {
    switch self {
    case .text, .number: 0
    case .list(let elements): elements.map(\.longestKey).max() ?? 0
    case .mapping(let members): members.map { max(Self.quoted($0.key).utf8.count, $0.value.longestKey) }.max() ?? 0
    }
  }

  /// In double quotes, as JSON and YAML both read it: what YAML takes for a line break or does not print is an escape.
  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar.value {
      case 0x22, 0x5c: result += "\\" + String(scalar)
      case 0x20..<0x7f, 0xa1..<0x2028, 0x202a..<0xd800, 0xe000..<0xfeff, 0xff00..<0xfffe, 0x10000...:
        result.unicodeScalars.append(scalar)
      default:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      }
    }
    return result + "\""
  }
}
