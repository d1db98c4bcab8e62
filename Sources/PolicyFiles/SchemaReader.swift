// SchemaReader.swift: reads one file's tree by the schema of policy files. This file holds what every part of the
// schema shares: reporting, and mappings with known keys. The extensions read values, attributes, conditions, limits,
// policies and the file as a whole.
//
// A reader goes on after an error, so that all of them are reported at once; a method that returns nil has reported
// why. Nothing that was read beside an error is used.

import Policies

struct SchemaReader {
  let file: String
  let options: PolicyParser.Options
  private(set) var report: [Diagnostic] = []
  private(set) var errorCount = 0
  /// Diagnostics beyond those in `report`.
  private(set) var notShown = 0

  init(file: String, options: PolicyParser.Options) {
    self.file = file
    self.options = options
  }

  /// Reports what cannot be loaded. Messages beyond `FileBounds.diagnostics` are counted, not made.
  mutating func error(_ mark: Mark, _ message: @autoclosure () -> String) {
    errorCount += 1
    add(.error, mark, message)
  }

  mutating func warn(_ mark: Mark, _ message: @autoclosure () -> String) { add(.warning, mark, message) }

  private mutating func add(_ severity: Diagnostic.Severity, _ mark: Mark, _ message: () -> String) {
    guard report.count < FileBounds.diagnostics else {
      notShown += 1
      return
    }
    report.append(
      Diagnostic(file: file, line: mark.line, column: mark.column, severity: severity, message: message()))
  }

  // MARK: Mappings

  /// A mapping's values by key, and where each key stands.
  struct Members {
    var mark: Mark
    var byKey: [String: Member] = [:]
    /// In the order of the file.
    var order: [String] = []

    struct Member {
      var mark: Mark
      var value: YAMLNode
    }

    subscript(key: String) -> YAMLNode? { byKey[key]?.value }

    func mark(_ key: String) -> Mark { byKey[key]?.mark ?? mark }
  }

  /// The members of a mapping with any keys, each once.
  ///
  /// - Parameters:
  ///   - label: What the mapping is, for messages.
  ///   - normalize: How the key counts, where not as it is written.
  mutating func members(
    _ node: YAMLNode, _ label: String, normalize: (String) -> String = { $0 }
  ) -> Members? {
    guard case .mapping(let pairs) = node.content else {
      error(node.mark, "\(label): must be a mapping, not \(node.kind)")
      return nil
    }
    var members = Members(mark: node.mark)
    for pair in pairs {
      guard case .text(let written) = pair.key.content else {
        error(pair.key.mark, "\(label): a key must be a word, not \(pair.key.kind)")
        continue
      }
      let key = normalize(written)
      if let first = members.byKey[key] {
        error(
          pair.key.mark, "duplicate key \(Quote.text(written)) in \(label); the first is at line \(first.mark.line)")
        continue
      }
      members.byKey[key] = Members.Member(mark: pair.key.mark, value: pair.value)
      members.order.append(key)
    }
    return members
  }

  /// The members of a mapping that may hold only `known` keys.
  mutating func members(_ node: YAMLNode, _ label: String, known: [String]) -> Members? {
    guard let members = members(node, label) else { return nil }
    for key in members.order where !known.contains(key) {
      error(members.mark(key), "unknown key \(Quote.text(key)) in \(label); " + Self.suggestion(for: key, among: known))
    }
    return members
  }

  /// `did you mean "limit"?`, or the known words where none is near.
  static func suggestion(for word: String, among known: [String]) -> String {
    if word == "<<" { return "merge keys are not supported" }
    if let nearest = NearestWord.find(word, in: known) { return "did you mean \"\(nearest)\"?" }
    return "use " + alternatives(known)
  }

  /// `a, b or c`.
  static func alternatives(_ words: [String]) -> String {
    guard words.count > 1 else { return words.first ?? "" }
    return words.dropLast().joined(separator: ", ") + " or " + words[words.count - 1]
  }
}
