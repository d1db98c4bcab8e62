// AdmissionTimes.swift: when this process last learnt that a counter was charged, so that no worker goes on denying by
// what it saw before that.
//
// A table of a fixed size, one place for the counters of one hash: a charge of another counter there costs a question
// more. What other processes admit is not known.

import Synchronization

/// One for all workers; any thread may note and ask.
@safe final class AdmissionTimes: Sendable {
  // SAFETY: allocated here and freed with its owner; its elements are atomics, and every index is masked.
  private nonisolated(unsafe) let times: UnsafeMutablePointer<Atomic<Int64>>

  init() {
    unsafe times = .allocate(capacity: Bounds.observedStates)
    for index in 0..<Bounds.observedStates { unsafe (times + index).initialize(to: Atomic(.min)) }
  }

  deinit {
    unsafe times.deinitialize(count: Bounds.observedStates)
    unsafe times.deallocate()
  }

  /// - Parameter now: After the reply that says so; on the monotonic clock.
  func note(_ index: Int, at now: Int64) {
    // Another worker may have noted a later one.
    _ = unsafe times[index & (Bounds.observedStates - 1)].max(now, ordering: .relaxed)
  }

  /// `Int64.min` where nothing was charged.
  func last(_ index: Int) -> Int64 {
    unsafe times[index & (Bounds.observedStates - 1)].load(ordering: .relaxed)
  }
}
