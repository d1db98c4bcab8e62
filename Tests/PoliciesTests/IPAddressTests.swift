// IPAddressTests.swift: addresses and networks from text (RFC 4291 section 2.2, RFC 5952), and which holds which.

import TestKit
import Testing

@testable import Policies

struct IPAddressTests {
  @Test(
    "an address reads as its bits",
    arguments: [
      ("0.0.0.0", 0, 0xffff_0000_0000), ("255.255.255.255", 0, 0xffff_ffff_ffff), ("1.2.3.4", 0, 0xffff_0102_0304),
      ("::", 0, 0), ("::1", 0, 1), ("1::", 0x1_0000_0000_0000, 0),
      ("2001:db8::1", 0x2001_0db8_0000_0000, 1), ("2001:DB8:0:0:0:0:0:1", 0x2001_0db8_0000_0000, 1),
      ("1:2:3:4:5:6:7:8", 0x0001_0002_0003_0004, 0x0005_0006_0007_0008),
      ("1:2:3:4:5:6:7::", 0x0001_0002_0003_0004, 0x0005_0006_0007_0000),
      ("::2:3:4:5:6:7:8", 0x0000_0002_0003_0004, 0x0005_0006_0007_0008),
      ("1::8", 0x0001_0000_0000_0000, 8), ("1:2:3:4:5:6:1.2.3.4", 0x0001_0002_0003_0004, 0x0005_0006_0102_0304),
      ("::1.2.3.4", 0, 0x0102_0304), ("64:ff9b::192.0.2.33", 0x0064_ff9b_0000_0000, 0xc000_0221),
      ("::ffff:1.2.3.4", 0, 0xffff_0102_0304), ("::FFFF:102:304", 0, 0xffff_0102_0304),
      ("0:0:0:0:0:ffff:1.2.3.4", 0, 0xffff_0102_0304), ("00ff::000a", 0x00ff_0000_0000_0000, 10),
      ("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", UInt64.max, UInt64.max),
    ] as [(String, UInt64, UInt64)])
  func reads(text: String, high: UInt64, low: UInt64) {
    #expect(IPAddress(text) == IPAddress(high: high, low: low))
  }

  @Test(
    "what is no address is none",
    arguments: [
      "", " ", ".", ":", "1", "1.2.3", "1.2.3.4.5", "1.2.3.", ".1.2.3", "1..2.3", "1.2.3.256", "1.2.3.999999999999",
      "01.2.3.4", "1.2.3.00", "1.2.3.04", "0x1.2.3.4", "1.2.3.4 ", " 1.2.3.4", "+1.2.3.4", "1.2.3.4:80", "1.2.3.4/8",
      "١.2.3.4", ":::", "1:::2", "::1::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::",
      "::1:2:3:4:5:6:7:8", "1:2:3:4::5:6:7:8", ":1:2:3:4:5:6:7", "1:2:3:4:5:6:7:", "1:2:3:4:5:6:7:1.2.3.4",
      "1.2.3.4::", "::1.2.3.4:5", "::1.2.3", "::1.2.3.400", "::12345", "::g", "::-1", "::ffff:01.2.3.4", "fe80::1%eth0",
      "::1%1", "[::1]", "[::1]:80", "::1/128", "::\u{0}", "localhost", "::ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
      "0000000000000000000000000000000000000000000001",
    ])
  func refuses(text: String) {
    #expect(IPAddress(text) == nil)
  }

  @Test("every way to write an address gives the same address", arguments: Seeds.of(1...20 as ClosedRange<UInt64>))
  func spellings(seed: UInt64) {
    var random = Seeded(seed)
    for _ in 0..<200 {
      let groups = (0..<8).map { _ in random.oneIn(2) ? 0 : UInt16.random(in: 1...UInt16.max, using: &random) }
      let high = groups[0..<4].reduce(UInt64(0)) { $0 << 16 | UInt64($1) }
      let low = groups[4..<8].reduce(UInt64(0)) { $0 << 16 | UInt64($1) }
      let spelling = Self.spell(groups, &random)
      #expect(IPAddress(spelling) == IPAddress(high: high, low: low), "seed \(seed): \(spelling)")
    }
  }

  /// Any valid text for the groups: upper or lower case, leading zeros, one run of zeros cut, a dotted tail.
  private static func spell(_ groups: [UInt16], _ random: inout Seeded) -> String {
    let isDotted = random.oneIn(3)
    var parts = groups.prefix(isDotted ? 6 : 8).map { group in
      let digits = String(group, radix: 16, uppercase: random.oneIn(2))
      return String(repeating: "0", count: random.below(5 - digits.count)) + digits
    }
    if isDotted { parts.append("\(groups[6] >> 8).\(groups[6] & 255).\(groups[7] >> 8).\(groups[7] & 255)") }
    let zeros = groups.prefix(isDotted ? 6 : 8).indices.filter { groups[$0] == 0 }
    guard let first = zeros.randomElement(using: &random), random.oneIn(2) else { return parts.joined(separator: ":") }
    var last = first
    while zeros.contains(last + 1), !random.oneIn(4) { last += 1 }
    return parts[..<first].joined(separator: ":") + "::" + parts[(last + 1)...].joined(separator: ":")
  }

