// ForwardedFuzz.swift: any target and headers that a gateway may forward.
//
// An input is lines: the target of the request to weir, the peer (an address; anything else is a Unix socket), then
// headers. What must hold: a target is a check where the contract's words make it one, and nowhere else; the slow rules
// give the same key for every attribute; a key says which facts it was made of; a normalised path stays as it is; headers
// whose lines a gateway joins count alike.

@testable import CheckAPI
@testable import HTTP1
@testable import Policies

enum ForwardedFuzz {
  /// A request as a slow reader sees it.
  private struct Request {
    var target: [UInt8]
    /// nil: a Unix socket.
    var peer: [UInt8]?
    var headers: [(name: String, value: [UInt8])]

    /// The values of all lines of one name.
    func lines(_ name: String) -> [[UInt8]] { headers.filter { $0.name == name }.map(\.value) }
  }

  private static let settings = APISettings(
    trustedProxies: ["127.0.0.0/8", "::1", "10.0.0.0/8", "fd00::/9", "192.0.2.129/25"].compactMap { IPNetwork($0) })
  /// The same networks for the slow walk.
  private static let trusted: [(address: [UInt8], bits: Int)] = [
    ("127.0.0.0", 8), ("::1", 128), ("10.0.0.0", 8), ("fd00::", 9), ("192.0.2.129", 25),
  ].map { (ReferenceFacts.bareAddress(Array($0.utf8)) ?? [], $1) }
  private static let table = HeaderTable(settings, KeyedSet.set)

  static func check(_ input: [UInt8]) throws(Broken) {
    let lines = ReferenceFacts.split(input, 10)
    guard lines.count >= 2, let request = request(lines), let found = try asked(request) else { return }
    let facts = facts(request)
    try KeyedSet.requireSame(found, KeyedSet.expected(facts), "the slow rules differ")
    try checkKeys(found, facts)
    try checkPath(facts.path)
    // A gateway may join the lines of a header, or give each element a line.
    let names = ["x-list", "x-cost", "x-forwarded-for"]
    var joined = request
    joined.headers.removeAll { names.contains($0.name) }
    for name in names where !request.lines(name).isEmpty {
      joined.headers.append((name, Array(request.lines(name).joined(separator: ", ".utf8))))
    }
    if let other = try asked(joined) { try KeyedSet.requireSame(other, found, "joined lines count differently") }
  }

  // MARK: The code

  private static func asked(_ request: Request) throws(Broken) -> Asked? {
    var bytes = Array("GET ".utf8) + request.target + Array(" HTTP/1.1\r\n".utf8)
    for (name, value) in request.headers { bytes += Array("\(name): ".utf8) + value + [13, 10] }
    bytes += [13, 10]
    var parser = RequestParser()
    guard parser.parse(bytes.span) == .head else { return nil }
    try require(Array(bytes[parser.head.target.range]) == request.target, "another target")
    let found = Router.route(parser.head, bytes.span, settings)
    guard case .gateway(let route) = found else {
      // Many gateways let pass what is answered with anything but the denial.
      try require(!isCheck(request.target), "a check, answered as \(found)")
      return nil
    }
    try require(isCheck(request.target), "what is no check is taken for one")
    try require(parser.head.headers.count == request.headers.count, "another number of headers")
    var check = Check()
    let peer = request.peer.flatMap { IPAddress($0.span) }
    GatewayCheck.fill(&check, route, parser.head, bytes.span, peer: peer, settings, table, KeyedSet.set)
    return KeyedSet.asked(&check)
  }

  // MARK: The slow rules

  /// nil where a line is no header.
  private static func request(_ lines: [[UInt8]]) -> Request? {
    var headers: [(name: String, value: [UInt8])] = []
    for line in lines.dropFirst(2) {
      guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { return nil }
      let name = String(decoding: line[..<colon], as: UTF8.self).lowercased()
      headers.append((name, ReferenceFacts.trimmed(Array(line[(colon + 1)...]))))
    }
    let peer = ReferenceFacts.bareAddress(lines[1])
    return Request(target: lines[0], peer: peer == nil ? nil : lines[1], headers: headers)
  }

  /// Whether a GET of this target is a check: `/check` with or without a query, what is below it, and `/check*`; the same
  /// behind `/domains/NAME`. A segment at a time; nothing is decoded.
  private static func isCheck(_ target: [UInt8]) -> Bool {
    var segments = ReferenceFacts.split(originForm(target), UInt8(ascii: "/"))
    guard segments.count >= 2, segments.removeFirst().isEmpty else { return false }
    if segments[0] == Array("domains".utf8) {
      guard segments.count >= 3, isName(segments[1]) else { return false }
      segments.removeFirst(2)
    }
    // Behind the query's mark a slash may follow.
    return segments[0] == Array("check".utf8) || segments[0].starts(with: "check?".utf8)
      || segments == [Array("check*".utf8)]
  }

