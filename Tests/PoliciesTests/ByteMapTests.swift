// ByteMapTests.swift: the look-up table against a dictionary, and the comparisons of bytes against the library's.

import TestKit
import Testing

@testable import Policies

struct ByteMapTests {
  private struct Name: Hashable {
    var group: Int32
    var bytes: [UInt8]
  }

  @Test("a map says what a dictionary says", arguments: Seeds.of(1...10 as ClosedRange<UInt64>))
  func agreesWithDictionary(seed: UInt64) {
    var random = Seeded(seed)
    var map = ByteMap()
    var model: [Name: Int32] = [:]
    for step in 0..<2_000 {
      let name = Self.name(&random)
      if random.oneIn(2) {
        map.set(name.bytes, group: name.group, to: Int32(step))
        model[name] = Int32(step)
      }
      let asked = Self.name(&random)
      #expect(map.value(of: asked.bytes, group: asked.group) == model[asked] ?? -1, "seed \(seed): \(asked)")
    }
    for (name, value) in model { #expect(map.value(of: name.bytes, group: name.group) == value) }
  }

  /// Few enough to meet again, with bytes that differ in any place of a word.
  private static func name(_ random: inout Seeded) -> Name {
    Name(group: Int32(random.below(3)), bytes: (0..<random.below(20)).map { _ in UInt8(random.below(2)) })
  }

  @Test("a look-up sees only the stretch it is given")
  func stretch() {
    var map = ByteMap()
    map.set(Array("bc".utf8), group: 0, to: 7)
    let text = Array("abcd".utf8)
    #expect(map.value(of: text.span, ArenaRange(start: 1, count: 2), group: 0) == 7)
    #expect(map.value(of: text.span, ArenaRange(start: 1, count: 3), group: 0) == -1)
    #expect(map.value(of: text.span, ArenaRange(start: 0, count: 2), group: 0) == -1)
    #expect(map.value(of: text.span, ArenaRange(start: 4, count: 0), group: 0) == -1)
  }

  @Test("comparisons agree with those of arrays", arguments: Seeds.of(1...10 as ClosedRange<UInt64>))
  func comparisons(seed: UInt64) {
    var random = Seeded(seed)
    for _ in 0..<500 {
      let bytes = (0..<40).map { _ in UInt8(random.below(2) * 255) }
      let ranges = (0..<2).map { _ in ArenaRange(start: random.below(20), count: random.below(20)) }
      let a = Array(bytes[Int(ranges[0].start)..<ranges[0].end])
      let b = Array(bytes[Int(ranges[1].start)..<ranges[1].end])
      #expect(Bytes.equal(bytes.span, ranges[0], bytes.span, ranges[1]) == (a == b), "seed \(seed)")
      #expect(Bytes.hasPrefix(bytes.span, ranges[0], bytes.span, ranges[1]) == a.starts(with: b), "seed \(seed)")
      #expect(Bytes.isLess(bytes.span, ranges[0], ranges[1]) == a.lexicographicallyPrecedes(b), "seed \(seed)")
    }
  }
}
