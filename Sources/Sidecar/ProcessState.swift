// ProcessState.swift: what all threads may ask about this process.

import Synchronization

final class ProcessState: Sendable {
  let clock = SharedClock()
  private let draining = Atomic<Bool>(false)

  var isDraining: Bool { draining.load(ordering: .relaxed) }

  func beginDraining() { draining.store(true, ordering: .relaxed) }

  /// Policies are loaded before anything listens, so a process that answers is alive.
  var liveness: Health { .ok }
  var readiness: Health { isDraining ? .unavailable("draining: this process is stopping") : .ok }
}

/// What a health page says.
enum Health: Sendable {
  case ok
  case unavailable(String)
}
