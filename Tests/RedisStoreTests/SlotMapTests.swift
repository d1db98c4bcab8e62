// SlotMapTests.swift: ranges to owners, and slots that move.

import TestKit
import Testing

@testable import RedisStore

@Suite struct SlotMapTests {
  private static func node(_ number: Int) -> NodeAddress {
    NodeAddress(host: "10.0.0.\(number)", port: UInt16(6379 + number))
  }
  private let a = Self.node(1)
  private let b = Self.node(2)
  private let c = Self.node(3)

  @Test("a slot has the owner of its range, and a slot of no range has none")
  func ranges() {
    let map = SlotMap([(0...99, a), (200...16_383, b)])
    #expect(map.owner(of: 0) == a && map.owner(of: 99) == a)
    #expect(map.owner(of: 100) == nil && map.owner(of: 199) == nil)
    #expect(map.owner(of: 200) == b && map.owner(of: 16_383) == b)
    #expect(map.covered == 16_284)
    #expect(map.masters == [a, b])
    #expect(SlotMap().covered == 0 && SlotMap().masters.isEmpty)
  }

  @Test("where ranges overlap the later one has the slot; a master that is left without any is no master")
  func overlaps() {
    let map = SlotMap([(0...9, a), (10...19, b), (5...30, c)], others: [a, b, Self.node(4)])
    #expect(map.owner(of: 4) == a && map.owner(of: 5) == c && map.owner(of: 10) == c && map.owner(of: 30) == c)
    #expect(map.masters == [a, c])
    #expect(map.others == [b, Self.node(4)])
  }

  @Test("maps are equal where owners are, in whatever order they were told")
  func equality() {
    #expect(SlotMap([(0...9, a), (10...19, b)]) == SlotMap([(10...19, b), (5...9, a), (0...4, a)]))
    #expect(SlotMap([(0...9, a)], others: [b, c]) == SlotMap([(0...9, a)], others: [c, b, c]))
    #expect(SlotMap([(0...9, a)]) != SlotMap([(0...9, b)]))
    #expect(SlotMap([(0...9, a)]) != SlotMap([(0...8, a)]))
    #expect(SlotMap([(0...9, a)]) != SlotMap([(0...9, a)], others: [b]))
  }

  @Test("MOVED gives one slot to one node, known or not, and is news once")
  func moves() {
    var map = SlotMap([(0...9, a), (10...19, b)], others: [c])
    let isNews = map.move(3, to: b)
    let isNewsAgain = map.move(3, to: b)
    #expect(isNews && !isNewsAgain)
    #expect(map.owner(of: 3) == b && map.owner(of: 4) == a)
    _ = map.move(5, to: c)
    #expect(map.masters == [a, b, c] && map.others.isEmpty)
    _ = map.move(16_383, to: a)
    #expect(map == SlotMap([(0...9, a), (10...19, b), (3...3, b), (5...5, c), (16_383...16_383, a)]))
  }

  @Test("places of masters stay while slots move: who keeps something for each node does not lose it")
  func places() {
    var map = SlotMap([(0...0, a), (1...9, b)])
    _ = map.move(0, to: c)
    #expect(map.masters == [a, b, c])
    #expect(map.place(of: 0) == 2 && map.place(of: 1) == 1)
    #expect(map == SlotMap([(0...0, c), (1...9, b)]), "a master whose last slot has gone does not count")
  }

  @Test("nobody can make the list of masters grow without end")
  func bound() {
    let most = UInt16(Bounds.clusterNodes)
    var map = SlotMap((1..<most).map { ($0...$0, NodeAddress(host: "x", port: $0)) })
    let isLastMoved = map.move(2_000, to: a)
    let isOneMoreMoved = map.move(2_000, to: b)
    #expect(isLastMoved && !isOneMoreMoved && map.owner(of: 2_000) == a)
    #expect(map.masters.count == Bounds.clusterNodes)
    let isMoved = map.move(2_000, to: NodeAddress(host: "x", port: 1))
    #expect(isMoved, "those that are known still get slots")
  }

  @Test("moves, one by one, make the map of the same ranges", arguments: 0..<10)
  func random(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    var ranges: [(slots: ClosedRange<UInt16>, owner: NodeAddress)] = []
    var map = SlotMap()
    for _ in 0..<30 {
      let first = UInt16.random(in: 0..<16_384, using: &generator)
      let range = first...min(16_383, first + UInt16.random(in: 0..<500, using: &generator))
      let owner = Self.node(Int.random(in: 0..<5, using: &generator))
      ranges.append((range, owner))
      for slot in range { _ = map.move(slot, to: owner) }
    }
    #expect(map == SlotMap(ranges), "seed \(seed)")
  }
}
