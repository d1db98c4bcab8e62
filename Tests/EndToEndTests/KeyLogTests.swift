// KeyLogTests.swift: what operators changed, may have changed, or were refused leaves a trace in the log.

import TestKit
import Testing

@Suite struct KeyLogTests {
  static let block = #"{"policy": "per-user", "key": ["ann"], "for": "1h"}"#
  static let key = #"{"policy": "per-user", "key": ["ann"]}"#

  @Test("changes are logged whatever the level", arguments: ["warning", "error"])
  func levels(level: String) throws {
    let directory = try TemporaryDirectory()
    try directory.write("test.yaml", KeyCallsTests.policies())
    let socket = directory.file("admin")
    let child = try ChildProcess([
      WeirProcess.binary, "serve", "--policies", directory.file("test.yaml"), "--listen",
      "unix:\(directory.file("data"))", "--admin", "unix:\(socket)", "--log-level", level, "--log-format", "json",
    ])
    func call(_ name: String, _ body: String) throws -> Int {
      try HTTPClient(.unix(path: socket)).request("POST", "/keys/" + name, [ownHost, jsonType], body: body).status
    }
    try eventually("it listens") { (try? HTTPClient(.unix(path: socket)).request("GET", "/healthz").status) == 200 }
    #expect(try call("block", Self.block) == 200)
    #expect(try call("unblock", Self.key) == 200)
    #expect(try call("reset", Self.key) == 200)
    func events() -> [String] {
      child.errorLines.compactMap { JSON($0)?["event"]?.string }.filter { $0.hasPrefix("key ") }
    }
    try eventually("three lines") { events().count >= 3 }
    #expect(events() == ["key blocked", "key unblocked", "key reset"])
  }

  @Test("a change that Redis did not confirm in time is logged as of unknown outcome")
  func unknown() throws {
    let redis = try RedisServer()
    let weir = try WeirProcess(KeyCallsTests.policies(), arguments: ["--redis", redis.url])
    try weir.waitForHealth("healthy")
    redis.pause()
    defer { redis.resume() }
    let answer = try weir.call("block", Self.block)
    #expect(answer.status == 503 && answer.text.contains("it may have been done"), "\(answer.text)")
    let event = try weir.event("key blocked")
    #expect(event["outcome"]?.string == "unknown" && event["level"]?.string == "warning")
    #expect(event["key"]?.string == #"["ann"]"# && event["until"]?.int != nil)
  }

  @Test("calls that are refused for want of the token or for their origin are logged, at most one a second")
  func refused() throws {
    let files = try TemporaryDirectory()
    try files.write("token", "s3cret\n")
    let weir = try WeirProcess(KeyCallsTests.policies(), arguments: ["--admin-token-file", files.file("token")])
    #expect(try weir.call("block", Self.block, [("Authorization", "Bearer wr0ng")]).status == 401)
    let event = try weir.event("admin call refused")
    #expect(event["by"]?.string == "127.0.0.1" && event["path"]?.string == "/keys/block")
    #expect(event["method"]?.string == "POST" && event["status"]?.int == 401 && event["left_out"]?.int == 0)
    let start = unixSeconds()
    for _ in 0..<20 {
      #expect(try weir.asked("GET", "/keys/top", [ownHost, ("Origin", "http://evil.example")]).status == 403)
    }
    #expect(weir.events("admin call refused").count <= 2 + unixSeconds() - start)
    #expect(!weir.standardError.contains("wr0ng"))
  }
}
