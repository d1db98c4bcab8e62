// LoopTests.swift: turns, the clock, the end of a turn, background work, closing.

import Glibc
import Synchronization
import TestKit
import Testing

@testable import EventLoop

private final class TurnCounter: TurnEndHandler {
  var calls = 0
  var onCall: () -> Void = {}

  func turnEnded() {
    calls += 1
    onCall()
  }
}

@Suite struct LoopTests {
  @Test("a loop without anything open returns at once, and can run again")
  func empty() throws {
    let loop = try Loop()
    loop.run()
    loop.run()
    loop.close()
    loop.close()
  }

  @Test("`now` stands still during a turn and moves on between turns")
  func clock() throws {
    let test = try TestLoop()
    let loop = test.loop
    let before = Loop.monotonicNow()
    let first = loop.now
    #expect(first >= before)
    while Loop.monotonicNow() == first {}
    #expect(loop.now == first)
    let fresh = loop.freshNow()
    #expect(fresh > first)
    #expect(loop.now == fresh)
    test.run(turns: 3)
    #expect(loop.now > fresh)
  }

  @Test("who asks for the end of a turn is called once in it, before the loop waits")
  func turnEnd() throws {
    let loop = try Loop()
    let counter = TurnCounter()
    // Both timers are due in the first turn; the far one would keep the loop waiting.
    let asks = (0..<2).map { _ in
      Timer(loop: loop) { _ in
        loop.callAtTurnEnd(counter)
        loop.callAtTurnEnd(counter)
      }
    }
    let far = Timer(loop: loop) { _ in loop.stop() }
    far.start(afterNanoseconds: 60_000_000_000)
    for timer in asks { timer.start(afterNanoseconds: 0) }
    counter.onCall = { loop.stop() }
    loop.run()
    #expect(counter.calls == 1)
    loop.close()
  }

  @Test("asking again from the end of a turn means the next one, without waiting")
  func turnEndAgain() throws {
    let loop = try Loop()
    let counter = TurnCounter()
    let far = Timer(loop: loop) { _ in Issue.record("the loop waited") }
    far.start(afterNanoseconds: 60_000_000_000)
    let near = Timer(loop: loop) { _ in loop.callAtTurnEnd(counter) }
    near.start(afterNanoseconds: 0)
    counter.onCall = { [unowned counter] in if counter.calls < 5 { loop.callAtTurnEnd(counter) } else { loop.stop() } }
    loop.run()
    #expect(counter.calls == 5)
    loop.close()
  }

  @Test("a turn that is cut short by `stop` still ends")
  func turnEndOnStop() throws {
    let loop = try Loop()
    let counter = TurnCounter()
    let timer = Timer(loop: loop) { _ in
      loop.callAtTurnEnd(counter)
      loop.stop()
    }
    timer.start(afterNanoseconds: 0)
    loop.run()
    #expect(counter.calls == 1)
    loop.close()
  }

  @Test("closing a loop closes what is open on it, tells the handlers and lets everything go")
  func closesAll() throws {
    weak let weakStream: Stream?
    weak let weakTimer: Timer?
    weak let weakMailbox: Mailbox<Int>?
    weak let weakLoop: Loop?
    let recorder = Recorder()
    let client: RawSocket
    let mailboxPosts: (Int) -> Bool
    do {
      let pair = try Pair()
      #expect(write([UInt8](repeating: 1, count: 10_000_000), to: pair.stream))
      pair.stream.handler = recorder
      client = pair.client
      let timer = Timer(loop: pair.test.loop) { _ in }
      timer.start(afterNanoseconds: 0, every: 1_000_000)
      let mailbox = try Mailbox<Int>(loop: pair.test.loop, capacity: 3) { _ in }
      _ = try SignalSource(loop: pair.test.loop, signals: [.user2]) { _ in }
      _ = try FileWatcher(loop: pair.test.loop, path: "/tmp") { _ in }
      mailboxPosts = { [weak mailbox] in mailbox?.post($0) ?? false }
      weakStream = pair.stream
      weakTimer = timer
      weakMailbox = mailbox
      weakLoop = pair.test.loop
      #expect(mailboxPosts(1))
      pair.test.loop.close()
      #expect(!mailbox.post(2), "a mailbox of a closed loop takes nothing")
    }
    #expect(recorder.events == [.closed(nil)])
    #expect(weakStream == nil)
    #expect(weakTimer == nil)
    #expect(weakMailbox == nil)
    #expect(weakLoop == nil)
    #expect(client.descriptor >= 0)
  }
}

@Suite struct BackgroundTests {
  @Test("work runs on another thread and its result arrives once, on the loop's")
  func background() throws {
    let test = try TestLoop()
    let here = threadNumber
    var results: [Int] = []
    for number in 0..<100 {
      test.loop.background(
        { (number, threadNumber) },
        then: { number, there in
          #expect(threadNumber == here)
          #expect(there != here)
          results.append(number)
        })
    }
    #expect(test.run { results.count >= 100 })
    test.run(turns: 3)
    #expect(results.sorted() == Array(0..<100))
  }

  @Test("closing a loop waits for its work and delivers it")
  func closeWaits() throws {
    let loop = try Loop()
    let gate = Mutex(0)
    var delivered = 0
    for _ in 0..<20 { loop.background({ gate.withLock { $0 += 1 } }, then: { delivered += 1 }) }
    loop.close()
    #expect(delivered == 20)
    #expect(gate.withLock { $0 } == 20)
  }
}

/// Tells threads apart.
private var threadNumber: UInt { UInt(pthread_self()) }
