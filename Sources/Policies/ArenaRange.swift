// ArenaRange.swift: a stretch of a byte buffer, as offsets: eight bytes, and nothing to keep alive.

/// Offsets into a check's bytes, or into a policy set's strings.
public struct ArenaRange: Sendable, Equatable {
  public var start: Int32
  public var count: Int32

  public init(start: Int, count: Int) {
    self.start = Int32(truncatingIfNeeded: start)
    self.count = Int32(truncatingIfNeeded: count)
  }

  public var end: Int { Int(start) + Int(count) }
}

/// Comparison and hashing of such stretches, eight bytes at a time; and what else is done to bytes.
public enum Bytes {
  /// The value of a hexadecimal digit; nil for any other byte.
  public static func hexValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }

  static func equal(_ a: Span<UInt8>, _ aRange: ArenaRange, _ b: Span<UInt8>, _ bRange: ArenaRange) -> Bool {
    aRange.count == bRange.count && hasPrefix(a, aRange, b, bRange)
  }

  /// Whether the stretch of `a` begins with that of `b`.
  static func hasPrefix(_ a: Span<UInt8>, _ aRange: ArenaRange, _ b: Span<UInt8>, _ bRange: ArenaRange) -> Bool {
    guard aRange.count >= bRange.count else { return false }
    var index = 0
    while index < Int(bRange.count) {
      if a[Int(aRange.start) + index] != b[Int(bRange.start) + index] { return false }
      index += 1
    }
    return true
  }

  static func isLess(_ bytes: Span<UInt8>, _ a: ArenaRange, _ b: ArenaRange) -> Bool {
    let common = Int(min(a.count, b.count))
    var index = 0
    while index < common {
      let left = bytes[Int(a.start) + index]
      let right = bytes[Int(b.start) + index]
      if left != right { return left < right }
      index += 1
    }
    return a.count < b.count
  }

  /// A hash for tables that only policy authors fill; what a client sends is only looked up. Not for counters.
  static func hash(_ bytes: Span<UInt8>, _ range: ArenaRange, seed: UInt64) -> UInt64 {
    precondition(range.start >= 0 && range.end <= bytes.count)
    return unsafe bytes.withUnsafeBytes { raw in
      var state = seed ^ (UInt64(range.count) &* 0x9e37_79b9_7f4a_7c15)
      var offset = Int(range.start)
      let end = range.end
      while offset + 8 <= end {
        // SAFETY: offset + 8 <= end <= bytes.count.
        unsafe state = mix(state ^ raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        offset += 8
      }
      var tail: UInt64 = 0
      while offset < end {
        unsafe tail = tail << 8 | UInt64(raw[offset])
        offset += 1
      }
      return mix(state ^ tail)
    }
  }

  private static func mix(_ value: UInt64) -> UInt64 {
    let product = value.multipliedFullWidth(by: 0xa076_1d64_78bd_642f)
    return product.high ^ product.low
  }
}
