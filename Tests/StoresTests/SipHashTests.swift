// SipHashTests.swift: against the vectors of the reference code (key 00 01 … 0f, input 00 01 02 …), as OpenSSL prints
// them.

import Testing

@testable import Stores

@Suite("SipHash") struct SipHashTests {
  static let vectors: [(length: Int, digest: String)] = [
    (0, "A3817F04BA25A8E66DF67214C7550293"), (1, "DA87C1D86B99AF44347659119B22FC45"),
    (3, "9C70B60C5267A94E5F33B6B02985ED51"), (7, "A1F1EBBED8DBC153C0B84AA61FF08239"),
    (8, "3B62A9BA6258F5610F83E264F31497B4"), (9, "264499060AD9BAABC47F8B02BB6D71ED"),
    (15, "5493E99933B0A8117E08EC0F97CFC3D9"), (16, "6EE2A4CA67B054BBFD3315BF85230577"),
    (31, "2939B0183223FAFC1723DE4F52C43D35"), (63, "5150D1772F50834A503E069A973FBD7C"),
  ]
  static let key = HashKey(low: 0x0706_0504_0302_0100, high: 0x0f0e_0d0c_0b0a_0908)

  static func hex(_ hash: KeyHash) -> String {
    let bytes = [hash.low, hash.high].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
    return bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined().uppercased()
  }

  @Test("gives the reference's 128-bit results", arguments: vectors)
  func reference(_ length: Int, _ digest: String) {
    let input = (0..<length).map { UInt8($0) }
    #expect(Self.hex(SipHash.hash(input.span, key: Self.key)) == digest)
  }

  @Test("a prefix is the eight bytes before the rest", arguments: [0, 1, 7, 8, 9, 40])
  func prefix(_ length: Int) {
    let rest = (0..<length).map { UInt8(200 + $0) }
    let whole = [1, 2, 3, 4, 5, 6, 7, 8] + rest
    let split = SipHash.hash(prefix: 0x0807_0605_0403_0201, rest.span, key: Self.key)
    #expect(split == SipHash.hash(whole.span, key: Self.key))
  }

  @Test("another secret gives another hash")
  func keyed() {
    let input: [UInt8] = [1, 2, 3]
    #expect(SipHash.hash(input.span, key: .random()) != SipHash.hash(input.span, key: .random()))
  }
}
