// ClusterHistoryTests.swift: concurrent checks of weirs on a Redis Cluster, where the counters of a check lie in different
// slots, so that it is held in both and then confirmed.
//
// Two counters in two slots have no common instant: each counter's history by itself has an order, in which a check
// takes effect when it is held. What a check holds that another counter then denies is given back, and may deny others
// meanwhile or be told as spent; the model allows that much and no more. At the end each counter has spent exactly what
// was allowed.

import Synchronization
import TestKit
import Testing

extension ClusterTests {
  @Suite struct Histories {
    /// `--redis-timeout`, in seconds: no hold lives longer.
    private static let life = 5

    /// How long it takes at most to give back what a denied check held, while the machine runs: what cancels it is
    /// sent in the turn of its answer.
    private static let cancelling: Int64 = 50_000_000

    @Test("each counter's history has an order, and at the end it has spent what was allowed, with each algorithm")
    func order() async throws {
      try await aside {
        let cluster = try RedisCluster(replicas: 0, nodeTimeout: steady)
        let weirs = try WeirProcess.clusterFleet(
          3, HistoryPlan.policies(", on_store_failure: deny"), redis: cluster.url,
          arguments: ["--redis-timeout", "\(Self.life)s", "--threads", "2"])
        for algorithm in algorithms {
          // Not 50, which one counter often denies and the other holds: the less is held, the more the numbers say.
          let run = HistoryRun(costs: [0, 1, 1, 1, 2, 5, 1000])
          let noted = Mutex<[SplitHistory.Seen]>([])
          _ = try run.history(weirs, algorithm) { call, invoked, told in
            let answered = monotonicNanoseconds()
            noted.withLock { $0.append(.init(call: call, invoked: invoked, answered: answered, told: told)) }
          }
          let seen = noted.withLock { $0 }
          let split = SplitHistory(
            seen: seen, capacities: HistoryPlan.capacities, life: Int64(Self.life) * 1_000_000_000,
            cancelling: Self.cancelling + SplitHistory.longestGap(seen))
          for counter in HistoryPlan.capacities.indices {
            let failure = Linearizability.check(
              split.history(of: counter), CounterModel(HistoryPlan.capacities, denialNumbers: .maybeOlder)
            ).failure
            #expect(failure == nil, "seed \(run.seed), \(algorithm), counter \(counter): \(failure ?? "")")
          }
          try expectSpent(seen, weirs[0], algorithm)
        }
      }
    }

    /// A denied check leaves nothing, an allowed one all its cost; without answers, up to that.
    private func expectSpent(_ seen: [SplitHistory.Seen], _ weir: WeirProcess, _ algorithm: String) throws {
      for (counter, capacity) in HistoryPlan.capacities.enumerated() {
        let parts = seen.flatMap { check in
          check.call.parts.filter { $0.counter == counter }.map { (check.told?.answer.isAllowed, $0.cost) }
        }
        let allowed = parts.filter { $0.0 == true }.map(\.1).reduce(0, +)
        let unknown = parts.filter { $0.0 == nil }.map(\.1).reduce(0, +)
        #expect(allowed <= capacity, "\(algorithm), counter \(counter)")
        let body = HistoryPlan.body(CounterCall([.init(counter, 0)]), algorithm)
        try eventually("counter \(counter) of \(algorithm) has spent \(allowed), or up to \(unknown) more") {
          let left = try weir.json(body).json?["remaining"]?.int ?? -1
          return (allowed...allowed + unknown).contains(capacity - Int64(left))
        }
      }
    }
  }
}
