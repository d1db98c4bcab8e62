// TimerTests.swift: never early, and under control from inside its own handler.

import TestKit
import Testing

@testable import EventLoop

@Suite struct TimerTests {
  @Test(
    "a timer is never early, even when it is set late in a long turn",
    arguments: [0, 1, 999_999, 1_000_001, 5_500_000, 20_000_000] as [Int64])
  func neverEarly(delay: Int64) throws {
    let test = try TestLoop()
    var due: Int64 = 0
    var fired: Int64 = 0
    let timer = Timer(loop: test.loop) { _ in fired = Loop.monotonicNow() }
    let setter = Timer(loop: test.loop) { _ in
      // The loop's own clock is now several milliseconds behind.
      let begin = Loop.monotonicNow()
      while Loop.monotonicNow() - begin < 7_300_000 {}
      due = Loop.monotonicNow() + delay
      timer.start(afterNanoseconds: delay)
    }
    setter.start(afterNanoseconds: 0)
    #expect(test.run { fired > 0 })
    #expect(fired >= due)
    #expect(!timer.isActive)
  }

  @Test("a repeating timer repeats until it is stopped, also by itself")
  func repeats() throws {
    let test = try TestLoop()
    var calls = 0
    let begin = Loop.monotonicNow()
    let timer = Timer(loop: test.loop) { timer in
      calls += 1
      if calls == 5 { timer.stop() }
    }
    timer.start(afterNanoseconds: 3_000_000, every: 1_500_000)
    #expect(timer.isActive)
    #expect(test.run { !timer.isActive })
    // The first at 3 ms and four more 2 ms apart (1.5 ms, rounded up), measured by a clock of whole milliseconds.
    #expect(Loop.monotonicNow() - begin >= 10_000_000)
    test.run(turns: 5)
    #expect(calls == 5)
    timer.start(afterNanoseconds: 0)
    #expect(test.run { calls == 6 })
  }

  @Test("a timer that is set again keeps only the last time")
  func setAgain() throws {
    let test = try TestLoop()
    var calls = 0
    let timer = Timer(loop: test.loop) { _ in calls += 1 }
    timer.start(afterNanoseconds: 0)
    timer.start(afterNanoseconds: 60_000_000_000)
    test.run(turns: 5)
    #expect(calls == 0)
    timer.start(afterNanoseconds: 0)
    #expect(test.run { calls == 1 })
  }

  @Test("times out of range are cut, not trapped on", arguments: [Int64.min, -1, Int64.max])
  func extremes(delay: Int64) throws {
    let test = try TestLoop()
    var calls = 0
    let timer = Timer(loop: test.loop) { _ in calls += 1 }
    timer.start(afterNanoseconds: delay, every: delay)
    test.run(turns: 3)
    #expect(calls == (delay > 0 ? 0 : 1))
  }

  @Test("a timer that is closed, also by its own handler, calls no more and cannot be set")
  func closes() throws {
    let test = try TestLoop()
    var calls = 0
    let timer = Timer(loop: test.loop) { timer in
      calls += 1
      timer.close()
      timer.close()
    }
    timer.start(afterNanoseconds: 0, every: 1)
    #expect(test.run { calls == 1 })
    timer.start(afterNanoseconds: 0)
    timer.stop()
    test.run(turns: 5)
    #expect(calls == 1)
    #expect(!timer.isActive)
  }
}
