// HashSlotTests.swift: slots are those of the specification, and of a plain reading of it.

import TestKit
import Testing

@testable import RedisStore

@Suite struct HashSlotTests {
  private static func slot(_ name: String) -> UInt16 { HashSlot.of(Array(name.utf8).span) }

  /// CRC16 as its definition reads: a division, bit by bit.
  private static func slowSlot(_ bytes: some Sequence<UInt8>) -> UInt16 {
    var rest: UInt32 = 0
    for byte in bytes {
      rest ^= UInt32(byte) << 8
      for _ in 0..<8 {
        rest <<= 1
        if rest & 0x10000 != 0 { rest ^= 0x11021 }
      }
    }
    return UInt16(rest % 16_384)
  }

  @Test("the specification's own examples")
  func examples() {
    #expect(Self.slot("123456789") == 0x31C3)
    #expect(Self.slot("{user1000}.following") == Self.slot("{user1000}.followers"))
    #expect(Self.slot("{user1000}.following") == Self.slot("user1000"))
    #expect(Self.slot("foo{}{bar}") == Self.slowSlot("foo{}{bar}".utf8), "nothing between the first braces: all of it")
    #expect(Self.slot("foo{{bar}}zap") == Self.slowSlot("{bar".utf8))
    #expect(Self.slot("foo{bar}{zap}") == Self.slowSlot("bar".utf8))
  }

  @Test(
    "without a pair of braces that holds something, the whole key counts",
    arguments: ["", "{", "}", "{}", "}{", "a}b{c", "{abc", "abc}", "{}{a}", "a{"])
  func noTag(name: String) { #expect(Self.slot(name) == Self.slowSlot(name.utf8)) }

  @Test("any bytes have the slot of the bitwise division", arguments: 0..<50)
  func random(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let bytes = (0..<Int.random(in: 0..<200, using: &generator)).map { _ in
      UInt8.random(in: 0...255, using: &generator)
    }
    let plain = bytes.filter { $0 != UInt8(ascii: "{") }
    #expect(HashSlot.of(plain.span) == Self.slowSlot(plain), "seed \(seed)")
    let tag = bytes.filter { $0 != UInt8(ascii: "}") } + [0]
    let tagged = plain + [UInt8(ascii: "{")] + tag + [UInt8(ascii: "}")] + bytes
    #expect(HashSlot.of(tagged.span) == Self.slowSlot(tag), "seed \(seed)")
  }

  @Test("a digest has the slot of the names that it stands in", arguments: 0..<20)
  func digest(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    var digest = KeyDigest()
    digest.high = .random(in: 0 ... .max, using: &generator)
    digest.low = .random(in: 0 ... .max, using: &generator)
    var name = Array("weir:{".utf8)
    digest.append(to: &name)
    name += Array("}:api:per-user:lAAAAAAAA".utf8)
    #expect(HashSlot.of(digest) == HashSlot.of(name.span), "seed \(seed)")
  }
}
