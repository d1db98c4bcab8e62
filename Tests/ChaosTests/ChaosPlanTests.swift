// ChaosPlanTests.swift: a seed makes a plan, always the same, and one in which something is left to be promised.

import TestKit
import Testing

@Suite struct ChaosPlanTests {
  @Test("the same seed makes the same plan; another seed another", arguments: ChaosPlan.Scenario.allCases)
  func repeatable(scenario: ChaosPlan.Scenario) {
    let plan = ChaosPlan(seed: 7, scenario: scenario, length: 30 * second)
    #expect(plan == ChaosPlan(seed: 7, scenario: scenario, length: 30 * second))
    #expect(plan.description == ChaosPlan(seed: 7, scenario: scenario, length: 30 * second).description)
    #expect(plan != ChaosPlan(seed: 8, scenario: scenario, length: 30 * second))
  }

  @Test(
    "within a lane no fault begins before the last has ended, and all end in time",
    arguments: ChaosPlan.Scenario.allCases)
  func lanes(scenario: ChaosPlan.Scenario) {
    for seed in 0..<300 as Range<UInt64> {
      let plan = ChaosPlan(seed: seed, scenario: scenario, length: 40 * second)
      for lane in [plan.weirLane, plan.redisLane, plan.lightLane] {
        for (one, next) in zip(lane, lane.dropFirst()) { #expect(one.span.to < next.span.from, "seed \(seed)") }
        #expect(lane.allSatisfy { $0.span.from >= 0 && $0.span.to <= plan.length }, "seed \(seed)")
      }
    }
  }

  @Test("one weir lives through the whole run", arguments: ChaosPlan.Scenario.allCases)
  func survivor(scenario: ChaosPlan.Scenario) {
    for seed in 0..<100 as Range<UInt64> {
      let ends = ChaosPlan(seed: seed, scenario: scenario, length: 40 * second).faults
        .filter { $0.kind == .killWeir || $0.kind == .drainWeir }
      #expect(!ends.isEmpty && !ends.contains { $0.target == ChaosPlan.crampedWeir }, "seed \(seed)")
    }
  }

  @Test("a run of 40 s has every fault of its scenario", arguments: ChaosPlan.Scenario.allCases)
  func everyFault(scenario: ChaosPlan.Scenario) {
    for seed in 0..<100 as Range<UInt64> {
      let kinds = Set(ChaosPlan(seed: seed, scenario: scenario, length: 40 * second).faults.map(\.kind))
      let wanted = Set(ChaosPlan.Kind.allCases).subtracting(scenario == .redis ? [.moveSlots] : [])
      #expect(kinds == wanted, "seed \(seed)")
    }
  }
}
