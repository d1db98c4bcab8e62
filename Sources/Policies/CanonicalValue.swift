// CanonicalValue.swift: a value from a policy file, or from an operator, in the form that a check's attributes have, so
// that the two can be compared byte for byte.

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
      return path(raw)
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

  /// The values that a check has whose attribute is given as `text`; one but for lists. An address stays as it is.
  static func all(in text: [UInt8], of name: AttributeName) -> [[UInt8]] {
    switch name {
    case .header, .query: elements(text)
    case .host: [host(text)]
    case .path: [path(text)]
    case .capture: [segment(text)]
    case .method, .ip, .custom: [text]
    }
  }

  /// The elements of one line of a header, or of one query parameter.
  private static func elements(_ line: [UInt8]) -> [[UInt8]] {
    var check = Check()
    check.chains = [Check.Chain()]
    check.addLine(line.span, to: 0)
    check.finishLists()
    return check.values(of: 0)
  }

  /// The path of a target.
  private static func path(_ target: [UInt8]) -> [UInt8] {
    var check = Check()
    check.begin(emptySet)
    check.setPath(target.span)
    return check.firstValue(of: Check.List.path)
  }

  /// What a pattern captures of a path that has this as one segment; the text itself where it is none.
  private static func segment(_ text: [UInt8]) -> [UInt8] {
    var check = Check()
    check.begin(emptySet)
    let target = [UInt8(ascii: "/")] + text
    check.setPath(target.span)
    return check.segments.count == 1 ? check.text(check.segments[0]) : text
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
    (0..<16).map { (index: Int) -> UInt8 in
      let half = index < 8 ? high : low
      return UInt8(truncatingIfNeeded: half >> UInt64(56 - 8 * (index % 8)))
    }
  }
}

extension Check {
  fileprivate func firstValue(of list: Int32) -> [UInt8] { text(values[Int(chains[Int(list)].first)].range) }

  fileprivate func values(of list: Int32) -> [[UInt8]] {
    var found: [[UInt8]] = []
    var next = chains[Int(list)].first
    while next >= 0 {
      found.append(text(values[Int(next)].range))
      next = values[Int(next)].next
    }
    return found
  }

  fileprivate func text(_ range: ArenaRange) -> [UInt8] { Array(bytes[Int(range.start)..<range.end]) }

  /// One element of a list, in the form that `addLine` gives it.
  fileprivate mutating func element(_ raw: [UInt8]) -> [UInt8] {
    text(closeUpCommas(trim(append(raw.span))))
  }
}
