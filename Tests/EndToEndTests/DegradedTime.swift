// DegradedTime.swift: how long clients were answered without Redis, as they see it.

import Synchronization
import TestKit

/// Asks one weir every few milliseconds, in the JSON form, and notes which answers say that they are degraded.
final class DegradedTime: Sendable {
  struct Seen: Sendable {
    var statuses: Set<Int> = []
    var answers = 0
    var degraded = 0
    /// Of degraded answers.
    var first: ContinuousClock.Instant?
    var last: ContinuousClock.Instant?
    /// The slowest answer.
    var slowest = Duration.zero
  }

  private final class Notes: Sendable {
    let seen = Mutex(Seen())
  }

  private let notes: Notes
  private let background: Background

  /// - Parameter path: What the policies match.
  init(_ weir: WeirProcess, path: String) {
    let notes = Notes()
    self.notes = notes
    background = Background(threads: 1) { _ in
      let begin = ContinuousClock.now
      let answer = try weir.json(#"{"attributes": {"path": "\#(path)"}}"#)
      let end = ContinuousClock.now
      notes.seen.withLock { seen in
        seen.statuses.insert(answer.status)
        seen.answers += 1
        seen.slowest = max(seen.slowest, end - begin)
        guard answer.text.contains(#""degraded":true"#) else { return }
        seen.degraded += 1
        seen.first = seen.first ?? begin
        seen.last = end
      }
      pause(seconds: 0.005)
    }
  }

  /// When the last degraded answer came.
  var last: ContinuousClock.Instant? { notes.seen.withLock { $0.last } }

  /// Ends it; for a test that fails. May be called twice.
  func end() { try? background.stop() }

  /// Ends it, and prints what it saw.
  func stop(_ what: String) throws -> Seen {
    try background.stop()
    let seen = notes.seen.withLock { $0 }
    let time = seen.first.flatMap { first in seen.last.map { $0 - first } } ?? .zero
    print(
      "measured: \(what): degraded for \(time / .milliseconds(1)) ms, \(seen.degraded) of \(seen.answers) answers; "
        + "slowest answer \(seen.slowest / .milliseconds(1)) ms")
    return seen
  }
}
