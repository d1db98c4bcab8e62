// DenialLogTests.swift: --log-denials in the real process: what is told, how often, and that nobody waits for it.

import Glibc
import TestKit
import Testing

@Suite struct DenialLogTests {
  private static let policies = """
    policies:
      - {name: per-client, key: [header.x-id, ip], algorithm: fixed-window, limit: 1, period: \(forever)}
    """

  private static func denials(_ weir: WeirProcess) -> [JSON] {
    weir.events.filter { $0["event"]?.string == "denied" }
  }

  /// One allowed check of a client, and so many denied ones.
  private static func deny(_ weir: WeirProcess, _ id: String, times: Int) throws {
    #expect(
      try statuses(weir, times + 1, "/check/a", [("X-Id", id)]) == [200] + Array(repeating: 429, count: times))
  }

  @Test("no denial is logged unless it is asked for")
  func off() throws {
    let weir = try WeirProcess(Self.policies)
    try Self.deny(weir, "ann", times: 3)
    try weir.terminate()
    #expect(Self.denials(weir).isEmpty)
  }

  @Test("a denial says policy, key, address, limit and wait", arguments: [false, true])
  func fields(hasRedis: Bool) throws {
    let redis = hasRedis ? try RedisServer() : nil
    let weir = try WeirProcess(
      Self.policies, arguments: ["--log-denials", "100/s"] + (redis.map { ["--redis", $0.url] } ?? []))
    try Self.deny(weir, "ann", times: 1)
    try eventually("it is logged") { !Self.denials(weir).isEmpty }
    let event = try #require(Self.denials(weir).first)
    #expect(
      event.names == [
        "time", "level", "event", "domain", "policy", "key", "ip", "limit", "retry_after", "left_out",
      ])
    #expect(event["level"]?.string == "info" && event["domain"]?.string == "default")
    #expect(event["policy"]?.string == "per-client" && event["key"]?.string == #"["ann","127.0.0.1"]"#)
    #expect(event["ip"]?.string == "127.0.0.1" && event["limit"]?.int == 1 && event["left_out"]?.int == 0)
    #expect((1...366 * 86_400).contains(event["retry_after"]?.int ?? 0))
  }

  @Test("all threads together have so many lines a second, and lines and left-out ones are all denials")
  func sampled() throws {
    let weir = try WeirProcess(Self.policies, arguments: ["--threads", "2"], environment: ["WEIR_LOG_DENIALS": "3/s"])
    for _ in 0..<20 { try Self.deny(weir, "client \(Int.random(in: 0 ... .max))", times: 10) }
    // A line of a later second tells of all that had none.
    try eventually("the account is settled") {
      _ = try? weir.request("GET", "/check/a", [("X-Id", "late")])
      let told = Self.denials(weir).reduce(0) { $0 + ($1["left_out"]?.int ?? 0) } + Self.denials(weir).count
      return told > 200
    }
    var bySecond: [String: Int] = [:]
    for denial in Self.denials(weir) { bySecond[String(denial["time"]?.string?.prefix(19) ?? ""), default: 0] += 1 }
    // The process counts seconds of a clock of its own, so one of these may hold parts of two.
    #expect(bySecond.values.allSatisfy { $0 <= 6 })
    let seconds = bySecond.count
    #expect(Self.denials(weir).count <= 3 * (seconds + 1))
  }

  @Test("--hash-keys keeps key and address out of the log")
  func hashed() throws {
    let weir = try WeirProcess(Self.policies, arguments: ["--log-denials", "9/s", "--hash-keys"])
    try Self.deny(weir, "secret", times: 2)
    try eventually("they are logged") { Self.denials(weir).count == 2 }
    try weir.terminate()
    #expect(!weir.standardError.contains("secret"))
    #expect(Self.denials(weir).allSatisfy { $0["ip"] == nil && $0["key"]?.string?.hasPrefix("k:") == true })
  }

  /// What a pipe holds, as whole lines of JSON.
  private static func read(_ pipe: Int32) throws -> [JSON] {
    var bytes = [UInt8](repeating: 0, count: 1 << 17)
    let count = unsafe Glibc.read(pipe, &bytes, bytes.count)
    try #require(count > 0 && bytes[count - 1] == 10)
    return try String(decoding: bytes[..<count], as: UTF8.self).split(separator: "\n").map {
      try #require(JSON(String($0)))
    }
  }

  @Test("where nobody reads the log, checks are answered all the same")
  func stalledReader() throws {
    let folder = try TemporaryDirectory()
    try folder.write("test.yaml", Self.policies)
    // The pipe's reader holds it open and reads nothing.
    #expect(unsafe mkfifo(folder.file("log"), 0o600) == 0)
    let reader = unsafe open(folder.file("log"), O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    #expect(reader >= 0)
    defer { close(reader) }
    let child = try ChildProcess([
      "/bin/sh", "-c", #"exec "$@" 2>"$0""#, folder.file("log"), WeirProcess.binary, "serve", "--policies", folder.path,
      "--listen", "unix:\(folder.file("s"))", "--admin", "off", "--log-denials", "1000/s",
    ])
    let address = Address.unix(path: folder.file("s"))
    try eventually("it listens") { (try? HTTPClient(address).request("GET", "/healthz").status) == 200 }
    let client = try HTTPClient(address)
    let id = String(repeating: "x", count: 400)
    // More than the 64 KiB that the pipe holds.
    let headers = [("X-Id", id), ("X-Forwarded-For", "203.0.113.9")]
    for number in 0..<1_000 {
      #expect(try client.request("GET", "/check/a", headers).status == (number == 0 ? 200 : 429))
    }
    #expect(child.poll() == nil)
    // What stands in the pipe is whole lines. Once somebody reads, the next one tells of those that found no room.
    let before = try Self.read(reader).filter { $0["event"]?.string == "denied" }.count
    #expect((10..<999).contains(before))
    #expect(try client.request("GET", "/check/a", headers).status == 429)
    #expect(try Self.read(reader).map { $0["left_out"]?.int } == [999 - before])
    child.signal(SIGKILL)
    try child.wait()
  }
}
