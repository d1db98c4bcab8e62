// Timer.swift: calls back after a time (uv_timer_t).
//
// libuv counts whole milliseconds on a clock that it reads once a turn. The due time is computed in nanoseconds from a
// fresh reading and rounded up, so that a timer is up to a millisecond late and never early, even if it is set at the
// end of a long turn.

import CUV

/// A timer of one loop. Set it as often as you like; it stays alive while it is not closed.
@safe public final class Timer: HandleOwner {
  private let loop: Loop
  private var handle: UnsafeMutablePointer<uv_timer_t>?
  private var handler: ((Timer) -> Void)?

  /// A timer that is not set. Close it when it is no longer needed: until then it and its handler are kept.
  public init(loop: Loop, handler: @escaping (Timer) -> Void) {
    self.loop = loop
    self.handler = handler
    let timer = unsafe allocateZeroed(uv_timer_t.self)
    unsafe uv_timer_init(loop.uv, timer)  // cannot fail: it only links the handle into the loop
    unsafe handle = timer
    unsafe attach(timer, to: self)
  }

  /// Whether it is set.
  public var isActive: Bool {
    guard let timer = unsafe handle else { return false }
    return unsafe uv_is_active(base(timer)) != 0
  }

  /// Sets the timer, in place of what it was set to before. Does nothing once it is closed.
  ///
  /// - Parameters:
  ///   - delay: Nanoseconds from now until the first call, rounded up to whole milliseconds and held within
  ///     `Bounds.timer`. At 0 it calls in the next turn, never from inside `start`.
  ///   - period: Nanoseconds from one call to the next, rounded up likewise; 0 calls once.
  public func start(afterNanoseconds delay: Int64, every period: Int64 = 0) {
    guard let timer = unsafe handle else { return }
    let due = Loop.monotonicNow() + min(max(delay, Bounds.timer.lowerBound), Bounds.timer.upperBound)
    let dueMilliseconds = UInt64((due + 999_999) / 1_000_000)
    let loopMilliseconds = unsafe uv_now(loop.uv)
    let wait = dueMilliseconds > loopMilliseconds ? dueMilliseconds - loopMilliseconds : 0
    let interval = (min(max(period, Bounds.timer.lowerBound), Bounds.timer.upperBound) + 999_999) / 1_000_000
    unsafe uv_timer_start(
      timer,
      { handle in
        guard let handle = unsafe handle, let timer = unsafe owner(of: handle, as: Timer.self) else { return }
        timer.handler?(timer)
      }, wait, UInt64(interval))
  }

  /// Forgets what the timer was set to. It can be set again.
  public func stop() {
    if let timer = unsafe handle { unsafe uv_timer_stop(timer) }
  }

  /// Ends the timer for good; it does not call again. May be called twice and from its own handler.
  public func close() {
    guard let timer = unsafe handle else { return }
    unsafe handle = nil
    handler = nil
    unsafe closeHandle(timer)
  }

  func handleClosed() {}
}
