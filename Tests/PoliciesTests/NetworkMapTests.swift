// NetworkMapTests.swift: the cut address space says the same as asking each network.

import TestKit
import Testing

@testable import Policies

struct NetworkMapTests {
  @Test("a map proposes exactly the networks that hold an address", arguments: Seeds.of(1...40 as ClosedRange<UInt64>))
  func agreesWithEachNetwork(seed: UInt64) {
    var random = Seeded(seed)
    let networks = (0..<random.below(30)).map { value in
      (network: Self.network(&random), value: Int32(random.oneIn(4) ? 0 : value))
    }
    let map = NetworkMap(networks)
    for _ in 0..<300 {
      let address = random.oneIn(3) ? Self.edge(of: networks, &random) : Self.address(&random)
      let expected = Set(networks.filter { $0.network.contains(address) }.map(\.value))
      let proposed = map.memberRange(of: address).map { map.member(at: $0) }
      #expect(proposed == expected.sorted(), "seed \(seed): \(address) in \(networks)")
      #expect(map.contains(address) == !expected.isEmpty)
    }
  }

  @Test("an empty map holds nothing")
  func empty() {
    let map = NetworkMap([])
    #expect(map.isEmpty)
    #expect(!map.contains(IPAddress("::")!))
    #expect(!map.contains(IPAddress(high: .max, low: .max)))
  }

  /// From a small part of the space, so that networks overlap: around the mapped block, and at both ends.
  private static func address(_ random: inout Seeded) -> IPAddress {
    switch random.below(4) {
    case 0: IPAddress(v4: UInt32(random.below(4)) << 30 | UInt32(random.below(8)))
    case 1: IPAddress(high: 0, low: random.next() >> UInt64(random.below(32)))
    case 2: IPAddress(high: .max, low: .max - UInt64(random.below(8)))
    default: IPAddress(high: random.next() >> UInt64(random.below(64)), low: 0)
    }
  }

  private static func network(_ random: inout Seeded) -> IPNetwork {
    let address = address(&random)
    return IPNetwork(address: address, prefix: random.below(address.isV4 ? 33 : 129))
  }

  /// The first address of a network, or the one before or behind it.
  private static func edge(of networks: [(network: IPNetwork, value: Int32)], _ random: inout Seeded) -> IPAddress {
    guard let (network, _) = networks.randomElement(using: &random) else { return address(&random) }
    let value = UInt128(network.address.high) << 64 | UInt128(network.address.low)
    let free = network.address.isV4 ? 32 - network.prefix : 128 - network.prefix
    let size = free == 128 ? 0 : UInt128(1) << UInt128(free)
    let near = random.pick([value, value &- 1, value &+ size, value &+ size &- 1])
    return IPAddress(high: UInt64(truncatingIfNeeded: near >> 64), low: UInt64(truncatingIfNeeded: near))
  }
}
