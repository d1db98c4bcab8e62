// SipHash.swift: SipHash-2-4 with a 128-bit result, the name under which a cell is kept.
//
// A cell holds this hash instead of its key's bytes: 16 bytes whatever the key's length. The hash is keyed with a secret
// drawn at start, so nobody outside can find two keys with one hash, nor keys that crowd one part of the table; by
// chance, two of a million keys collide with a probability of 2^-89.
//
// Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012), and the 128-bit variant of its reference
// code. Left out: other round counts, incremental input.

/// The secret of a store's hashes.
public struct HashKey: Sendable {
  public var low: UInt64
  public var high: UInt64

  public init(low: UInt64, high: UInt64) {
    self.low = low
    self.high = high
  }

  /// A fresh secret from the system's generator.
  public static func random() -> HashKey {
    HashKey(low: .random(in: .min ... .max), high: .random(in: .min ... .max))
  }
}

/// 128 bits that name one counter.
struct KeyHash: Equatable, BitwiseCopyable {
  var low: UInt64
  var high: UInt64
}

struct SipHash {
  private var v0: UInt64
  private var v1: UInt64
  private var v2: UInt64
  private var v3: UInt64

  private init(_ key: HashKey) {
    v0 = key.low ^ 0x736f_6d65_7073_6575
    v1 = key.high ^ 0x646f_7261_6e64_6f6d ^ 0xee
    v2 = key.low ^ 0x6c79_6765_6e65_7261
    v3 = key.high ^ 0x7465_6462_7974_6573
  }

  /// The hash of `bytes`.
  static func hash(_ bytes: Span<UInt8>, key: HashKey) -> KeyHash {
    var state = SipHash(key)
    return state.finish(bytes, lengthBefore: 0)
  }

  /// The hash of `prefix`, as eight bytes with the lowest first, and then `bytes`.
  static func hash(prefix: UInt64, _ bytes: Span<UInt8>, key: HashKey) -> KeyHash {
    var state = SipHash(key)
    state.absorb(prefix)
    return state.finish(bytes, lengthBefore: 8)
  }

  private mutating func finish(_ bytes: Span<UInt8>, lengthBefore: Int) -> KeyHash {
    let raw = unsafe bytes.bytes
    var offset = 0
    while bytes.count - offset >= 8 {
      // SAFETY: the loop's condition keeps all eight bytes inside, and any bits make a UInt64.
      let word = unsafe raw.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
      absorb(UInt64(littleEndian: word))
      offset += 8
    }
    var last = UInt64(truncatingIfNeeded: bytes.count &+ lengthBefore) << 56
    var shift: UInt64 = 0
    while offset < bytes.count {
      last |= UInt64(bytes[offset]) << shift
      offset += 1
      shift += 8
    }
    absorb(last)

    v2 ^= 0xee
    for _ in 0..<4 { round() }
    let low = v0 ^ v1 ^ v2 ^ v3
    v1 ^= 0xdd
    for _ in 0..<4 { round() }
    return KeyHash(low: low, high: v0 ^ v1 ^ v2 ^ v3)
  }

  private mutating func absorb(_ word: UInt64) {
    v3 ^= word
    round()
    round()
    v0 ^= word
  }

  // Inlined, so that the state stays in registers: a sixth of a decision's time otherwise.
  @inline(__always)
  private mutating func round() {
    v0 &+= v1
    v1 = Self.rotate(v1, 13) ^ v0
    v0 = Self.rotate(v0, 32)
    v2 &+= v3
    v3 = Self.rotate(v3, 16) ^ v2
    v0 &+= v3
    v3 = Self.rotate(v3, 21) ^ v0
    v2 &+= v1
    v1 = Self.rotate(v1, 17) ^ v2
    v2 = Self.rotate(v2, 32)
  }

  private static func rotate(_ value: UInt64, _ by: UInt64) -> UInt64 {
    value &<< by | value &>> (64 &- by)
  }
}
