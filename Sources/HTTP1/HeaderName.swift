// HeaderName.swift: header names compared without regard to ASCII case (RFC 9110 section 5.1), by hash and by bytes.
//
// The hash is FNV-1a over the bytes with bit 5 set: one step a byte, in the pass that validates the name. It is there to
// rule names out; only `matches` rules one in, since two names may share a hash and anybody can find such a pair.

/// Hashing and comparing of header names.
public enum HeaderName {
  /// The hash of a name in any case: `Header.nameHash` of a header with that name.
  public static func hash(of name: Span<UInt8>) -> UInt32 {
    var hash = hashSeed
    for index in name.indices { hash = step(hash, name[index]) }
    return hash
  }

  public static func hash(of name: String) -> UInt32 {
    var hash = hashSeed
    for byte in name.utf8 { hash = step(hash, byte) }
    return hash
  }

  /// Whether the bytes in `range` are the name `lowercased`, in any case.
  ///
  /// - Parameter lowercased: Without upper-case letters; with one, nothing matches it.
  public static func matches(_ bytes: Span<UInt8>, _ range: ByteRange, lowercased: Span<UInt8>) -> Bool {
    guard Int(range.count) == lowercased.count else { return false }
    let start = range.lowerBound
    for index in lowercased.indices where ByteClass.lowercase(bytes[start &+ index]) != lowercased[index] {
      return false
    }
    return true
  }

  /// As above, for a name kept in an array.
  public static func matches(_ bytes: Span<UInt8>, _ range: ByteRange, lowercased: [UInt8]) -> Bool {
    matches(bytes, range, lowercased: lowercased.span)
  }

  /// As above, for a name (or any other word) known when the code was written. It must be ASCII.
  public static func matches(_ bytes: Span<UInt8>, _ range: ByteRange, lowercased: StaticString) -> Bool {
    // SAFETY: a static string's bytes live as long as the process.
    let text = unsafe UnsafeBufferPointer(start: lowercased.utf8Start, count: lowercased.utf8CodeUnitCount)
    return unsafe matches(bytes, range, lowercased: text.span)
  }

  static let hashSeed: UInt32 = 2_166_136_261

  static func step(_ hash: UInt32, _ byte: UInt8) -> UInt32 {
    (hash ^ UInt32(byte | 0x20)) &* 16_777_619
  }
}
