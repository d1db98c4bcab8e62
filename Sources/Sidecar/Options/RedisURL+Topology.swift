// RedisURL+Topology.swift: the URL of a Redis, taken apart (RFC 3986: user, password, hosts, name and paths are
// percent-decoded).
//
// The URL is valid, so nothing here can fail; what a URL may hold is decided in RedisURL+Faults.swift alone.

import Policies
public import RedisStore

extension RedisURL {
  /// Which servers there are and who we are there.
  ///
  /// - Parameter passwordFile: Takes the place of the URL's own password. Not for sentinels, whose password is another.
  public func topology(passwordFile: String? = nil) -> RedisTopology {
    guard let scheme = Self.scheme(of: secretText) else { preconditionFailure("a valid URL has a scheme of ours") }
    let text = secretText[(Self.schemeEnd(secretText) ?? secretText.startIndex)...]
    let pieces = text.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    let query = Self.values(pieces.count > 1 ? pieces[1] : "")
    if scheme.form == .unix {
      var target = RedisTarget(place: .unix(path: Self.decoded(pieces[0])))
      target.database = query["db"].flatMap { Int32($0) } ?? 0
      target.passwordFile = passwordFile
      return .single(target)
    }
    let parts = pieces[0].split(separator: "/", omittingEmptySubsequences: false)
    let halves = parts[0].split(separator: "@", omittingEmptySubsequences: false)
    let servers = (halves.last ?? "").split(separator: ",").map {
      Self.address($0, defaultPort: scheme.form == .sentinel ? 26_379 : 6_379)
    }
    var login = RedisTarget(place: servers[0].place)
    if halves.count > 1 { (login.user, login.password) = Self.login(halves[0]) }
    login.passwordFile = passwordFile
    if scheme.hasTLS { login.tls = Self.tls(query) }
    switch scheme.form {
    case .cluster: return .cluster(ClusterTarget(seeds: servers, login: login))
    case .single, .unix:
      login.database = parts.count > 1 ? Int32(parts[1]) ?? 0 : 0
      return .single(login)
    case .sentinel:
      login.database = parts.count > 2 ? Int32(parts[2]) ?? 0 : 0
      return .sentinel(
        SentinelTarget(
          sentinels: servers, masterName: Self.decoded(parts[1]), login: login,
          sentinelLogin: Self.sentinelLogin(servers[0], query, login.tls)))
    }
  }

  /// As `topology`, for what is the same whatever the topology: the login and its files.
  public func target(passwordFile: String? = nil) -> RedisTarget { topology(passwordFile: passwordFile).login }

  /// Where the sentinels' password is, if it is in a file.
  var sentinelPasswordFile: String? {
    guard case .sentinel(let target) = topology() else { return nil }
    return target.sentinelLogin.passwordFile
  }

  private static func sentinelLogin(
    _ first: NodeAddress, _ query: [String: String], _ tls: TLSSettings?
  ) -> RedisTarget {
    var login = RedisTarget(place: first.place)
    login.user = query["sentinel_user"]
    login.password = query["sentinel_password"]
    login.passwordFile = query["sentinel_password_file"]
    login.tls = tls
    return login
  }

  /// `user:password`.
  private static func login(_ text: Substring) -> (user: String?, password: String?) {
    let login = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    return (login[0].isEmpty ? nil : decoded(login[0]), login.count > 1 ? decoded(login[1]) : nil)
  }

  private static func address(_ text: Substring, defaultPort: UInt16) -> NodeAddress {
    var hostEnd = text.firstIndex(of: ":") ?? text.endIndex
    var host = text[..<hostEnd]
    if text.hasPrefix("["), let bracket = text.firstIndex(of: "]") {
      host = text[..<bracket].dropFirst()
      hostEnd = text.index(after: bracket)
    }
    return NodeAddress(host: decoded(host), port: UInt16(text[hostEnd...].dropFirst()) ?? defaultPort)
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
