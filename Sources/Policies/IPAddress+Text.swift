// IPAddress+Text.swift: addresses as people write them, IPv6 in the form of RFC 5952: lower case, no leading zeros, the
// first of the longest runs of two or more zero groups as `::`. An IPv4-mapped address is written as the IPv4 address.

extension IPAddress: CustomStringConvertible {
  /// `203.0.113.9`, `2001:db8::1`. `IPAddress(_:)` reads it back.
  public var description: String {
    if isV4 { return ([24, 16, 8, 0] as [UInt64]).map { "\(low >> $0 & 0xff)" }.joined(separator: ".") }
    let groups: [UInt64] = (0..<8).map { place in
      let half = place < 4 ? high : low
      return half >> UInt64(48 - 16 * (place % 4)) & 0xffff
    }
    let texts = groups.map { String($0, radix: 16) }
    let run = Self.longestRun(groups)
    guard run.count > 1 else { return texts.joined(separator: ":") }
    return texts[..<run.lowerBound].joined(separator: ":") + "::" + texts[run.upperBound...].joined(separator: ":")
  }

  /// The first of the longest runs of zeros.
  private static func longestRun(_ groups: [UInt64]) -> Range<Int> {
    var longest = 0..<0
    var start = 0
    for (index, group) in groups.enumerated() {
      if group != 0 { start = index + 1 } else if index + 1 - start > longest.count { longest = start..<index + 1 }
    }
    return longest
  }

  /// The address as keys count it and as operators see it: IPv6 with its prefix, `2001:db8::/64`, unless all of it counts.
  func keyText(ipv6Prefix: Int) -> String {
    isV4 || ipv6Prefix == 128 ? "\(self)" : "\(counted(ipv6Prefix: ipv6Prefix))/\(ipv6Prefix)"
  }
}
