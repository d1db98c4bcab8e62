// RunClock.swift: the driver's clock, and a thread that notices when the driver itself did not run.
//
// On a machine that stands still for seconds nothing about time can be asserted; about admissions everything can.

import Foundation
import Glibc
import Synchronization

/// Nanoseconds since it was made. Thread-safe.
final class RunClock: Sendable {
  private let begin = RunClock.read(CLOCK_MONOTONIC)
  private let isStopping = Atomic(false)
  private let seen = Mutex<(stalls: [Span], offset: Span?)>(([], nil))

  /// How often the thread looks, and how much later than that counts as a stall.
  private static let beat = 10 * millisecond
  private static let late = 60 * millisecond

  init() {
    measureOffset()
    Thread.detachNewThread { [weak self] in
      var last = self?.now ?? 0
      var beats = 0
      while let clock = self, !clock.isStopping.load(ordering: .relaxed) {
        Thread.sleep(forTimeInterval: Double(Self.beat) / 1e9)
        let now = clock.now
        if now - last > Self.beat + Self.late { clock.seen.withLock { $0.stalls.append(Span(from: last, to: now)) } }
        last = now
        beats += 1
        if beats % 50 == 0 { clock.measureOffset() }
      }
    }
  }

  func stop() { isStopping.store(true, ordering: .relaxed) }

  var now: Int { Self.read(CLOCK_MONOTONIC) - begin }
  var stalls: [Span] { seen.withLock { $0.stalls } }
  /// Unix time at instant 0, from the lowest to the highest that was measured.
  var unixOffset: Span { seen.withLock { $0.offset } ?? .always }

  func sleep(until instant: Int) {
    let rest = instant - now
    if rest > 0 { Thread.sleep(forTimeInterval: Double(rest) / 1e9) }
  }

  private func measureOffset() {
    for _ in 0..<20 {
      let before = now
      let unix = Self.read(CLOCK_REALTIME)
      let after = now
      // A reading that was interrupted says little.
      guard after - before < 50_000 else { continue }
      seen.withLock { seen in
        let old = seen.offset ?? Span(from: .max, to: .min)
        seen.offset = Span(from: min(old.from, unix - after), to: max(old.to, unix - before))
      }
      return
    }
  }

  private static func read(_ clock: clockid_t) -> Int {
    var time = timespec()
    unsafe clock_gettime(clock, &time)
    return time.tv_sec * second + time.tv_nsec
  }
}
