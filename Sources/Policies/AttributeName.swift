// AttributeName.swift: the names of facts about a check, as policy files and the JSON form write them.

/// The name of one attribute of a check.
public enum AttributeName: Hashable, Sendable {
  case method
  case path
  case host
  case ip
  /// `header.NAME`, lower case.
  case header(String)
  /// `query.NAME`, compared byte for byte after decoding.
  case query(String)
  /// `path.NAME`: a segment that the policy's own path pattern captured.
  case capture(String)
  /// Any other name, `[a-z][a-z0-9_-]*`: only the JSON form can set it.
  case custom(String)

  /// Reads a name. Header names are lowered; nil where `text` is no attribute name.
  public init?(_ text: String) {
    switch text {
    case "method": self = .method
    case "path": self = .path
    case "host": self = .host
    case "ip": self = .ip
    default:
      let bytes = Array(text.utf8)
      func rest(_ prefix: String) -> String? {
        let prefix = Array(prefix.utf8)
        guard bytes.count > prefix.count, bytes.starts(with: prefix) else { return nil }
        return String(decoding: bytes[prefix.count...], as: UTF8.self)
      }
      if let name = rest("header.") {
        guard name.utf8.allSatisfy(Self.isToken) else { return nil }
        self = .header(name.lowercased())
      } else if let name = rest("query.") {
        self = .query(name)
      } else if let name = rest("path.") {
        guard Self.isCaptureName(name) else { return nil }
        self = .capture(name)
      } else if Self.isCustomName(text) {
        self = .custom(text)
      } else {
        return nil
      }
    }
  }

  /// The name as policy files write it.
  public var text: String {
    switch self {
    case .method: "method"
    case .path: "path"
    case .host: "host"
    case .ip: "ip"
    case .header(let name): "header." + name
    case .query(let name): "query." + name
    case .capture(let name): "path." + name
    case .custom(let name): name
    }
  }

  /// A capture name in a path pattern: `[A-Za-z_][A-Za-z0-9_-]*`.
  public static func isCaptureName(_ text: String) -> Bool {
    guard let first = text.utf8.first, isLetter(first) || first == UInt8(ascii: "_") else { return false }
    return text.utf8.allSatisfy { isLetter($0) || isDigit($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-") }
  }

  private static func isCustomName(_ text: String) -> Bool {
    guard let first = text.utf8.first, isLower(first) else { return false }
    return text.utf8.allSatisfy { isLower($0) || isDigit($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-") }
  }

  /// A byte of an HTTP token (RFC 9110 section 5.6.2).
  public static func isToken(_ byte: UInt8) -> Bool {
    isLetter(byte) || isDigit(byte) || "!#$%&'*+-.^_`|~".utf8.contains(byte)
  }

  private static func isLower(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z") }
  private static func isLetter(_ byte: UInt8) -> Bool { isLower(byte | 0x20) }
  private static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }
}
