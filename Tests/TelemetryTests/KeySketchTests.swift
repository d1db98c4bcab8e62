// KeySketchTests.swift: the guarantee of the space-saving algorithm, against exact counts.

import TestKit
import Testing

@testable import Telemetry

struct KeySketchTests {
  /// A stream of keys, as whole numbers, and how it is made.
  enum Stream: String, CaseIterable {
    case zipf, uniform, allNew, oneKey
    /// Keys that come back just after they lost their counter, so that each record takes over the least.
    case rotating
    /// One heavy key among keys that are never seen again: the ones a flood of invented keys would hide.
    case hidden
    /// First a flood of new keys, then few keys: they start with the errors of the flood.
    case lateComers

    func keys(_ count: Int, _ random: inout SeededGenerator) -> [Int] {
      let heavy = Int(random.next() % 1000)
      return (0..<count).map { index in
        switch self {
        case .zipf: Self.zipf(&random)
        case .uniform: Int(random.next() % 200)
        case .allNew: index
        case .oneKey: 7
        case .rotating: index % (KeySketch.counters + 1)
        case .hidden: random.next() % 16 == 0 ? heavy : 10_000 + index
        case .lateComers: index < count / 2 ? 10_000 + index : Int(random.next() % 40)
        }
      }
    }

    /// Key k with a probability of about 1 / k.
    private static func zipf(_ random: inout SeededGenerator) -> Int {
      let unit = Double(random.next() >> 11) / Double(1 << 53)
      var power = 1.0
      var rest = unit * 10
      while rest >= 1 {
        power *= 2
        rest -= 1
      }
      return Int(power * (1 + rest))
    }
  }

  static func hash(_ key: Int) -> UInt64 {
    var generator = SeededGenerator(seed: UInt64(key) &* 0x2545_f491_4f6c_dd1d)
    return generator.next()
  }

  static func text(_ key: Int) -> [UInt8] { Array("key-\(key)".utf8) }

  static func record(_ key: Int, in sketch: inout KeySketch) {
    let text = text(key)
    if !sketch.count(hash(key)) { sketch.insert(hash(key), key: text.span) }
  }

  @Test(
    "count - error <= true count <= count, the error is at most N / m, and whoever is above N / m is there",
    arguments: Stream.allCases, Seeds.of(1...8))
  func guarantee(stream: Stream, seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var sketch = KeySketch()
    var truth: [Int: UInt64] = [:]
    let count = 1 + Int(random.next() % 20_000)
    for (index, key) in stream.keys(count, &random).enumerated() {
      Self.record(key, in: &sketch)
      truth[key, default: 0] += 1
      if index % 997 == 0 || index == count - 1 {
        Self.check(sketch.snapshot(), truth, "\(stream), seed \(seed), record \(index)")
      }
    }
  }

  private static func check(_ snapshot: KeySketch.Snapshot, _ truth: [Int: UInt64], _ comment: Comment) {
    let total = truth.values.reduce(0, +)
    let bound = total / UInt64(KeySketch.counters)
    #expect(snapshot.total == total, comment)
    #expect(snapshot.entries.count == min(truth.count, KeySketch.counters), comment)
    #expect(snapshot.unseen <= bound, comment)
    var wrong = 0
    for (key, seen) in truth {
      guard let entry = snapshot.entries.first(where: { $0.hash == hash(key) }) else {
        if seen > snapshot.unseen { wrong += 1 }
        continue
      }
      let isRight = seen <= entry.count && entry.count - entry.error <= seen && entry.error <= bound
      if !isRight || Array(snapshot.keys[entry.bytes]) != text(key) || entry.length != text(key).count { wrong += 1 }
    }
    #expect(wrong == 0, comment)
    // What the algorithm rests on: counts add up to the records, so that the least is at most N / m.
    #expect(snapshot.entries.reduce(0) { $0 + $1.count } == total, comment)
  }

