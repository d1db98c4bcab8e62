// DenialLog.swift: denied checks in the log, at most so many a second for the whole process (`--log-denials`).
//
// One line tells of one check: the policy that binds and the key that it counted. Which denials get a line is decided by
// a counter that all workers share; only for those is anything formatted, on the worker's thread, and a line is written
// only if that waits for nobody. What was left out, for either reason, the next line counts. A shadow policy denies
// nobody, and has no lines.

import CheckAPI
import Limiting
import Policies
import Telemetry

/// Where workers tell of denials.
final class DenialLog: Sendable {
  private let sampler: LineSampler
  private let format: LogLine.Format
  private let display: KeyDisplay
  /// False where the line could not be written at once.
  private let write: @Sendable (String) -> Bool

  /// - Parameters:
  ///   - perSecond: In `Bounds.denialLines`.
  ///   - write: Takes a line of at most `Bounds.atomicLine` bytes.
  init(
    perSecond: Int, format: LogLine.Format, display: KeyDisplay, write: @escaping @Sendable (String) -> Bool
  ) {
    sampler = LineSampler(perSecond: perSecond)
    self.format = format
    self.display = display
    self.write = write
  }

  /// Tells of a denied check, or counts it.
  ///
  /// - Parameters:
  ///   - charges: Of the check, decided.
  ///   - keys: The bytes that hold the charges' keys.
  ///   - ip: The client's address; nil where the check has none, or the set does not ask for it.
  ///   - set: The one that made the charges.
  func note(_ charges: borrowing [Charge], keys: Span<UInt8>, ip: IPAddress?, _ set: PolicySet, at now: Now) {
    guard let leftOut = sampler.take(at: now.monotonic) else { return }
    let binding = Answer.bindingIndex(charges)
    guard binding >= 0, write(line(charges[binding], keys: keys, ip: ip, set, leftOut, at: now)) else {
      return sampler.failed(leftOut)
    }
  }

  private func line(
    _ charge: Charge, keys: Span<UInt8>, ip: IPAddress?, _ set: PolicySet, _ leftOut: UInt64, at now: Now
  ) -> String {
    let policy = set.policies[Int(charge.policy)]
    var fields: [(name: String, value: LogValue)] = [
      ("domain", .string(policy.domain)), ("policy", .string(policy.name)),
      ("key", .string(text(charge, keys: keys, policy, set))),
    ]
    if let ip, !display.isHashed { fields.append(("ip", .string(ip.text))) }
    fields.append(("limit", .integer(charge.decision.limit)))
    if charge.decision.outcome == .deny {
      fields.append(("retry_after", .integer(Answer.retryAfter(charge.decision))))
    }
    fields.append(("left_out", .integer(Int64(clamping: leftOut))))
    return LogLine.make(format, at: now.unix, .info, "denied", fields)
  }

  /// The key as operators see it elsewhere; of a long one the beginning, with three dots.
  private func text(_ charge: Charge, keys: Span<UInt8>, _ policy: Policy, _ set: PolicySet) -> String {
    let start = Int(charge.keyStart)
    let key = keys.extracting(start..<start + Int(charge.keyCount))
    if display.isHashed { return display.hashText(key) }
    let isCut = key.count > Bounds.loggedKey
    let kept = isCut ? key.extracting(first: Bounds.loggedKey) : key
    guard let parts = KeyText(kept, of: policy.key, ipv6Prefix: set.ipv6Prefix, isCut: isCut) else {
      return display.hashText(key)
    }
    return KeyJSON.text(parts, of: policy.key) + (isCut ? "..." : "")
  }
}
