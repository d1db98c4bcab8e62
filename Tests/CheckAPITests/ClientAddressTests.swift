// ClientAddressTests.swift: whose address counts, sentence by sentence, and against a naive walk over strings.

import Glibc
import HTTP1
import Limiting
import Policies
import TestKit
import Testing

@testable import CheckAPI

@Suite struct ClientAddressTests {
  static let set = PolicySet([
    Policy(name: "p", key: [.ip], limit: Limit(algorithm: .tokenBucket, limit: 1, period: 1_000_000_000))
  ])

  static func settings(_ trusted: [String]? = nil, header: String = "x-forwarded-for") -> APISettings {
    var settings = trusted.map { APISettings(trustedProxies: $0.map { IPNetwork($0)! }) } ?? APISettings()
    settings.clientIPHeader = header
    return settings
  }

  /// What the check's `ip` is after a request with these header lines.
  static func address(
    peer: String?, _ lines: [(String, String)], _ settings: APISettings
  ) -> IPAddress? {
    let request = Request("GET", "/check", lines)
    var check = Check()
    GatewayCheck.fill(
      &check, request.gatewayRoute, request.head, request.bytes.span, peer: peer.map { IPAddress($0)! }, settings,
      HeaderTable(settings, set), set)
    return check.ip
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var peer: String?
    var lines: [String]
    var expected: String?
    var testDescription: String { "\(peer ?? "unix") \(lines)" }

    init(_ peer: String?, _ lines: [String], _ expected: String?) {
      (self.peer, self.lines, self.expected) = (peer, lines, expected)
    }
  }

  static let proxies = ["10.0.0.0/8", "127.0.0.0/8", "::1", "2001:db8:f::/48"]

