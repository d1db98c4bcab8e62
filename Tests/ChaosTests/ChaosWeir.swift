// ChaosWeir.swift: one process of one weir of the fleet, on ports that it keeps over restarts, with the conditions that
// its number has: few descriptors, a log on a small disk, a clock that is off. Its log goes to a file.

import Foundation
import Glibc
import TestKit

/// A running `weir serve`. Ended with its owner. Thread-safe.
final class ChaosWeir: Sendable {
  /// What all lives of a weir have in common.
  struct Place: Sendable {
    var number: Int
    var listen: Address
    var admin: Address
    var log: String
    var policies: String
    var redis: String
    var redisTimeout: Int
    var descriptors: Int?
    /// Seconds.
    var skew = 0
  }

  let place: Place
  let life: Int
  private let child: ChildProcess
  private let clock: SteppedClock?

  static let threads = 2

  /// Starts it; does not wait.
  init(_ place: Place, life: Int) throws {
    (self.place, self.life) = (place, life)
    let limit = place.descriptors.map { "ulimit -n \($0) && " } ?? ""
    let shell = ["sh", "-c", "\(limit)exec \"$0\" \"$@\" 2>>\(place.log)"]
    let command = [
      WeirProcess.binary, "serve", "--policies", place.policies, "--listen", place.listen.text, "--admin",
      place.admin.text, "--threads", "\(Self.threads)", "--redis", place.redis, "--redis-timeout",
      "\(place.redisTimeout / millisecond)ms", "--log-format", "json", "--log-denials", "20/s",
    ]
    clock = place.skew == 0 ? nil : try SteppedClock()
    try clock?.set(seconds: place.skew)
    child = try ChildProcess(shell + command, environment: clock?.environment ?? [:])
  }

  /// Waits until it is ready.
  func waitUntilReady() throws {
    try eventually("weir \(place.number) is ready", within: 60) {
      if let status = child.poll() {
        throw NeverHappened(description: "weir \(place.number) ended at its start: \(status); see \(place.log)")
      }
      return (try? admin("/readyz").status) == 200
    }
  }

  /// One request to the admin listener.
  func admin(_ target: String, timeout: Int = 5) throws -> HTTPResponse {
    try HTTPClient(place.admin, timeout: timeout).request("GET", target, [("Host", "localhost")])
  }

  var pid: pid_t { child.pid }
  func signal(_ number: Int32) { child.signal(number) }
  func poll() -> ChildProcess.Status? { child.poll() }
  func wait(within seconds: Double) throws -> ChildProcess.Status { try child.wait(within: seconds) }

  // MARK: what the kernel says of it

  /// Open descriptors, by the kernel; nil when it has ended.
  var descriptors: Int? { try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").count }

  /// Resident KiB; nil when it has ended.
  var memory: Int? {
    guard let text = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8) else { return nil }
    let line = text.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
    return line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }
  }
}
