// JSONText.swift: strings as JSON writes them (RFC 8259 section 7). This room writes a few fixed objects and parses no
// JSON, so it needs no more.

public enum JSONText {
  /// `text` in quotation marks.
  public static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case let control where isControl(control): result += escape(control)
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }

  public static func array(_ elements: [String]) -> String { "[" + elements.joined(separator: ",") + "]" }

  /// An object of members whose values are JSON already.
  public static func object(_ members: [(String, String)]) -> String {
    "{" + members.map { quoted($0.0) + ":" + $0.1 }.joined(separator: ",") + "}"
  }

  /// What would break a line or a terminal: C0, DEL and C1, and the two Unicode line separators.
  static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value) || scalar.value == 0x2028 || scalar.value == 0x2029
  }

  /// `\n`, `\t`, `\r` or `\uXXXX`.
  static func escape(_ scalar: Unicode.Scalar) -> String {
    switch scalar {
    case "\n": return "\\n"
    case "\t": return "\\t"
    case "\r": return "\\r"
    default:
      let digits = String(scalar.value, radix: 16)
      return "\\u" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
  }
}
