// SandboxTests.swift: weir under deploy/seccomp/weir.json, as a container engine would load it.

import Foundation
import TestKit
import Testing

private let canLoadProfiles =
  (try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib/python3/dist-packages"))?
  .contains { $0.hasPrefix("seccomp.") } == true

@Suite(
  .enabled(if: canLoadProfiles, "install python3-seccomp"),
  .disabled(if: Sanitizer.ofWeir != nil, "a sanitizer makes calls of its own"))
struct SandboxTests {
  private static let profile = WeirProcess.repository + "/deploy/seccomp/weir.json"
  private static let loader = ["/usr/bin/python3", WeirProcess.repository + "/scripts/deploy/under_seccomp.py"]

  @Test("no call beyond the profile: checks in memory and in Redis over TLS, reloads, the pages, a drain")
  func whatWeirNeeds() throws {
    let papers = try Certificates()
    let redis = try RedisServer(certificates: papers)
    let directory = try TemporaryDirectory()
    func set(_ limit: Int) -> String {
      """
      policies:
        - {name: here, match: {path: /here}, algorithm: sliding-log, limit: \(limit), period: 1h, store: memory}
        - {name: there, match: {path: /there}, algorithm: token-bucket, limit: \(limit), period: \(forever)}
      """
    }
    // Killed by the first call that the profile does not mention.
    let weir = try WeirProcess(
      set(3), listen: ["127.0.0.1:0", "unix:\(directory.file("s"))"],
      arguments: [
        "--redis", redis.tlsURL.replacingOccurrences(of: "127.0.0.1", with: "localhost") + "?ca=\(papers.authority)",
        "--metrics", "127.0.0.1:0", "--log-denials", "10/s",
      ] + patient, launcher: Self.loader + ["--kill", Self.profile])
    let status = try String(contentsOfFile: "/proc/\(weir.pid)/status", encoding: .utf8)
    #expect(status.contains("Seccomp:\t2\n") && status.contains("NoNewPrivs:\t1\n"))
    try weir.waitForHealth("healthy")
    for target in ["here", "there"] {
      #expect(try (0..<4).map { _ in try weir.request("GET", "/check/\(target)").status } == [200, 200, 200, 429])
    }
    #expect(try HTTPClient(weir.listen[1]).request("GET", "/check/here").status == 429)
    try weir.policies.replace("test.yaml", set(4))
    weir.signal(SIGHUP)
    for target in ["here", "there"] {
      try eventually("the new limit of \(target)") {
        try weir.request("GET", "/check/\(target)").int("X-RateLimit-Limit") == 4
      }
    }
    for page in ["/", "/metrics", "/policies", "/keys/top"] { #expect(try weir.adminRequest(page).status == 200) }
    try redis.kill()
    try weir.waitForHealth("degraded")
    #expect(try weir.terminate() == .exited(0))
  }

  @Test("the profile lets nobody start a process or make a directory")
  func whatNobodyNeeds() throws {
    let directory = try TemporaryDirectory()
    for (kills, status) in [([], .exited(1)), (["--kill"], .killed(signal: SIGSYS))]
      as [([String], ChildProcess.Status)]
    {
      let child = try ChildProcess(Self.loader + kills + [Self.profile, "/bin/mkdir", directory.file("new")])
      #expect(try child.wait(within: 30) == status)
      #expect(!FileManager.default.fileExists(atPath: directory.file("new")))
    }
    let shell = try ChildProcess(Self.loader + [Self.profile, "/bin/sh", "-c", "true & wait"])
    #expect(try shell.wait(within: 30) != .exited(0))
    #expect(shell.standardError.lowercased().contains("fork"))
  }
}
