// RedisURL+Redaction.swift: what of a URL may be shown. For any text, valid or not: a password is as likely in a URL that
// was mistyped.

extension RedisURL {
  /// Any text with what may be a password replaced by `***`: all before the last `@`; all behind the
  /// first colon, if what stands where a port should is no number or a host is missing (`redis://:secret`); values of a query that are not
  /// known to be harmless.
  public static func redact(_ text: String) -> String {
    let start = schemeEnd(text) ?? text.startIndex
    let scheme = text[..<start]
    let (rest, secrets) = splitSecretQuery(text[start...])
    if let at = rest.lastIndex(of: "@") {
      return scheme + "***" + redactQuery(rest[at...]) + secrets
    }
    let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
    let isList = [.cluster, .sentinel].contains(Self.scheme(of: text)?.form)
    return scheme + redactHosts(rest[..<end], isList: isList) + redactQuery(rest[end...]) + secrets
  }

  /// A query with the login of sentinels, shown; and what stands before it. An `@` in such a password must not make its
  /// other half look like a host.
  private static func splitSecretQuery(_ text: Substring) -> (rest: Substring, secrets: String) {
    let marks = text.indices.lazy.filter { text[$0] == "?" }
    guard
      let mark = marks.first(where: { mark in
        text[text.index(after: mark)...].split(separator: "&").contains { $0.hasPrefix("sentinel_") }
      })
    else { return (text, "") }
    return (text[..<mark], redactQuery(text[mark...]))
  }

  /// `host:port,host:port`, or the beginning up to the first colon where something is no port.
  private static func redactHosts(_ text: Substring, isList: Bool) -> Substring {
    var first: Substring.Index?
    for host in isList ? text.split(separator: ",", omittingEmptySubsequences: false) : [text] {
      let nameEnd = host.hasPrefix("[") ? host.firstIndex(of: "]") ?? host.startIndex : host.startIndex
      guard let colon = host[nameEnd...].firstIndex(of: ":") else { continue }
      first = first ?? colon
      if colon == host.startIndex || !OptionValue.isDigits(host[host.index(after: colon)...]) {
        return text[...(first ?? colon)] + "***"
      }
    }
    return text
  }

  private static func redactQuery(_ text: Substring) -> String {
    guard let mark = text.firstIndex(of: "?") else { return String(text) }
    var mayBeSecret = false
    let items = text[text.index(after: mark)...].split(separator: "&", omittingEmptySubsequences: false)
    let shown = items.map { item -> String in
      guard let equals = item.firstIndex(of: "=") else { return mayBeSecret ? "***" : String(item) }
      let name = String(item[..<equals])
      if shownParameters.contains(name) { return String(item) }
      // What follows may be the rest of a password with an `&` in it.
      if mayBeSecret, !sentinelParameters.contains(name) { return "***" }
      mayBeSecret = mayBeSecret || name == "sentinel_password"
      return item[...equals] + "***"
    }
    return text[...mark] + shown.joined(separator: "&")
  }

  private static let shownParameters = ["ca", "cert", "key", "verify", "db", "sentinel_password_file"]
}
