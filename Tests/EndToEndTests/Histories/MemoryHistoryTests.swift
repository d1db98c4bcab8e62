// MemoryHistoryTests.swift: concurrent checks over HTTP of one weir that counts in its memory, with four threads and
// resets by the admin API, have an order.

import TestKit
import Testing

@Suite struct MemoryHistoryTests {
  @Test("concurrent checks and resets of one weir with four threads have an order, with each algorithm")
  func memory() throws {
    let weir = try WeirProcess(HistoryPlan.policies(), arguments: ["--threads", "4"])
    for algorithm in algorithms {
      let run = HistoryRun(calls: 40)
      let resets = HistoryRecorder<CounterCall, CounterAnswer>()
      let resetting = Background(threads: 1) { _ in
        for counter in [0, 1, 3] {
          let key = counter == 0 ? "[]" : #"["u\#(counter - 1)"]"#
          let body = #"{"policy": "\#(HistoryPlan.policy(counter, algorithm))", "key": \#(key)}"#
          try resets.record(CounterCall(reset: counter)) {
            guard try weir.call("reset", body).status == 200 else { return nil }
            return CounterAnswer(isAllowed: true, left: [])
          }
          pause(seconds: 0.03)
        }
      }
      let history = try run.history([weir], algorithm)
      try resetting.stop()
      run.expectOrder(history + resets.history, CounterModel(HistoryPlan.capacities), algorithm)
    }
  }
}
