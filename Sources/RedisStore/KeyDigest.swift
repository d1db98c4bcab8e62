// KeyDigest.swift: 128 bits that stand for bytes from outside. User bytes never enter the name of a key in Redis, where
// braces mean something, and names stay short however long a header is.
//
// SHA-256, cut: nobody can find other bytes with the digest of somebody's key. Through OpenSSL's older calls, since the
// first use of EVP initialises the whole library.

import COpenSSL

/// The first 128 bits of a SHA-256.
struct KeyDigest: Hashable, Sendable {
  var high: UInt64 = 0
  var low: UInt64 = 0

  /// Base64url digits of a whole digest.
  static let digits = 22

  init() {}

  init(_ bytes: Span<UInt8>) {
    var sum = InlineArray<32, UInt8>(repeating: 0)
    var context = SHA256_CTX()
    unsafe bytes.withUnsafeBytes { bytes in
      var span = sum.mutableSpan
      // SAFETY: the context is initialised first, and SHA-256 writes 32 bytes.
      let done = unsafe span.withUnsafeMutableBufferPointer { sum in
        unsafe SHA256_Init(&context) + SHA256_Update(&context, bytes.baseAddress, bytes.count)
          + SHA256_Final(sum.baseAddress, &context)
      }
      precondition(done == 3, "SHA-256 takes any bytes")
    }
    for index in 0..<8 {
      high = high << 8 | UInt64(sum[index])
      low = low << 8 | UInt64(sum[index + 8])
    }
  }

  /// Reads 22 digits back, whatever stands behind them; nil where these are none.
  init?(digits: some Collection<UInt8>) {
    guard digits.count >= Self.digits else { return nil }
    for (place, digit) in digits.prefix(Self.digits).enumerated() {
      guard let value = Self.value(ofDigit: digit) else { return nil }
      switch place {
      case 0..<10: high = high << 6 | value
      case 10: (high, low) = (high << 4 | value >> 2, value & 3)
      case 11..<21: low = low << 6 | value
      default: low = low << 2 | value >> 4
      }
    }
  }

  /// Appends the first `count` (at most 22) base64url digits (RFC 4648 section 5), without padding.
  func append(digits count: Int = Self.digits, to buffer: inout [UInt8]) {
    for place in 0..<count { buffer.append(digit(at: place)) }
  }

  /// The digit at a place from 0 to 21.
  func digit(at place: Int) -> UInt8 {
    // Ten digits end in the upper half, the eleventh spans both, and the last ends 4 zero bits behind the lower half.
    let value: UInt64 =
      switch place {
      case 0..<10: high >> UInt64(58 - 6 * place)
      case 10: high << 2 | low >> 62
      case 11..<21: low >> UInt64(122 - 6 * place)
      default: low << 4
      }
    return Self.base64Digit(UInt8(truncatingIfNeeded: value & 63))
  }

  private static func base64Digit(_ value: UInt8) -> UInt8 {
    switch value {
    case 0..<26: UInt8(ascii: "A") + value
    case 26..<52: UInt8(ascii: "a") + value - 26
    case 52..<62: UInt8(ascii: "0") + value - 52
    case 62: UInt8(ascii: "-")
    default: UInt8(ascii: "_")
    }
  }

  private static func value(ofDigit digit: UInt8) -> UInt64? {
    (0..<64).first { base64Digit($0) == digit }.map { UInt64($0) }
  }
}
