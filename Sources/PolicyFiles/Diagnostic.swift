// Diagnostic.swift: one thing that is wrong, or suspicious, in a policy file, and where.

/// A sentence about a place in a policy file, for its author.
public struct Diagnostic: Sendable, Equatable {
  public enum Severity: String, Sendable {
    /// The set cannot be loaded.
    case error
    /// The set loads, but probably does not do what its author wants.
    case warning
  }

  /// The path as the user named it.
  public var file: String
  /// From 1; 0 where the file as a whole is meant.
  public var line: Int
  /// In characters, from 1; 0 where the file as a whole is meant.
  public var column: Int
  public var severity: Severity
  /// One line: control characters are shown as escapes.
  public var message: String

  public init(file: String, line: Int, column: Int, severity: Severity = .error, message: String) {
    self.file = file
    self.line = line
    self.column = column
    self.severity = severity
    self.message = Diagnostic.singleLine(message)
  }

  /// `file:line:column: message`, as compilers and editors write it; warnings say `warning: ` before the message.
  /// Line and column are absent where the file as a whole is meant.
  public var text: String {
    let place = line > 0 ? "\(file):\(line):\(column)" : file
    return Diagnostic.singleLine(place) + ": " + (severity == .warning ? "warning: " : "") + message
  }

  /// An object with the members `file`, `line`, `column`, `severity` and `message`.
  public var json: String {
    "{\"file\":\(JSONText.quoted(file)),\"line\":\(line),\"column\":\(column),"
      + "\"severity\":\"\(severity.rawValue)\",\"message\":\(JSONText.quoted(message))}"
  }

  private static func singleLine(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: JSONText.isControl) else { return text }
    var line = ""
    for scalar in text.unicodeScalars {
      if JSONText.isControl(scalar) { line += JSONText.escape(scalar) } else { line.unicodeScalars.append(scalar) }
    }
    return line
  }
}

/// A place in a file; both from 1, the column in characters.
struct Mark: Sendable, Equatable {
  var line: Int
  var column: Int

  static let start = Mark(line: 1, column: 1)
}
