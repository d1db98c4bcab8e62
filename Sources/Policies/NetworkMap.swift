// NetworkMap.swift: which networks hold an address, by one binary search. The address space is cut at every network's
// first address and behind its last; between two cuts the same networks apply. IPv4 lives in its mapped block, which
// is taken out of IPv6 networks that would cover it.

public struct NetworkMap: Sendable {
  /// First address of each stretch, ascending.
  private var cuts: [UInt128] = []
  /// Per stretch, what applies there: a range of `members`.
  private var ranges: [Range<Int32>] = []
  private var members: [Int32] = []

  /// - Parameter networks: Each with a number of the caller's, which may repeat.
  public init(_ networks: [(network: IPNetwork, value: Int32)]) {
    var starts: [UInt128: [Int32]] = [:]
    var ends: [UInt128: [Int32]] = [:]
    for (network, value) in networks {
      for (first, last) in Self.stretches(of: network) {
        starts[first, default: []].append(value)
        if last != UInt128.max { ends[last + 1, default: []].append(value) }
      }
    }
    var open: [Int32: Int] = [:]
    for cut in Set(starts.keys).union(ends.keys).sorted() {
      for value in ends[cut] ?? [] { open[value, default: 0] -= 1 }
      for value in starts[cut] ?? [] { open[value, default: 0] += 1 }
      open = open.filter { $0.value > 0 }
      cuts.append(cut)
      ranges.append(Int32(members.count)..<Int32(members.count + open.count))
      members.append(contentsOf: open.keys.sorted())
    }
  }

  var isEmpty: Bool { cuts.isEmpty }

  public func contains(_ address: IPAddress) -> Bool { !memberRange(of: address).isEmpty }

  /// The numbers of the networks that hold `address`, as a range for `member(at:)`.
  func memberRange(of address: IPAddress) -> Range<Int32> {
    let value = UInt128(address.high) << 64 | UInt128(address.low)
    var low = 0
    var high = cuts.count
    while low < high {
      let middle = (low + high) / 2
      if cuts[middle] <= value { low = middle + 1 } else { high = middle }
    }
    return low == 0 ? 0..<0 : ranges[low - 1]
  }

  func member(at index: Int32) -> Int32 { members[Int(index)] }

  private static func stretches(of network: IPNetwork) -> [(UInt128, UInt128)] {
    let first = UInt128(network.address.high) << 64 | UInt128(network.address.low)
    let free = network.address.isV4 ? 32 - network.prefix : 128 - network.prefix
    let last = free == 128 ? UInt128.max : first | ((UInt128(1) << UInt128(free)) - 1)
    let mappedFirst: UInt128 = 0xffff_0000_0000
    let mappedLast: UInt128 = 0xffff_ffff_ffff
    guard !network.address.isV4, first < mappedFirst, last >= mappedLast else { return [(first, last)] }
    guard last > mappedLast else { return [(first, mappedFirst - 1)] }
    return [(first, mappedFirst - 1), (mappedLast + 1, last)]
  }
}
