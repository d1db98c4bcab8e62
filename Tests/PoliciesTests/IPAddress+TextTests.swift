// IPAddress+TextTests.swift: addresses as text.

import Testing

@testable import Policies

struct IPAddressTextTests {
  @Test(
    "RFC 5952: lower case, no leading zeros, the first of the longest runs of two or more zeros shortened",
    arguments: [
      ("203.0.113.9", "203.0.113.9"), ("0.0.0.0", "0.0.0.0"), ("::ffff:1.2.3.4", "1.2.3.4"), ("::", "::"),
      ("::1", "::1"), ("1::", "1::"), ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
      ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
      ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"), ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
      ("0:0:1:0:0:0:0:0", "0:0:1::"), ("::1.2.3.4", "::102:304"), ("fe80::0a0b:0c0d", "fe80::a0b:c0d"),
      ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"), ("0:2:3:4:5:6:7:0", "0:2:3:4:5:6:7:0"),
    ])
  func text(given: String, expected: String) {
    #expect(IPAddress(given).map { "\($0)" } == expected)
  }

  @Test("an address that was written is read back", arguments: [UInt64](1...20))
  func roundTrip(seed: UInt64) {
    var random = Seeded(seed)
    for _ in 0..<500 {
      // Mostly zeros, so that runs occur.
      let address = IPAddress(high: Self.groups(&random), low: Self.groups(&random))
      #expect(IPAddress("\(address)") == address, "seed \(seed)")
    }
  }

  private static func groups(_ random: inout Seeded) -> UInt64 {
    (0..<4).reduce(0) { sum, _ in
      sum << 16 | (random.oneIn(2) ? 0 : random.oneIn(8) ? 0xffff : random.next() >> UInt64(48 + random.below(16)))
    }
  }

  @Test(
    "as part of a key an IPv6 address is shown with the prefix that counts",
    arguments: [
      ("1.2.3.4", 64, "1.2.3.4"), ("1.2.3.4", 0, "1.2.3.4"), ("2001:db8:1:2:3::4", 64, "2001:db8:1:2::/64"),
      ("2001:db8:1:2:3::4", 48, "2001:db8:1::/48"), ("2001:db8::1", 0, "::/0"), ("2001:db8::1", 128, "2001:db8::1"),
    ])
  func keyText(given: String, prefix: Int, expected: String) {
    #expect(IPAddress(given)?.keyText(ipv6Prefix: prefix) == expected)
  }
}
