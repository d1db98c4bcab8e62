// ChaosTests.swift: weirs and Redis in trouble for a while, under load, with books kept on every check.
//
// WEIR_CHAOS_SEED, WEIR_CHAOS_SECONDS and WEIR_CHAOS_SCENARIO (redis, cluster) choose another run, WEIR_CHAOS_LOGS a
// folder that keeps everything about it. docs/soak.md says what is asserted.

import Foundation
import TestKit
import Testing

@Suite(.serialized) struct ChaosTests {
  private static let environment = ProcessInfo.processInfo.environment
  private static let seed = environment["WEIR_CHAOS_SEED"].flatMap { UInt64($0) } ?? 20

  private static let scenarios: [ChaosPlan.Scenario] =
    environment["WEIR_CHAOS_SCENARIO"].map { name in ChaosPlan.Scenario(rawValue: name).map { [$0] } ?? [] }
    ?? ChaosPlan.Scenario.allCases

  /// Seconds of faults. A cluster takes longer to start and to heal.
  private static func length(_ scenario: ChaosPlan.Scenario) -> Int {
    let given = environment["WEIR_CHAOS_SECONDS"].flatMap { Int($0) }
    return (given ?? (scenario == .redis ? 12 : 6)) * second
  }

  @Test(
    "whatever happens: no admission beyond the bound, no needless denial, no failure that is not stated, all back at the end",
    arguments: scenarios)
  func run(scenario: ChaosPlan.Scenario) async throws {
    try await aside {
      let plan = ChaosPlan(seed: Self.seed, scenario: scenario, length: Self.length(scenario))
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
