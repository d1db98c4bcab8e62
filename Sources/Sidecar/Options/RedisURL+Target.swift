// RedisURL+Target.swift: the URL of a Redis, taken apart (RFC 3986: user, password, host and paths are percent-decoded).
//
// The URL is valid, so nothing here can fail; what a URL may hold is decided in RedisURL.swift alone.

import Policies
public import RedisStore

extension RedisURL {
  /// Where the Redis is and who we are there.
  ///
  /// - Parameter passwordFile: Takes the place of the URL's own password.
  public func target(passwordFile: String? = nil) -> RedisTarget {
    let schemeEnd = Self.schemeEnd(secretText) ?? secretText.startIndex
    let scheme = secretText[..<schemeEnd].dropLast(3)
    let pieces = secretText[schemeEnd...].split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    let query = Self.values(pieces.count > 1 ? pieces[1] : "")
    var target: RedisTarget
    if scheme == "unix" {
      target = RedisTarget(place: .unix(path: Self.decoded(pieces[0])))
      target.database = query["db"].flatMap { Int32($0) } ?? 0
    } else {
      target = Self.target(authority: pieces[0])
      if scheme == "rediss" { target.tls = Self.tls(query) }
    }
    target.passwordFile = passwordFile
    return target
  }

  /// `user:password@host:port/db`.
  private static func target(authority text: Substring) -> RedisTarget {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    let halves = parts[0].split(separator: "@", omittingEmptySubsequences: false)
    let (host, port) = address(halves.last ?? "")
    var target = RedisTarget(place: .host(host, port: port))
    if parts.count > 1 { target.database = Int32(parts[1]) ?? 0 }
    guard halves.count > 1 else { return target }
    let login = halves[0].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    if !login[0].isEmpty { target.user = decoded(login[0]) }
    if login.count > 1 { target.password = decoded(login[1]) }
    return target
  }

  private static func address(_ text: Substring) -> (host: String, port: UInt16) {
    var hostEnd = text.firstIndex(of: ":") ?? text.endIndex
    var host = text[..<hostEnd]
    if text.hasPrefix("["), let bracket = text.firstIndex(of: "]") {
      host = text[..<bracket].dropFirst()
      hostEnd = text.index(after: bracket)
    }
    return (decoded(host), UInt16(text[hostEnd...].dropFirst()) ?? 6379)
  }

  private static func tls(_ query: [String: String]) -> TLSSettings {
    var settings = TLSSettings()
    settings.authorities = query["ca"]
    settings.certificate = query["cert"]
    settings.key = query["key"]
    settings.verifies = query["verify"] != "off"
    return settings
  }

  private static func values(_ query: Substring) -> [String: String] {
    var values: [String: String] = [:]
    for item in query.split(separator: "&") {
      let pair = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      if pair.count == 2 { values[String(pair[0])] = decoded(pair[1]) }
    }
    return values
  }

  // MARK: percent-encoding

  /// With each `%XX` as the byte that it stands for.
  static func decoded(_ text: Substring) -> String { String(decoding: bytes(text) ?? [], as: UTF8.self) }

  /// Whether each `%` is followed by two hexadecimal digits and the bytes are UTF-8 without a NUL.
  static func isDecodable(_ text: Substring) -> Bool {
    guard let bytes = bytes(text) else { return false }
    return !bytes.contains(0) && String(validating: bytes, as: UTF8.self) != nil
  }

  private static func bytes(_ text: Substring) -> [UInt8]? {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard let high = rest.popFirst().flatMap(Bytes.hexValue), let low = rest.popFirst().flatMap(Bytes.hexValue) else {
        return nil
      }
      bytes.append(high << 4 | low)
    }
    return bytes
  }
}
