// RedisURL.swift: the address of a Redis, kept so that its password cannot be printed by accident.
//
//   redis://[user:password@]host[:6379][/db]
//   rediss://… with ?ca=FILE, cert=FILE, key=FILE, verify=on|off
//   unix:///path?db=0
//
// Only the form is checked here; RedisURL+Target.swift takes it apart. What is shown of it, in a log, an error or a
// dump, is `redacted`.

import PolicyFiles

/// A valid URL of a Redis.
public struct RedisURL: Sendable, Equatable {
  /// The whole URL, with its password. Not for printing.
  public let secretText: String
  /// The URL with `***` in place of user and password, for logs, errors and `/policies`.
  public var redacted: String { Self.redact(secretText) }
  /// Whether the URL holds a password of its own.
  public let hasPassword: Bool

  static let expected = "redis://[user:password@]host[:6379][/db], rediss://… or unix:///path?db=0"
  private static let schemes = ["redis", "rediss", "unix"]

  /// Reads a URL; throws what would have done, without the password.
  init(_ text: String) throws(Misfit) {
    func misfit(_ detail: String = "", nearest: String? = nil) -> Misfit {
      Misfit(quoted: UsageError.quote(Self.redact(text)), expected: Self.expected + detail, nearest: nearest)
    }
    guard text.unicodeScalars.allSatisfy({ $0.value > 0x20 && $0.value != 0x7f }) else {
      throw misfit("; without spaces and control characters")
    }
    guard Self.isDecodable(text[...]) else { throw misfit("; %XX stands for a byte of UTF-8, and % itself is %25") }
    guard let schemeEnd = Self.schemeEnd(text) else { throw misfit() }
    let scheme = String(text[..<schemeEnd].dropLast(3))
    guard Self.schemes.contains(scheme) else {
      throw misfit(nearest: NearestWord.find(scheme, in: Self.schemes).map { $0 + "://" })
    }
    let pieces = text[schemeEnd...].split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    if let detail = Self.queryFault(scheme, pieces.count > 1 ? pieces[1] : nil) { throw misfit(detail) }
    let detail = scheme == "unix" ? Self.pathFault(pieces[0]) : Self.hostFault(pieces[0])
    if let detail { throw misfit(detail) }
    secretText = text
    hasPassword = scheme != "unix" && pieces[0].prefix { $0 != "@" }.contains(":") && pieces[0].contains("@")
  }

  /// What is wrong with `user:password@host:port/db`, as the end of a sentence; nil where nothing is.
  private static func hostFault(_ text: Substring) -> String? {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    if parts.count > 1, parts[1].contains("@") { return "; write / in a password as %2F" }
    if parts.count > 1, !parts[1].isEmpty, !OptionValue.isDigits(parts[1]) || Int32(parts[1]) == nil {
      return "; a database is a number"
    }
    if parts[0].split(separator: "@", omittingEmptySubsequences: false).count > 2 {
      return "; write @ in a password as %40"
    }
    let address = parts[0].split(separator: "@", omittingEmptySubsequences: false).last ?? ""
    var host = address
    if address.hasPrefix("[") {
      guard let end = address.firstIndex(of: "]") else { return "; an IPv6 address stands in brackets" }
      host = address[...end]
    } else if let colon = address.firstIndex(of: ":") {
      host = address[..<colon]
    }
    let rest = address[host.endIndex...]
    guard !host.isEmpty, host != "[]" else { return "; the host is missing" }
    if rest.isEmpty { return nil }
    guard rest.hasPrefix(":"), OptionValue.isDigits(rest.dropFirst()), let port = UInt16(rest.dropFirst()), port > 0
    else { return "; a port is 1 to 65535" }
    return nil
  }

  private static func pathFault(_ text: Substring) -> String? {
    guard text.hasPrefix("/"), text.utf8.count <= ListenAddress.longestPath else {
      return "; the path of a socket is absolute, at most \(ListenAddress.longestPath) bytes"
    }
    return nil
  }

  private static func queryFault(_ scheme: String, _ query: Substring?) -> String? {
    guard let query, !query.isEmpty else { return nil }
    let known = scheme == "rediss" ? ["ca", "cert", "key", "verify"] : scheme == "unix" ? ["db"] : []
    var seen: Set<Substring> = []
    for item in query.split(separator: "&", omittingEmptySubsequences: false) {
      let pair = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard known.contains(String(pair[0])) else {
        return known.isEmpty ? "; redis:// takes no ?" : "; \(scheme):// takes ?\(known.joined(separator: "=, ?"))="
      }
      guard seen.insert(pair[0]).inserted else { return "; \(pair[0]) is given twice" }
      guard pair.count == 2, !pair[1].isEmpty else { return "; \(pair[0]) needs a value" }
      if pair[0] == "db", !OptionValue.isDigits(pair[1]) || Int32(pair[1]) == nil { return "; a database is a number" }
      if pair[0] == "verify", pair[1] != "on", pair[1] != "off" { return "; verify is on or off" }
    }
    if seen.contains("key"), !seen.contains("cert") { return "; ?key= needs ?cert=" }
    return nil
  }

  /// Any text with what may be a password replaced by `***`: all before the last `@`; what stands where a port should,
  /// if it is no number or the host is missing (`redis://:secret`); values of a query that no URL of ours has.
  public static func redact(_ text: String) -> String {
    let start = schemeEnd(text) ?? text.startIndex
    let scheme = text[..<start]
    let rest = text[start...]
    if let at = rest.lastIndex(of: "@") {
      return scheme + "***" + redactQuery(rest[at...])
    }
    let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
    let hostEnd = rest.hasPrefix("[") ? rest[..<end].firstIndex(of: "]") ?? rest.startIndex : rest.startIndex
    if let colon = rest[hostEnd..<end].firstIndex(of: ":") {
      let port = rest[rest.index(after: colon)..<end]
      if !OptionValue.isDigits(port) || colon == rest.startIndex {
        return scheme + rest[...colon] + "***" + redactQuery(rest[end...])
      }
    }
    return scheme + redactQuery(rest)
  }

  /// Where the first `://` ends.
  static func schemeEnd(_ text: String) -> String.Index? {
    let slashes = "://".utf8
    return text.utf8.indices.first { text.utf8[$0...].starts(with: slashes) }.map {
      text.utf8.index($0, offsetBy: slashes.count)
    }
  }

  private static func redactQuery(_ text: Substring) -> String {
    guard let mark = text.firstIndex(of: "?") else { return String(text) }
    let items = text[text.index(after: mark)...].split(separator: "&", omittingEmptySubsequences: false)
    let shown = items.map { item -> String in
      guard let equals = item.firstIndex(of: "=") else { return String(item) }
      let isOurs = ["ca", "cert", "key", "verify", "db"].contains(String(item[..<equals]))
      return isOurs ? String(item) : item[...equals] + "***"
    }
    return text[...mark] + shown.joined(separator: "&")
  }
}

extension RedisURL: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  public var description: String { redacted }
  public var debugDescription: String { redacted }
  /// Without children, so that `dump` shows no more than `description`.
  public var customMirror: Mirror { Mirror(self, children: []) }
}