  static let cases: [Case] = [
    // The peer's address, or the header's where the peer is trusted.
    Case("192.0.2.1", [], "192.0.2.1"),
    Case("192.0.2.1", ["203.0.113.9"], "192.0.2.1"),
    Case("10.0.0.1", [], "10.0.0.1"),
    Case("10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
    Case("::ffff:10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
    Case("2001:db8:f::7", ["203.0.113.9"], "203.0.113.9"),
    Case("2001:db8:e::7", ["203.0.113.9"], "2001:db8:e::7"),
    // The right-most that is not itself trusted.
    Case("10.0.0.1", ["198.51.100.1, 203.0.113.9"], "203.0.113.9"),
    Case("10.0.0.1", ["198.51.100.1, 203.0.113.9, 10.0.0.2, 10.0.0.3"], "203.0.113.9"),
    Case("10.0.0.1", ["198.51.100.1,203.0.113.9,::1"], "203.0.113.9"),
    // All lines joined.
    Case("10.0.0.1", ["198.51.100.1", "203.0.113.9"], "203.0.113.9"),
    Case("10.0.0.1", ["203.0.113.9", "10.0.0.2"], "203.0.113.9"),
    Case("10.0.0.1", ["198.51.100.1, 203.0.113.9", "10.0.0.2, 10.0.0.3"], "203.0.113.9"),
    // Where all are trusted, the left-most.
    Case("10.0.0.1", ["10.0.0.4, 10.0.0.3, 10.0.0.2"], "10.0.0.4"),
    Case("10.0.0.1", ["10.0.0.4", "10.0.0.3"], "10.0.0.4"),
    // An entry that is no address ends the walk.
    Case("10.0.0.1", ["203.0.113.9, unknown"], "10.0.0.1"),
    Case("10.0.0.1", ["203.0.113.9, unknown, 10.0.0.2"], "10.0.0.2"),
    Case("10.0.0.1", ["203.0.113.9", "x", "10.0.0.2"], "10.0.0.2"),
    Case("10.0.0.1", ["_hidden"], "10.0.0.1"),
    Case("10.0.0.1", ["203.0.113.9 198.51.100.1"], "10.0.0.1"),
    Case("10.0.0.1", ["203.0.113.09"], "10.0.0.1"),
    Case("10.0.0.1", ["203.0.113"], "10.0.0.1"),
    Case("10.0.0.1", ["fe80::1%eth0"], "10.0.0.1"),
    Case("10.0.0.1", ["for=203.0.113.9"], "10.0.0.1"),
    // Ports and brackets.
    Case("10.0.0.1", ["203.0.113.9:4711"], "203.0.113.9"),
    Case("10.0.0.1", ["[2001:db8::9]"], "2001:db8::9"),
    Case("10.0.0.1", ["[2001:db8::9]:4711"], "2001:db8::9"),
    Case("10.0.0.1", ["[203.0.113.9]:80"], "203.0.113.9"),
    Case("10.0.0.1", ["2001:db8::9"], "2001:db8::9"),
    Case("10.0.0.1", ["2001:db8::9:4711"], "2001:db8::9:4711"),
    Case("10.0.0.1", ["203.0.113.9, 10.0.0.2:80, [::1]:5"], "203.0.113.9"),
    Case("10.0.0.1", ["203.0.113.9:"], "10.0.0.1"),
    Case("10.0.0.1", ["203.0.113.9:x"], "10.0.0.1"),
    Case("10.0.0.1", ["203.0.113.9:123456"], "10.0.0.1"),
    Case("10.0.0.1", ["[2001:db8::9"], "10.0.0.1"),
    Case("10.0.0.1", ["[2001:db8::9]x"], "10.0.0.1"),
    Case("10.0.0.1", ["[2001:db8::9]:"], "10.0.0.1"),
    Case("10.0.0.1", ["[]"], "10.0.0.1"),
    Case("10.0.0.1", ["["], "10.0.0.1"),
    Case("10.0.0.1", [":80"], "10.0.0.1"),
    Case("10.0.0.1", [":"], "10.0.0.1"),
    // A mapped address is IPv4, also where it is compared with the trusted ones.
    Case("10.0.0.1", ["::ffff:203.0.113.9"], "203.0.113.9"),
    Case("10.0.0.1", ["203.0.113.9, ::ffff:10.0.0.2"], "203.0.113.9"),
    Case("10.0.0.1", ["[::ffff:203.0.113.9]:80"], "203.0.113.9"),
    // Empty entries say nothing.
    Case("10.0.0.1", [""], "10.0.0.1"),
    Case("10.0.0.1", [","], "10.0.0.1"),
    Case("10.0.0.1", ["203.0.113.9,"], "203.0.113.9"),
    Case("10.0.0.1", [",203.0.113.9"], "203.0.113.9"),
    Case("10.0.0.1", ["203.0.113.9, \t, 10.0.0.2 ,,"], "203.0.113.9"),
    Case("10.0.0.1", ["203.0.113.9", "", ","], "203.0.113.9"),
    // Unix peers are trusted, and have no address of their own.
    Case(nil, [], nil),
    Case(nil, ["203.0.113.9"], "203.0.113.9"),
    Case(nil, ["198.51.100.1, 203.0.113.9"], "203.0.113.9"),
    Case(nil, ["nonsense"], nil),
    Case(nil, ["", ","], nil),
    Case(nil, ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
    Case(nil, ["nonsense, 10.0.0.2"], "10.0.0.2"),
  ]

  @Test("the client is who the last trusted proxy says it is", arguments: cases)
  func walk(of one: Case) {
    let lines = one.lines.map { ("X-Forwarded-For", $0) }
    #expect(Self.address(peer: one.peer, lines, Self.settings(Self.proxies)) == one.expected.map { IPAddress($0)! })
  }

  @Test("without other settings, loopback peers are trusted and nobody else")
  func defaults() {
    let lines = [("X-Forwarded-For", "203.0.113.9")]
    for (peer, trusted) in [("127.0.0.1", true), ("127.9.9.9", true), ("::1", true), ("10.0.0.1", false)] {
      let expected = IPAddress(trusted ? "203.0.113.9" : peer)!
      #expect(Self.address(peer: peer, lines, Self.settings()) == expected, "\(peer)")
    }
  }

  @Test("with nobody trusted, the peer counts, but for Unix sockets")
  func nobody() {
    let lines = [("X-Forwarded-For", "203.0.113.9")]
    #expect(Self.address(peer: "127.0.0.1", lines, Self.settings([])) == IPAddress("127.0.0.1"))
    #expect(Self.address(peer: nil, lines, Self.settings([])) == IPAddress("203.0.113.9"))
  }

  @Test("only the header that is named counts, never another")
  func named() {
    let others = [
      ("X-Real-IP", "203.0.113.9"), ("Forwarded", "for=203.0.113.9"), ("X-Client-IP", "203.0.113.9"),
      ("X-Forwarded-Fo", "203.0.113.9"), ("X-Envoy-External-Address", "203.0.113.9"),
    ]
    #expect(Self.address(peer: "127.0.0.1", others, Self.settings()) == IPAddress("127.0.0.1"))
    let both = [("X-Real-IP", "203.0.113.9"), ("X-Forwarded-For", "198.51.100.1")]
    #expect(Self.address(peer: "127.0.0.1", both, Self.settings(header: "x-real-ip")) == IPAddress("203.0.113.9"))
    #expect(Self.address(peer: "127.0.0.1", [both[1]], Self.settings(header: "x-real-ip")) == IPAddress("127.0.0.1"))
  }

  @Test("below /check the client's address is found in the same way")
  func below() {
    let request = Request("GET", "/check/a", [("X-Forwarded-For", "203.0.113.9")])
    #expect(Self.set.asked(request, peer: "127.0.0.1") == Self.set.asked(request, peer: "203.0.113.9"))
    #expect(Self.set.asked(request, peer: nil).count == 1)
    #expect(Self.set.asked(Request("GET", "/check/a"), peer: nil).isEmpty)
  }

  // MARK: Against a naive model

  @Test("a naive walk over strings agrees", arguments: [1, 2, 3, 4] as [UInt64])
  func model(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let settings = Self.settings(Self.proxies)
    let texts = [
      "10.0.0.1", "10.9.9.9", "127.0.0.1", "::1", "2001:db8:f::1", "203.0.113.9", "198.51.100.1", "2001:db8::1",
      "::ffff:10.0.0.1", "::ffff:203.0.113.9", "[::1]", "[2001:db8::1]:80", "203.0.113.9:1", "10.0.0.1:65535", "", " ",
      "unknown", "[", "1.2.3", "203.0.113.9:", "1:2", "::", "0.0.0.0", "[::ffff:10.0.0.1]:9", "a:b:c",
    ]
    for _ in 0..<2_000 {
      let peer = random.pick(["10.0.0.1", "::1", "203.0.113.1", nil, nil])
      let lines = (0..<Int.random(in: 0...3, using: &random)).map { _ in
        (0..<Int.random(in: 0...4, using: &random)).map { _ in random.pick(texts) }
          .joined(separator: random.pick([",", ", ", " ,"]))
      }
      let found = Self.address(peer: peer, lines.map { ("x-forwarded-for", $0) }, settings)
      let expected = Self.naive(peer: peer, lines)
      #expect(found.map(Self.text) == expected, "seed \(seed): \(peer ?? "unix") \(lines)")
    }
  }

  private static func naive(peer: String?, _ lines: [String]) -> String? {
    let peer = peer.flatMap(naiveAddress)
    if let peer, !naiveTrusts(peer) { return peer }
    let entries = lines.joined(separator: ",").split(separator: ",").map { $0.filter { $0 != " " } }
      .filter { !$0.isEmpty }.reversed().map(naiveAddress)
    let good = entries.prefix { $0 != nil }.compactMap { $0 }
    return good.first { !naiveTrusts($0) } ?? good.last ?? peer
  }

  private static func naiveTrusts(_ text: String) -> Bool {
    text.hasPrefix("10.") || text.hasPrefix("127.") || text == "::1" || text.hasPrefix("2001:db8:f:")
  }

  /// The address in the C library's own spelling.
  private static func naiveAddress(_ entry: String) -> String? {
    var entry = entry
    if entry.hasPrefix("[") {
      guard let close = entry.firstIndex(of: "]") else { return nil }
      let port = entry[entry.index(after: close)...]
      guard port.isEmpty || port.count > 1 && port.first == ":" && Int(port.dropFirst()) != nil else { return nil }
      entry = String(entry[entry.index(after: entry.startIndex)..<close])
    } else if entry.count(where: { $0 == ":" }) == 1 {
      let parts = entry.split(separator: ":", omittingEmptySubsequences: false)
      guard Int(parts[1]) != nil else { return nil }
      entry = String(parts[0])
      guard !entry.contains("]"), spelled(entry, AF_INET) != nil else { return nil }
    }
    guard let v6 = spelled(entry, AF_INET6) else { return spelled(entry, AF_INET) }
    return v6.hasPrefix("::ffff:") ? String(v6.dropFirst(7)) : v6
  }

  private static func spelled(_ text: String, _ family: Int32) -> String? {
    var bytes = [UInt8](repeating: 0, count: 16)
    guard unsafe inet_pton(family, text, &bytes) == 1 else { return nil }
    var out = [CChar](repeating: 0, count: 64)
    guard unsafe inet_ntop(family, bytes, &out, 64) != nil else { return nil }
    return String(decoding: out.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  private static func text(_ address: IPAddress) -> String {
    let bytes = (0..<16).map { (index: Int) -> UInt8 in
      let half = index < 8 ? address.high : address.low
      return UInt8(truncatingIfNeeded: half >> UInt64(56 - 8 * (index % 8)))
    }
    if address.isV4 { return bytes[12...].map { "\($0)" }.joined(separator: ".") }
    var out = [CChar](repeating: 0, count: 64)
    _ = unsafe inet_ntop(AF_INET6, bytes, &out, 64)
    return String(decoding: out.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
