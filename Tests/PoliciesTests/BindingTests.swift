// BindingTests.swift: of several decisions, the one whose numbers the answer carries.

import Limiting
import TestKit
import Testing

struct BindingTests {
  private static func allow(_ remaining: Int64) -> Decision {
    Decision(outcome: .allow, limit: 10, remaining: remaining)
  }
  private static func deny(_ wait: Int64, remaining: Int64 = 0) -> Decision {
    Decision(outcome: .deny, limit: 10, remaining: remaining, retryAfter: wait)
  }
  private static func never(_ remaining: Int64 = 0) -> Decision {
    Decision(outcome: .denyAlways, limit: 10, remaining: remaining)
  }

  @Test(
    "a decision binds over what stands before it only if it is the harder",
    arguments: [
      (allow(1), allow(2), true), (allow(2), allow(1), false), (allow(1), allow(1), false),
      (deny(1), allow(0), true), (allow(0), deny(1), false), (deny(2), deny(1), true), (deny(1), deny(2), false),
      (deny(1), deny(1), false), (deny(1, remaining: 0), deny(1, remaining: 5), false),
      (deny(1, remaining: 5), deny(0, remaining: 0), true), (never(), deny(.max), true), (deny(.max), never(), false),
      (never(), allow(0), true), (allow(0), never(), false), (never(0), never(5), false), (never(5), never(0), false),
    ])
  func binds(later: Decision, earlier: Decision, expected: Bool) {
    #expect(later.binds(over: earlier) == expected)
  }

  @Test(
    "taking whatever binds, in order, finds the first of the hardest",
    arguments: Seeds.of(1...20 as ClosedRange<UInt64>))
  func foldsToTheHardest(seed: UInt64) {
    var random = Seeded(seed)
    for _ in 0..<200 {
      let decisions: [Decision] = (0..<1 + random.below(6)).map { place in
        let number = Int64(random.below(3))
        var decision = random.pick([Self.allow(number), Self.deny(number), Self.never()])
        decision.reset = Int64(place)  // tells equals apart
        return decision
      }
      let found = decisions.dropFirst().reduce(decisions[0]) { $1.binds(over: $0) ? $1 : $0 }
      let expected =
        decisions.first { $0.outcome == .denyAlways }
        ?? decisions.filter { $0.outcome == .deny }.max { ($0.retryAfter, $1.reset) < ($1.retryAfter, $0.reset) }
        ?? decisions.min { ($0.remaining, $0.reset) < ($1.remaining, $1.reset) }
      #expect(found == expected, "seed \(seed): \(decisions)")
    }
  }
}
