// SchemaReader+Conditions.swift: `match` and `except`.
//
// `attributes` may name any attribute. Exact values of `method`, `path`, `host` and `ip` there mean what they mean under
// `methods`, `path`, `host` and `ip` (patterns and networks included), so each is given in one of the two places; their
// other forms, and all forms of other attributes, become conditions of their own. A header is likewise given once, under
// `headers` or as `header.NAME`.

import Policies

extension SchemaReader {
  /// Conditions, and what later rules must know about how they were written.
  struct ReadConditions {
    var conditions = Conditions()
    /// False where a path could not be read, so that nothing can be said about captures.
    var pathsAreKnown = true
    /// Where each condition on a capture stands.
    var captures: [(name: AttributeName, mark: Mark)] = []
    var mark: Mark
  }

  mutating func conditions(_ node: YAMLNode, _ label: String) -> ReadConditions? {
    let known = ["methods", "path", "host", "ip", "headers", "attributes"]
    guard let members = members(node, label, known: known) else { return nil }
    var result = ReadConditions(mark: node.mark)
    if let node = members["methods"] { result.conditions.methods = methods(node, "\(label).methods") }
    if let node = members["path"] { readPaths(node, "\(label).path", into: &result) }
    if let node = members["host"] { result.conditions.hosts = hosts(node, "\(label).host") }
    if let node = members["ip"] { result.conditions.networks = networks(node, "\(label).ip") }
    if let node = members["headers"] { readHeaders(node, "\(label).headers", into: &result) }
    if let node = members["attributes"] {
      readAttributes(node, "\(label).attributes", beside: members, into: &result)
    }
    return result
  }

  // MARK: Typed conditions

  private mutating func methods(_ node: YAMLNode, _ label: String) -> [String] {
    var methods: [String] = []
    for (method, mark) in texts(node, label) ?? [] {
      guard !method.isEmpty, method.utf8.allSatisfy(AttributeName.isToken) else {
        error(mark, "\(label) \(Quote.text(method)): no HTTP method; use a word such as GET")
        continue
      }
      if method != method.uppercased() {
        warn(mark, "\(label) \"\(method)\": methods are case-sensitive; did you mean \"\(method.uppercased())\"?")
      }
      methods.append(method)
    }
    return methods
  }

  private mutating func readPaths(_ node: YAMLNode, _ label: String, into result: inout ReadConditions) {
    let errorsBefore = errorCount
    for (text, mark) in texts(node, label) ?? [] {
      do throws(PathPattern.Malformed) {
        result.conditions.paths.append(try PathPattern(text))
        warnOfPath(text, at: mark, label)
      } catch {
        self.error(mark, error.message)
      }
    }
    if errorCount > errorsBefore { result.pathsAreKnown = false }
  }

  /// Paths are matched without their query and after percent-decoding.
  private mutating func warnOfPath(_ text: String, at mark: Mark, _ label: String) {
    if text.utf8.contains(UInt8(ascii: "?")) {
      warn(mark, "\(label) \(Quote.text(text)): paths are matched without their query; use attributes: {query.NAME: …}")
    } else if Self.hasPercentEscape(text) {
      warn(mark, "\(label) \(Quote.text(text)): paths are matched after percent-decoding; write the character itself")
    }
  }

  private static func hasPercentEscape(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    return bytes.indices.dropLast(2).contains { index in
      bytes[index] == UInt8(ascii: "%") && Character(Unicode.Scalar(bytes[index + 1])).isHexDigit
        && Character(Unicode.Scalar(bytes[index + 2])).isHexDigit
    }
  }

  private mutating func hosts(_ node: YAMLNode, _ label: String) -> [HostPattern] {
    var hosts: [HostPattern] = []
    for (text, mark) in texts(node, label) ?? [] {
      do throws(HostPattern.Malformed) {
        hosts.append(try HostPattern(text))
      } catch {
        self.error(mark, error.message)
      }
    }
    return hosts
  }

  private mutating func networks(_ node: YAMLNode, _ label: String) -> [IPNetwork] {
    var networks: [IPNetwork] = []
    for (text, mark) in texts(node, label) ?? [] {
      if let network = Self.network(text) {
        networks.append(network)
      } else {
        error(mark, "\(label) \(Quote.text(text)): no address; use one such as 192.0.2.1, 10.0.0.0/8 or 2001:db8::/32")
      }
    }
    return networks
  }

  /// A network, its prefix length in digits alone.
  static func network(_ text: String) -> IPNetwork? {
    if let slash = text.utf8.firstIndex(of: UInt8(ascii: "/")) {
      let digits = text.utf8[slash...].dropFirst()
      guard !digits.isEmpty, digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
        return nil
      }
    }
    return IPNetwork(text)
  }

  // MARK: Headers and other attributes

  private mutating func readHeaders(_ node: YAMLNode, _ label: String, into result: inout ReadConditions) {
    guard let members = members(node, label, normalize: { $0.lowercased() }) else { return }
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

  private mutating func readAttributes(
    _ node: YAMLNode, _ label: String, beside conditions: Members, into result: inout ReadConditions
  ) {
    guard let members = members(node, label, normalize: { AttributeName($0)?.text ?? $0 }) else { return }
    for written in members.order {
      let mark = members.mark(written)
      guard let name = attribute(written, at: mark, label), let value = members[written] else { continue }
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
