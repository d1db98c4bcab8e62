// ResetKeysTests.swift: keys that were reset, collected for whoever does not listen yet.

import Testing

@testable import RedisStore

@Suite struct ResetKeysTests {
  private static func keys(_ numbers: Range<Int>) -> ResetKeys { ResetKeys(digests: Set(numbers.map(digest))) }

  private static func digest(_ number: Int) -> KeyDigest { KeyDigest(Array("\(number)".utf8).span) }

  @Test("keys that are told several times are kept once")
  func union() {
    var all = ResetKeys()
    #expect(all.isEmpty && !all.contains(Self.digest(1)))
    for _ in 0..<3 { all.formUnion(Self.keys(0..<5)) }
    all.formUnion(ResetKeys())
    #expect(all == Self.keys(0..<5) && all.contains(Self.digest(4)) && !all.contains(Self.digest(5)))
  }

  @Test("more than the bound is any key, holds none by itself, and stays so")
  func bound() {
    var all = Self.keys(0..<Bounds.resetKeys)
    all.formUnion(Self.keys(0..<10))
    #expect(!all.contains(Self.digest(Bounds.resetKeys)))
    all.formUnion(Self.keys(Bounds.resetKeys..<Bounds.resetKeys + 1))
    #expect(!all.isEmpty && all.digests.isEmpty && all.contains(Self.digest(-1)))
    all.formUnion(Self.keys(0..<3))
    #expect(all.digests.isEmpty && all.contains(Self.digest(-1)))
    var few = Self.keys(0..<3)
    few.formUnion(all)
    #expect(few == all)
  }
}
