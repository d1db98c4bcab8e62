// IPNetwork+TextTests.swift: networks as text.

import Testing

@testable import Policies

struct IPNetworkTextTests {
  @Test("a network shows its prefix unless it is a single address")
  func networks() {
    for text in ["10.0.0.0/8", "10.0.0.1", "::/0", "0.0.0.0/0", "2001:db8::/32", "2001:db8::1"] {
      #expect(IPNetwork(text)?.text == text)
    }
    #expect(IPNetwork("::ffff:10.0.0.0/104")?.text == "10.0.0.0/8")
  }

  @Test("the text reads back as the network", arguments: [UInt64](1...4))
  func roundTrip(seed: UInt64) {
    var random = Seeded(seed)
    for _ in 0..<1_000 {
      let address =
        random.oneIn(2)
        ? IPAddress(v4: UInt32(truncatingIfNeeded: random.next())) : IPAddress(high: random.next(), low: random.next())
      let network = IPNetwork(address: address, prefix: random.below(address.isV4 ? 33 : 129))
      #expect(IPNetwork(network.text) == network, "seed \(seed): \(network.text)")
    }
  }
}
