// ErrandsTests.swift: what the main thread asks its workers comes back once, with all answers or, after a second, with
// those that there are.

import CheckAPI
import EventLoop
import Policies
import Stores
import Synchronization
import TestKit
import Testing

@testable import Sidecar

/// Workers, of which some run, and the main loop.
private final class Rig {
  let test: TestLoop
  let workers: [Worker]
  let errands: Errands
  private var running = 0

  /// - Parameter running: How many workers run; the others take no messages.
  init(_ count: Int, running: Int) throws {
    test = try TestLoop()
    workers = try (0..<count).map { _ in
      try Worker(
        settings: APISettings(), state: ProcessState(), store: MemoryStore(maximumKeys: 10),
        rules: Rules(PolicySet([], slots: []), APISettings()), keys: KeyDisplay(isHashed: false), redis: nil,
        budget: ConnectionBudget(limit: 1), reportError: { _ in }, onDrained: {})
    }
    errands = try Errands(loop: test.loop, workers: workers)
    try start(running)
    // The loop's time is that of its last turn.
    test.run(turns: 1)
  }

  deinit {
    try? start(workers.count - running)
    for worker in workers { worker.post(.stop) }
    for worker in workers { worker.join() }
    errands.close()
    test.run(turns: 2)
  }

  /// Lets `count` more of the workers run.
  func start(_ count: Int) throws {
    for number in running..<running + count { try workers[number].start(number: number) }
    running += count
  }

  /// Waits until a worker has taken what waited for it, messages that it had no room for aside.
  func waitForRoom(_ worker: Worker) {
    let kept = Kept()
    let isTaken = test.run {
      worker.post(.errand { _ in kept.reply.withLock { $0 = { _ in } } })
      return kept.reply.withLock { $0 != nil }
    }
    #expect(isTaken)
  }

  /// Who a worker is, as an errand sees it.
  func number(of id: ObjectIdentifier) -> Int? { workers.firstIndex { ObjectIdentifier($0.responder) == id } }
}

/// The answers to one question, each time that they came.
private final class Heard<Value> {
  var calls: [[Value]] = []
}

/// A reply that is kept for later.
private final class Kept: Sendable {
  let reply = Mutex<(@Sendable (Int) -> Void)?>(nil)
}

@Suite struct ErrandsTests {
  @Test("every worker is asked once, on its own thread, and all answers come at once")
  func all() throws {
    let rig = try Rig(3, running: 3)
    let heard = Heard<ObjectIdentifier>()
    rig.errands.ask { view, reply in
      reply(ObjectIdentifier(view.responder))
    } then: {
      heard.calls.append($0)
    }
    #expect(heard.calls.isEmpty, "nobody waits for it")
    #expect(rig.test.run { !heard.calls.isEmpty })
    rig.test.run(turns: 3)
    #expect(heard.calls.count == 1)
    #expect(Set(heard.calls[0].map { rig.number(of: $0) }) == [0, 1, 2] && heard.calls[0].count == 3)
  }

  @Test("where only the first is asked, no other is")
  func first() throws {
    let rig = try Rig(3, running: 3)
    let heard = Heard<ObjectIdentifier>()
    for _ in 0..<5 {
      rig.errands.ask(onlyFirst: true) { view, reply in
        reply(ObjectIdentifier(view.responder))
      } then: {
        heard.calls.append($0)
      }
    }
    #expect(rig.test.run { heard.calls.count == 5 })
    #expect(heard.calls.allSatisfy { $0.map { rig.number(of: $0) } == [0] })
  }

