// MetricsTests.swift: the page of metrics as Prometheus' own programs read it: both forms, with Redis and without.

import Foundation
import TestKit
import Testing

/// The first of these folders that has the program.
private func program(_ name: String) -> String? {
  ["/usr/bin/", "/usr/local/bin/"].map { $0 + name }.first { FileManager.default.isExecutableFile(atPath: $0) }
}

@Suite struct MetricsTests {
  private static let policies = """
    policies:
      - {name: per-client, key: header.x-id, algorithm: fixed-window, limit: 2, period: \(forever)}
      - {name: local, match: {path: /local}, key: header.x-id, store: memory, limit: 100, period: \(forever)}
    """
  private static let openMetrics = "application/openmetrics-text;version=1.0.0,*/*;q=0.1"

  /// Has counted something of most kinds.
  private static func asked(_ weir: WeirProcess) throws {
    #expect(try statuses(weir, 4, "/check/a", [("X-Id", "secret")]) == [200, 200, 429, 429])
    #expect(try weir.request("GET", "/check/local", [("X-Id", "other")]).status == 200)
    #expect(try weir.request("GET", "/nowhere").status == 404)
  }

  private static func page(_ weir: WeirProcess, accept: String?) throws -> HTTPResponse {
    let headers = accept.map { [("Accept", $0)] } ?? []
    return try HTTPClient(try #require(weir.admin)).request("GET", "/metrics", headers)
  }

  @Test(
    "promtool finds nothing to say about the page, with Redis and without",
    .enabled(if: program("promtool") != nil, "install prometheus"), arguments: [false, true])
  func promtool(hasRedis: Bool) throws {
    let redis = hasRedis ? try RedisServer() : nil
    let weir = try WeirProcess(Self.policies, arguments: redis.map { ["--redis", $0.url] } ?? [])
    try Self.asked(weir)
    let page = try Self.page(weir, accept: nil)
    #expect(page["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8" && page["Vary"] == "Accept")
    #expect(!page.text.contains("secret"))
    let folder = try TemporaryDirectory()
    try folder.write("page", page.text)
    // It has problems with what it cannot read, and with names and units against the conventions.
    let check = try ChildProcess([
      "/bin/sh", "-c", "exec \(program("promtool") ?? "") check metrics <'\(folder.file("page"))'",
    ])
    #expect(try check.wait() == .exited(0))
    #expect(check.standardOutput.isEmpty && check.standardError.isEmpty, "\(check.standardError)")
  }

  @Test("both forms have the same samples, which are those of the listener, and each says what it is")
  func forms() throws {
    let weir = try WeirProcess(Self.policies, arguments: ["--metrics", "127.0.0.1:0"])
    try Self.asked(weir)
    let names = { (page: HTTPResponse) in
      Set(page.text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { $0.split(separator: " ")[0] })
    }
    let plain = try Self.page(weir, accept: "*/*")
    let open = try Self.page(weir, accept: Self.openMetrics)
    #expect(open["Content-Type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8")
    #expect(open.text.hasSuffix("\n# EOF\n") && !plain.text.contains("EOF"))
    #expect(names(plain) == names(open) && names(plain).count > 80)
    let probed = try HTTPClient(try #require(weir.metrics)).request(
      "GET", "/metrics", [("Accept", Self.openMetrics)])
    #expect(probed["Content-Type"] == open["Content-Type"] && names(probed) == names(open))
  }

  @Test("a check's latency counts under the store in which its policies count")
  func latencyByStore() throws {
    let redis = try RedisServer()
    let weir = try WeirProcess(Self.policies, arguments: ["--redis", redis.url])
    try Self.asked(weir)
    let name = "weir_decision_duration_seconds_count"
    #expect(try weir.metric(name, ["store": "redis"]) == 5)
    #expect(try weir.metric(name, ["store": "memory"]) == 0)
    #expect(try weir.request("GET", "/check/local").status == 200)
    #expect(try weir.metric(name, ["store": "memory"]) == 1)
    #expect(try WeirProcess(Self.policies).metric(name, ["store": "redis"]) == nil)
  }

  @Test("sweeps, load errors and the process's bounds are on the page")
  func figures() throws {
    let weir = try WeirProcess(Self.policies)
    try Self.asked(weir)
    try eventually("the sweep has looked at both keys") { try weir.metric("weir_sweep_cells_total") ?? 0 >= 2 }
    #expect(try weir.metric("weir_sweeps_total") ?? 0 > 0)
    #expect(try weir.metric("weir_sweep_dropped_cells_total") == 0)
    #expect(try weir.metric("process_max_fds") ?? 0 >= weir.metric("process_open_fds") ?? .infinity)
    #expect(
      try weir.metric("process_virtual_memory_bytes") ?? 0 > weir.metric("process_resident_memory_bytes") ?? .infinity)
    #expect(try weir.metric("weir_reload_errors") == 0)
    try weir.policies.write("test.yaml", "policies: [{name: a}, {name: b, limt: 1}]")
    try eventually("the errors are counted") { try weir.metric("weir_reload_errors") ?? 0 > 1 }
    let failed = try #require(try weir.metric("weir_reload_last_failure_timestamp_seconds"))
    #expect(try weir.metric("weir_reload_last_success_timestamp_seconds") ?? .infinity < failed)
    // The same files again: nothing is adopted, but the failure is over.
    try weir.policies.write("test.yaml", Self.policies)
    try eventually("the errors are gone") { try weir.metric("weir_reload_errors") == 0 }
    #expect(try weir.metric("weir_reload_last_success_timestamp_seconds") ?? 0 > failed)
    #expect(try weir.metric("weir_policies_loaded_timestamp_seconds") ?? .infinity < failed)
    #expect(try weir.metric("weir_policies_generation") == 1)
  }

