// StalledLogTests.swift: a weir whose standard error nobody reads serves and stops all the same.

import Glibc
import TestKit
import Testing

@Suite struct StalledLogTests {
  static let policies = "policies: [{name: a, algorithm: token-bucket, limit: 100000, period: \(forever)}]"

  /// F_SETPIPE_SZ, which Glibc shows to C with extensions only.
  private static let setPipeSize: Int32 = 1031

  /// What the pipe holds now and gets within half a second of silence.
  private static func read(_ pipe: Int32) -> String {
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    var all: [UInt8] = []
    var poller = pollfd(fd: pipe, events: Int16(POLLIN), revents: 0)
    while unsafe poll(&poller, 1, 500) == 1 {
      let count = unsafe Glibc.read(pipe, &bytes, bytes.count)
      guard count > 0 else { break }
      all += bytes[..<count]
    }
    return String(decoding: all, as: UTF8.self)
  }

  @Test(
    "where nobody reads the log, no check, no admin page and no end waits; who reads at last finds every line",
    arguments: [false, true])
  func stalledReader(isReadInTheEnd: Bool) throws {
    let redis = try RedisServer()
    let folder = try TemporaryDirectory()
    let policies = try TemporaryDirectory()
    try policies.write("test.yaml", Self.policies)
    // The pipe's reader holds it open and reads nothing.
    #expect(unsafe mkfifo(folder.file("log"), 0o600) == 0)
    let reader = unsafe open(folder.file("log"), O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    #expect(reader >= 0)
    defer { close(reader) }
    #expect(fcntl(reader, Self.setPipeSize, 4_096) == 4_096)
    let child = try ChildProcess([
      "/bin/sh", "-c", #"exec "$@" 2>"$0""#, folder.file("log"), WeirProcess.binary, "serve",
      "--policies", policies.path, "--listen", "unix:\(folder.file("s"))", "--admin", "unix:\(folder.file("a"))",
      "--redis", redis.url, "--threads", "1",
    ])
    defer { child.signal(SIGKILL) }
    let data = Address.unix(path: folder.file("s"))
    let admin = Address.unix(path: folder.file("a"))
    func status(_ address: Address, _ target: String) throws -> Int {
      try HTTPClient(address).request("GET", target, [("Host", "localhost")]).status
    }
    try eventually("it serves") { (try? status(data, "/check/a")) == 200 }
    // One line of more than the pipe holds.
    let wrong = (0..<200).map { "  - {nme: x\($0)}\n" }.joined()
    try policies.replace("wrong.yaml", "policies:\n" + wrong)
    try eventually("the reload is rejected") {
      let page = try? HTTPClient(admin).request("GET", "/metrics", [("Host", "localhost")]).text
      return page?.contains(#"weir_reloads_total{outcome="failure"} 1"#) == true
    }
    #expect(try status(data, "/check/a") == 200)
    try redis.kill()
    for _ in 0..<20 { #expect(try status(data, "/check/a") == 200) }
    #expect(try status(admin, "/healthz") == 200)
    let text = isReadInTheEnd ? Self.read(reader) : ""
    // Nobody reads its last words while it speaks them.
    if isReadInTheEnd { #expect(fcntl(reader, Self.setPipeSize, 65_536) == 65_536) }
    child.signal(SIGTERM)
    #expect(try child.wait(within: 20) == .exited(0))
    guard isReadInTheEnd else { return }
    let lines = (text + Self.read(reader)).split(separator: "\n")
    let events = try lines.map { try #require(JSON(String($0)))["event"]?.string }
    for event in ["listening", "policies loaded", "policies rejected", "redis failed", "draining", "stopped"] {
      #expect(events.contains(event), "\(event)")
    }
    #expect(!events.contains("log lines left out") && events.last == "stopped")
  }
}
