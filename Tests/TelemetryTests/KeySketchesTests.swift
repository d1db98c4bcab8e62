// KeySketchesTests.swift: generations, seats, and what is said of policies without one.

import Testing

@testable import Telemetry

struct KeySketchesTests {
  private static let generation = Bounds.sketchGeneration

  private static func sketches(slots: Int = 8, now: Int64 = 0) -> KeySketches {
    let sketches = KeySketches(now: now)
    sketches.reserve(slots: slots)
    return sketches
  }

  private static func record(
    _ key: Int, _ outcome: KeySketches.Outcome = .denied, slot: Int = 3, in sketches: KeySketches, at now: Int64
  ) {
    let hash = KeySketchTests.hash(key)
    if !sketches.count(outcome, slot: slot, hash: hash, now: now) {
      let text = KeySketchTests.text(key)
      sketches.insert(outcome, slot: slot, hash: hash, key: text.span)
    }
  }

  /// Keys of one policy with their counts, both generations together.
  private static func counts(
    _ sketches: KeySketches, _ outcome: KeySketches.Outcome = .denied, slot: UInt32 = 3, at now: Int64
  ) -> [String: UInt64] {
    guard let policy = sketches.snapshot(at: now).policies.first(where: { $0.slot == slot }) else { return [:] }
    let list = TopKeyList(outcome == .denied ? policy.denied : policy.allowed)
    return Dictionary(uniqueKeysWithValues: list.entries.map { (String(decoding: $0.key, as: UTF8.self), $0.count) })
  }

  @Test("outcomes and policies are kept apart")
  func apart() {
    let sketches = Self.sketches()
    for _ in 0..<3 { Self.record(1, .denied, slot: 3, in: sketches, at: 1) }
    Self.record(1, .allowed, slot: 3, in: sketches, at: 1)
    Self.record(2, .allowed, slot: 4, in: sketches, at: 1)
    #expect(Self.counts(sketches, .denied, slot: 3, at: 2) == ["key-1": 3])
    #expect(Self.counts(sketches, .allowed, slot: 3, at: 2) == ["key-1": 1])
    #expect(Self.counts(sketches, .denied, slot: 4, at: 2) == [:])
    #expect(Self.counts(sketches, .allowed, slot: 4, at: 2) == ["key-2": 1])
    #expect(sketches.snapshot(of: [4], at: 2).policies.map(\.slot) == [4])
    #expect(sketches.snapshot(of: [], at: 2).policies.isEmpty)
  }

  @Test("an answer covers this generation and the one before")
  func generations() {
    let sketches = Self.sketches(now: 10 * Self.generation)
    let start = 10 * Self.generation
    Self.record(1, in: sketches, at: start)
    Self.record(1, in: sketches, at: start + Self.generation - 1)
    #expect(Self.counts(sketches, at: start + Self.generation - 1) == ["key-1": 2])
    Self.record(2, in: sketches, at: start + Self.generation)
    #expect(Self.counts(sketches, at: start + Self.generation) == ["key-1": 2, "key-2": 1])
    Self.record(1, in: sketches, at: start + Self.generation + 1)
    #expect(Self.counts(sketches, at: start + 2 * Self.generation - 1) == ["key-1": 3, "key-2": 1])
    #expect(Self.counts(sketches, at: start + 2 * Self.generation) == ["key-1": 1, "key-2": 1])
    #expect(Self.counts(sketches, at: start + 3 * Self.generation) == [:])
  }

  @Test("after a silence of two generations nothing old is left", arguments: [2, 3, 1000] as [Int64])
  func silence(length: Int64) {
    let sketches = Self.sketches()
    Self.record(1, in: sketches, at: 1)
    Self.record(2, in: sketches, at: length * Self.generation)
    #expect(Self.counts(sketches, at: length * Self.generation) == ["key-2": 1])
  }

  @Test("since is the beginning of the generation before, or the start")
  func since() {
    let start = 10 * Self.generation + 77
    let sketches = Self.sketches(now: start)
    #expect(sketches.snapshot(at: start + 1).since == start)
    #expect(sketches.snapshot(at: 11 * Self.generation).since == start)
    #expect(sketches.snapshot(at: 12 * Self.generation - 1).since == start)
    #expect(sketches.snapshot(at: 12 * Self.generation).since == 11 * Self.generation)
    #expect(sketches.snapshot(at: 100 * Self.generation).since == 99 * Self.generation)
  }

  @Test("beyond the bound policies are counted and not followed, until a seat is free")
  func bound() {
    let most = KeySketches.maximumPolicies
    let sketches = Self.sketches(slots: most + 10)
    for slot in 0..<most { Self.record(1, slot: slot, in: sketches, at: 1) }
    for _ in 0..<5 { Self.record(1, slot: most, in: sketches, at: 2) }
    #expect(sketches.snapshot(at: 3).untracked == 5)
    #expect(sketches.snapshot(at: 3).policies.count == most)
    #expect(Self.counts(sketches, slot: UInt32(most), at: 3) == [:])
    // All but slot 0 fall silent; two generations later their seats are free.
    Self.record(1, slot: 0, in: sketches, at: Self.generation)
    #expect(sketches.snapshot(at: Self.generation).untracked == 5, "of the generation before")
    Self.record(2, slot: most, in: sketches, at: 2 * Self.generation)
    #expect(Self.counts(sketches, slot: UInt32(most), at: 2 * Self.generation) == ["key-2": 1])
    #expect(sketches.snapshot(at: 2 * Self.generation).policies.count == 2)
    #expect(sketches.snapshot(at: 2 * Self.generation).untracked == 0)
  }

  @Test("seats are given away again and again without being lost")
  func seats() {
    let most = KeySketches.maximumPolicies
    let sketches = Self.sketches(slots: 10 * most)
    for round in 0..<10 {
      let now = Int64(round) * 2 * Self.generation
      for slot in round * most..<(round + 1) * most { Self.record(slot, slot: slot, in: sketches, at: now) }
      let snapshot = sketches.snapshot(at: now)
      #expect(snapshot.policies.map(\.slot) == (round * most..<(round + 1) * most).map { UInt32($0) })
      #expect(snapshot.untracked == 0)
      #expect(snapshot.policies.allSatisfy { TopKeyList($0.denied).total == 1 })
    }
  }

  @Test("a slot that nobody made room for is untracked", arguments: [-1, 8, 1_000_000])
  func unreserved(slot: Int) {
    let sketches = Self.sketches(slots: 8)
    Self.record(1, slot: slot, in: sketches, at: 1)
    #expect(sketches.snapshot(at: 1).untracked == 1)
    #expect(sketches.snapshot(at: 1).policies.isEmpty)
    let bare = KeySketches(now: 0)
    Self.record(1, slot: 0, in: bare, at: 1)
    #expect(bare.snapshot(at: 1).untracked == 1)
  }

  @Test("room for more slots keeps what is known")
  func grown() {
    let sketches = Self.sketches(slots: 4)
    Self.record(1, in: sketches, at: 1)
    sketches.reserve(slots: 100)
    sketches.reserve(slots: 2)
    Self.record(1, in: sketches, at: 1)
    Self.record(1, slot: 99, in: sketches, at: 1)
    #expect(Self.counts(sketches, at: 1) == ["key-1": 2])
    #expect(Self.counts(sketches, slot: 99, at: 1) == ["key-1": 1])
  }
}
