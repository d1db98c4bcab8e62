// Breaker.swift: when to stop asking a Redis that does not answer, and when to try again.
//
// Closed, everybody asks. Five failures in a row, of any worker, open it: nobody asks, every check is answered at once
// by its policy's `on_store_failure`. After a wait it is half-open: whoever asks first may make one trial, which closes
// it or opens it for twice as long. Waits grow from 1 s to 30 s and are drawn at random from their upper half, so that
// many weirs do not come back in one instant. Where failures come back at once (nobody listens, a wrong password) a
// trial costs Redis next to nothing, so no wait is longer than 5 s.
//
// A trial that succeeds proves only that Redis greets us: the growth of the waits is forgotten at the first answered
// call after it, so that a Redis which greets and then hangs is not asked every second.
//
// Pattern: Nygard, "Release It!" (2007), circuit breaker. Pure: the clock and chance come from outside.

/// A circuit breaker. Instants are nanoseconds on any clock that never steps back by much.
public struct Breaker: Sendable {
  public enum State: UInt8, Sendable, CaseIterable {
    /// Redis is asked.
    case closed = 0
    /// It is not, until the wait is over.
    case open = 2
    /// It is not, but for one trial that is under way.
    case halfOpen = 1
  }

  /// What somebody who would connect or ask may do.
  enum Permission: Equatable, Sendable {
    case go
    /// Try once, and tell how it went by `trialEnded`, whatever happens.
    case trial
    /// Ask again then.
    case wait(until: Int64)
  }

  /// How a trial ended.
  enum TrialResult: Sendable {
    case succeeded
    case failed(isQuick: Bool)
    /// It was given up for reasons of our own: the next who asks may try.
    case abandoned
  }

  /// Failures in a row that open it.
  static let threshold = 5
  /// Nanoseconds of a wait before chance takes up to half of it off.
  static let wait: ClosedRange<Int64> = 1_000_000_000...30_000_000_000
  static let longestQuickWait: Int64 = 5_000_000_000

  private(set) var state = State.closed
  /// Failures since the last success; counted while closed only.
  private(set) var failures = 0
  /// The next wait.
  private var nextWait = wait.lowerBound
  /// The end of the wait, while open.
  private var reopens: Int64 = 0

  /// Closed, and without any memory of a failure: another success changes nothing.
  var isPristine: Bool { state == .closed && failures == 0 && nextWait == Self.wait.lowerBound }

  init() {}

  /// A call was answered. One that was asked before the breaker opened says nothing about now: it is ignored.
  mutating func succeeded() {
    guard state == .closed else { return }
    failures = 0
    nextWait = Self.wait.lowerBound
  }

  /// A call or an attempt to connect failed, or a connection was lost. While the breaker is not closed this is no news.
  ///
  /// - Parameters:
  ///   - isQuick: It came back at once, rather than by a time-out.
  ///   - random: All 64 bits by chance.
  /// - Returns: Whether this failure has opened the breaker.
  mutating func failed(at now: Int64, isQuick: Bool, random: UInt64) -> Bool {
    guard state == .closed else { return false }
    failures += 1
    guard failures >= Self.threshold else { return false }
    open(at: now, isQuick: isQuick, random: random)
    return true
  }

  /// May somebody connect? `.trial` is given to one at a time.
  mutating func permission(at now: Int64) -> Permission {
    switch state {
    case .closed: return .go
    case .halfOpen: return .wait(until: Self.later(now, by: Bounds.trialPoll))
    case .open:
      guard now >= reopens else { return .wait(until: reopens) }
      state = .halfOpen
      return .trial
    }
  }

  /// Ends the trial that `permission` gave.
  mutating func trialEnded(_ result: TrialResult, at now: Int64, random: UInt64) {
    guard state == .halfOpen else { return }
    switch result {
    case .succeeded:
      state = .closed
      failures = 0
    case .failed(let isQuick):
      open(at: now, isQuick: isQuick, random: random)
    case .abandoned:
      state = .open
      reopens = now
    }
  }

  /// It guards another server from here on.
  mutating func forget() { self = Breaker() }

  private mutating func open(at now: Int64, isQuick: Bool, random: UInt64) {
    let wait = isQuick ? min(nextWait, Self.longestQuickWait) : nextWait
    nextWait = min(nextWait * 2, Self.wait.upperBound)
    state = .open
    failures = 0
    reopens = Self.later(now, by: Self.jittered(wait, random: random))
  }

  /// Between half of `wait` and all of it.
  static func jittered(_ wait: Int64, random: UInt64) -> Int64 {
    wait - Int64((UInt64(wait / 2) + 1).multipliedFullWidth(by: random).high)
  }

  private static func later(_ now: Int64, by wait: Int64) -> Int64 {
    let (sum, overflows) = now.addingReportingOverflow(wait)
    return overflows ? .max : sum
  }
}