  @Test("a mask keeps exactly the first bits", arguments: 0...128)
  func masks(prefix: Int) {
    let all = IPAddress(high: .max, low: .max).masked(prefix: prefix)
    #expect(all.high.nonzeroBitCount == min(prefix, 64))
    #expect(all.low.nonzeroBitCount == max(0, prefix - 64))
    #expect(all.high.leadingZeroBitCount == 0 || prefix == 0)
    #expect(all.low.leadingZeroBitCount == 0 || prefix <= 64)
    guard prefix <= 32 else { return }
    let v4 = IPAddress(v4: .max).masked(prefix: prefix)
    #expect(v4 == IPAddress(v4: prefix == 0 ? 0 : UInt32.max << UInt32(32 - prefix)))
  }

  // MARK: Networks

  @Test(
    "a network reads as its first address and its prefix",
    arguments: [
      ("10.1.2.3/8", "10.0.0.0", 8), ("10.0.0.0", "10.0.0.0", 32), ("0.0.0.0/0", "0.0.0.0", 0),
      ("1.2.3.4/32", "1.2.3.4", 32), ("1.2.3.4/31", "1.2.3.4", 31), ("2001:db8:ffff::1/33", "2001:db8:8000::", 33),
      ("::/0", "::", 0), ("::1/128", "::1", 128), ("::1", "::1", 128), ("2001:db8::1/64", "2001:db8::", 64),
      ("::ffff:10.1.2.3", "10.1.2.3", 32), ("::ffff:10.1.2.3/104", "10.0.0.0", 8), ("::ffff:0:0/96", "0.0.0.0", 0),
    ] as [(String, String, Int)])
  func readsNetwork(text: String, address: String, prefix: Int) throws {
    let network = try #require(IPNetwork(text))
    #expect(network.address == IPAddress(address))
    #expect(network.prefix == prefix)
  }

  @Test(
    "what is no network is none",
    arguments: [
      "", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/-0", "10.0.0.0/+8", "10.0.0.0/08",
      "10.0.0.0/8/8", "10.0.0.0/8 ", "10.0.0.0/255.0.0.0", "10.0.0/8", "::/129", "::/1000", "::/99999999999999999999",
      "::ffff:10.0.0.0/8", "::ffff:0:0/95", "::ffff:10.0.0.0/129", "fe80::%1/64", "[::]/0", "10.0.0.0/٨",
    ])
  func refusesNetwork(text: String) {
    #expect(IPNetwork(text) == nil)
  }

  @Test(
    "a network holds what shares its first bits, of its own kind of address only",
    arguments: [
      ("10.0.0.0/8", ["10.0.0.0", "10.255.255.255", "::ffff:10.1.1.1"], ["9.255.255.255", "11.0.0.0", "::10.0.0.1"]),
      ("192.0.2.128/25", ["192.0.2.128", "192.0.2.255"], ["192.0.2.127", "192.0.3.128"]),
      ("192.0.2.7", ["192.0.2.7"], ["192.0.2.6", "192.0.2.8"]),
      ("0.0.0.0/0", ["0.0.0.0", "255.255.255.255"], ["::", "::1", "::fffe:ffff:ffff", "::1:0:0:0"]),
      ("::/0", ["::", "::1", "ffff::"], ["0.0.0.0", "255.255.255.255"]),
      ("::/80", ["::", "::fffe:ffff:ffff"], ["0.0.0.0", "1.2.3.4", "255.255.255.255", "::1:0:0:0"]),
      ("::fffe:0:0/95", ["::fffe:0:1"], ["1.2.3.4"]),
      ("2001:db8::/32", ["2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"], ["2001:db7::", "2001:db9::"]),
    ] as [(String, [String], [String])])
  func holds(text: String, inside: [String], outside: [String]) throws {
    let network = try #require(IPNetwork(text))
    for address in inside { #expect(network.contains(IPAddress(address)!), "\(address)") }
    for address in outside { #expect(!network.contains(IPAddress(address)!), "\(address)") }
  }

  @Test(
    "loopback is this machine only",
    arguments: [("127.0.0.1", true), ("127.255.255.255", true), ("::1", true), ("128.0.0.0", false), ("::2", false)])
  func loopback(text: String, isLoopback: Bool) {
    #expect(IPNetwork.loopback.contains { $0.contains(IPAddress(text)!) } == isLoopback)
  }
}
