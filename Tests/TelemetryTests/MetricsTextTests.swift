// MetricsTextTests.swift: the text format 0.0.4, byte for byte.

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
      "weir_decision_duration_seconds", "Time of a decision.", labels: [.init("store", "memory")],
      histogram.snapshot())
    let lines = page.text.split(separator: "\n").map(String.init)
    #expect(lines.count == 2 + 20 + 2)
    #expect(lines[1] == "# TYPE weir_decision_duration_seconds histogram")
    #expect(lines[2] == #"weir_decision_duration_seconds_bucket{store="memory",le="1e-06"} 1"#)
    #expect(lines[3] == #"weir_decision_duration_seconds_bucket{store="memory",le="2.5e-06"} 2"#)
    #expect(lines[6] == #"weir_decision_duration_seconds_bucket{store="memory",le="2.5e-05"} 2"#)
    #expect(lines[7] == #"weir_decision_duration_seconds_bucket{store="memory",le="5e-05"} 3"#)
    #expect(lines[20] == #"weir_decision_duration_seconds_bucket{store="memory",le="1"} 3"#)
    #expect(lines[21] == #"weir_decision_duration_seconds_bucket{store="memory",le="+Inf"} 4"#)
    #expect(lines[22] == #"weir_decision_duration_seconds_sum{store="memory"} 2.000033"#)
    #expect(lines[23] == #"weir_decision_duration_seconds_count{store="memory"} 4"#)
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
    var page = MetricsText()
    page.workers([first, second], hasRedis: true)
    let lines = Set(page.text.split(separator: "\n").map(String.init))
    #expect(lines.contains("weir_connections_opened_total 7"))
    #expect(lines.contains("weir_connections_closed_total 3"))
    #expect(lines.contains("weir_connections 4"))
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
    page.sizes("weir_batch_checks", "Sizes.", histogram.snapshot())
    let lines = Set(page.text.split(separator: "\n").map(String.init))
    for line in [
      #"weir_batch_checks_bucket{le="1"} 1"#, #"weir_batch_checks_bucket{le="2.5"} 2"#,
      #"weir_batch_checks_bucket{le="5"} 3"#, #"weir_batch_checks_bucket{le="100"} 4"#,
      #"weir_batch_checks_bucket{le="1000000"} 4"#, #"weir_batch_checks_bucket{le="+Inf"} 5"#,
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
