// SharedBreaker.swift: the one breaker of a process, shared by all its workers.
//
// The state is a pure `Breaker` under a mutex. Beside it stands one atomic byte, written under the lock, from which the
// hot path reads whether Redis may be asked, and whether another success would be news.

import Synchronization

/// The breaker that guards one Redis. Thread-safe.
public final class SharedBreaker: Sendable {
  private let breaker = Mutex(Breaker())
  /// The state's raw value, and `pristine` where the breaker has nothing to forget.
  private let mirror = Atomic<UInt8>(SharedBreaker.pristine)
  /// Connections that are ready, in all workers.
  private let ready = Atomic<Int>(0)
  private let observer: (any RedisObserver)?

  private static let pristine: UInt8 = 0x80

  /// - Parameter observer: Told of every change of state, on the thread that caused it. It asks `state` for the newest:
  ///   two changes on two threads may be told in either order.
  public init(observer: (any RedisObserver)? = nil) {
    self.observer = observer
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

  func connected() { ready.add(1, ordering: .relaxed) }

  func disconnected() { ready.subtract(1, ordering: .relaxed) }

  /// A call was answered.
  func succeeded() {
    if mirror.load(ordering: .acquiring) == Self.pristine { return }
    change { $0.succeeded() }
  }

  /// See `Breaker.failed`; `true` means: it has just opened, so leave Redis alone (`Link.breakerOpened`).
  func failed(at now: Int64, isQuick: Bool) -> Bool {
    let random = UInt64.random(in: 0...UInt64.max)
    return change { $0.failed(at: now, isQuick: isQuick, random: random) }
  }

  /// See `Breaker.permission`.
  func permission(at now: Int64) -> Breaker.Permission {
    change { $0.permission(at: now) }
  }

  /// See `Breaker.trialEnded`.
  func trialEnded(_ result: Breaker.TrialResult, at now: Int64) {
    let random = UInt64.random(in: 0...UInt64.max)
    change { $0.trialEnded(result, at: now, random: random) }
  }

  private func change<Result>(_ body: (inout Breaker) -> Result) -> Result {
    let (result, before, after) = breaker.withLock { breaker in
      let before = breaker.state
      let result = body(&breaker)
      mirror.store(breaker.state.rawValue | (breaker.isPristine ? Self.pristine : 0), ordering: .releasing)
      return (result, before, breaker.state)
    }
    if before != after { observer?.redisBreakerChanged(to: after) }
    return result
  }
}
