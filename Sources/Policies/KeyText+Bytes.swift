// KeyText+Bytes.swift: from a key as an operator writes it to the bytes that name the counter.

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
  /// Only the beginning of a key is known.
  case cut
}

extension KeyText {
  /// The bytes of the counter that these parts name.
  ///
  /// An address counts by its prefix, and a host in lower case, without port and last dot. Any other value is taken as it
  /// stands.
  ///
  /// - Parameters:
  ///   - policy: Whose counter.
  ///   - ipv6Prefix: How many bits of an IPv6 address count.
  public func bytes(for policy: Policy, ipv6Prefix: Int) throws(KeyMismatch) -> [UInt8] {
    guard !isCut else { throw .cut }
    guard let parts else {
      guard policy.missing == .share, !policy.key.isEmpty else { throw .notShared }
      return [0]
    }
    guard parts.count == policy.key.count else { throw .count(expected: policy.key.count, given: parts.count) }
    var bytes: [UInt8] = []
    for (place, name) in policy.key.enumerated() {
      switch parts[place] {
      case .value(let value):
        try Self.append(value, of: name, place, ipv6Prefix, to: &bytes)
      case .values(let values):
        try Self.append(values, of: name, place, to: &bytes)
      }
    }
    return bytes
  }

  private static func append(
    _ value: [UInt8], of name: AttributeName, _ place: Int, _ ipv6Prefix: Int, to bytes: inout [UInt8]
  ) throws(KeyMismatch) {
    switch name {
    case .ip:
      guard let address = address(value, ipv6Prefix) else { throw .address(part: place) }
      bytes.append(4)
      bytes += address.bytes
    case .host:
      appendSingle(CanonicalValue.host(value), to: &bytes)
    default:
      appendSingle(value, to: &bytes)
    }
  }

  private static func append(
    _ values: [[UInt8]], of name: AttributeName, _ place: Int, to bytes: inout [UInt8]
  ) throws(KeyMismatch) {
    switch name {
    case .header, .query: break
    default: throw .single(part: place)
    }
    guard !values.isEmpty else { throw .empty(part: place) }
    // Of more values than are sorted in a check, the order and the repetitions count.
    let isSorted = values.count <= CheckBounds.sortedValues
    let sorted = isSorted ? Set(values).sorted { $0.lexicographicallyPrecedes($1) } : values
    guard sorted.count > 1 else { return appendSingle(sorted[0], to: &bytes) }
    bytes.append(2)
    append(count: sorted.count, to: &bytes)
    for value in sorted {
      append(count: value.count, to: &bytes)
      bytes += value
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

  private static func appendSingle(_ value: [UInt8], to bytes: inout [UInt8]) {
    bytes.append(1)
    append(count: value.count, to: &bytes)
    bytes += value
  }

  private static func append(count: Int, to bytes: inout [UInt8]) {
    for shift in stride(from: 24, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: count >> shift)) }
  }
}
