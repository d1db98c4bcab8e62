// CostTests.swift: what a check spends.

import Limiting
import TestKit
import Testing

@testable import Policies

struct CostTests {
  private static let header = AttributeName.header("x-cost")

  @Test(
    "a cost from a header is its digits, held in its range, else the default",
    arguments: [
      ("1", 1), ("7", 7), ("007", 7), ("100", 100), ("101", 100), ("2", 2), ("0", 2), ("1", 2), ("", 5), (" 7 ", 7),
      ("-7", 5), ("+7", 5), ("7.0", 5), ("7e1", 5), ("0x7", 5), ("7 7", 5), ("seven", 5), ("٧", 5), ("\"7\"", 5),
      ("99999999999999999999", 100), ("9223372036854775808", 100), (String(repeating: "9", count: 5_000), 100),
      (String(repeating: "0", count: 5_000) + "7", 7), ("99999999999999999999x", 5), ("x99", 5),
      // Of several the largest number.
      ("3,9,4", 9), ("3,x", 3), ("x,y", 5), ("1,0", 2), (",7,", 7),
    ].map { ($0.0, max($0.1, 2)) })
  func attribute(value: String, expected: Int64) {
    let set = PolicySet([.with(cost: .attribute(Self.header, default: 5, min: 2, max: 100))])
    #expect(set.outcomes(Facts(headers: [("x-cost", value)])).map(\.cost) == [expected])
  }

  @Test("without the attribute a cost is the default")
  func absent() {
    for name in ["header.x-cost", "query.c", "path.id", "plan", "host", "ip"] {
      let set = PolicySet([.with(cost: .attribute(AttributeName(name)!, default: 5, min: 2, max: 100))])
      #expect(set.outcomes(Facts()).map(\.cost) == [5], "\(name)")
    }
  }

  @Test("a cost can come from any attribute; an address is no number")
  func sources() {
    let facts = Facts(
      method: "11", target: "/12?c=13", host: "14:80", ip: "1.2.3.4", headers: [("x-cost", "15"), ("x-cost", "16")],
      customs: [("plan", "17")])
    let expected = [
      ("method", 11), ("path.id", 12), ("query.c", 13), ("host", 14), ("ip", 5), ("header.x-cost", 16), ("plan", 17),
      ("path", 5),
    ]
    for (name, cost) in expected {
      let set = PolicySet([
        .with(match: .when(path: ["/{id}"]), cost: .attribute(AttributeName(name)!, default: 5, min: 2, max: 100))
      ])
      #expect(set.outcomes(facts).map(\.cost) == [Int64(cost)], "\(name)")
    }
  }

  @Test(
    "lines added before or behind a number cannot make a check cheaper",
    arguments: Seeds.of(1...20 as ClosedRange<UInt64>))
  func addedLines(seed: UInt64) {
    var random = Seeded(seed)
    let set = PolicySet([.with(cost: .attribute(Self.header, default: 3, min: 1, max: 9))])
    for _ in 0..<100 {
      let first = random.below(12)
      let added = (0..<random.below(4)).map { _ in random.pick(["0", "1", "5", "20", "x", "", "\"", ",", "-1"]) }
      let lines = random.oneIn(2) ? ["\(first)"] + added : added + ["\(first)"]
      let cost = set.outcomes(Facts(headers: lines.map { ("x-cost", $0) }))[0].cost
      #expect(cost >= max(1, min(9, Int64(first))), "seed \(seed): \(lines)")
      #expect(cost <= 9)
    }
  }

  @Test("the check's own cost multiplies the policy's, up to the largest of both; 0 only looks")
  func multiplies() {
    let set = PolicySet([
      .with("a", cost: .fixed(3)), .with("b", cost: .fixed(Bounds.policyCost.upperBound)),
      .with("c", cost: .attribute(Self.header, default: 1, min: 1, max: Bounds.policyCost.upperBound)),
    ])
    func costs(_ cost: Int64) -> [Int64] {
      set.outcomes(Facts(headers: [("x-cost", "999999999")], cost: cost)).map(\.cost)
    }
    #expect(costs(1) == [3, 1_000_000, 1_000_000])
    #expect(costs(7) == [21, 7_000_000, 7_000_000])
    #expect(costs(0) == [0, 0, 0])
    #expect(costs(Bounds.checkCost.upperBound) == [3_000_000_000, 1_000_000_000_000_000, 1_000_000_000_000_000])
  }
}
