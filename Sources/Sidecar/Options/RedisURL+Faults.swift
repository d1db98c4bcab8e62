// RedisURL+Faults.swift: what is wrong with a URL of a Redis, each as the end of a sentence; nil where nothing is.

extension RedisURL {
  static let tlsParameters = ["ca", "cert", "key", "verify"]
  static let sentinelParameters = ["sentinel_user", "sentinel_password", "sentinel_password_file"]

  /// Of what stands between the scheme and the query.
  static func placeFault(_ form: Form, _ text: Substring) -> String? {
    if form == .unix { return socketFault(text) }
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    let path = parts.count > 1 ? parts[1] : ""
    if path.contains("@") { return "; write / in a password as %2F" }
    return pathFault(form, path) ?? authorityFault(form, parts[0])
  }

  private static func socketFault(_ text: Substring) -> String? {
    guard text.hasPrefix("/"), text.utf8.count <= ListenAddress.longestPath else {
      return "; the path of a socket is absolute, at most \(ListenAddress.longestPath) bytes"
    }
    return nil
  }

  /// Of what follows the first `/`.
  private static func pathFault(_ form: Form, _ path: Substring) -> String? {
    switch form {
    case .single, .unix: return isDatabase(path) ? nil : "; a database is a number"
    case .cluster: return ["", "0"].contains(path) ? nil : "; a cluster has no databases but 0"
    case .sentinel:
      let parts = path.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
      guard let name = parts.first, !name.isEmpty else { return "; the sentinels' name of the master is missing" }
      guard parts.count == 1 || isDatabase(parts[1]) else { return "; a database is a number" }
      return nil
    }
  }

  /// None is 0.
  private static func isDatabase(_ text: Substring) -> Bool {
    text.isEmpty || OptionValue.isDigits(text) && Int32(text) != nil
  }

  /// Of `user:password@host:port,host:port`.
  private static func authorityFault(_ form: Form, _ text: Substring) -> String? {
    let halves = text.split(separator: "@", omittingEmptySubsequences: false)
    if halves.count > 2 { return "; write @ in a password as %40" }
    let hosts = (halves.last ?? "").split(separator: ",", omittingEmptySubsequences: false)
    if let fault = hosts.lazy.compactMap(hostFault).first { return fault }
    if form == .single, hosts.count > 1 { return "; several servers are redis-cluster:// or redis-sentinel://" }
    if hosts.count > longestList { return "; at most \(longestList) servers" }
    var seen: Set<Substring> = []
    let twice = hosts.first { !seen.insert($0).inserted }
    return twice.map { "; \($0) is given twice" }
  }

  private static func hostFault(_ text: Substring) -> String? {
    var host = text
    if text.hasPrefix("[") {
      guard let end = text.firstIndex(of: "]") else { return "; an IPv6 address stands in brackets" }
      host = text[...end]
    } else if let colon = text.firstIndex(of: ":") {
      host = text[..<colon]
    }
    let rest = text[host.endIndex...]
    guard !host.isEmpty, host != "[]" else { return "; the host is missing" }
    if rest.isEmpty { return nil }
    guard rest.hasPrefix(":"), OptionValue.isDigits(rest.dropFirst()), let port = UInt16(rest.dropFirst()), port > 0
    else { return "; a port is 1 to 65535" }
    return nil
  }

  /// Of what follows the first `?`.
  static func queryFault(_ scheme: Scheme, _ query: Substring?) -> String? {
    guard let query, !query.isEmpty else { return nil }
    let known = parameters(of: scheme)
    var seen: Set<Substring> = []
    for item in query.split(separator: "&", omittingEmptySubsequences: false) {
      let pair = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard known.contains(String(pair[0])) else {
        let name = scheme.name
        return known.isEmpty ? "; \(name):// takes no ?" : "; \(name):// takes ?\(known.joined(separator: "=, ?"))="
      }
      guard seen.insert(pair[0]).inserted else { return "; \(pair[0]) is given twice" }
      guard pair.count == 2, !pair[1].isEmpty else { return "; \(pair[0]) needs a value" }
      if pair[0] == "db", !isDatabase(pair[1]) { return "; a database is a number" }
      if pair[0] == "verify", pair[1] != "on", pair[1] != "off" { return "; verify is on or off" }
    }
    if seen.contains("key"), !seen.contains("cert") { return "; ?key= needs ?cert=" }
    if seen.contains("sentinel_password"), seen.contains("sentinel_password_file") {
      return "; ?sentinel_password= or ?sentinel_password_file=, not both"
    }
    return nil
  }

  private static func parameters(of scheme: Scheme) -> [String] {
    switch scheme.form {
    case .unix: ["db"]
    case .single, .cluster: scheme.hasTLS ? tlsParameters : []
    case .sentinel: sentinelParameters + (scheme.hasTLS ? tlsParameters : [])
    }
  }
}
