// SidecarProcess+Stopping.swift: signals, the drain, and the end.

import EventLoop
import PolicyFiles
import Telemetry

extension SidecarProcess {
  func watchSignals() throws(UVError) {
    signals = try SignalSource(loop: loop, signals: [.terminate, .interrupt, .hangup]) { [unowned self] signal in
      switch signal {
      case .hangup: reloader?.reloadNow()
      default: beginStop()
      }
    }
  }

  /// A first signal drains; a second one ends at once.
  private func beginStop() {
    guard !state.isDraining else { return finish() }
    state.beginDraining()
    logger.log(
      .info, "draining",
      ["delay": .string(DurationText.text(options.drainDelay)), "connections": .integer(Int64(budget.count))])
    after(options.drainDelay) { [unowned self] in
      undrained = workers.count
      for worker in workers { worker.drain() }
      after(options.drain) { [unowned self] in
        logger.log(.warning, "drain timed out", ["connections": .integer(Int64(budget.count))])
        finish()
      }
    }
  }

  /// Ends the workers, then everything of the main loop.
  func finish() {
    for worker in workers { worker.stop() }
    for timer in timers { timer.close() }
    timers = []
    for server in servers { server.stop() }
    reloader?.stop()
    errands?.close()
    signals?.close()
    mailbox?.close()
    orderPages?.close()
    loop.stop()
  }

  private func after(_ delay: Int64, _ action: @escaping () -> Void) {
    let timer = Timer(loop: loop) { _ in action() }
    timer.start(afterNanoseconds: delay)
    timers.append(timer)
  }
}
