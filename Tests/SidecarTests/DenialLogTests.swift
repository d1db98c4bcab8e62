// DenialLogTests.swift: what a line says of a denied check, which checks get one, and that none waits for a reader.

import CheckAPI
import Glibc
import Limiting
import Policies
import Stores
import Synchronization
import Telemetry
import Testing

@testable import Sidecar

/// Checks of a policy set, decided in memory, and the lines that tell of the denied ones.
private final class Rig {
  private let set: PolicySet
  private let store = MemoryStore(maximumKeys: 1_000)
  private let log: DenialLog
  private let written = Lines()
  let display: KeyDisplay

  final class Lines: Sendable {
    let all = Mutex<[String]>([])
    let accepts = Mutex(true)
  }

  init(_ policies: [Policy], perSecond: Int = 10, format: LogLine.Format = .text, isHashed: Bool = false) {
    set = PolicySet(policies, slots: policies.indices.map { UInt32($0) })
    display = KeyDisplay(isHashed: isHashed)
    let written = self.written
    log = DenialLog(perSecond: perSecond, format: format, display: display) { line in
      guard written.accepts.withLock({ $0 }) else { return false }
      written.all.withLock { $0.append(line) }
      return true
    }
  }

  func refuseLines(_ refuses: Bool) { written.accepts.withLock { $0 = !refuses } }

  /// Asks at a time, in seconds, and returns the lines written meanwhile, without their time stamp.
  func ask(_ attributes: String, cost: Int = 1, times: Int = 1, at second: Int64 = 0) throws -> [String] {
    let now = Now(monotonic: second * 1_000_000_000, unix: (1_700_000_000 + second) * 1_000_000_000)
    for _ in 0..<times {
      var check = Check()
      _ = try JSONCheck.fill(&check, #"{"cost":\#(cost),"attributes":{\#(attributes)}}"#.utf8.span, set)
      set.match(&check)
      let (isAllowed, ip) = (check.withCharges { store.decide(&$0, keys: $1, now: now) }, check.ip)
      if !isAllowed { check.withCharges { log.note($0, keys: $1, ip: ip, set, at: now) } }
    }
    return written.all.withLock { lines in
      defer { lines = [] }
      return lines.map { String($0.dropFirst("2023-11-14T22:13:20.000Z ".count)) }
    }
  }
}

private func policy(
  _ name: String = "p", _ key: [AttributeName] = [.ip], limit: Int64 = 1, seconds: Int64 = 60,
  mode: Policy.Mode = .enforce, missing: Policy.Missing = .skip
) -> Policy {
  Policy(
    name: name, key: key, missing: missing,
    limit: Limit(algorithm: .fixedWindow, limit: limit, period: seconds * 1_000_000_000), mode: mode)
}

@Suite struct DenialLogTests {
  private static let ann = #""ip":"203.0.113.9""#

  @Test("a line says policy, key, address, limit and wait of the policy that binds")
  func fields() throws {
    let rig = Rig([policy("a"), policy("b", seconds: 3_600)])
    #expect(try rig.ask(Self.ann).isEmpty)
    #expect(
      try rig.ask(Self.ann) == [
        #"info denied domain=default policy=b key="[\"203.0.113.9\"]" ip=203.0.113.9 limit=1 retry_after=2800 left_out=0"#
          + "\n"
      ])
  }

  @Test("in JSON its numbers are numbers, and its key is the text that the admin listener takes")
  func json() throws {
    let rig = Rig([policy()], format: .json)
    _ = try rig.ask(#""ip":"2001:db8::1""#)
    #expect(
      try rig.ask(#""ip":"2001:db8::7""#).map { $0.drop { $0 != "l" } } == [
        #"level":"info","event":"denied","domain":"default","policy":"p","key":"[\"2001:db8::/64\"]","#
          + #""ip":"2001:db8::7","limit":1,"retry_after":40,"left_out":0}"# + "\n"
      ])
  }

  @Test("where no wait helps there is none; without an address of the check, and for the shared counter, none and null")
  func absent() throws {
    let rig = Rig([policy("p", [.custom("plan")], missing: .share)])
    #expect(
      try rig.ask("", cost: 5) == ["info denied domain=default policy=p key=null limit=1 left_out=0\n"])
  }

  @Test("with --hash-keys it shows the key's hash, and no address")
  func hashed() throws {
    let rig = Rig([policy()], isHashed: true)
    let line = try #require(try rig.ask(Self.ann, times: 2).first)
    #expect(!line.contains("203.0.113") && !line.contains("ip="))
    #expect(line.contains(" key=k:"))
  }

  @Test("a second has so many lines; the next one tells how many were left out")
  func sampled() throws {
    let rig = Rig([policy()], perSecond: 2)
    #expect(try rig.ask(Self.ann, times: 11).count == 2)
    #expect(try rig.ask(Self.ann, times: 3, at: 1).map { $0.hasSuffix("left_out=8\n") } == [true, false])
  }

  @Test("a line that cannot be written is counted by the next that can")
  func unwritten() throws {
    let rig = Rig([policy()], perSecond: 1)
    rig.refuseLines(true)
    #expect(try rig.ask(Self.ann, times: 4).isEmpty)
    #expect(try rig.ask(Self.ann, at: 1).isEmpty)
    rig.refuseLines(false)
    #expect(try rig.ask(Self.ann, at: 2).map { $0.hasSuffix("left_out=4\n") } == [true])
  }

  @Test("a shadow policy's denial has no line")
  func shadow() throws {
    let rig = Rig([policy("s", mode: .shadow), policy("p", limit: 3)])
    #expect(try rig.ask(Self.ann, times: 3).isEmpty)
    let lines = try rig.ask(Self.ann)
    #expect(lines.count == 1 && lines[0].contains("policy=p"))
  }

  @Test(
    "the longest key that a client can send leaves the line whole and short", arguments: ["\\u0001", "é", "\\n", "x"])
  func longKey(unit: String) throws {
    for format in LogLine.Format.allCases {
      let rig = Rig([policy("p", [.custom("plan"), .ip])], format: format)
      let attributes = #""plan":"\#(String(repeating: unit, count: 8_000))","ip":"203.0.113.9""#
      let line = try #require(try rig.ask(attributes, times: 2).first)
      #expect(line.utf8.count < 4_000)
      #expect(line.utf8.filter { $0 == 10 }.count == 1 && line.hasSuffix("\n"))
      #expect(line.contains("...\""))
    }
  }

  @Test("a line is written at once or not at all: a full pipe takes none, and its thread does not wait")
  func fullPipe() async {
    await #expect(processExitsWith: .success) {
      var ends: [Int32] = [0, 0]
      #expect(unsafe pipe(&ends) == 0)
      #expect(dup2(ends[1], STDERR_FILENO) == STDERR_FILENO)
      let line = String(repeating: "x", count: 4_095) + "\n"
      var count = 0
      while StandardError.writeAtOnce(line) { count += 1 }
      guard count == 16 else { exit(1) }  // the 64 KiB of a pipe
      var bytes = [UInt8](repeating: 0, count: 4_096)
      guard unsafe read(ends[0], &bytes, 4_096) == 4_096, StandardError.writeAtOnce(line) else { exit(2) }
      guard !StandardError.writeAtOnce(line) else { exit(3) }
      close(ends[0])
      signal(SIGPIPE, SIG_IGN)
      guard !StandardError.writeAtOnce(line) else { exit(4) }
      guard !StandardError.writeAtOnce(String(repeating: "x", count: 4_097)) else { exit(5) }
    }
  }
}