  private static func isName(_ name: [UInt8]) -> Bool {
    let first = Set("abcdefghijklmnopqrstuvwxyz0123456789".utf8)
    guard let byte = name.first, first.contains(byte), name.count <= 64 else { return false }
    return name.allSatisfy { first.contains($0) || "._-".utf8.contains($0) }
  }

  private static func facts(_ request: Request) -> Facts {
    var facts = Facts()
    var own = originForm(request.target)
    if own.starts(with: "/domains/".utf8) {
      let name = own.dropFirst(9).prefix { $0 != UInt8(ascii: "/") }
      facts.domain = Array(name)
      own = Array(own[name.endIndex...])
    }
    let rest = own.dropFirst("/check".utf8.count)
    let isBelow = rest.first == UInt8(ascii: "/") || Array(rest) == Array("*".utf8)
    let target = isBelow ? Array(rest) : request.lines("x-forwarded-uri").last
    if let target {
      let (path, query) = ReferenceFacts.target(target)
      facts.path = path
      facts.q = ReferenceFacts.parameters("q", of: query)
      facts.spaced = ReferenceFacts.parameters("a b", of: query)
    }
    let method = isBelow ? nil : request.lines("x-forwarded-method").last
    facts.method = method.flatMap(lastElement) ?? Array("GET".utf8)
    let host = isBelow ? request.lines("host").last : request.lines("x-forwarded-host").last
    facts.host = host.map { ReferenceFacts.host(lastElement($0) ?? $0) }
    facts.list = request.lines("x-list")
    facts.costs = request.lines("x-cost")
    facts.ip = client(request)
    return facts
  }

  private static func originForm(_ target: [UInt8]) -> [UInt8] {
    let lowered = String(decoding: target, as: UTF8.self).lowercased()
    for scheme in ["http://", "https://"] where lowered.utf8.starts(with: scheme.utf8) {
      return Array(target.dropFirst(scheme.utf8.count).drop { !"/?".utf8.contains($0) })
    }
    return target
  }

  /// What follows the last comma, if that is anything.
  private static func lastElement(_ value: [UInt8]) -> [UInt8]? {
    let last = ReferenceFacts.trimmed(ReferenceFacts.split(value, UInt8(ascii: ",")).last ?? [])
    return last.isEmpty ? nil : last
  }

  private static func client(_ request: Request) -> [UInt8]? {
    let peer = request.peer.flatMap(ReferenceFacts.bareAddress)
    if let peer, !isTrusted(peer) { return peer }
    var found = peer
    let entries = ReferenceFacts.split(
      Array(request.lines("x-forwarded-for").joined(separator: ",".utf8)), UInt8(ascii: ","))
    for entry in entries.reversed().map(ReferenceFacts.trimmed) where !entry.isEmpty {
      guard let address = ReferenceFacts.address(entry) else { return found }
      found = address
      if !isTrusted(address) { return found }
    }
    return found
  }

  private static func isTrusted(_ address: [UInt8]) -> Bool {
    trusted.contains { ReferenceFacts.isSame(address, $0.address, bits: $0.bits) }
  }

  // MARK: Invariants

  /// A key is read back as the facts it was made of, so that other facts have another key.
  private static func checkKeys(_ found: Asked, _ facts: Facts) throws(Broken) {
    for policy in KeyedSet.set.policies where policy.domain == "default" && !policy.key.isEmpty {
      guard let charge = found[policy.name], charge.key != [0] else { continue }
      let text = KeyText(charge.key.span, of: policy.key, ipv6Prefix: 64)
      try require(text != nil, "a key that cannot be read: \(policy.name)")
      guard policy.name != "ip", let parts = text?.parts else { continue }
      let values = parts.map { part in
        switch part {
        case .value(let value): [value]
        case .values(let values): values
        }
      }
      let bytes = values.flatMap { values in
        values.count == 1 ? ReferenceFacts.key(of: values[0]) : ReferenceFacts.key(ofElements: values)
      }
      try require(bytes == charge.key, "a key that stands for other facts: \(policy.name)")
    }
  }

  /// What is normalised stays, unless it holds what would mean something anew.
  private static func checkPath(_ path: [UInt8]?) throws(Broken) {
    guard let path, !path.contains(where: { "%?#".utf8.contains($0) }) else { return }
    let again = CanonicalValue.all(in: path, of: .path)
    try require(again == [path], "a normalised path is normalised to another")
  }
}
