// ExplainCommandTests.swift: `weir explain`, its exit codes and its words.

import TestKit
import Testing

@Suite struct ExplainCommandTests {
  private static let policies = """
    domain: api
    policies:
      - name: per-client
        match: { path: /v1/**, methods: [GET, HEAD] }
        key: header.x-client
        algorithm: token-bucket
        limit: 100
        period: 1m
        overrides: [{ key: [ann], limit: 3, burst: 3 }]
      - name: per-address
        match: { headers: { x-plan: free } }
        except: { ip: [192.0.2.0/24] }
        key: ip
        algorithm: sliding-log
        limit: 5
        period: 1h

    """

  private func explain(_ arguments: [String], of policies: String = policies) throws -> (
    status: ChildProcess.Status, output: String, errors: String
  ) {
    let directory = try TemporaryDirectory()
    try directory.write("api.yaml", policies)
    return try WeirProcess.run(["explain", "--policies", directory.path] + arguments)
  }

  @Test("the text says of each policy why, and last what binds")
  func text() throws {
    let result = try explain([
      "--domain", "api", "--path", "/v1/x", "--header", "X-Client: ann", "--header", "x-plan: free", "--ip",
      "192.0.2.7",
    ])
    #expect(result.status == .exited(0))
    for part in [
      "per-client (", "api.yaml:3)", "applies: path /v1/x matches /v1/**, and method is GET", #"key: "ann""#,
      #"numbers: of override 1, key "ann""#, "limit: 3 per 1m, token-bucket, in memory", "per-address (",
      "does not apply: excepted: ip 192.0.2.7 is in 192.0.2.0/24",
      "Allowed: per-client is the only policy that limits it, and has 2 left after this check.",
      "No server was asked",
    ] { #expect(result.output.contains(part), "\(part) in: \(result.output)") }
    #expect(result.errors.isEmpty)
  }

  @Test("JSON says the same to programs, on one line")
  func json() throws {
    let result = try explain([
      "--domain", "api", "--method", "POST", "--path", "/v1/x", "--attribute", "header.x-plan=free", "--ip",
      "2001:db8::1", "--cost", "6", "--format", "json",
    ])
    #expect(result.status == .exited(0))
    #expect(result.output.split(separator: "\n").count == 1)
    let json = try #require(JSON(result.output))
    #expect(json["allowed"]?.bool == false)
    #expect(json["binding"]?.string == "per-address")
    #expect(json["policies"]?[0]?["why"]?.string == "method POST is none of GET, HEAD")
    #expect(json["policies"]?[1]?["key"]?[0]?.string == "2001:db8::/64")
    #expect(json["policies"]?[1]?["decision"]?.string == "deny_always")
  }

  @Test("a running weir decides as was explained")
  func likeServer() throws {
    let weir = try WeirProcess(Self.policies)
    for (path, headers) in [("/v1/x", [("X-Client", "ann")]), ("/v2/x", []), ("/v1/x", [])]
      as [(String, [(String, String)])]
    {
      let arguments = headers.flatMap { ["--header", "\($0.0): \($0.1)"] }
      let explained = try explain(
        ["--domain", "api", "--path", path, "--ip", "127.0.0.1", "--format", "json"] + arguments)
      let json = try #require(JSON(explained.output))
      let answer = try weir.request("GET", "/domains/api/check" + path, headers)
      #expect(json["allowed"]?.bool == (answer.status == 200))
      let binding = json["policies"]?.array?.first { $0["policy"] == json["binding"] }
      #expect(binding?["limit"]?.int.map(String.init) == answer["X-RateLimit-Limit"], "\(path)")
    }
  }

  @Test("wrong policies are told on stderr, exit 65; a path that cannot be read, exit 1; a wrong flag, exit 64")
  func failures() throws {
    let wrong = try explain([], of: "policies: [{name: a, algorithm: token-buckt, limit: 3, period: 1m}]")
    #expect(wrong.status == .exited(65))
    #expect(wrong.errors.contains("token-bucket"))
    #expect(wrong.output.isEmpty)
    let missing = try WeirProcess.run(["explain", "--policies", "/nonexistent/policies"])
    #expect(missing.status == .exited(1))
    #expect(missing.errors.contains("/nonexistent/policies"))
    let usage = try explain(["--ip", "nonsense"])
    #expect(usage.status == .exited(64))
    #expect(usage.errors.contains("--ip") && usage.errors.contains("IP address"))
    #expect(usage.output.isEmpty)
  }

  @Test("store: redis is right where a Redis is told, which is not asked")
  func redis() throws {
    let policies = "policies: [{name: a, algorithm: token-bucket, limit: 3, period: 1m, store: redis}]"
    #expect(try explain([], of: policies).status == .exited(65))
    let result = try explain(["--redis", "redis://127.0.0.1:1"], of: policies)
    #expect(result.status == .exited(0))
    #expect(result.output.contains("3 per 1m, token-bucket, in redis"))
  }
}
