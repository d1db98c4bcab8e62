// KeyDisplay.swift: how operators see keys: as they are or, with `--hash-keys`, as hashes. The secret is drawn at the
// start and never shown, so hashes of two weirs, or of two runs, cannot be compared.

import Policies
import Stores
import Telemetry

/// The same for all of the process.
struct KeyDisplay: Sendable {
  /// `--hash-keys`: no key is kept or shown in clear.
  let isHashed: Bool
  private let hasher = KeyHasher()

  init(isHashed: Bool) {
    self.isHashed = isHashed
  }

  /// What stands for a key.
  func digest(_ key: Span<UInt8>) -> KeySketch.Digest {
    let hash = hasher.hash(key)
    return KeySketch.Digest(high: hash.high, low: hash.low)
  }

  /// The hash under which a key is shown: `k:` and 32 hex digits.
  func hashText(_ key: Span<UInt8>) -> String { Self.text(digest(key)) }

  static func text(_ digest: KeySketch.Digest) -> String { "k:" + hex(digest.high) + hex(digest.low) }

  private static func hex(_ word: UInt64) -> String {
    let digits = String(word, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
