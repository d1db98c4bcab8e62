// WorkerCountersTests.swift: what WorkerCounter.swift and WorkerCounters.swift promise.

import Testing

@testable import Telemetry

@Suite struct WorkerCountersTests {
  @Test("each counter counts for itself")
  func separate() {
    let counters = WorkerCounters()
    for counter in WorkerCounter.allCases { counters.add(counter, UInt64(counter.rawValue) + 1) }
    counters.add(.connectionsOpened)
    for counter in WorkerCounter.allCases {
      let extra: UInt64 = counter == .connectionsOpened ? 1 : 0
      #expect(counters.count(counter) == UInt64(counter.rawValue) + 1 + extra)
    }
  }

  @Test(
    "an answer counts under its listener and its class of status",
    arguments: [
      (.data, 200, .dataResponses2xx), (.data, 429, .dataResponses4xx), (.data, 503, .dataResponses5xx),
      (.admin, 200, .adminResponses2xx), (.admin, 404, .adminResponses4xx), (.admin, 500, .adminResponses5xx),
      (.metrics, 204, .metricsResponses2xx), (.metrics, 400, .metricsResponses4xx),
      (.metrics, 599, .metricsResponses5xx),
    ] as [(WorkerCounter.Listener, Int, WorkerCounter)])
  func responses(listener: WorkerCounter.Listener, status: Int, expected: WorkerCounter) {
    #expect(WorkerCounter.response(listener, status: status) == expected)
  }

  @Test("no two counters are one series, and those of one metric stand together with one help text")
  func series() {
    var seen: [String] = []
    var helps: [String: String] = [:]
    var labels: Set<String> = []
    for counter in WorkerCounter.allCases {
      let series = counter.series
      if seen.last != series.metric {
        #expect(!seen.contains(series.metric), "\(series.metric) stands in two places")
        seen.append(series.metric)
      }
      #expect(helps[series.metric, default: series.help] == series.help)
      helps[series.metric] = series.help
      #expect(labels.insert("\(series.metric)\(series.labels)").inserted)
    }
  }
}
