// IPAddress.swift: addresses and networks as numbers. An IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2) is the
// IPv4 address it maps, so that a client gets one counter whichever way it came in.

/// An IPv4 or IPv6 address, as 128 bits; IPv4 in its mapped form.
public struct IPAddress: Sendable, Hashable {
  public var high: UInt64
  public var low: UInt64

  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  public init(v4: UInt32) {
    high = 0
    low = 0xffff_0000_0000 | UInt64(v4)
  }

  public var isV4: Bool { high == 0 && low >> 32 == 0xffff }

  /// Reads an address without port or brackets; nil where `text` is none (a zone index is none).
  public init?(_ text: Span<UInt8>) {
    if let v4 = Self.parseV4(text, from: 0) {
      self.init(v4: v4)
    } else if let v6 = Self.parseV6(text) {
      self = v6
    } else {
      return nil
    }
  }

  public init?(_ text: String) {
    let bytes = Array(text.utf8)
    self.init(bytes.span)
  }

  /// The address with all but the first `prefix` bits (of 128 for IPv6, of 32 for IPv4) cleared.
  public func masked(prefix: Int) -> IPAddress {
    let bits = isV4 ? 96 + prefix : prefix
    if bits >= 128 { return self }
    if bits >= 64 { return IPAddress(high: high, low: bits == 64 ? 0 : low & ~(UInt64.max >> UInt64(bits - 64))) }
    return IPAddress(high: bits == 0 ? 0 : high & ~(UInt64.max >> UInt64(bits)), low: 0)
  }

  /// Four decimal numbers 0 to 255 without leading zeros, from `start` to the end of `text`.
  private static func parseV4(_ text: Span<UInt8>, from start: Int) -> UInt32? {
    guard text.count - start >= 7, text.count - start <= 15 else { return nil }
    var address: UInt32 = 0
    var parts = 0
    var value: UInt32 = 0
    var digits = 0
    var index = start
    while index <= text.count {
      let byte = index < text.count ? text[index] : UInt8(ascii: ".")
      index += 1
      if byte == UInt8(ascii: ".") {
        guard digits > 0, parts < 4 else { return nil }
        address = address << 8 | value
        parts += 1
        value = 0
        digits = 0
      } else {
        guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9"), digits == 0 || value > 0 else { return nil }
        value = value * 10 + UInt32(byte - UInt8(ascii: "0"))
        digits += 1
        guard value <= 255 else { return nil }
      }
    }
    return parts == 4 ? address : nil
  }

  /// RFC 4291 section 2.2: eight groups of hex digits, one `::`, a dotted IPv4 tail.
  private static func parseV6(_ text: Span<UInt8>) -> IPAddress? {
    guard text.count >= 2, text.count <= 45 else { return nil }
    // `head` holds the groups before `::`, `tail` those after it, each as one growing 128-bit number.
    var head = UInt128(0)
    var tail = UInt128(0)
    var headGroups = 0
    var tailGroups = 0
    var compressed = false
    var index = 0
    if text[0] == UInt8(ascii: ":") {
      guard text[1] == UInt8(ascii: ":") else { return nil }
      compressed = true
      index = 2
    }
    func add(_ value: UInt32, groups: Int) {
      let shift = UInt128(16 * groups)
      if compressed {
        tail = tail << shift | UInt128(value)
        tailGroups += groups
      } else {
        head = head << shift | UInt128(value)
        headGroups += groups
      }
    }
    while index < text.count {
      let groupStart = index
      var value: UInt32 = 0
      while index < text.count, let digit = Bytes.hexValue(text[index]) {
        guard index - groupStart < 4 else { return nil }
        value = value << 4 | UInt32(digit)
        index += 1
      }
      if index < text.count, text[index] == UInt8(ascii: ".") {
        guard let v4 = parseV4(text, from: groupStart) else { return nil }
        add(v4, groups: 2)
        index = text.count
        break
      }
      guard index > groupStart else { return nil }
      add(value, groups: 1)
      guard headGroups + tailGroups <= 8 else { return nil }
      guard index < text.count else { break }
      guard text[index] == UInt8(ascii: ":") else { return nil }
      index += 1
      guard index < text.count else { return nil }  // a single trailing colon
      if text[index] == UInt8(ascii: ":") {
        guard !compressed else { return nil }
        compressed = true
        index += 1
      }
    }
    let groups = headGroups + tailGroups
    guard compressed ? groups < 8 : groups == 8 else { return nil }
    let value = headGroups == 0 ? tail : head << UInt128(16 * (8 - headGroups)) | tail
    return IPAddress(high: UInt64(truncatingIfNeeded: value >> 64), low: UInt64(truncatingIfNeeded: value))
  }

}

/// A network: an address and how many of its first bits count.
public struct IPNetwork: Sendable, Hashable {
  public var address: IPAddress
  /// Bits that count: 0 to 32 for IPv4, 0 to 128 for IPv6.
  public var prefix: Int

  /// Reads `10.0.0.0/8`, `2001:db8::/32` or a single address; nil where `text` is neither. Bits past the prefix are
  /// cleared. The prefix counts bits of the form that is written: `::ffff:10.0.0.0/104` is `10.0.0.0/8`, and a mapped
  /// address with a prefix below 96 is none, since no address counts as both IPv4 and IPv6.
  public init?(_ text: String) {
    let parts = text.utf8.split(separator: UInt8(ascii: "/"), maxSplits: 1, omittingEmptySubsequences: false)
    guard let address = IPAddress(String(decoding: parts[0], as: UTF8.self)) else { return nil }
    let longest = address.isV4 ? 32 : 128
    guard parts.count == 2 else {
      self.init(address: address, prefix: longest)
      return
    }
    guard var prefix = Self.decimal(parts[1]) else { return nil }
    if address.isV4, parts[0].contains(UInt8(ascii: ":")) { prefix -= 96 }
    guard (0...longest).contains(prefix) else { return nil }
    self.init(address: address, prefix: prefix)
  }

  /// One to three digits without a leading zero.
  private static func decimal(_ digits: Substring.UTF8View) -> Int? {
    guard (1...3).contains(digits.count), digits.count == 1 || digits.first != UInt8(ascii: "0"),
      digits.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") })
    else { return nil }
    return digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
  }

  public init(address: IPAddress, prefix: Int) {
    self.address = address.masked(prefix: prefix)
    self.prefix = prefix
  }

  /// IPv4 networks hold IPv4 addresses only, IPv6 networks IPv6 only.
  public func contains(_ other: IPAddress) -> Bool {
    other.isV4 == address.isV4 && other.masked(prefix: prefix) == address
  }

  /// This machine itself: 127.0.0.0/8 and ::1.
  public static let loopback = [
    IPNetwork(address: IPAddress(v4: 0x7f00_0000), prefix: 8),
    IPNetwork(address: IPAddress(high: 0, low: 1), prefix: 128),
  ]
}
