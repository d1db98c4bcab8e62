// Address.swift: where a server under test can be reached, read from the text that it prints.

/// A TCP or Unix socket address.
public enum Address: Sendable, Hashable {
  /// A literal IPv4 or IPv6 address, without brackets.
  case tcp(host: String, port: UInt16)
  case unix(path: String)

  /// Reads `127.0.0.1:80`, `[::1]:80`, `:80` (taken as IPv4 loopback) or `unix:/path`, with or without `?options`;
  /// nil where `text` is none of these.
  public init?(_ text: String) {
    if text.hasPrefix("unix:") {
      let path = text.dropFirst("unix:".count).prefix { $0 != "?" }
      guard path.hasPrefix("/") else { return nil }
      self = .unix(path: String(path))
      return
    }
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else { return nil }
    let host = text[..<colon].filter { $0 != "[" && $0 != "]" }
    let isWildcard = host.isEmpty || host == "0.0.0.0" || host == "::" || host == "*"
    self = .tcp(host: isWildcard ? "127.0.0.1" : String(host), port: port)
  }

  /// As a command-line flag takes it.
  public var text: String {
    switch self {
    case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    case .unix(let path): "unix:\(path)"
    }
  }

  /// The TCP port; 0 for a Unix socket.
  public var port: UInt16 {
    if case .tcp(_, let port) = self { port } else { 0 }
  }
}
