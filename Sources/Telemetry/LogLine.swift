// LogLine.swift: one event as one line, for people (text) or for machines (JSON).
//
// text   2026-11-24T14:00:00.123Z info listening listen=127.0.0.1:7429 admin=127.0.0.1:7430
// JSON   {"time":"2026-11-24T14:00:00.123Z","level":"info","event":"listening","listen":["127.0.0.1:7429"],…}
//
// Values may come from files and the network. Whatever they hold, an event stays one line and cannot pretend to be
// another: control characters, the line separators of Unicode and the marks that turn the direction of text are
// written as JSON escapes (RFC 8259 section 7) in both forms.

/// Log lines.
public enum LogLine {
  /// The form of a line. The raw values are the words of `--log-format`.
  public enum Format: String, Sendable, CaseIterable {
    case text, json
  }

  /// Builds the line of one event, with its line feed.
  ///
  /// - Parameters:
  ///   - unix: When it happened, in nanoseconds since the Unix epoch.
  ///   - event: What happened, in words joined by underscores.
  ///   - fields: In the order in which they are shown. Names are words of the code; `time`, `level` and `event` are
  ///     taken.
  public static func make(
    _ format: Format, at unix: Int64, _ level: LogLevel, _ event: String, _ fields: [(name: String, value: LogValue)]
  ) -> String {
    switch format {
    case .text: text(at: unix, level, event, fields)
    case .json: json(at: unix, level, event, fields)
    }
  }

  /// `value` in double quotes as both forms write it: a JSON string on one line, cut after 4096 bytes of UTF-8.
  public static func quoted(_ value: String) -> String {
    var text = ""
    appendQuoted(value, to: &text)
    return text
  }

  private static func text(
    at unix: Int64, _ level: LogLevel, _ event: String, _ fields: [(name: String, value: LogValue)]
  ) -> String {
    var line = "\(Timestamp.text(unix: unix)) \(level.name) "
    appendBare(event, to: &line)
    for field in fields {
      line += " \(field.name)="
      switch field.value {
      case .string(let value): appendBare(value, to: &line)
      case .integer(let value): line += String(value)
      case .boolean(let value): line += value ? "true" : "false"
      case .list(let values):
        for (index, value) in bounded(values).enumerated() {
          if index > 0 { line += "," }
          appendBare(value, separator: ",", to: &line)
        }
      }
    }
    return line + "\n"
  }

  private static func json(
    at unix: Int64, _ level: LogLevel, _ event: String, _ fields: [(name: String, value: LogValue)]
  ) -> String {
    var line = "{\"time\":\"\(Timestamp.text(unix: unix))\",\"level\":\"\(level.name)\",\"event\":"
    appendQuoted(event, to: &line)
    for field in fields {
      line += ","
      appendQuoted(field.name, to: &line)
      line += ":"
      switch field.value {
      case .string(let value): appendQuoted(value, to: &line)
      case .integer(let value): line += String(value)
      case .boolean(let value): line += value ? "true" : "false"
      case .list(let values):
        line += "["
        for (index, value) in bounded(values).enumerated() {
          if index > 0 { line += "," }
          appendQuoted(value, to: &line)
        }
        line += "]"
      }
    }
    return line + "}\n"
  }

  /// The first items, and how many more there are.
  private static func bounded(_ values: [String]) -> [String] {
    guard values.count > Bounds.logListItems else { return values }
    return values.prefix(Bounds.logListItems) + ["… and \(values.count - Bounds.logListItems) more"]
  }

  /// Without quotes where the value is one plain word, so that a line reads and greps well.
  private static func appendBare(_ value: String, separator: Unicode.Scalar? = nil, to line: inout String) {
    let isPlain =
      !value.isEmpty && value.utf8.count <= Bounds.logValueBytes
      && value.unicodeScalars.allSatisfy { scalar in
        scalar != " " && scalar != "\"" && scalar != "\\" && scalar != "=" && scalar != separator && !isHidden(scalar)
      }
    if isPlain { line += value } else { appendQuoted(value, to: &line) }
  }

  private static func appendQuoted(_ value: String, to line: inout String) {
    line += "\""
    var bytes = 0
    for scalar in value.unicodeScalars {
      bytes += UTF8.width(scalar)
      guard bytes <= Bounds.logValueBytes else {
        line += "…"
        break
      }
      switch scalar {
      case "\"": line += "\\\""
      case "\\": line += "\\\\"
      case "\n": line += "\\n"
      case "\r": line += "\\r"
      case "\t": line += "\\t"
      default:
        if isHidden(scalar) { appendEscape(scalar, to: &line) } else { line.unicodeScalars.append(scalar) }
      }
    }
    line += "\""
  }

  /// Scalars that move the cursor, end a line or change how the rest is shown: C0, DEL, C1, line and paragraph
  /// separator, marks and overrides of direction, zero-width ones. All lie in the first plane.
  private static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x00...0x1f, 0x7f...0x9f, 0x061c, 0x200b...0x200f, 0x2028...0x202e, 0x2060...0x206f, 0xfeff: true
    default: false
    }
  }

  private static func appendEscape(_ scalar: Unicode.Scalar, to line: inout String) {
    let digits = String(scalar.value, radix: 16)
    line += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
  }
}
