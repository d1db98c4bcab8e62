// KeyChargeTests.swift: the charge of a key that is named without a check is the one that checks with this key make.

import Limiting
import TestKit
import Testing

@testable import Policies

@Suite struct KeyChargeTests {
  @Test(
    "for every key that a check makes, slot, numbers and effect are those of the check",
    arguments: Seeds.of(1...30 as ClosedRange<UInt64>))
  func agrees(seed: UInt64) {
    var world = World(random: Seeded(seed))
    let set = PolicySet(world.policies())
    var check = Check()
    for _ in 0..<80 {
      let (facts, _) = world.check()
      check.fill(facts, set)
      set.match(&check)
      for charge in check.charges {
        let key = Array(check.bytes[Int(charge.keyStart)..<Int(charge.keyStart + charge.keyCount)])
        let named = set.charge(policy: Int(charge.policy), key: key)
        #expect(named?.slot == charge.slot && named?.isShadow == charge.isShadow, "seed \(seed): \(facts)")
        #expect(named?.effect == charge.effect && named?.place == charge.place, "seed \(seed): \(facts)")
        #expect(named?.limit == charge.limit && named?.cost == 1, "seed \(seed): \(facts)")
        #expect(named?.keyStart == 0 && named?.keyCount == charge.keyCount)
        for cut in 0..<key.count {
          let isKey = set.charge(policy: Int(charge.policy), key: Array(key[..<cut])) != nil
          #expect(!isKey, "seed \(seed): the first \(cut) bytes of \(key)")
        }
        #expect(set.charge(policy: Int(charge.policy), key: key + [0]) == nil)
      }
    }
  }

  @Test("any bytes give a charge or nil, and never a trap", arguments: Seeds.of(1...4 as ClosedRange<UInt64>))
  func anyBytes(seed: UInt64) {
    var world = World(random: Seeded(seed))
    let set = PolicySet(world.policies())
    var random = Seeded(seed)
    for _ in 0..<3_000 {
      let key = (0..<random.below(24)).map { _ in random.pick([0, 0, 0, 1, 2, 3, 4, 255, UInt8(random.below(256))]) }
      for number in set.policies.indices { _ = set.charge(policy: number, key: key) }
    }
  }

  @Test("the shared counter has a charge only where checks without an attribute share it")
  func shared() {
    let set = PolicySet([
      .with("skips", key: ["plan"]), .with("shares", key: ["plan"], missing: .share), .with("keyless", missing: .share),
    ])
    #expect([0, 1, 2].map { set.charge(policy: $0, key: [0]) != nil } == [false, true, false])
    #expect([0, 1, 2].map { set.charge(policy: $0, key: []) != nil } == [false, false, true])
  }
}
