// AdminTests.swift: what operators and their machines read: health, metrics, the policies in force, and the logs.

import Glibc
import TestKit
import Testing

@Suite struct AdminTests {
  static let policies = """
    policies:
      - name: per-client
        key: [header.x-id]
        algorithm: token-bucket
        limit: 2
        period: \(forever)
    """

  @Test("health says that all checks are well")
  func health() throws {
    let weir = try WeirProcess(Self.policies)
    let response = try weir.adminRequest("/health")
    #expect(response.status == 200)
    #expect(response["Content-Type"] == "application/json")
    #expect(response.json?["status"]?.string == "healthy")
    #expect(response.json?["checks"]?["policies"]?.string == "ok")
  }

  @Test("healthz, readyz, metrics, policies and the page for people answer GET and HEAD, and nothing else does")
  func pages() throws {
    let weir = try WeirProcess(Self.policies)
    for target in ["/healthz", "/readyz", "/health", "/metrics", "/policies", "/"] {
      #expect(try weir.adminRequest(target).status == 200, "\(target)")
      #expect(try weir.adminRequest(target, method: "HEAD").status == 200, "\(target)")
      let refused = try weir.adminRequest(target, method: "DELETE")
      #expect(refused.status == 405, "\(target)")
      #expect(refused["Allow"]?.contains("GET") == true, "\(target)")
    }
    for target in ["/nowhere", "/check", "/check/a", "/json/check"] {
      #expect(try weir.adminRequest(target).status == 404, "\(target)")
    }
    let page = try weir.adminRequest("/")
    #expect(page["Content-Type"]?.hasPrefix("text/html") == true)
    #expect(page.text.contains("weir"))
  }

