// KeyHasher.swift: 128 bits that stand for a key where its bytes are not to be shown: SipHash under a secret of its own,
// so that nobody who sees the bits can try out keys, and what is shown says nothing of where a cell lies.

/// Hashes keys for people to see.
public struct KeyHasher: Sendable {
  private let secret: HashKey

  /// - Parameter secret: Two hashers with one secret hash alike.
  public init(secret: HashKey = .random()) {
    self.secret = secret
  }

  /// The hash of a key's bytes. Equal keys of two policies have one hash.
  public func hash(_ key: Span<UInt8>) -> (high: UInt64, low: UInt64) {
    let hash = SipHash.hash(key, key: secret)
    return (hash.high, hash.low)
  }
}
