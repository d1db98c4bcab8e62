// ClusterMapTests.swift: what workers share: versions, corrections, and that a reading is wanted once.

import Synchronization
import TestKit
import Testing

@testable import RedisStore

@Suite struct ClusterMapTests {
  private let a = NodeAddress(host: "a", port: 1)
  private let b = NodeAddress(host: "b", port: 2)

  @Test("the version rises with each change and with nothing else")
  func versions() {
    let shared = ClusterMap()
    #expect(shared.version == 0 && shared.current.map.masters.isEmpty)
    #expect(shared.replace(with: SlotMap([(0...9, a)])))
    #expect(shared.version == 1)
    #expect(!shared.replace(with: SlotMap([(5...9, a), (0...4, a)])))
    shared.moved(3, to: a)
    shared.moved(3, to: nil)
    shared.wantRefresh()
    #expect(shared.version == 1)
    shared.moved(3, to: b)
    #expect(shared.version == 2 && shared.current.version == 2 && shared.current.map.owner(of: 3) == b)
    shared.moved(3, to: b)
    #expect(shared.version == 2)
  }

  @Test("a reading is wanted once until it begins; MOVED wants one, whatever it says")
  func wanting() {
    let shared = ClusterMap()
    let rings = Atomic(0)
    shared.onWanted { rings.add(1, ordering: .relaxed) }
    #expect(rings.load(ordering: .relaxed) == 0)
    shared.wantRefresh()
    shared.wantRefresh()
    shared.moved(1, to: a)
    #expect(rings.load(ordering: .relaxed) == 1)
    shared.beginsRefresh()
    #expect(rings.load(ordering: .relaxed) == 1)
    shared.moved(1, to: nil)
    #expect(rings.load(ordering: .relaxed) == 2)
  }

  @Test("what was wanted before anybody listened is heard")
  func early() {
    let shared = ClusterMap()
    shared.wantRefresh()
    let rings = Atomic(0)
    shared.onWanted { rings.add(1, ordering: .relaxed) }
    #expect(rings.load(ordering: .relaxed) == 1)
    shared.onWanted(nil)
    shared.beginsRefresh()
    shared.wantRefresh()
    #expect(rings.load(ordering: .relaxed) == 1, "nobody is told who has gone")
  }

  @Test("many threads may be told MOVED at once: no slot is lost, and each change is counted once")
  func threads() throws {
    let shared = ClusterMap()
    let (a, b) = (a, b)
    _ = shared.replace(with: SlotMap([(0...16_383, a)]))
    try concurrently(4) { thread in
      for slot in 0..<UInt16(4000) {
        shared.moved(slot, to: b)
        if slot % 64 == 0, thread == 0 { shared.beginsRefresh() }
      }
    }
    #expect(shared.version == 4001)
    #expect(shared.current.map == SlotMap([(0...3999, b), (4000...16_383, a)]))
  }
}