  @Test(
    "a real Prometheus asks for OpenMetrics, and reads all of it",
    .enabled(if: program("prometheus") != nil, "install prometheus"))
  func prometheus() throws {
    let redis = try RedisServer()
    let weir = try WeirProcess(Self.policies, arguments: ["--redis", redis.url])
    try Self.asked(weir)
    let folder = try TemporaryDirectory()
    let admin = try #require(weir.admin)
    try folder.write(
      "prometheus.yml",
      "scrape_configs: [{job_name: weir, scrape_interval: 1s, static_configs: [{targets: ['\(admin.text)']}]}]")
    let port = try RedisServer.freePort()
    let server = try ChildProcess([
      program("prometheus") ?? "", "--config.file=\(folder.file("prometheus.yml"))",
      "--storage.tsdb.path=\(folder.file("data"))", "--web.listen-address=127.0.0.1:\(port)",
    ])
    defer { server.signal(SIGTERM) }
    let ask = { (target: String) in
      try? HTTPClient(.tcp(host: "127.0.0.1", port: port)).request("GET", target).json?["data"]
    }
    let value = { (query: String) in
      ask("/api/v1/query?query=\(query)")?["result"]?[0]?["value"]?[1]?.string
    }
    try eventually("Prometheus has scraped weir", within: 30) { value("weir_decisions_total") != nil }
    #expect(value("up") == "1")
    #expect(value("weir_decisions_total%7Boutcome%3D%22denied%22,policy%3D%22per-client%22%7D") == "2")
    #expect(value("weir_decision_duration_seconds_bucket%7Bstore%3D%22redis%22,le%3D%221.0%22%7D") == "5")
    // As many samples as there are on the page: none was dropped as a duplicate or for its form.
    let samples = try Self.page(weir, accept: nil).text.split(separator: "\n").filter { !$0.hasPrefix("#") }.count
    try eventually("all samples are read") { value("scrape_samples_scraped") == "\(samples)" }
    // Only OpenMetrics tells a unit.
    let metadata = ask("/api/v1/metadata?metric=weir_decision_duration_seconds")
    #expect(metadata?["weir_decision_duration_seconds"]?[0]?["unit"]?.string == "seconds")
  }
}
