// ByteClass.swift: which bytes may stand where, one at a time and eight at a time.
//
// A set of ASCII characters is two 64-bit maps in the instruction stream, so asking costs no load. Long runs of plain
// bytes are skipped in words of eight: `x - 0x0e0e… & ~x & 0x8080…` has a bit at the lowest byte below 0x0e, exactly,
// because a borrow only travels upwards (Hacker's Delight, section 6-1).

enum ByteClass {
  static let tab = UInt8(ascii: "\t")
  static let lf = UInt8(ascii: "\n")
  static let cr = UInt8(ascii: "\r")
  static let space = UInt8(ascii: " ")
  static let colon = UInt8(ascii: ":")
  static let comma = UInt8(ascii: ",")

  /// RFC 9110 section 5.6.2: ``!#$%&'*+-.^_`|~``, digits and letters.
  static func isToken(_ byte: UInt8) -> Bool {
    let low: UInt64 = 0x03ff_6cfa_0000_0000
    let high: UInt64 = 0x57ff_ffff_c7ff_fffe
    let map = byte < 64 ? low : high
    return byte < 128 && (map >> UInt64(byte & 63)) & 1 == 1
  }

  /// OWS of RFC 9110 section 5.6.3.
  static func isBlank(_ byte: UInt8) -> Bool { byte == space || byte == tab }

  /// Whether a header value may hold `byte`: all but NUL, CR and LF. Other controls pass: a gateway forwards what its
  /// client wrote, and a client must not be able to cause a 400.
  static func isValue(_ byte: UInt8) -> Bool { byte != 0 && byte != lf && byte != cr }

  /// Whether a request target may hold `byte`: no control, no space. Bytes above 0x7f pass, as gateways pass them.
  static func isTarget(_ byte: UInt8) -> Bool { byte > space && byte != 0x7f }

  /// What is wrong with a byte, no token character, that stands in a header name or ends one without a colon.
  static func misnamed(_ byte: UInt8) -> ParseError.Reason {
    switch byte {
    case space, tab: .spaceBeforeColon
    case cr: .missingColon
    case lf: .bareLF
    case 0: .nul
    default: .invalidHeaderName
    }
  }

  static func lowercase(_ byte: UInt8) -> UInt8 {
    byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte
  }

  /// The first index in `start..<end` whose byte is no value byte, else `end`.
  static func endOfValue(_ bytes: Span<UInt8>, from start: Int, to end: Int) -> Int {
    var index = start
    while index &+ 8 <= end {
      let word = load(bytes, index)
      let hits = (word &- ones &* 0x0e) & ~word & tops
      if hits == 0 {
        index &+= 8
        continue
      }
      index &+= hits.trailingZeroBitCount >> 3
      if !isValue(bytes[index]) { return index }
      index &+= 1
    }
    while index < end, isValue(bytes[index]) { index &+= 1 }
    return index
  }

  /// The first index in `start..<end` whose byte is no target byte, else `end`.
  static func endOfTarget(_ bytes: Span<UInt8>, from start: Int, to end: Int) -> Int {
    var index = start
    while index &+ 8 <= end {
      let word = load(bytes, index)
      let delete = word ^ (ones &* 0x7f)
      let hits = ((word &- ones &* 0x21) & ~word | (delete &- ones) & ~delete) & tops
      if hits != 0 { return index &+ hits.trailingZeroBitCount >> 3 }
      index &+= 8
    }
    while index < end, isTarget(bytes[index]) { index &+= 1 }
    return index
  }

  private static let ones: UInt64 = 0x0101_0101_0101_0101
  private static let tops: UInt64 = 0x8080_8080_8080_8080

  /// Eight bytes as a number whose lowest byte is the first.
  private static func load(_ bytes: Span<UInt8>, _ index: Int) -> UInt64 {
    // SAFETY: the load is bounds-checked, and every bit pattern is a UInt64.
    unsafe UInt64(littleEndian: bytes.bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self))
  }
}
