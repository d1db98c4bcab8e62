// RedisHistoryTests.swift: concurrent checks of weirs that count in one Redis have an order, also where connections to it
// die and nobody knows whether a check was counted.

import Synchronization
import TestKit
import Testing

@Suite struct RedisHistoryTests {
  /// With several weirs a denial may be a remembered one, with older numbers.
  private static let model = CounterModel(HistoryPlan.capacities, denialNumbers: .maybeOlder)

  @Test(
    "concurrent checks of one weir, and of three on one Redis, have an order, with each algorithm", arguments: [1, 3])
  func healthy(count: Int) throws {
    let redis = try RedisServer()
    let weirs = try WeirProcess.fleet(
      count, HistoryPlan.policies(", on_store_failure: deny"), redis: redis.url,
      arguments: patient + ["--threads", "2"])
    for algorithm in algorithms {
      let run = HistoryRun()
      let history = try run.history(weirs, algorithm)
      run.expectOrder(history, Self.model, algorithm)
      let unanswered = history.count { $0.output == nil }
      #expect(unanswered == 0, "seed \(run.seed), \(algorithm): 503 though nothing was wrong")
    }
  }

  @Test("with connections to Redis that are killed: what got no answer was counted once or never")
  func killedConnections() throws {
    let redis = try RedisServer()
    let weirs = try WeirProcess.fleet(
      2, HistoryPlan.policies(", on_store_failure: deny"), redis: redis.url, arguments: patient + ["--threads", "2"])
    var unanswered = 0
    for algorithm in algorithms {
      // One user only: what is lost shows soon in the numbers of others.
      let run = HistoryRun(threads: 10, calls: 30, costs: [0, 1, 1, 2], users: 1)
      let answers = Atomic(0)
      let history = try run.history(weirs, algorithm) { _, _, _ in
        guard answers.add(1, ordering: .relaxed).newValue == 60 else { return }
        _ = try? redis.run("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
      }
      for weir in weirs { try weir.waitForHealth("healthy") }
      unanswered += history.count { $0.output == nil }
      run.expectOrder(history, Self.model, algorithm)
    }
    #expect(unanswered > 0, "no connection died while it was needed")
  }
}