  @Test("questions that are open at one time keep their answers apart, whatever their type")
  func apart() throws {
    let rig = try Rig(2, running: 2)
    let numbers = Heard<Int>()
    let texts = Heard<String>()
    for question in 0..<30 {
      rig.errands.ask { _, reply in
        reply(question)
      } then: {
        numbers.calls.append($0)
      }
      rig.errands.ask { _, reply in
        reply("\(question)")
      } then: {
        texts.calls.append($0)
      }
    }
    #expect(rig.test.run { numbers.calls.count == 30 && texts.calls.count == 30 })
    #expect(numbers.calls.sorted { $0[0] < $1[0] } == (0..<30).map { [$0, $0] })
    #expect(Set(texts.calls) == Set((0..<30).map { ["\($0)", "\($0)"] }))
  }

  @Test("a worker may answer later than it is asked")
  func later() throws {
    let rig = try Rig(2, running: 2)
    let kept = Kept()
    let heard = Heard<Int>()
    let first = ObjectIdentifier(rig.workers[0].responder)
    rig.errands.ask { view, reply in
      guard ObjectIdentifier(view.responder) == first else { return reply(2) }
      kept.reply.withLock { $0 = reply }
    } then: {
      heard.calls.append($0)
    }
    #expect(rig.test.run { kept.reply.withLock { $0 != nil } })
    rig.workers[0].post(.errand { _ in kept.reply.withLock { $0.take() }?(1) })
    #expect(rig.test.run { !heard.calls.isEmpty })
    #expect(heard.calls.map { $0.sorted() } == [[1, 2]])
  }

  @Test("of one that never answers, and of questions that it has no room for, the others' answers come after a second")
  func oneNeverAnswers() throws {
    let rig = try Rig(3, running: 2)
    let count = Bounds.mailbox + 10
    let heard = Heard<Int>()
    let start = Loop.monotonicNow()
    // A worker that runs takes its messages meanwhile; how fast is not this test's business.
    for question in 0..<count {
      let taken = Heard<Int>()
      rig.errands.ask { _, reply in
        reply(question)
      } then: {
        heard.calls.append($0)
      }
      rig.errands.ask(onlyFirst: true) { _, reply in
        reply(0)
      } then: {
        taken.calls.append($0)
      }
      #expect(rig.test.run { !taken.calls.isEmpty })
    }
    let asked = Loop.monotonicNow()
    #expect(rig.test.run { heard.calls.count == count })
    let end = Loop.monotonicNow()
    #expect(end - start >= Bounds.errandTime, "not before its time")
    #expect(end - asked < 5 * Bounds.errandTime, "nor much later")
    #expect(heard.calls.sorted { $0[0] < $1[0] } == (0..<count).map { [$0, $0] })
    // What comes too late is nobody's.
    try rig.start(1)
    rig.waitForRoom(rig.workers[2])
    let late = Heard<Int>()
    rig.errands.ask { _, reply in
      reply(-1)
    } then: {
      late.calls.append($0)
    }
    #expect(rig.test.run { !late.calls.isEmpty })
    #expect(late.calls == [[-1, -1, -1]] && heard.calls.count == count)
  }

  @Test("where nobody answers there are no results, after a second")
  func nobody() throws {
    let rig = try Rig(1, running: 0)
    let heard = Heard<Int>()
    let start = Loop.monotonicNow()
    rig.errands.ask { _, reply in
      reply(1)
    } then: {
      heard.calls.append($0)
    }
    #expect(rig.test.run { !heard.calls.isEmpty })
    #expect(heard.calls == [[]] && Loop.monotonicNow() - start >= Bounds.errandTime / 2)
  }

  @Test("after the close a question has no results, at once, and what was open is not answered any more")
  func closed() throws {
    let rig = try Rig(2, running: 1)
    let heard = Heard<Int>()
    rig.errands.ask { _, reply in
      reply(1)
    } then: {
      heard.calls.append($0)
    }
    rig.errands.close()
    rig.errands.ask { _, reply in
      reply(2)
    } then: {
      heard.calls.append($0)
    }
    #expect(heard.calls == [[]])
    try rig.start(1)
    for worker in rig.workers { rig.waitForRoom(worker) }
    rig.test.run(turns: 3)
    #expect(heard.calls == [[]])
    rig.errands.close()
  }
}
