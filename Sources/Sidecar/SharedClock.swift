// SharedClock.swift: the offset from the monotonic clock to Unix time, one for all workers, so that two of them never
// see different windows at one instant. Taken afresh every second, so that a corrected wall clock is followed.

import EventLoop
import Limiting
import Synchronization

final class SharedClock: Sendable {
  private let offset = Atomic<Int64>(0)

  init() { refresh() }

  func refresh() {
    offset.store(UnixClock.nanoseconds() - Loop.monotonicNow(), ordering: .relaxed)
  }

  /// Both clocks at one instant of the monotonic one.
  func now(at monotonic: Int64) -> Now {
    Now(monotonic: monotonic, unix: max(0, monotonic + offset.load(ordering: .relaxed)))
  }
}
