// SchemaReader+AttributeConditions.swift: conditions on headers and any other attributes, and the forms they take.
//
// `attributes` may name any attribute. Exact values of `method`, `path`, `host` and `ip` there mean what they mean under
// `methods`, `path`, `host` and `ip` (patterns and networks included), so each is given in one of the two places; their
// other forms, and all forms of other attributes, become conditions of their own. A header is likewise given once, under
// `headers` or as `header.NAME`.

import Policies

extension SchemaReader {
  mutating func readHeaders(_ node: YAMLNode, _ label: String, into result: inout ReadConditions) {
    // Only header names are lowered: other letters may become ones that no header has.
    let lowered = { (name: String) in name.utf8.allSatisfy(AttributeName.isToken) ? name.lowercased() : name }
    guard let members = members(node, label, normalize: lowered) else { return }
    for name in members.order {
      guard !name.isEmpty, name.utf8.allSatisfy(AttributeName.isToken), let value = members[name] else {
        error(members.mark(name), "\(label): \(Quote.text(name)) is no header name")
        continue
      }
      guard let test = test(value, "\(label).\(name)") else { continue }
      warnOfList(test, at: value.mark, "\(label).\(name)")
      result.conditions.attributes.append(AttributeCondition(name: .header(name), test: test))
    }
  }

  mutating func readAttributes(
    _ node: YAMLNode, _ label: String, beside conditions: Members, into result: inout ReadConditions
  ) {
    guard let members = members(node, label, normalize: { AttributeName($0)?.text ?? $0 }) else { return }
    for written in members.order {
      let mark = members.mark(written)
      guard let name = attribute(written, at: mark, label), let value = members[written] else { continue }
      warnOfSlip(name, at: mark, label)
      let label = "\(label).\(name.text)"
      if let other = Self.typedKey(of: name), let first = conditions.byKey[other], !Self.isForm(value) {
        error(mark, "\(label): \(other) is given already, at line \(first.mark.line); give it once")
        continue
      }
      if case .header = name, result.conditions.attributes.contains(where: { $0.name == name }) {
        error(mark, "\(label): the header is given already, at line \(conditions.mark("headers").line); give it once")
        continue
      }
      readAttribute(name, value, label, into: &result)
      if case .capture = name { result.captures.append((name, mark)) }
    }
  }

  private mutating func readAttribute(
    _ name: AttributeName, _ value: YAMLNode, _ label: String, into result: inout ReadConditions
  ) {
    if !Self.isForm(value) {
      switch name {
      case .method:
        result.conditions.methods = methods(value, label)
        return
      case .path: return readPaths(value, label, into: &result)
      case .host:
        result.conditions.hosts = hosts(value, label)
        return
      case .ip:
        result.conditions.networks = networks(value, label)
        return
      default: break
      }
    }
    guard var test = test(value, label) else { return }
    if case .header = name { warnOfList(test, at: value.mark, label) }
    if case .prefix(let prefixes) = test {
      switch name {
      case .ip: return error(value.mark, "\(label): has no prefix form; use a network such as 10.0.0.0/8")
      case .host: test = .prefix(prefixes.map { $0.lowercased() })
      default: break
      }
    }
    result.conditions.attributes.append(AttributeCondition(name: name, test: test))
  }

  /// Where under `match` the exact values of an attribute stand otherwise.
  private static func typedKey(of name: AttributeName) -> String? {
    switch name {
    case .method: "methods"
    case .path: "path"
    case .host: "host"
    case .ip: "ip"
    default: nil
    }
  }

  /// `{present: …}` or `{prefix: …}`.
  private static func isForm(_ node: YAMLNode) -> Bool {
    if case .mapping = node.content { true } else { false }
  }

  // MARK: Forms

  /// A value, a list of values, `{present: true|false}` or `{prefix: …}`.
  private mutating func test(_ node: YAMLNode, _ label: String) -> AttributeCondition.Test? {
    switch node.content {
    case .text, .list: return texts(node, label).map { .oneOf($0.map(\.text)) }
    case .nothing:
      error(node.mark, "\(label): must be a value, a list, {present: true} or {prefix: …}, not empty")
      return nil
    case .mapping: break
    }
    guard let members = members(node, label, known: ["present", "prefix"]) else { return nil }
    guard members.byKey.count == 1 else {
      error(node.mark, "\(label): must be one of {present: true}, {present: false} and {prefix: …}")
      return nil
    }
    if let present = members["present"] {
      return word(present, "\(label).present", ["true", "false"]).map { .present($0 == "true") }
    }
    guard let prefix = members["prefix"] else { return nil }  // an unknown key, reported above
    return prefixes(prefix, "\(label).prefix").map { .prefix($0) }
  }

  private mutating func prefixes(_ node: YAMLNode, _ label: String) -> [String]? {
    guard let prefixes = texts(node, label) else { return nil }
    for (prefix, mark) in prefixes where prefix.isEmpty {
      error(mark, "\(label): an empty prefix holds for any value; use {present: true}")
    }
    return prefixes.map(\.text)
  }

  /// Header values are split at commas outside quotes and trimmed before they are compared.
  private mutating func warnOfList(_ test: AttributeCondition.Test, at mark: Mark, _ label: String) {
    let (values, mayEndOpen) =
      switch test {
      case .oneOf(let values): (values, false)
      case .prefix(let values): (values, true)
      case .present: ([], false)
      }
    let isBlank: (UInt8?) -> Bool = { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
    for value in values where !value.utf8.contains(UInt8(ascii: "\"")) {
      if value.utf8.contains(UInt8(ascii: ",")) {
        warn(
          mark, "\(label) \(Quote.text(value)): headers are split at commas, so no value holds one; this never matches")
      } else if isBlank(value.utf8.first) || (!mayEndOpen && isBlank(value.utf8.last)) {
        warn(
          mark,
          "\(label) \(Quote.text(value)): headers are trimmed, so no value begins or ends blank; this never matches")
      }
    }
  }
}
