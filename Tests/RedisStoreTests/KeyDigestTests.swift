// KeyDigestTests.swift: the digest is the front of SHA-256, and its digits are base64url.

import Foundation
import TestKit
import Testing

@testable import RedisStore

@Suite struct KeyDigestTests {
  @Test("the digest of \"abc\" is that of FIPS 180-4")
  func known() {
    let digest = KeyDigest(Array("abc".utf8).span)
    #expect(digest.high == 0xba78_16bf_8f01_cfea && digest.low == 0x4141_40de_5dae_2223)
  }

  @Test("digits are base64url without padding, as Foundation writes it", arguments: 0..<20)
  func digits(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    var digest = KeyDigest()
    digest.high = .random(in: 0 ... .max, using: &generator)
    digest.low = .random(in: 0 ... .max, using: &generator)
    var bytes: [UInt8] = []
    for half in [digest.high, digest.low] {
      for shift in stride(from: UInt64(56), through: 0, by: -8) {
        bytes.append(UInt8(truncatingIfNeeded: half >> shift))
      }
    }
    let expected = Data(bytes).base64EncodedString().replacingOccurrences(of: "+", with: "-")
      .replacingOccurrences(of: "/", with: "_").replacingOccurrences(of: "=", with: "")
    var all: [UInt8] = []
    digest.append(to: &all)
    #expect(String(decoding: all, as: UTF8.self) == expected, "seed \(seed)")
    var some: [UInt8] = []
    digest.append(digits: 8, to: &some)
    #expect(some == Array(all.prefix(8)))
    #expect(KeyDigest(digits: all + Array(":more".utf8)) == digest, "they are read back")
  }

  @Test("what is no 22 digits of base64url is no digest")
  func refused() {
    let digits = Array("ungWv48Bz-pBQUDeXa4iIw".utf8)
    #expect(KeyDigest(digits: digits) != nil)
    #expect(KeyDigest(digits: digits.dropLast()) == nil)
    for index in digits.indices {
      for byte in "+/=: ".utf8 {
        var wrong = digits
        wrong[index] = byte
        #expect(KeyDigest(digits: wrong) == nil)
      }
    }
  }
}
