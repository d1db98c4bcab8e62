// Words.swift: values of a check and of a policy in a sentence. They may come from anybody, so a value is shown on one
// line, without what would steer a terminal, and cut where it is long.

enum Words {
  /// A value as it stands, for those that seldom hold spaces: methods, paths, hosts.
  static func bare(_ value: [UInt8]) -> String {
    var text = ""
    for (count, scalar) in String(decoding: value, as: UTF8.self).unicodeScalars.enumerated() {
      guard count < ExplanationBounds.shownValue else { return text + "…" }
      if isPlain(scalar) { text.unicodeScalars.append(scalar) } else { text += escape(scalar) }
    }
    return text
  }

  /// In quotation marks, for values that may be empty or hold anything; a mark in it has a backslash before it.
  static func quoted(_ value: [UInt8]) -> String {
    "\"" + String(bare(value).flatMap { $0 == "\"" || $0 == "\\" ? "\\\($0)" : String($0) }) + "\""
  }

  /// `a, b and 12 more`.
  static func list(_ items: [String]) -> String {
    guard items.count > ExplanationBounds.shownItems else { return items.joined(separator: ", ") }
    return items.prefix(ExplanationBounds.shownItems).joined(separator: ", ")
      + " and \(items.count - ExplanationBounds.shownItems) more"
  }

  /// `not a`, or `none of a, b`.
  static func none(of items: [String], one: String, many: String = "none of ") -> String {
    (items.count == 1 ? one : many) + list(items)
  }

  /// `path /v1/** does not match /v2/x`, or `path /v2/x matches none of /v1/**, /v3/**`.
  static func mismatch(_ noun: String, _ value: String, _ patterns: [String]) -> String {
    patterns.count == 1
      ? "\(noun) \(patterns[0]) does not match \(value)" : "\(noun) \(value) matches none of \(list(patterns))"
  }

  /// `header x-plan`, `query parameter q`, `capture id`, `attribute plan`.
  static func noun(_ name: AttributeName) -> String {
    switch name {
    case .method, .path, .host, .ip: name.text
    case .header(let name): "header \(name)"
    case .query(let name): "query parameter \(bare(Array(name.utf8)))"
    case .capture(let name): "capture \(name)"
    case .custom(let name): "attribute \(name)"
    }
  }

  /// Whether a scalar neither ends a line, steers a terminal, nor turns the direction of what follows it.
  private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7f...0x9f, 0x200e, 0x200f, 0x2028...0x202e, 0x2066...0x2069: false
    default: true
    }
  }

  private static func escape(_ scalar: Unicode.Scalar) -> String {
    "\\u{" + String(scalar.value, radix: 16) + "}"
  }
}