  @Test("the policies in force, and errors that quote their files, are not shown to a stranger's name for the listener")
  func foreignHost() throws {
    let weir = try WeirProcess(Self.policies)
    let admin = try #require(weir.admin)
    func status(_ page: String) throws -> Int {
      try HTTPClient(admin).request("GET", page, [("Host", "evil.example")]).status
    }
    #expect(try status("/policies") == 421)
    for page in ["/", "/health", "/healthz", "/readyz", "/metrics"] { #expect(try status(page) == 200, "\(page)") }
  }

  @Test("the metrics listener has metrics, healthz and readyz, and nothing else")
  func metricsListener() throws {
    let weir = try WeirProcess(Self.policies, arguments: ["--metrics", "127.0.0.1:0"])
    let client = try HTTPClient(try #require(weir.metrics))
    for target in ["/metrics", "/healthz", "/readyz"] {
      #expect(try client.request("GET", target).status == 200, "\(target)")
    }
    for target in ["/", "/policies", "/health", "/check/a", "/json/check"] {
      #expect(try client.request("GET", target).status == 404, "\(target)")
    }
  }

  @Test("--admin off opens no admin listener; off is also the default of --metrics")
  func adminOff() throws {
    let weir = try WeirProcess(Self.policies, arguments: ["--admin", "off"])
    #expect(weir.admin == nil)
    #expect(weir.metrics == nil)
    #expect(try weir.request("GET", "/readyz").status == 200)
  }

  @Test("metrics are Prometheus text, count decisions by domain, policy and outcome, and never hold a key")
  func metrics() throws {
    let weir = try WeirProcess(Self.policies)
    #expect(
      try statuses(weir, 5, "/check/secret-path", [("X-Id", "secret-client")]) == [200, 200, 429, 429, 429])
    let response = try weir.adminRequest("/metrics")
    #expect(response["Content-Type"]?.hasPrefix("text/plain; version=0.0.4") == true)
    #expect(!response.text.contains("secret"))
    let labels = ["domain": "default", "policy": "per-client"]
    #expect(try weir.metric("weir_decisions_total", labels.merging(["outcome": "allowed"]) { $1 }) == 2)
    #expect(try weir.metric("weir_decisions_total", labels.merging(["outcome": "denied"]) { $1 }) == 3)
    #expect(try weir.metric("weir_decision_duration_seconds_count") == 5)
    #expect(try weir.metric("weir_policies_info") == 1)

    let lines = response.text.split(separator: "\n")
    for line in lines where !line.hasPrefix("#") {
      let value = line.split(separator: " ").last.flatMap { Double($0) }
      #expect(value != nil && (line.hasPrefix("weir_") || line.hasPrefix("process_")), "\(line)")
    }
    let typed = lines.filter { $0.hasPrefix("# TYPE ") }.map { $0.split(separator: " ")[2] }
    #expect(typed.count == Set(typed).count)
    #expect(response.text.hasSuffix("\n"))
    for name in ["weir_decisions_total", "weir_decision_duration_seconds", "weir_reloads_total", "weir_policies_info"] {
      #expect(typed.contains { $0 == name }, "\(name)")
    }
  }

  @Test("policies shows the set in force with source file and line, its sha256 and its load time")
  func policies() throws {
    let weir = try WeirProcess(Self.policies)
    let page = try weir.adminRequest("/policies")
    let json = try #require(page.json)
    #expect(json["policies"]?.array?.count == 1)
    let policy = try #require(json["policies"]?[0])
    #expect(policy["domain"]?.string == "default")
    #expect(policy["name"]?.string == "per-client")
    #expect(policy["file"]?.string?.hasSuffix("test.yaml") == true)
    #expect(policy["line"]?.int == 2)
    #expect((json["loaded_at"]?.int ?? 0) > 1_700_000_000)
    #expect(json["last_error"] == .null)
    let sha = try #require(json["sha256"]?.string)
    #expect(sha.count == 64)
    #expect(try weir.adminRequest("/metrics").text.contains(#"sha256="\#(sha)""#))
    #expect(try WeirProcess(Self.policies).adminRequest("/policies").json?["sha256"]?.string == sha)
    try weir.policies.write("test.yaml", Self.policies + "\n# a comment")
    try eventually("the hash changes") { try weir.adminRequest("/policies").json?["sha256"]?.string != sha }
  }

  @Test("logs are one JSON object a line on standard error, with time, level and event")
  func jsonLogs() throws {
    let weir = try WeirProcess(Self.policies, arguments: ["--log-format", "json"])
    try weir.terminate()
    let lines = weir.standardError.split(separator: "\n")
    #expect(!lines.isEmpty)
    for line in lines {
      let event = JSON(String(line))
      #expect(event?["event"]?.string != nil, "\(line)")
      #expect(event?["level"]?.string != nil, "\(line)")
      #expect(event?["time"]?.string?.hasSuffix("Z") == true, "\(line)")
    }
    // Where standard error is no terminal, JSON is the default.
    #expect(try WeirProcess(Self.policies).events.contains { $0["event"]?.string == "listening" })
  }

  @Test("with --log-format text the lines are for people")
  func textLogs() throws {
    let directory = try TemporaryDirectory()
    try directory.write("test.yaml", Self.policies)
    let child = try ChildProcess(
      [
        WeirProcess.binary, "serve", "--policies", directory.path, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0",
      ], environment: ["WEIR_LOG_FORMAT": "text"])
    try eventually("it listens") { child.errorLines.contains { $0.contains("listening") && $0.contains("127.0.0.1:") } }
    child.signal(SIGTERM)
    #expect(try child.wait() == .exited(0))
    for line in child.errorLines { #expect(!line.hasPrefix("{"), "\(line)") }
  }

  @Test("--log-level error keeps what is not an error out of the log")
  func levels() throws {
    let directory = try TemporaryDirectory()
    try directory.write("test.yaml", Self.policies)
    let child = try ChildProcess([
      WeirProcess.binary, "serve", "--policies", directory.path, "--listen", "unix:\(directory.file("s"))", "--admin",
      "off", "--log-level", "error",
    ])
    let address = Address.unix(path: directory.file("s"))
    try eventually("it listens") { (try? HTTPClient(address).request("GET", "/healthz").status) == 200 }
    child.signal(SIGTERM)
    #expect(try child.wait() == .exited(0))
    #expect(child.standardError.isEmpty)
  }
}
