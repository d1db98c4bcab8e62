// TopKeyListTests.swift: several sketches read as one keep the guarantee of one.

import TestKit
import Testing

@testable import Telemetry

struct TopKeyListTests {
  @Test(
    "merged, count - error <= true count <= count, the error is at most N / m, and whoever is above N / m is there",
    arguments: KeySketchTests.Stream.allCases, [UInt64](1...8))
  func guarantee(stream: KeySketchTests.Stream, seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var truth: [String: UInt64] = [:]
    var snapshots: [KeySketch.Snapshot] = []
    // Sketches of very different sizes, one of them perhaps empty, as of workers that share connections unevenly.
    for _ in 0..<1 + Int(random.next() % 6) {
      var sketch = KeySketch()
      for key in stream.keys(Int(random.next() % 3) * Int(random.next() % 5000), &random) {
        KeySketchTests.record(key, in: &sketch)
        truth["key-\(key)", default: 0] += 1
      }
      snapshots.append(sketch.snapshot())
    }
    let list = TopKeyList(snapshots)
    let total = truth.values.reduce(0, +)
    let bound = total / UInt64(KeySketch.counters)
    let entries = Dictionary(
      uniqueKeysWithValues: list.entries.map { (String(decoding: $0.key, as: UTF8.self), $0) })
    #expect(list.total == total, "seed \(seed)")
    #expect(entries.count == list.entries.count, "seed \(seed): each key once")
    var wrong = 0
    for (key, seen) in truth {
      guard let entry = entries[key] else {
        if seen > bound { wrong += 1 }
        continue
      }
      if entry.count < seen || entry.count - entry.error > seen || entry.error > bound { wrong += 1 }
    }
    #expect(wrong == 0, "\(stream), seed \(seed)")
    #expect(zip(list.entries, list.entries.dropFirst()).allSatisfy { $0.count >= $1.count }, "seed \(seed)")
  }

  @Test("a key without a counter in one sketch may have been seen there as often as the least")
  func absent() {
    var full = KeySketch()
    for key in 0..<KeySketch.counters { for _ in 0..<3 { KeySketchTests.record(key, in: &full) } }
    var other = KeySketch()
    for _ in 0..<10 { KeySketchTests.record(500, in: &other) }
    KeySketchTests.record(0, in: &other)
    let list = TopKeyList([full.snapshot(), other.snapshot()])
    #expect(list.entries.first?.key == KeySketchTests.text(500))
    #expect(list.entries.first?.count == 13)
    #expect(list.entries.first?.error == 3)
    #expect(list.entries.dropFirst().first?.key == KeySketchTests.text(0))
    #expect(list.entries.dropFirst().first?.count == 4)
    #expect(list.entries.dropFirst().first?.error == 0, "a sketch with free counters has seen nobody else")
    #expect(list.total == 3 * 32 + 11)
  }

  @Test("of equal counts the surer comes first, then the order is that of the hashes, whatever the order of sketches")
  func order() {
    var sketches: [KeySketch.Snapshot] = []
    for keys in [[1, 2, 3], [4, 4], [5]] {
      var sketch = KeySketch()
      for key in keys { KeySketchTests.record(key, in: &sketch) }
      sketches.append(sketch.snapshot())
    }
    let forward = TopKeyList(sketches).entries.map(\.key)
    #expect(forward == TopKeyList(sketches.reversed()).entries.map(\.key))
    #expect(forward.first == KeySketchTests.text(4))
    let ties = [1, 2, 3, 5].sorted { KeySketchTests.hash($0) < KeySketchTests.hash($1) }
    #expect(Array(forward.dropFirst()) == ties.map { KeySketchTests.text($0) })
  }

  @Test("a cut key is marked, and its digest goes along")
  func cut() {
    var sketch = KeySketch()
    let key = [UInt8](repeating: 65, count: 200)
    sketch.insert(1, key: key.span, digest: KeySketch.Digest(high: 3, low: 4))
    let beginning = Array(key.prefix(128))
    sketch.insert(2, key: beginning.span)
    let list = TopKeyList([sketch.snapshot(), KeySketch.Snapshot()])
    #expect(list.entries.map(\.isCut) == [true, false])
    #expect(list.entries[0].digest == KeySketch.Digest(high: 3, low: 4))
    #expect(list.entries[0].key == list.entries[1].key)
  }

  @Test("of no sketches there is nothing")
  func none() {
    #expect(TopKeyList([]).entries.isEmpty)
    #expect(TopKeyList([KeySketch.Snapshot()]).total == 0)
  }
}
