// MetricsFormatTests.swift: which form of the page of metrics a request gets.

import Testing

@testable import Telemetry

@Suite struct MetricsFormatTests {
  @Test(
    "who names OpenMetrics 1.0 with the higher quality gets it",
    arguments: [
      // Prometheus 2.42.
      "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
        + "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
      // Prometheus 3.
      "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
        + "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
        + "text/plain;version=0.0.4;q=0.2,/;q=0.1",
      "application/openmetrics-text",
      "APPLICATION/OpenMetrics-Text ; Version=\"1.0.0\" ; Q=0.002, text/plain;q=0.001",
      "application/*, text/*;q=0.9",
      "text/plain;q=0, */*",
    ])
  func openMetrics(accept: String) {
    #expect(MetricsFormat.preferred(by: accept) == .openMetrics)
  }

  @Test(
    "everybody else gets Prometheus' text",
    arguments: [
      nil, "", "*/*", "text/plain", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
      "application/json", "text/plain;version=0.0.4, application/openmetrics-text;version=1.0.0",
      // A version that this page is not written in.
      "application/openmetrics-text;version=0.0.1, text/plain;q=0.1",
      "application/openmetrics-text;version=2.0.0;q=1, */*;q=0.1, text/plain;q=0.2",
      "application/openmetrics-text;q=0.5, text/plain;q=0.6",
      // The most specific range counts, whatever a wider one says.
      "application/openmetrics-text;version=1.0.0;q=0.1, application/*;q=0.9, text/plain;q=0.2",
      "application/openmetrics-text;q=0, */*",
      // Malformed ranges are no ranges.
      "application/openmetrics-text;q=2", "application/openmetrics-text;q=1.001",
      "application/openmetrics-text;q=0.1234",
      "application/openmetrics-text;q=-1", "openmetrics", "/", "application/", ",;,=;/",
      "application/openmetrics-text;q=x",
    ])
  func prometheus(accept: String?) {
    #expect(MetricsFormat.preferred(by: accept) == .prometheus)
  }
}