  @Test("the key that is taken over has the least count of all", arguments: Seeds.of(1...20))
  func leastGoes(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var sketch = KeySketch()
    for key in Stream.zipf.keys(3000, &random) {
      let before = sketch.snapshot()
      let isNew = !before.entries.contains { $0.hash == Self.hash(key) }
      Self.record(key, in: &sketch)
      guard isNew, before.entries.count == KeySketch.counters else { continue }
      let least = before.entries.reduce(UInt64.max) { min($0, $1.count) }
      let entry = sketch.snapshot().entries.first { $0.hash == Self.hash(key) }
      #expect(entry?.count == least + 1 && entry?.error == least, "seed \(seed)")
    }
  }

  @Test("as long as there are free counters every count is exact")
  func exact() {
    var sketch = KeySketch()
    for key in 0..<KeySketch.counters { for _ in 0...key { Self.record(key, in: &sketch) } }
    let snapshot = sketch.snapshot()
    #expect(snapshot.unseen == 1, "all counters are taken, so another key may have been seen as often as the least")
    for key in 0..<KeySketch.counters {
      let entry = snapshot.entries.first { $0.hash == Self.hash(key) }
      #expect(entry?.count == UInt64(key + 1) && entry?.error == 0)
    }
  }

  @Test("hashes that share their fingerprint are told apart")
  func fingerprints() {
    var sketch = KeySketch()
    for low in 0..<40 as Range<UInt64> {
      for _ in 0...low where !sketch.count(0xfe << 56 | low) { sketch.insert(0xfe << 56 | low, key: Span()) }
    }
    let snapshot = sketch.snapshot()
    #expect(snapshot.entries.contains { $0.hash == 0xfe << 56 | 39 && $0.count >= 40 })
    let isKnown = sketch.count(0xfe << 56 | 999)
    #expect(!isKnown)
  }

  @Test("a new sketch knows nothing and takes no memory; hash 0 is a hash like any other")
  func empty() {
    var sketch = KeySketch()
    var isKnown = sketch.count(0)
    #expect(!isKnown)
    let before = sketch.snapshot()
    #expect(before.total == 0 && before.entries.isEmpty)
    sketch.insert(0, key: Span())
    isKnown = sketch.count(0)
    #expect(isKnown)
    let after = sketch.snapshot()
    #expect(after.total == 2)
    #expect(after.entries.first?.length == 0)
  }

  @Test("of a long key the beginning is kept, and its whole length", arguments: [0, 1, 127, 128, 129, 70_000])
  func longKeys(count: Int) {
    var sketch = KeySketch()
    let key = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
    for other in 0..<3 { Self.record(other, in: &sketch) }
    sketch.insert(99, key: key.span, digest: KeySketch.Digest(high: 1, low: 2))
    Self.record(4, in: &sketch)
    let snapshot = sketch.snapshot()
    let entry = snapshot.entries.first { $0.hash == 99 }
    #expect(entry?.length == count)
    #expect(entry?.digest == KeySketch.Digest(high: 1, low: 2))
    #expect(entry.map { Array(snapshot.keys[$0.bytes]) } == Array(key.prefix(128)))
    #expect(snapshot.entries.filter { $0.hash != 99 }.allSatisfy { $0.length == 5 }, "the neighbours are untouched")
  }

  @Test("what was removed is forgotten, though its memory stays")
  func removed() {
    var sketch = KeySketch()
    for key in 0..<100 { Self.record(key, in: &sketch) }
    sketch.removeAll()
    let bare = sketch.snapshot()
    #expect(bare.total == 0 && bare.entries.isEmpty && bare.unseen == 0)
    for key in 0..<100 {
      let isKnown = sketch.count(Self.hash(key))
      #expect(!isKnown)
    }
    Self.record(99, in: &sketch)
    let again = sketch.snapshot()
    #expect(again.entries.map(\.count) == [1])
    #expect(again.entries.map(\.error) == [0])
  }

  @Test("the sizes of the arrays are those of the bounds")
  func sizes() {
    #expect(KeySketch.counters == 32)
    #expect(Bounds.sketchKey * KeySketch.counters == 4096)
    #expect(KeySketch.bytes <= 5_600)
    #expect(KeySketches.bytesPerPolicy * KeySketches.maximumPolicies < 2_900_000)
  }
}
