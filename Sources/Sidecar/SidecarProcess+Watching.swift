// SidecarProcess+Watching.swift: what the main thread does again and again: the offset between the clocks, the sweep of
// idle cells, log lines that wait, and telling of trouble that goes on.

import EventLoop
import Limiting
import Stores
import Telemetry

extension SidecarProcess {
  func startTimers() {
    every(Bounds.clockInterval) { [unowned self] in
      state.clock.refresh()
      tellOfTrouble()
      orders?.book.sweep(now: state.clock.now(at: loop.now).unix)
    }
    every(Bounds.cellSweepInterval) { [unowned self] in
      compiler.sweep(budget: Bounds.cellSweepBudget, now: state.clock.now(at: loop.now))
      // Here since it wakes the thread anyway, and a pipe that is read again takes all that waits in a few of these.
      StandardError.retry(logger.logger.format)
    }
  }

  /// What goes on for a while and is told when it begins and when it is over.
  private func tellOfTrouble() {
    let keys = store.metrics
    switch overflow.look(at: UInt64(max(0, keys.overflowed)), now: loop.now) {
    case .began?:
      logger.log(
        .warning, "keys overflow", ["keys": .integer(Int64(keys.keys)), "limit": .integer(Int64(store.maximumKeys))])
    case .ended(let decisions)?:
      logger.log(.info, "keys fit again", ["decisions": .integer(Int64(clamping: decisions))])
    case nil: break
    }
    let refused = workers.reduce(0) { $0 &+ $1.responder.counters.count(.connectionsRefused) }
    switch refusals.look(at: refused, now: loop.now) {
    case .began?: logger.log(.warning, "connections refused", ["limit": .integer(Int64(budget.limit))])
    case .ended(let connections)?:
      logger.log(.info, "connections fit again", ["refused": .integer(Int64(clamping: connections))])
    case nil: break
    }
  }

  private func every(_ interval: Int64, _ action: @escaping () -> Void) {
    let timer = Timer(loop: loop) { _ in action() }
    timer.start(afterNanoseconds: interval, every: interval)
    timers.append(timer)
  }
}
