// KeyHasherTests.swift: hashes that are shown, and the short ones by which keys are told apart in memory.

import Limiting
import Policies
import Testing

@testable import Stores

struct KeyHasherTests {
  @Test("a hash is SipHash under the hasher's own secret, and differs with the key and the secret")
  func hash() {
    let key: [UInt8] = [1, 2, 3]
    let secret = HashKey(low: 1, high: 2)
    let hash = KeyHasher(secret: secret).hash(key.span)
    let expected = SipHash.hash(key.span, key: secret)
    #expect(hash.high == expected.high && hash.low == expected.low)
    #expect(KeyHasher(secret: secret).hash(Span()) != hash)
    #expect(KeyHasher().hash(key.span) != hash)
    #expect(KeyHasher().hash(key.span) != KeyHasher().hash(key.span))
  }

  @Test("a charge that the store was asked for carries the hash that the store works out for one it was not")
  func keyHash() {
    let store = MemoryStore(maximumKeys: 10)
    let bytes: [UInt8] = [9, 1, 2, 3, 4]
    let limit = Limit(algorithm: .tokenBucket, limit: 5, period: 60_000_000_000)
    func charge(_ slot: UInt32, _ effect: Charge.Effect = .limit, start: Int32 = 1, count: Int32 = 4) -> Charge {
      Charge(
        policy: 0, slot: slot, keyStart: start, keyCount: count, effect: effect, isShadow: false, limit: limit, cost: 1)
    }
    // A new cell, then the usual way, then two at once.
    for charges in [[charge(1)], [charge(1)], [charge(1), charge(2)], [charge(1), charge(2, .unlimited)]] {
      var asked = charges
      _ = store.decide(&asked, keys: bytes.span, now: Now(monotonic: 1_000, unix: 1_000))
      for (before, after) in zip(charges, asked) {
        #expect(before.keyHash == 0)
        #expect(after.effect == .unlimited ? after.keyHash == 0 : after.keyHash != 0)
        #expect(store.keyHash(before, keys: bytes.span) == store.keyHash(after, keys: bytes.span))
      }
    }
    let hash = store.keyHash(charge(1), keys: bytes.span)
    #expect(store.keyHash(charge(2), keys: bytes.span) != hash)
    #expect(store.keyHash(charge(1, start: 0), keys: bytes.span) != hash)
    #expect(store.keyHash(charge(1, count: 3), keys: bytes.span) != hash)
  }
}
