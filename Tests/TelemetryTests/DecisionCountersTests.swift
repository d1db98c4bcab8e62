// DecisionCountersTests.swift: what DecisionCounters.swift promises: counts by slot and outcome, growth without loss,
// reading from another thread.

import Synchronization
import Testing

@testable import Telemetry

@Suite struct DecisionCountersTests {
  private final class Flag: Sendable {
    let value = Atomic<Bool>(false)
  }

  @Test("each slot and outcome has a count of its own, across the edges of segments")
  func separate() {
    let slots = [0, 1, 63, 64, 65, 191, 192, 447, 448, 5_000]
    let counters = DecisionCounters(slots: 5_001)
    for (index, slot) in slots.enumerated() {
      for outcome in DecisionCounters.Outcome.allCases {
        for _ in 0..<(index * 3 + outcome.rawValue + 1) { counters.record(outcome, slot: slot) }
      }
    }
    for (index, slot) in slots.enumerated() {
      for outcome in DecisionCounters.Outcome.allCases {
        #expect(counters.count(outcome, slot: slot) == UInt64(index * 3 + outcome.rawValue + 1))
      }
    }
    let recorded = Set(slots)
    for slot in 0..<5_001 where !recorded.contains(slot) {
      #expect(counters.count(.allowed, slot: slot) == 0)
      #expect(counters.count(.shadowDenied, slot: slot) == 0)
    }
  }

  @Test("growing keeps every count")
  func grows() {
    let counters = DecisionCounters(slots: 1)
    counters.record(.denied, slot: 0)
    for slots in [1, 64, 65, 1_000, 100] { counters.reserve(slots: slots) }
    counters.record(.denied, slot: 999)
    #expect(counters.count(.denied, slot: 0) == 1)
    #expect(counters.count(.denied, slot: 999) == 1)
  }

  @Test("a slot that was not reserved is counted all the same, and one never used reads 0")
  func unreserved() {
    let counters = DecisionCounters()
    #expect(counters.count(.allowed, slot: 10_000) == 0)
    counters.record(.allowed, slot: 10_000)
    #expect(counters.count(.allowed, slot: 10_000) == 1)
    #expect(counters.count(.allowed, slot: -1) == 0)
    #expect(counters.count(.allowed, slot: DecisionCounters.maximumSlots) == 0)
  }

  @Test("a reader on another thread sees counts that only grow while the owner records and reserves")
  func readFromElsewhere() async {
    let counters = DecisionCounters()
    let done = Flag()
    await withTaskGroup(of: Bool.self) { group in
      group.addTask {
        var last: UInt64 = 0
        while !done.value.load(ordering: .acquiring) {
          var sum: UInt64 = 0
          for slot in stride(from: 0, to: 4_000, by: 97) { sum += counters.count(.allowed, slot: slot) }
          if sum < last { return false }
          last = sum
        }
        return true
      }
      group.addTask {
        for slot in 0..<4_000 {
          counters.reserve(slots: slot + 1)
          for _ in 0..<5 { counters.record(.allowed, slot: slot) }
        }
        done.value.store(true, ordering: .releasing)
        return true
      }
      for await grew in group { #expect(grew) }
    }
    let total = (0..<4_000).reduce(UInt64(0)) { $0 + counters.count(.allowed, slot: $1) }
    #expect(total == 20_000)
  }

  @Test("outcomes are named as the metric's label documents them")
  func names() {
    #expect(DecisionCounters.Outcome.allCases.map { "\($0.name)" } == ["allowed", "denied", "shadow_denied"])
  }
}
