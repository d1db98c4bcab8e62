// SchemaReader+Attributes.swift: names of attributes, and the captures that they may name.

import Policies

extension SchemaReader {
  /// The name of an attribute, as `key`, `cost` and `attributes` give it.
  mutating func attribute(_ text: String, at mark: Mark, _ label: String) -> AttributeName? {
    if let name = AttributeName(text) { return name }
    var message = "\(label) \(Quote.text(text)): no attribute; "
    if let nearest = Self.nearestAttribute(to: text) { message += "did you mean \"\(nearest)\"? " }
    error(
      mark,
      message + "use method, path, host, ip, header.NAME, query.NAME, path.NAME or a name of your own "
        + "(a-z, then a-z, 0-9, \"_\" or \"-\")")
    return nil
  }

  /// The attribute that a wrong name was meant to be.
  private static func nearestAttribute(to text: String) -> String? {
    let lowered = text.lowercased()
    if AttributeName(lowered) != nil { return lowered }
    guard let dot = lowered.firstIndex(of: ".") else { return nil }
    // Only the part before the dot is a word of ours: `headers.x-plan`.
    let rest = text[text.index(after: text.firstIndex(of: ".") ?? text.startIndex)...]
    let known = ["header", "query", "path"]
    guard let nearest = NearestWord.find(String(lowered[..<dot]), in: known) else { return nil }
    let meant = "\(nearest).\(rest)"
    return AttributeName(meant) == nil ? nil : meant
  }

  /// Warns where a custom name is almost surely a slip: only a program's own JSON could set it, so the policy would
  /// limit nothing.
  mutating func warnOfSlip(_ name: AttributeName, at mark: Mark, _ label: String) {
    let meant: [String: String] = [
      "header": "header.NAME", "headers": "header.NAME", "query": "query.NAME", "methods": "method", "paths": "path",
      "hosts": "host", "ips": "ip",
    ]
    guard case .custom(let text) = name else { return }
    if text == "null" {
      warn(mark, "\(label) \"null\" names an attribute called null; leave \(label) out if there is none")
    } else if let known = meant[text] {
      warn(mark, "\(label) \"\(text)\" names an attribute that only programs can set; did you mean \"\(known)\"?")
    }
  }

  /// Reports a capture that not every path of the policy has; `paths` is nil where they could not be read.
  mutating func requireCapture(_ name: AttributeName, in paths: [PathPattern]?, at mark: Mark, _ label: String) {
    guard case .capture(let capture) = name, let paths else { return }
    if paths.isEmpty {
      error(mark, "\(label) \"\(name.text)\": nothing captures it; match.path must contain {\(capture)}")
    } else if let path = paths.first(where: { !$0.captures.contains(capture) }) {
      error(
        mark, "\(label) \"\(name.text)\": match.path \(Quote.text(path.text)) must contain {\(capture)}, as all must")
    }
  }
}
