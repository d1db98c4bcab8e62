// KeyDigest.swift: 128 bits that stand for the bytes of a key. User bytes never enter the name of a key in Redis, where
// braces mean something, and names stay short however long a header is.
//
// SHA-256, cut: nobody can find other bytes with the digest of somebody's key. Through OpenSSL's older calls, since the
// first use of EVP initialises the whole library.

import COpenSSL

struct KeyDigest: Equatable, Sendable {
  var high: UInt64 = 0
  var low: UInt64 = 0

  init() {}

  init(_ bytes: Span<UInt8>) {
    var context = SHA256_CTX()
    var digest = InlineArray<32, UInt8>(repeating: 0)
    // SAFETY: the context is initialised first, and SHA-256 writes 32 bytes.
    var done = unsafe SHA256_Init(&context)
    done += unsafe bytes.withUnsafeBytes { unsafe SHA256_Update(&context, $0.baseAddress, $0.count) }
    var span = digest.mutableSpan
    done += unsafe span.withUnsafeMutableBufferPointer { unsafe SHA256_Final($0.baseAddress, &context) }
    precondition(done == 3, "SHA-256 takes any bytes")
    for index in 0..<8 { high = high << 8 | UInt64(digest[index]) }
    for index in 8..<16 { low = low << 8 | UInt64(digest[index]) }
  }

  /// Characters of `append`: 6 bits each.
  static let textCount = 22

  /// Appends the digest in base64url (RFC 4648 section 5), without padding: the last character holds 2 bits.
  func append(to bytes: inout [UInt8]) {
    for shift in stride(from: 58, through: 4, by: -6) { bytes.append(Self.character(high >> UInt64(shift))) }
    // 4 bits of the upper half are left, and 2 of the lower half join them.
    bytes.append(Self.character(high << 2 | low >> 62))
    for shift in stride(from: 56, through: 2, by: -6) { bytes.append(Self.character(low >> UInt64(shift))) }
    bytes.append(Self.character(low << 4))
  }

  /// Appends the first 48 bits, in 8 characters.
  func appendShort(to bytes: inout [UInt8]) {
    for shift in stride(from: 58, through: 16, by: -6) { bytes.append(Self.character(high >> UInt64(shift))) }
  }

  private static func character(_ value: UInt64) -> UInt8 {
    let value = UInt8(truncatingIfNeeded: value & 63)
    return switch value {
    case 0..<26: UInt8(ascii: "A") + value
    case 26..<52: UInt8(ascii: "a") + value - 26
    case 52..<62: UInt8(ascii: "0") + value - 52
    case 62: UInt8(ascii: "-")
    default: UInt8(ascii: "_")
    }
  }
}
