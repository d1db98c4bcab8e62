// IPAddress+Text.swift: addresses and networks as text: IPv4 dotted, IPv6 as RFC 5952 section 4 recommends.

extension IPAddress {
  /// `192.0.2.7` or `2001:db8::1`; the text of one address is always the same, and reads back as it.
  public var text: String {
    let bytes = bytes
    if isV4 { return bytes[12...].map { String($0) }.joined(separator: ".") }
    let groups = (0..<8).map { (index: Int) -> UInt16 in UInt16(bytes[2 * index]) << 8 | UInt16(bytes[2 * index + 1]) }
    guard let zeros = Self.longestZeros(groups) else { return Self.joined(groups[...]) }
    return Self.joined(groups[..<zeros.lowerBound]) + "::" + Self.joined(groups[zeros.upperBound...])
  }

  private static func joined(_ groups: ArraySlice<UInt16>) -> String {
    groups.map { String($0, radix: 16) }.joined(separator: ":")
  }

  /// The first of the longest runs of two or more zeros.
  private static func longestZeros(_ groups: [UInt16]) -> Range<Int>? {
    var longest = 0..<1
    var start = 0
    for index in 0...groups.count where index == groups.count || groups[index] != 0 {
      if index - start > longest.count { longest = start..<index }
      start = index + 1
    }
    return longest.count > 1 ? longest : nil
  }
}

extension IPNetwork {
  /// `192.0.2.0/24`; a single address without its prefix.
  public var text: String { prefix == (address.isV4 ? 32 : 128) ? address.text : "\(address.text)/\(prefix)" }
}

extension IPAddress {
  /// The address as keys count it and as operators see it: IPv6 with its prefix, `2001:db8::/64`, unless all of it counts.
  func keyText(ipv6Prefix: Int) -> String {
    isV4 || ipv6Prefix == 128 ? text : "\(counted(ipv6Prefix: ipv6Prefix).text)/\(ipv6Prefix)"
  }
}
