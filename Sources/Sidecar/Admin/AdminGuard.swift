// AdminGuard.swift: who may see keys, and who may change counters.
//
// A browser of an operator is the way in for others: a page of any site can send requests to loopback, and a name that
// an attacker resolves to loopback (DNS rebinding) makes them same-origin. So what shows keys or changes state wants a
// Host that no stranger's name can be, no mark of another site (Fetch Metadata, Origin), a content type that a form
// cannot send, and, where the listener is not on loopback, a token that no browser sends by itself.

import CheckAPI
import EventLoop
import Glibc
import Policies

struct AdminGuard {
  /// Where the listener is; decides what needs a token.
  let isLoopback: Bool
  /// The name in `--admin`, if it is one.
  let ownName: String?
  /// Holds the token; nil: none is asked for. Read at every call, so that it can be exchanged.
  let tokenFile: String?

  /// Of a page that is not this listener's.
  static let otherSite = Refusal(403, "requests of other sites' pages are refused")

  /// - Throws: 401, 403, 415 or 421; 503 where the token cannot be read.
  func check(_ request: AdminRequest, _ route: AdminRoute) throws(Refusal) {
    guard route.access != .open else { return }
    let isKnown = try checkToken(request, route)
    if !isKnown, !isOwnHost(request.header("host")) {
      throw Refusal(421, "Host \"\(request.header("host") ?? "")\" is not this listener's; use its address, or a token")
    }
    if let site = request.header("sec-fetch-site"), site != "same-origin", site != "none" {
      throw Self.otherSite
    }
    if let origin = request.header("origin"), !Self.isOrigin(origin, of: request.header("host") ?? "") {
      throw Self.otherSite
    }
    guard route.takesBody else { return }
    guard Self.isJSON(request.header("content-type")) else {
      throw Refusal(415, "send Content-Type: application/json")
    }
  }

  /// With or without parameters. White space may stand before them, and nothing else.
  private static func isJSON(_ type: String?) -> Bool {
    guard var type = type?.lowercased().prefix(while: { $0 != ";" }) else { return false }
    while type.last == " " || type.last == "\t" { type.removeLast() }
    return type == "application/json"
  }

  // MARK: The token

  /// Whether the request shows the token.
  private func checkToken(_ request: AdminRequest, _ route: AdminRoute) throws(Refusal) -> Bool {
    guard let tokenFile else {
      guard isLoopback || route.access != .changes else {
        throw Refusal(403, "the admin listener is not on loopback, so changes need --admin-token-file")
      }
      return false
    }
    guard let token = Self.token(in: tokenFile) else {
      throw Refusal(503, "the token file cannot be read, or its first line is no token; see --admin-token-file")
    }
    let given = request.header("authorization")
    guard let given, Self.isBearer(given, token) else {
      // Reading is as open as the listener is, with a token or without.
      guard route.access == .changes else { return false }
      throw Refusal(401, given == nil ? "send Authorization: Bearer TOKEN" : "this is not the token")
    }
    return true
  }

  /// A file's first line, without blanks at its end, which no header can carry; nil where it cannot be read, is empty or
  /// too long, or is more than printable ASCII, which would be read as something shorter.
  static func token(in path: String) -> String? {
    // Without blocking, lest a pipe that took the file's place holds the thread.
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0, StartFiles.isRegular(status) else { return nil }
    var bytes = [UInt8](repeating: 0, count: Bounds.adminToken + 1)
    let count = unsafe read(descriptor, &bytes, bytes.count)
    guard count > 0 else { return nil }
    var line = bytes[..<count].prefix { $0 != 10 && $0 != 13 }
    while let last = line.last, last == UInt8(ascii: " ") || last == UInt8(ascii: "\t") { line.removeLast() }
    guard !line.isEmpty, line.count <= Bounds.adminToken, line.allSatisfy({ (0x20...0x7e).contains($0) }) else {
      return nil
    }
    return String(decoding: line, as: UTF8.self)
  }

  /// Takes as long for a wrong token as for the right one of its length.
  private static func isBearer(_ given: String, _ token: String) -> Bool {
    let scheme = "bearer "
    guard given.lowercased().hasPrefix(scheme) else { return false }
    let given = Array(given.utf8.dropFirst(scheme.utf8.count))
    let token = Array(token.utf8)
    guard given.count == token.count else { return false }
    var difference: UInt8 = 0
    for index in token.indices { difference |= given[index] ^ token[index] }
    return difference == 0
  }

  // MARK: The host

  /// Whether `origin` is a page of `host`. Its scheme is the browser's: a proxy in front may speak TLS.
  private static func isOrigin(_ origin: String, of host: String) -> Bool {
    !host.isEmpty && (origin == "http://" + host || origin == "https://" + host)
  }

  /// An address, `localhost` or the listener's own name: none of them can be made to resolve here by a stranger. A
  /// request without a Host comes from no browser.
  private func isOwnHost(_ host: String?) -> Bool {
    guard let host, !host.isEmpty else { return true }
    guard var name = Self.name(in: host.lowercased()) else { return false }
    if name.hasPrefix("["), name.hasSuffix("]") {
      let address = name.dropFirst().dropLast()
      return address.contains(":") && IPAddress(String(address)) != nil
    }
    if name.hasSuffix(".") { name.removeLast() }
    if name == "localhost" || name == ownName?.lowercased() { return true }
    return !name.contains(":") && IPAddress(name) != nil
  }

  /// A Host without its port; nil where what follows the colon is no port.
  private static func name(in host: String) -> String? {
    guard !host.hasSuffix("]"), let colon = host.lastIndex(of: ":") else { return host }
    let port = host[host.index(after: colon)...]
    return port.utf8.allSatisfy { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") } ? String(host[..<colon]) : nil
  }
}
