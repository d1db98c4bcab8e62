// PathPattern.swift: `/v1/*/items/{id}/**`: a path, segment by segment.

/// A pattern over the segments of a normalised path.
public struct PathPattern: Sendable, Equatable {
  public enum Segment: Sendable, Equatable {
    /// These bytes, after percent-decoding.
    case literal(String)
    /// `*`: any one segment.
    case any
    /// `{name}`: any one segment, which the key can name as `path.name`.
    case capture(String)
  }

  public var segments: [Segment]
  /// Ends in `**`: any rest, also none.
  public var matchesRest: Bool

  /// What is wrong with a pattern, as a sentence for the author of the file.
  public struct Malformed: Error, Equatable {
    public var message: String
  }

  /// Reads a pattern as policy files write it.
  ///
  /// Must begin with `/`. `**` stands only at the end; `*` and `{name}` fill a whole segment; a capture name stands
  /// once. A trailing slash does not count; empty and dot segments are errors, since no normalised path has them.
  public init(_ text: String) throws(Malformed) {
    guard text.utf8.first == UInt8(ascii: "/") else {
      throw Malformed(message: "path pattern \"\(text)\" must begin with \"/\"")
    }
    segments = []
    matchesRest = false
    var parts = text.utf8.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    if parts.last?.isEmpty == true { parts.removeLast() }
    for (index, part) in parts.enumerated() {
      let segment = String(decoding: part, as: UTF8.self)
      switch segment {
      case "":
        throw Malformed(message: "path pattern \"\(text)\" has an empty segment; paths match with \"//\" collapsed")
      case ".", "..":
        throw Malformed(message: "path pattern \"\(text)\" has a dot segment; paths are matched with these removed")
      case "**":
        guard index == parts.count - 1 else {
          throw Malformed(message: "path pattern \"\(text)\": \"**\" stands only at the end; use \"*\" for one segment")
        }
        matchesRest = true
      case "*":
        segments.append(.any)
      default:
        segments.append(try Self.named(segment, of: text))
      }
    }
    var seen: Set<String> = []
    for name in captures where !seen.insert(name).inserted {
      throw Malformed(message: "path pattern \"\(text)\" captures \"\(name)\" twice")
    }
  }

  private static func named(_ segment: String, of text: String) throws(Malformed) -> Segment {
    guard segment.utf8.contains(where: { "{}*".utf8.contains($0) }) else { return .literal(segment) }
    let inner = String(segment.dropFirst().dropLast())
    guard segment.hasPrefix("{"), segment.hasSuffix("}"), AttributeName.isCaptureName(inner) else {
      throw Malformed(
        message: "path pattern \"\(text)\": segment \"\(segment)\" mixes text with a wildcard; "
          + "use \"*\", \"{name}\" or text for a whole segment")
    }
    return .capture(inner)
  }

  /// The pattern as policy files write it, without a trailing slash.
  public var text: String {
    var parts = segments.map { segment in
      switch segment {
      case .literal(let text): text
      case .any: "*"
      case .capture(let name): "{\(name)}"
      }
    }
    if matchesRest { parts.append("**") }
    return "/" + parts.joined(separator: "/")
  }

  /// The names it captures, in order.
  public var captures: [String] {
    segments.compactMap { if case .capture(let name) = $0 { name } else { nil } }
  }
}
