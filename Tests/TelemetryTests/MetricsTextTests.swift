// MetricsTextTests.swift: the text format 0.0.4 and OpenMetrics 1.0, byte for byte.

import Testing

@testable import Telemetry

@Suite struct MetricsTextTests {
  @Test("a page is HELP, TYPE and samples, metric after metric")
  func page() {
    var page = MetricsText()
    page.counter(
      "weir_decisions_total", "Decisions by policy.",
      [
        .init([.init("domain", "api"), .init("policy", "per-client"), .init("outcome", "allowed")], .whole(3)),
        .init([.init("domain", "api"), .init("policy", "per-client"), .init("outcome", "denied")], .whole(.max)),
      ])
    page.gauge("weir_keys", "Keys in memory.", [.init(.whole(0))])
    page.gauge("weir_process_start_time_seconds", "Start.", [.init(.duration(1_700_000_000_250_000_000))])
    #expect(
      page.text == """
        # HELP weir_decisions_total Decisions by policy.
        # TYPE weir_decisions_total counter
        weir_decisions_total{domain="api",policy="per-client",outcome="allowed"} 3
        weir_decisions_total{domain="api",policy="per-client",outcome="denied"} 18446744073709551615
        # HELP weir_keys Keys in memory.
        # TYPE weir_keys gauge
        weir_keys 0
        # HELP weir_process_start_time_seconds Start.
        # TYPE weir_process_start_time_seconds gauge
        weir_process_start_time_seconds 1700000000.25

        """)
  }

  @Test("buckets run up to the count, which is the last bucket")
  func histogram() {
    let histogram = Histogram()
    for duration: Int64 in [500, 2_500, 30_000, 2_000_000_000] { histogram.observe(nanoseconds: duration) }
    var page = MetricsText()
    page.histogram(
      "weir_decision_duration_seconds", "Time of a decision.",
      [.init([.init("store", "memory")], histogram.snapshot()), .init([.init("store", "redis")], .empty)])
    let lines = page.text.split(separator: "\n").map(String.init)
    #expect(lines.count == 2 + 2 * (20 + 2))
    #expect(lines[1] == "# TYPE weir_decision_duration_seconds histogram")
    #expect(lines[2] == #"weir_decision_duration_seconds_bucket{store="memory",le="1e-06"} 1"#)
    #expect(lines[3] == #"weir_decision_duration_seconds_bucket{store="memory",le="2.5e-06"} 2"#)
    #expect(lines[6] == #"weir_decision_duration_seconds_bucket{store="memory",le="2.5e-05"} 2"#)
    #expect(lines[7] == #"weir_decision_duration_seconds_bucket{store="memory",le="5e-05"} 3"#)
    #expect(lines[20] == #"weir_decision_duration_seconds_bucket{store="memory",le="1.0"} 3"#)
    #expect(lines[21] == #"weir_decision_duration_seconds_bucket{store="memory",le="+Inf"} 4"#)
    #expect(lines[22] == #"weir_decision_duration_seconds_sum{store="memory"} 2.000033"#)
    #expect(lines[23] == #"weir_decision_duration_seconds_count{store="memory"} 4"#)
    #expect(lines[24] == #"weir_decision_duration_seconds_bucket{store="redis",le="1e-06"} 0"#)
    #expect(lines[45] == #"weir_decision_duration_seconds_count{store="redis"} 0"#)
  }

  @Test("an OpenMetrics page names counters' families without _total, says units, and ends with EOF")
  func openMetrics() {
    var page = MetricsText(.openMetrics)
    page.counter("weir_checks_total", "\"Checks\".", [.init([.init("form", "json")], .whole(3))])
    page.counter("process_cpu_seconds_total", "Time.", [.init(.duration(2_500_000_000))])
    page.gauge("weir_keys_bytes", "Memory.", [.init(.whole(7))])
    page.gauge("weir_build_info", "Which.", [.init([.init("version", "1")], .whole(1))])
    #expect(
      page.finished() == #"""
        # HELP weir_checks \"Checks\".
        # TYPE weir_checks counter
        weir_checks_total{form="json"} 3
        # HELP process_cpu_seconds Time.
        # TYPE process_cpu_seconds counter
        # UNIT process_cpu_seconds seconds
        process_cpu_seconds_total 2.5
        # HELP weir_keys_bytes Memory.
        # TYPE weir_keys_bytes gauge
        # UNIT weir_keys_bytes bytes
        weir_keys_bytes 7
        # HELP weir_build_info Which.
        # TYPE weir_build_info gauge
        weir_build_info{version="1"} 1
        # EOF

        """#)
    #expect(MetricsText().finished().isEmpty)
  }

  @Test("the samples of a page are the same in both forms")
  func sameSamples() {
    let samples = MetricsFormat.allCases.map { format in
      var page = MetricsText(format)
      let histogram = Histogram()
      histogram.observe(nanoseconds: 1_000_000_000)
      page.workers([WorkerCounters()], hasRedis: true)
      page.histogram("weir_a_seconds", "A.", [.init(histogram.snapshot())])
      page.sizes("weir_b", "B.", [.init(histogram.snapshot())])
      return page.finished().split(separator: "\n").filter { !$0.hasPrefix("#") }
    }
    #expect(samples[0] == samples[1] && samples[0].count > 80)
  }

  @Test("quote, backslash and line feed are escaped in label values, the last two in help")
  func escapes() {
    var page = MetricsText()
    page.gauge("weir_x", "a\\b\n\"c\"", [.init([.init("file", "a\"b\\c\nd\r\té")], .whole(1))])
    #expect(
      page.text
        == "# HELP weir_x a\\\\b\\n\"c\"\n# TYPE weir_x gauge\nweir_x{file=\"a\\\"b\\\\c\\nd\r\té\"} 1\n")
  }

  @Test("a metric without samples leaves nothing on the page")
  func empty() {
    var page = MetricsText()
    page.counter("weir_x_total", "Nothing.", [])
    #expect(page.text.isEmpty)
  }

  @Test(
    "nanoseconds come out as seconds, exact and short",
    arguments: [
      (0, "0"), (1, "0.000000001"), (1_500_000_000, "1.5"), (2_000_000_000, "2"), (100, "0.0000001"),
      (UInt64.max, "18446744073.709551615"),
    ] as [(UInt64, String)])
  func seconds(nanoseconds: UInt64, expected: String) {
    #expect(MetricsText.seconds(nanoseconds) == expected)
  }

  @Test("the workers' counters are summed, and open connections are the difference")
  func workers() {
    let first = WorkerCounters()
    let second = WorkerCounters()
    first.add(.connectionsOpened, 5)
    second.add(.connectionsOpened, 2)
    second.add(.connectionsClosed, 3)
    second.add(.dataResponses4xx)
    first.adjust(.connectionBytes, by: 500)
    second.adjust(.connectionBytes, by: 80)
    first.adjust(.connectionBytes, by: -490)
    var page = MetricsText()
    page.workers([first, second], hasRedis: true)
    let lines = Set(page.text.split(separator: "\n").map(String.init))
    #expect(lines.contains("weir_connections_opened_total 7"))
    #expect(lines.contains("weir_connections_closed_total 3"))
    #expect(lines.contains("weir_connections 4"))
    #expect(lines.contains("weir_connection_bytes 90") && lines.contains("# TYPE weir_connection_bytes gauge"))
    #expect(lines.contains(#"weir_http_responses_total{listener="data",status="4xx"} 1"#))
    #expect(lines.contains(#"weir_timeouts_total{kind="idle"} 0"#))
    let samples = page.text.split(separator: "\n").filter { !$0.hasPrefix("#") }
    #expect(samples.count == WorkerCounter.allCases.count + 1)
  }

  @Test("without a Redis its counters are left out")
  func withoutRedis() {
    var page = MetricsText()
    page.workers([WorkerCounters()])
    #expect(!page.text.contains("redis") && page.text.contains("weir_checks_undecided_total 0"))
  }

  @Test("a histogram of sizes shows bounds and sum as sizes")
  func sizes() {
    let histogram = Histogram()
    for size in [1, 2, 3, 64, 2_000_000] { histogram.observe(size: size) }
    var page = MetricsText()
    page.sizes("weir_batch_checks", "Sizes.", [.init(histogram.snapshot())])
    let lines = Set(page.text.split(separator: "\n").map(String.init))
    for line in [
      #"weir_batch_checks_bucket{le="1.0"} 1"#, #"weir_batch_checks_bucket{le="2.5"} 2"#,
      #"weir_batch_checks_bucket{le="5.0"} 3"#, #"weir_batch_checks_bucket{le="100.0"} 4"#,
      #"weir_batch_checks_bucket{le="1e+06"} 4"#, #"weir_batch_checks_bucket{le="+Inf"} 5"#,
      "weir_batch_checks_sum 2000070", "weir_batch_checks_count 5",
    ] { #expect(lines.contains(line), "\(line)") }
  }

  @Test("a metric that stands on the page already is our mistake and stops the process")
  func once() async {
    await #expect(processExitsWith: .failure) {
      var page = MetricsText()
      page.gauge("weir_x", "One.", [.init(.whole(1))])
      page.gauge("weir_x", "Two.", [.init(.whole(1))])
    }
  }

  @Test("a counter not named _total is our mistake and stops the process")
  func total() async {
    await #expect(processExitsWith: .failure) {
      var page = MetricsText()
      page.counter("weir_x", "One.", [.init(.whole(1))])
    }
  }
}
