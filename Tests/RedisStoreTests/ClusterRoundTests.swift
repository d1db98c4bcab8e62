// ClusterRoundTests.swift: who is asked for the map, and who is believed.

import TestKit
import Testing

@testable import RedisStore

@Suite struct ClusterRoundTests {
  private static func nodes(_ prefix: String, _ count: Int) -> [NodeAddress] {
    (0..<count).map { NodeAddress(host: "\(prefix)\($0)", port: 1) }
  }

  private static func map(_ masters: [NodeAddress], others: [NodeAddress] = []) -> SlotMap {
    SlotMap(masters.enumerated().map { (UInt16($0)...UInt16($0), $1) }, others: others)
  }

  private static func round(
    seeds: [NodeAddress], known: SlotMap = SlotMap(), doubtful: Set<NodeAddress> = [], epoch: UInt64 = 0,
    seed: UInt64 = 1
  ) -> ClusterRound {
    var generator = SeededGenerator(seed: seed)
    return ClusterRound(seeds: seeds, known: known, doubtful: doubtful, epoch: epoch, using: &generator)
  }

  private static func order(_ round: consuming ClusterRound) -> [NodeAddress] {
    var order: [NodeAddress] = []
    while let node = round.nextNode() { order.append(node) }
    return order
  }

  @Test("masters come before seeds and seeds before replicas, each once; the doubtful last of their kind")
  func order() {
    let (masters, seeds, others) = (Self.nodes("m", 3), Self.nodes("s", 2), Self.nodes("r", 3))
    for seed in UInt64(0)..<50 {
      let order = Self.order(
        Self.round(
          seeds: seeds + [masters[0]], known: Self.map(masters, others: others + [seeds[1]]),
          doubtful: [masters[1], seeds[0]], seed: seed))
      #expect(order.count == 8, "seed \(seed)")
      #expect(Set(order[..<3]) == Set(masters) && order[2] == masters[1], "seed \(seed)")
      #expect(Array(order[3..<5]) == [seeds[1], seeds[0]], "seed \(seed)")
      #expect(Set(order[5...]) == Set(others), "seed \(seed)")
    }
  }

  @Test("the order within a kind is random, so that weirs do not all ask the same node")
  func random() {
    let masters = Self.nodes("m", 3)
    let firsts = (UInt64(0)..<50).map {
      Self.order(Self.round(seeds: [masters[0]], known: Self.map(masters), seed: $0))
    }
    #expect(Set(firsts.map(\.[0])).count == 3)
  }

  @Test("of a large cluster a reading asks a part, and others the next time")
  func large() {
    let masters = Self.nodes("m", 500)
    let others = Self.nodes("r", 500)
    let known = Self.map(masters, others: others)
    let first = Self.order(Self.round(seeds: Self.nodes("s", 1), known: known))
    #expect(first.count == 2 * Bounds.clusterAsked + 1)
    let second = Self.order(Self.round(seeds: Self.nodes("s", 1), known: known, doubtful: Set(first), seed: 2))
    #expect(Set(first).intersection(second) == Set(Self.nodes("s", 1)))
  }

  @Test("an answer is believed where the cluster is ok, has slots, and has heard of what others have")
  func belief() {
    let (node, map) = (Self.nodes("m", 1), Self.map(Self.nodes("m", 1)))
    var round = Self.round(seeds: node, epoch: 5)
    let beliefs = [
      round.heard(SlotMap(), ClusterHealth(isOK: true, epoch: 9)),
      round.heard(map, ClusterHealth(isOK: false, epoch: 9)),
      round.heard(map, ClusterHealth(isOK: true, epoch: 4)), round.heard(map, ClusterHealth(isOK: true, epoch: 5)),
      round.heard(map, ClusterHealth(isOK: true, epoch: 6, slotsInTrouble: 5461)),
    ]
    #expect(beliefs == [.empty, .notOK, .old, .believed, .believed])
  }

  @Test("who knows nothing takes the newest map of those whose cluster is not ok; who knows something keeps it")
  func lastResort() {
    let maps = (1...3).map { Self.map(Self.nodes("m", $0)) }
    var ignorant = Self.round(seeds: Self.nodes("s", 3))
    #expect(ignorant.lastResort == nil)
    _ = ignorant.heard(maps[0], ClusterHealth(epoch: 3))
    _ = ignorant.heard(maps[1], ClusterHealth(epoch: 7))
    _ = ignorant.heard(maps[2], ClusterHealth(epoch: 6))
    _ = ignorant.heard(SlotMap(), ClusterHealth(epoch: 9))
    #expect(ignorant.lastResort?.map == maps[1])
    var knowing = Self.round(seeds: Self.nodes("s", 3), known: maps[0])
    _ = knowing.heard(maps[1], ClusterHealth(epoch: 7))
    #expect(knowing.lastResort == nil)
  }
}
