// SchemaReader+Conditions.swift: `match` and `except`.

import Policies

extension SchemaReader {
  /// Conditions, and what later rules must know about how they were written.
  struct ReadConditions {
    var conditions = Conditions()
    /// False where a path could not be read, so that nothing can be said about captures.
    var pathsAreKnown = true
    /// Where each condition on a capture stands.
    var captures: [(name: AttributeName, mark: Mark)] = []
  }

  mutating func conditions(_ node: YAMLNode, _ label: String) -> ReadConditions? {
    let known = ["methods", "path", "host", "ip", "headers", "attributes"]
    guard let members = members(node, label, known: known) else { return nil }
    var result = ReadConditions()
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

  mutating func methods(_ node: YAMLNode, _ label: String) -> [String] {
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

  mutating func readPaths(_ node: YAMLNode, _ label: String, into result: inout ReadConditions) {
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

  mutating func hosts(_ node: YAMLNode, _ label: String) -> [HostPattern] {
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

  mutating func networks(_ node: YAMLNode, _ label: String) -> [IPNetwork] {
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
}
