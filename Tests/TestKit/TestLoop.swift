// TestLoop.swift: a loop that runs on the test's own thread until something has happened, with a generous time-out
// instead of sleeps.

public import EventLoop

/// A loop for one test, closed at its end.
public final class TestLoop {
  public let loop: Loop

  public init() throws { loop = try Loop() }

  deinit { loop.close() }

  /// Runs until `condition` holds. False if it did not within `seconds`.
  public func run(seconds: Int64 = 20, until condition: @escaping () -> Bool) -> Bool {
    if condition() { return true }
    var isMet = false
    let deadline = Loop.monotonicNow() + seconds * 1_000_000_000
    let poll = Timer(loop: loop) { [loop] _ in
      isMet = condition()
      if isMet || Loop.monotonicNow() > deadline { loop.stop() }
    }
    poll.start(afterNanoseconds: 0, every: 1_000_000)
    loop.run()
    poll.close()
    return isMet
  }

  /// Runs for some turns, so that what should not happen has had its chance.
  public func run(turns: Int) {
    var left = turns
    _ = run {
      left -= 1
      return left < 0
    }
  }
}
