// CanonicalValue.swift: a value from a policy file in the form that a check's attributes have, so that the two can be
// compared byte for byte.

enum CanonicalValue {
  /// The bytes that `Check` and `KeyBuilder` have for an attribute of this value. For `ip` these are the 16 bytes of
  /// the address as keys count it; empty, which equals no address, where `text` is none.
  static func bytes(_ text: String, of name: AttributeName, ipv6Prefix: Int) -> [UInt8] {
    let raw = Array(text.utf8)
    switch name {
    case .ip:
      guard let network = IPNetwork(text) else { return [] }
      return network.address.counted(ipv6Prefix: ipv6Prefix).bytes
    case .host:
      var check = Check()
      check.chains = [Check.Chain(), Check.Chain(), Check.Chain()]
      check.setHost(raw.span)
      return check.firstValue(of: Check.List.host)
    case .path:
      var check = Check()
      check.begin(emptySet)
      check.setTarget(raw.span, in: emptySet)
      return check.firstValue(of: Check.List.path)
    case .header, .query:
      return Array(raw.drop { $0 == 0x20 || $0 == 0x09 }.reversed().drop { $0 == 0x20 || $0 == 0x09 }.reversed())
    case .method, .capture, .custom:
      return raw
    }
  }

  private static let emptySet = PolicySet([], slots: [])
}

extension IPAddress {
  /// The address as it counts in keys: IPv4 whole, IPv6 by its prefix.
  func counted(ipv6Prefix: Int) -> IPAddress { isV4 ? self : masked(prefix: ipv6Prefix) }

  /// 16 bytes, network order.
  var bytes: [UInt8] {
    (0..<16).map { UInt8(truncatingIfNeeded: ($0 < 8 ? high : low) >> UInt64(56 - 8 * ($0 % 8))) }
  }
}

extension Check {
  fileprivate func firstValue(of list: Int32) -> [UInt8] {
    let range = values[Int(chains[Int(list)].first)].range
    return Array(bytes[Int(range.start)..<range.end])
  }
}
