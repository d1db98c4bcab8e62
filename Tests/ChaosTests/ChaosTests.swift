// ChaosTests.swift: weirs and Redis in trouble for a while, under load, with books kept on every check.
//
// WEIR_CHAOS_SEED, WEIR_CHAOS_SECONDS and WEIR_CHAOS_SCENARIO (redis, cluster) choose another run, WEIR_CHAOS_LOGS a
// folder that keeps everything about it. docs/soak.md says what is asserted.

import Foundation
import TestKit
import Testing

@Suite(.serialized) struct ChaosTests {
  private static let environment = ProcessInfo.processInfo.environment
  private static let scenarios: [ChaosPlan.Scenario] =
    environment["WEIR_CHAOS_SCENARIO"].map { name in ChaosPlan.Scenario(rawValue: name).map { [$0] } ?? [] }
    ?? ChaosPlan.Scenario.allCases

  private static func plan(_ scenario: ChaosPlan.Scenario) -> ChaosPlan {
    let seed = environment["WEIR_CHAOS_SEED"].flatMap { UInt64($0) }
    let seconds = environment["WEIR_CHAOS_SECONDS"].flatMap { Int($0) }
    let usual = usualPlan(scenario)
    return ChaosPlan(seed: seed ?? usual.seed, scenario: scenario, length: seconds.map { $0 * second } ?? usual.length)
  }

  /// What runs where nothing else is asked for: short, and rich in faults. A weir is killed early, since it counts among
  /// the living for ten seconds.
  private static func usualPlan(_ scenario: ChaosPlan.Scenario) -> ChaosPlan {
    switch scenario {
    case .redis: ChaosPlan(seed: 1690, scenario: .redis, length: 12 * second)
    case .cluster: ChaosPlan(seed: 2857, scenario: .cluster, length: 7 * second)
    }
  }

  @Test("the usual run with one Redis has every fault, that with a cluster all that befall Redis")
  func usualFaults() {
    let redis = Set(Self.usualPlan(.redis).faults.map(\.kind))
    #expect(redis == Set(ChaosPlan.Kind.allCases).subtracting([.moveSlots]))
    let cluster = Set(Self.usualPlan(.cluster).faults.map(\.kind))
    #expect(
      cluster.isSuperset(of: [.killRedis, .moveSlots, .flushScripts, .closeRedisConnections, .killWeir, .drainWeir]))
  }

  @Test(
    "whatever happens: no admission beyond the bound, no needless denial, no failure that is not stated, all back at the end",
    arguments: scenarios)
  func run(scenario: ChaosPlan.Scenario) async throws {
    try await aside {
      let plan = Self.plan(scenario)
      print(plan)
      let report = try ChaosRun(plan).run()
      print(report.summary)
      if let folder = Self.environment["WEIR_CHAOS_LOGS"] { try report.keep(in: folder) }
      let (isSound, charges) = (report.isSound, report.figures.first { $0.name == "certain charges" }?.value ?? 0)
      #expect(isSound, "\(report.account)")
      // It did take place.
      #expect(charges > 100)
    }
  }
}
