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
      return host(raw)
    case .path:
      var check = Check()
      check.begin(emptySet)
      check.setTarget(raw.span, in: emptySet)
      return check.firstValue(of: Check.List.path)
    case .header, .query:
      var check = Check()
      return check.element(raw)
    case .method, .capture, .custom:
      return raw
    }
  }

  /// The bytes with which an attribute begins whose text begins with `text`, as far as that can be said of a part: a
  /// host is lower case; an element of a list has no space before it or around its commas.
  static func prefix(_ text: String, of name: AttributeName) -> [UInt8] {
    switch name {
    case .host:
      return text.utf8.map { Check.lowered($0) }
    case .header, .query:
      var check = Check()
      // A mark keeps the spaces at the end, where the value goes on.
      return check.element(Array(text.utf8) + [0]).dropLast()
    case .method, .path, .ip, .capture, .custom:
      return Array(text.utf8)
    }
  }

  /// A host without port and last dot, lower case.
  static func host(_ text: some Collection<UInt8>) -> [UInt8] {
    var check = Check()
    check.chains = [Check.Chain(), Check.Chain(), Check.Chain()]
    let raw = Array(text)
    check.setHost(raw.span)
    return check.firstValue(of: Check.List.host)
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

  /// One element of a list, in the form that `addLine` gives it.
  fileprivate mutating func element(_ raw: [UInt8]) -> [UInt8] {
    let trimmed = closeUpCommas(trim(append(raw.span)))
    return Array(bytes[Int(trimmed.start)..<trimmed.end])
  }
}
