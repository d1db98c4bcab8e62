// ErrandsTests.swift: what comes back of questions to workers: all, or word that one is missing.

import CheckAPI
import EventLoop
import Policies
import Stores
import Synchronization
import TestKit
import Testing

@testable import Sidecar

/// Two workers and the main loop beside them. They run once they are started.
private final class Rig {
  let test: TestLoop
  let workers: [Worker]
  let errands: Errands
  var results: [Result<[Int], Errands.Missing>] = []
  private var started: Set<Int> = []

  init() throws {
    let test = try TestLoop()
    let store = MemoryStore(maximumKeys: 10)
    let rules = Rules(PolicySet([], slots: []), APISettings())
    let workers = try (0..<2).map { _ in
      try Worker(
        settings: APISettings(), state: ProcessState(), store: store, rules: rules, keys: KeyDisplay(isHashed: false),
        redis: nil, budget: ConnectionBudget(limit: 1), reportError: { _ in }, onDrained: {})
    }
    errands = try Errands(loop: test.loop, workers: workers)
    self.test = test
    self.workers = workers
  }

  deinit {
    errands.close()
    for (number, worker) in workers.enumerated() {
      worker.stop()
      // Ends at once, and closes its loop.
      if !started.contains(number) { try? worker.start(number: number) }
      worker.join()
    }
  }

  func start(_ numbers: Int...) throws {
    for number in numbers {
      try workers[number].start(number: number)
      started.insert(number)
    }
  }

  /// Gives a worker as many errands as may wait.
  func fill(_ number: Int) {
    while workers[number].ask({ _ in }) {}
  }

  /// Whether so many results come.
  func waits(for count: Int) -> Bool {
    test.run { [unowned self] in results.count == count }
  }

  func ask(onlyFirst: Bool = false) {
    errands.ask(onlyFirst: onlyFirst) { _, answer in
      answer(7)
    } then: { [unowned self] (result: Result<[Int], Errands.Missing>) in
      results.append(result)
    }
  }
}

@Suite struct ErrandsTests {
  @Test("every worker that is asked gives its result")
  func all() throws {
    let rig = try Rig()
    try rig.start(0, 1)
    rig.ask()
    rig.ask(onlyFirst: true)
    #expect(rig.waits(for: 2))
    #expect(Set(rig.results) == [.success([7, 7]), .success([7])])
  }

  @Test("a worker that is full refuses at once, whatever the others answer")
  func refused() throws {
    let rig = try Rig()
    rig.fill(1)
    rig.ask()
    #expect(rig.results == [.failure(.refused)])
    try rig.start(0, 1)
    rig.ask(onlyFirst: true)
    #expect(rig.waits(for: 2))
    #expect(rig.results == [.failure(.refused), .success([7])], "the first question's answer finds nobody")
    #expect(Refusal(Errands.Missing.refused).status == 503)
  }

  @Test("once a full worker has done its errands it takes others")
  func fullForAWhile() throws {
    let rig = try Rig()
    rig.fill(0)
    rig.ask(onlyFirst: true)
    #expect(rig.results == [.failure(.refused)])
    try rig.start(0)
    let isTaken = rig.test.run { [rig] in
      if rig.results.last != .success([7]) { rig.ask(onlyFirst: true) }
      return rig.results.contains(.success([7]))
    }
    #expect(isTaken)
  }

  @Test("one worker that does not answer within a second makes the whole answer missing, not a part of it")
  func late() throws {
    let rig = try Rig()
    try rig.start(0)
    let before = Loop.monotonicNow()
    rig.ask()
    #expect(rig.waits(for: 1))
    #expect(rig.results == [.failure(.late)])
    #expect(Loop.monotonicNow() - before >= Bounds.errandTime)
    #expect(Refusal(Errands.Missing.late).status == 503)
  }

  @Test("questions to closed errands are refused")
  func closed() throws {
    let rig = try Rig()
    rig.errands.close()
    rig.ask()
    #expect(rig.results == [.failure(.refused)])
  }
}
