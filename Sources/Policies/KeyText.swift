// KeyText.swift: a key as people read it: one part for each attribute of the policy's key, in its order.
//
// A part is a value, or several values where a header or query parameter had several. An address is its text, IPv6 with
// the prefix that counts. All other values are the bytes that keys hold: paths decoded, without their last slash. The
// counter of checks that lack an attribute has no parts.
//
// Reading is total: bytes that are no key of the policy, or only the beginning of one, give nil or what can be read.
// PolicySet+Key.swift draws the layout of the bytes; NamedKey.swift goes the other way.

/// The parts of one key.
public struct KeyText: Sendable, Equatable {
  /// One attribute's part.
  public enum Part: Sendable, Equatable {
    case value([UInt8])
    /// Sorted by their bytes and without duplicates, but for more than a check sorts.
    case values([[UInt8]])
  }

  /// nil for the counter that checks without an attribute share (`missing: share`).
  public var parts: [Part]?
  /// Whether these are only the beginning: the last part may be too short, and others missing.
  public var isCut: Bool

  public init(parts: [Part]?, isCut: Bool = false) {
    self.parts = parts
    self.isCut = isCut
  }

  /// The key of checks that lack an attribute.
  public static let shared = KeyText(parts: nil)

  // MARK: From bytes

  /// Reads the bytes of a key.
  ///
  /// - Parameters:
  ///   - names: The policy's key.
  ///   - ipv6Prefix: How many bits of an IPv6 address count.
  ///   - isCut: Whether `bytes` is only the beginning of the key.
  /// - Returns: nil where these are no bytes of such a key.
  public init?(_ bytes: Span<UInt8>, of names: [AttributeName], ipv6Prefix: Int, isCut: Bool = false) {
    self.isCut = isCut
    if !names.isEmpty, bytes.count == 1, bytes[0] == 0, !isCut {
      parts = nil
      return
    }
    var parts: [Part] = []
    var reader = Reader(isCut: isCut)
    for name in names where reader.offset < bytes.count || !isCut {
      guard let part = reader.part(of: name, bytes, ipv6Prefix) else { return nil }
      parts.append(part)
    }
    guard reader.offset == bytes.count else { return nil }
    self.parts = parts
  }

  private struct Reader {
    let isCut: Bool
    var offset = 0

    mutating func part(of name: AttributeName, _ bytes: Span<UInt8>, _ ipv6Prefix: Int) -> Part? {
      guard offset < bytes.count else { return nil }
      let tag = bytes[offset]
      offset += 1
      switch (tag, name) {
      case (4, .ip):
        guard let address = address(bytes) else { return isCut ? .value([]) : nil }
        return .value(Array(address.keyText(ipv6Prefix: ipv6Prefix).utf8))
      case (1, let name) where name != .ip:
        return value(bytes).map { .value($0) }
      case (2, .header), (2, .query):
        return values(bytes).map { .values($0) }
      default:
        return nil
      }
    }

    /// nil, and all that is left taken, where less than an address is left.
    private mutating func address(_ bytes: Span<UInt8>) -> IPAddress? {
      guard bytes.count - offset >= 16 else {
        offset = bytes.count
        return nil
      }
      let high = number(bytes, 8)
      return IPAddress(high: high, low: number(bytes, 8))
    }

    /// A length and as many bytes; of a cut key as many as there are.
    private mutating func value(_ bytes: Span<UInt8>) -> [UInt8]? {
      guard bytes.count - offset >= 4 else {
        offset = bytes.count
        return isCut ? [] : nil
      }
      let length = Int(number(bytes, 4))
      let end = min(bytes.count, offset + length)
      guard isCut || end == offset + length else { return nil }
      var value: [UInt8] = []
      value.reserveCapacity(end - offset)
      while offset < end {
        value.append(bytes[offset])
        offset += 1
      }
      return value
    }

    private mutating func values(_ bytes: Span<UInt8>) -> [[UInt8]]? {
      guard bytes.count - offset >= 4 else {
        offset = bytes.count
        return isCut ? [] : nil
      }
      let count = Int(number(bytes, 4))
      var values: [[UInt8]] = []
      // Each value takes bytes, so that a count of what is not there ends the loop.
      while values.count < count, offset < bytes.count {
        guard let value = value(bytes) else { return nil }
        values.append(value)
      }
      return isCut || values.count == count ? values : nil
    }

    /// `count` bytes, at most 8, which must be there.
    private mutating func number(_ bytes: Span<UInt8>, _ count: Int) -> UInt64 {
      var value: UInt64 = 0
      for _ in 0..<count {
        value = value << 8 | UInt64(bytes[offset])
        offset += 1
      }
      return value
    }
  }
}
