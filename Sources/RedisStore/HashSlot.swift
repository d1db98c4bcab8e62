// HashSlot.swift: which of the 16384 slots of a Redis Cluster a key lies in.
//
// CRC16 of the key (XMODEM: polynomial 0x1021, begins at 0, nothing reflected, nothing inverted), modulo 16384; of the
// hash tag alone where the key has one. Computed byte by byte without a table: one more step of arithmetic a byte, but
// no memory to be fetched.
//
// Source: the Redis Cluster specification, "Key distribution model" and "Hash tags".

/// A slot, 0 to 16383.
public enum HashSlot {
  /// Slots of every cluster.
  public static let count = 16_384

  /// The slot of a key: of what stands between its first `{` and the first `}` after that, unless nothing does or there
  /// is no such pair; then of all of it.
  static func of(_ name: Span<UInt8>) -> UInt16 {
    let tag = tag(of: name)
    var sum: UInt16 = 0
    for index in tag { sum = next(sum, name[index]) }
    return sum & mask
  }

  /// The slot of the keys whose tag is the digits of `digest`.
  static func of(_ digest: KeyDigest) -> UInt16 {
    var sum: UInt16 = 0
    for place in 0..<KeyDigest.digits { sum = next(sum, digest.digit(at: place)) }
    return sum & mask
  }

  private static let mask = UInt16(count - 1)

  private static func tag(of name: Span<UInt8>) -> Range<Int> {
    guard let open = index(of: UInt8(ascii: "{"), in: name, from: 0),
      let close = index(of: UInt8(ascii: "}"), in: name, from: open + 1), close > open + 1
    else { return 0..<name.count }
    return open + 1..<close
  }

  private static func index(of byte: UInt8, in name: Span<UInt8>, from start: Int) -> Int? {
    for index in start..<name.count where name[index] == byte { return index }
    return nil
  }

  /// One byte of the division: the eight bits that leave at the top come back as the polynomial says, 2^12, 2^5 and 1,
  /// and so do the four that this shifts out again.
  private static func next(_ sum: UInt16, _ byte: UInt8) -> UInt16 {
    var top = sum >> 8 ^ UInt16(byte)
    top ^= top >> 4
    return sum << 8 ^ top << 12 ^ top << 5 ^ top
  }
}
