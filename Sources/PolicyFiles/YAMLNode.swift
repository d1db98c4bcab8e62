// YAMLNode.swift: a YAML document as a tree that knows where each value stands. Scalars are texts; what they mean is
// for the schema to say.

/// A value of a document.
struct YAMLNode {
  var mark: Mark
  var content: Content
  /// Values in this tree, itself and its keys included; aliases count as what they stand for.
  var count: Int
  /// Levels in this tree; 1 for a scalar.
  var depth: Int

  /// Takes `child` into the counts.
  mutating func adopt(_ child: YAMLNode) {
    count += child.count
    depth = max(depth, child.depth + 1)
  }

  enum Content {
    /// Nothing: `key:` with no value after it. A quoted `""` is a text.
    case nothing
    case text(String)
    case list([YAMLNode])
    case mapping([Pair])
  }

  struct Pair {
    var key: YAMLNode
    var value: YAMLNode
  }

  /// What the value is, for "must be …, not …".
  var kind: String {
    switch content {
    case .nothing: "empty"
    case .text(let text): Quote.text(text)
    case .list: "a list"
    case .mapping: "a mapping"
    }
  }
}

/// A given text in a message: in quotation marks, and not longer than a line can bear.
enum Quote {
  static func text(_ text: String) -> String {
    let head = text.prefix(FileBounds.quotedText)
    return head.endIndex == text.endIndex ? "\"\(text)\"" : "\"\(head)…\""
  }
}
