// NamedKey.swift: a key as whoever asks about it names it: one part for each attribute of the policy's key, in its order.
//
// A text is what a client or a program would send as the attribute, and names the key under which a check with it counts:
// the very code that fills a check makes of it the values that keys hold (a header's list is split, trimmed and sorted, a
// path decoded, a host lowered). Bytes are what the key holds, as it stands. Since some keys cannot be written as a text
// (of a path `/%41`, say, that a client had escaped twice), how a key is named is decided here too.

public struct NamedKey: Sendable, Equatable {
  public enum Value: Sendable, Equatable {
    /// As a check would be given it.
    case text([UInt8])
    /// As the key holds it.
    case bytes([UInt8])
  }

  /// One attribute's part.
  public enum Part: Sendable, Equatable {
    case value(Value)
    /// Of a header or query parameter that has several, in any order.
    case values([Value])
  }

  /// nil for the counter that checks without an attribute share (`missing: share`).
  public var parts: [Part]?

  public init(parts: [Part]?) {
    self.parts = parts
  }

  /// The key of checks that lack an attribute.
  public static let shared = NamedKey(parts: nil)

  // MARK: From a key

  /// Names the counter of a key: by texts, and by bytes where a text would name another. The last part of a key of which
  /// only the beginning is known is a text always, since it names nothing.
  ///
  /// - Parameter names: The policy's key.
  public init(_ key: KeyText, of names: [AttributeName]) {
    guard let parts = key.parts else {
      self = .shared
      return
    }
    self.parts = zip(parts, names).enumerated().map { place, part in
      let isBeginning = key.isCut && place == parts.count - 1
      func value(_ bytes: [UInt8]) -> Value {
        isBeginning || CanonicalValue.all(in: bytes, of: part.1) == [bytes] ? .text(bytes) : .bytes(bytes)
      }
      return switch part.0 {
      case .value(let bytes): .value(value(bytes))
      case .values(let list): .values(list.map(value))
      }
    }
  }

  // MARK: To bytes

  /// The bytes of the counter that these parts name.
  ///
  /// - Parameters:
  ///   - policy: Whose counter.
  ///   - ipv6Prefix: How many bits of an IPv6 address count.
  public func bytes(for policy: Policy, ipv6Prefix: Int) throws(KeyMismatch) -> [UInt8] {
    guard let parts else {
      guard policy.missing == .share, !policy.key.isEmpty else { throw .notShared }
      return [0]
    }
    guard parts.count == policy.key.count else { throw .count(expected: policy.key.count, given: parts.count) }
    // Laid out as a check does it: first the values of every part, then the key behind them.
    var check = Check()
    check.chains = Array(repeating: Check.Chain(), count: parts.count)
    var addresses: [Int: IPAddress] = [:]
    for (place, name) in policy.key.enumerated() {
      let values = try Self.values(parts[place], of: name, place)
      if name == .ip {
        guard let address = Self.address(values[0], ipv6Prefix) else { throw .address(part: place) }
        addresses[place] = address
      } else {
        for value in values { check.addValue(check.append(value.span), to: Int32(place)) }
      }
    }
    let start = check.bytes.count
    for place in parts.indices {
      if let address = addresses[place] {
        check.bytes.append(4)
        check.bytes += address.bytes
      } else {
        check.appendSet(check.chains[place])
      }
    }
    return Array(check.bytes[start...])
  }

  /// At least one.
  private static func values(
    _ part: Part, of name: AttributeName, _ place: Int
  ) throws(KeyMismatch) -> [[UInt8]] {
    switch (part, name) {
    case (.value(let value), _):
      return all(in: value, of: name)
    case (.values(let values), .header), (.values(let values), .query):
      guard !values.isEmpty else { throw .empty(part: place) }
      let found = values.flatMap { all(in: $0, of: name) }
      // Beside others an empty one does not count.
      let filled = found.filter { !$0.isEmpty }
      return filled.isEmpty ? [[]] : filled
    case (.values, _):
      throw .single(part: place)
    }
  }

  private static func all(in value: Value, of name: AttributeName) -> [[UInt8]] {
    switch value {
    case .text(let text): CanonicalValue.all(in: text, of: name)
    case .bytes(let bytes): [bytes]
    }
  }

  /// An address, or a network that is exactly what counts as one address.
  private static func address(_ text: [UInt8], _ ipv6Prefix: Int) -> IPAddress? {
    guard let network = IPNetwork(String(decoding: text, as: UTF8.self)) else { return nil }
    guard network.prefix == (network.address.isV4 ? 32 : text.contains(UInt8(ascii: "/")) ? ipv6Prefix : 128) else {
      return nil
    }
    return network.address.counted(ipv6Prefix: ipv6Prefix)
  }
}

/// Why parts are no key of a policy.
public enum KeyMismatch: Error, Sendable, Equatable {
  /// How many parts the policy's key has.
  case count(expected: Int, given: Int)
  /// The policy has no counter that checks without an attribute share.
  case notShared
  /// A part is no address, or a network of another size than what counts as one.
  case address(part: Int)
  /// The attribute has one value.
  case single(part: Int)
  /// A list of no values.
  case empty(part: Int)
}
