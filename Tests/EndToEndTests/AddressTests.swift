// AddressTests.swift: whose address counts: the peer's, or what a trusted proxy says of its client. A client must not be
// able to choose its own.

import TestKit
import Testing

@Suite struct AddressTests {
  static let perAddress = """
    policies:
      - {name: a, match: {path: /key}, key: [ip], algorithm: token-bucket, limit: 1, period: \(forever)}
      - {name: b, match: {path: /m, ip: 203.0.113.7}, algorithm: token-bucket, limit: 1007, period: \(forever)}
      - {name: c, match: {path: /m, ip: 203.0.113.8}, algorithm: token-bucket, limit: 1008, period: \(forever)}
      - {name: d, match: {path: /m, ip: 127.0.0.1}, algorithm: token-bucket, limit: 1127, period: \(forever)}
      - {name: e, match: {path: /m, ip: "2001:db8::/32"}, algorithm: token-bucket, limit: 1128, period: \(forever)}
      - {name: f, match: {path: /m, ip: 10.0.0.9}, algorithm: token-bucket, limit: 1010, period: \(forever)}
    """

  /// `X-Forwarded-For` lines, and the limit of the policy for the address that should count.
  typealias Case = ([String], Int?)

  private func expect(_ cases: [Case], of weir: WeirProcess, header: String = "X-Forwarded-For") throws {
    for (lines, limit) in cases {
      let response = try weir.request("GET", "/check/m", lines.map { (header, $0) })
      #expect(response.int("X-RateLimit-Limit") == limit, "\(lines)")
    }
  }

  @Test("from a trusted peer the right-most address that is not itself trusted counts")
  func trusted() throws {
    let cases: [Case] = [
      ([], 1127), (["203.0.113.7"], 1007), (["203.0.113.8, 203.0.113.7"], 1007), (["203.0.113.7, 127.0.0.1"], 1007),
      (["203.0.113.8", "203.0.113.7"], 1007), (["203.0.113.8, 203.0.113.7", "127.0.0.1,::1"], 1007),
      (["203.0.113.7:1234"], 1007), (["[2001:db8::1]:443"], 1128), (["2001:db8::1"], 1128), (["[2001:db8::1]"], 1128),
      (["::ffff:203.0.113.7"], 1007), (["  203.0.113.7  "], 1007), (["127.0.0.1, 127.0.0.2"], 1127),
      (["unknown"], 1127), (["203.0.113.8, unknown"], 1127), (["203.0.113.7, nonsense, 127.0.0.1"], 1127), ([""], 1127),
    ]
    try expect(cases, of: WeirProcess(Self.perAddress))
  }

  @Test("from a peer that is not trusted the header counts for nothing")
  func untrusted() throws {
    let weir = try WeirProcess(Self.perAddress, arguments: ["--trusted-proxies", "192.0.2.0/24"])
    try expect([([], 1127), (["203.0.113.7"], 1127), (["127.0.0.2"], 1127)], of: weir)
  }

  @Test("proxies named as trusted are walked past")
  func chain() throws {
    let weir = try WeirProcess(Self.perAddress, arguments: ["--trusted-proxies", "127.0.0.0/8,10.0.0.0/8,fd00::/8"])
    try expect(
      [
        (["203.0.113.7, 10.0.0.9"], 1007), (["203.0.113.8, 203.0.113.7, 10.1.1.1, fd00::5"], 1007),
        (["10.0.0.9, 10.0.0.1"], 1010), (["203.0.113.7, x, 10.0.0.9"], 1010),
      ], of: weir)
  }

  @Test("only the header that is named counts")
  func namedHeader() throws {
    let plain = try WeirProcess(Self.perAddress)
    for name in ["X-Real-IP", "Forwarded", "CF-Connecting-IP", "True-Client-IP", "X-Client-IP"] {
      try expect([(["203.0.113.7"], 1127)], of: plain, header: name)
    }
    let named = try WeirProcess(Self.perAddress, arguments: ["--client-ip-header", "X-Real-IP"])
    try expect([(["203.0.113.7"], 1007)], of: named, header: "X-Real-IP")
    try expect([(["203.0.113.7"], 1127)], of: named)
  }

  @Test("peers on a Unix socket are trusted; without a usable header they have no address")
  func unixPeers() throws {
    let directory = try TemporaryDirectory()
    let weir = try WeirProcess(
      Self.perAddress, listen: ["unix:\(directory.file("s"))"], arguments: ["--trusted-proxies", "192.0.2.1"])
    try expect(
      [([], nil), (["unknown"], nil), (["203.0.113.7"], 1007), (["203.0.113.8, 203.0.113.7"], 1007)], of: weir)
  }

  @Test("an IPv6 address counts as its prefix, 64 by default, an IPv4 address whole")
  func prefix() throws {
    func share(_ weir: WeirProcess, _ first: String, _ second: String) throws -> Bool {
      _ = try weir.request("GET", "/check/key", [("X-Forwarded-For", first)])
      return try weir.request("GET", "/check/key", [("X-Forwarded-For", second)]).status == 429
    }
    let weir = try WeirProcess(Self.perAddress)
    #expect(try share(weir, "2001:db8:0:1::1", "2001:db8:0:1:ffff::2"))
    #expect(try !share(weir, "2001:db8:0:2::1", "2001:db8:0:3::1"))
    #expect(try !share(weir, "203.0.113.1", "203.0.113.2"))
    #expect(try share(weir, "203.0.113.3", "::ffff:203.0.113.3"))
    let whole = try WeirProcess(Self.perAddress, arguments: ["--ipv6-prefix", "128"])
    #expect(try !share(whole, "2001:db8:0:1::1", "2001:db8:0:1::2"))
    let wide = try WeirProcess(Self.perAddress, arguments: ["--ipv6-prefix", "48"])
    #expect(try share(wide, "2001:db8:0:1::1", "2001:db8:0:9::2"))
  }
}
