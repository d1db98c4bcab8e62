// IPAddress+TextTests.swift: addresses as text.

import TestKit
import Testing

@testable import Policies

struct IPAddressTextTests {
  @Test(
    "the text is that of RFC 5952",
    arguments: [
      ("192.0.2.7", "192.0.2.7"), ("::ffff:10.1.2.3", "10.1.2.3"), ("::", "::"), ("::1", "::1"), ("1::", "1::"),
      ("2001:0DB8:0:0:0:0:2:1", "2001:db8::2:1"), ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
      ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"), ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
      ("0:0:1:2:3:4:5:6", "::1:2:3:4:5:6"), ("1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"),
    ])
  func text(given: String, expected: String) {
    #expect(IPAddress(given)?.text == expected)
  }

  @Test("the text reads back as the address", arguments: Seeds.of(1...4 as ClosedRange<UInt64>))
  func roundTrip(seed: UInt64) {
    var random = Seeded(seed)
    for _ in 0..<2_000 {
      func half() -> UInt64 {
        (0..<4).reduce(0) { half, _ in half << 16 | [0, 0, 1, random.next() & 0xffff][random.below(4)] }
      }
      let address =
        random.oneIn(4)
        ? IPAddress(v4: UInt32(truncatingIfNeeded: random.next())) : IPAddress(high: half(), low: half())
      #expect(IPAddress(address.text) == address, "seed \(seed): \(address.text)")
      let prefix = random.below(address.isV4 ? 33 : 129)
      let network = IPNetwork(address: address, prefix: prefix)
      #expect(IPNetwork(network.text) == network, "seed \(seed): \(network.text)")
    }
  }

  @Test("a network shows its prefix unless it is a single address")
  func networks() {
    for text in ["10.0.0.0/8", "10.0.0.1", "::/0", "2001:db8::/32", "2001:db8::1"] {
      #expect(IPNetwork(text)?.text == text)
    }
  }
}
