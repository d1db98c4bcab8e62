// SharedBreaker.swift: the one breaker of a process, shared by all its workers.
//
// The state is a pure `Breaker` under a mutex. Beside it stands one atomic byte, written under the lock, from which the
// hot path reads whether Redis may be asked, and whether another success would be news.

import Synchronization

/// The breaker that guards one Redis. Thread-safe.
public final class SharedBreaker: Sendable {
  private struct Guarded {
    var breaker = Breaker()
    /// When a failure was counted last.
    var failedAt = Int64.min
  }

  /// Failures within this time are one event, seen by several workers or calls: it is counted once.
  static let oneEvent: Int64 = 10_000_000

  private let guarded = Mutex(Guarded())
  /// The state's raw value, and `pristine` where the breaker has nothing to forget.
  private let mirror = Atomic<UInt8>(SharedBreaker.pristine)
  /// Connections that are ready, in all workers.
  private let ready = Atomic<Int>(0)
  private let observer: (any BreakerObserver)?
  /// Whether failures open it at all.
  private let opens: Bool

  private static let pristine: UInt8 = 0x80

  /// - Parameters:
  ///   - observer: Told of every change of state, on the thread that caused it. It asks `state` for the newest: two
  ///     changes on two threads may be told in either order.
  ///   - opens: false for a server that is never in the way of a check: it may be tried at any time.
  public init(observer: (any BreakerObserver)? = nil, opens: Bool = true) {
    self.observer = observer
    self.opens = opens
  }

  /// As it was a moment ago; without a lock.
  public var state: Breaker.State {
    Breaker.State(rawValue: mirror.load(ordering: .acquiring) & ~Self.pristine) ?? .closed
  }

  /// Whether Redis may be asked.
  public var isClosed: Bool { mirror.load(ordering: .acquiring) & ~Self.pristine == Breaker.State.closed.rawValue }

  /// Whether some worker is connected: then an attempt of another that fails (at the bound of Redis's `maxclients`, for
  /// example) says nothing about Redis, and is not counted.
  var hasConnection: Bool { ready.load(ordering: .relaxed) > 0 }

  /// Workers that are connected.
  public var connections: Int { max(0, ready.load(ordering: .relaxed)) }

  func connected() { ready.add(1, ordering: .relaxed) }

  func disconnected() { ready.subtract(1, ordering: .relaxed) }

  /// A call was answered.
  func succeeded() {
    if mirror.load(ordering: .acquiring) == Self.pristine { return }
    change { $0.breaker.succeeded() }
  }

  /// See `Breaker.failed`; `true` means: it has just opened, so leave Redis alone (`Link.breakerOpened`).
  func failed(at now: Int64, isQuick: Bool) -> Bool {
    guard opens else { return false }
    let random = UInt64.random(in: 0...UInt64.max)
    return change { guarded in
      guard guarded.failedAt == .min || now - guarded.failedAt >= Self.oneEvent else { return false }
      guarded.failedAt = now
      return guarded.breaker.failed(at: now, isQuick: isQuick, random: random)
    }
  }

  /// See `Breaker.forget`. A trial under way is nobody's any more, however it ends.
  func forget() {
    change { guarded in
      guarded.breaker.forget()
      guarded.failedAt = .min
    }
  }

  /// See `Breaker.permission`.
  func permission(at now: Int64) -> Breaker.Permission {
    change { $0.breaker.permission(at: now) }
  }

  /// See `Breaker.trialEnded`.
  func trialEnded(_ result: Breaker.TrialResult, at now: Int64) {
    let random = UInt64.random(in: 0...UInt64.max)
    change { $0.breaker.trialEnded(result, at: now, random: random) }
  }

  private func change<Result>(_ body: (inout Guarded) -> Result) -> Result {
    let (result, before, after) = guarded.withLock { guarded in
      let before = guarded.breaker.state
      let result = body(&guarded)
      let state = guarded.breaker.state
      mirror.store(state.rawValue | (guarded.breaker.isPristine ? Self.pristine : 0), ordering: .releasing)
      return (result, before, state)
    }
    if before != after { observer?.redisBreakerChanged(to: after) }
    return result
  }
}
