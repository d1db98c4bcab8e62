// OrderSettlingTests.swift: who ordered something hears that it is obeyed, or within a second that it is not.

import CheckAPI
import EventLoop
import Limiting
import Policies
import RedisStore
import Stores
import Synchronization
import Telemetry
import TestKit
import Testing

@testable import Sidecar

/// Two workers, with or without their threads.
private final class Rig {
  let test: TestLoop
  let workers: [Worker]
  let delivery: OrderDelivery
  let intake: OrderIntake
  let errands: Errands
  let settling: OrderSettling

  init(startsAll: Bool = true) throws {
    let test = try TestLoop()
    let store = MemoryStore(maximumKeys: 10)
    let rules = OrderSettlingTests.rules
    let workers = try (0..<2).map { _ in
      try Worker(
        settings: APISettings(), state: ProcessState(), store: store, rules: rules, keys: KeyDisplay(isHashed: false),
        redis: nil, budget: ConnectionBudget(limit: 1), reportError: { _ in }, onDrained: {})
    }
    let logger = EventLogger(logger: Logger(level: .error, format: .text, sink: { _ in }))
    self.test = test
    self.workers = workers
    delivery = OrderDelivery(loop: test.loop, workers: workers, rules: rules, logger: logger)
    intake = OrderIntake(book: delivery.book, workers: workers, store: store, logger: logger)
    errands = try Errands(loop: test.loop, workers: workers)
    settling = OrderSettling(loop: test.loop, delivery: delivery, intake: intake, errands: errands)
    for (number, worker) in workers.enumerated() where startsAll || number == 0 { try worker.start(number: number) }
  }

  deinit {
    settling.close()
    errands.close()
    for worker in workers {
      worker.stop()
      worker.join()
    }
    test.run(turns: 3)
  }

  /// How many orders each worker obeys.
  func obeyed() -> [Int] {
    workers.map { worker in
      let box = Box()
      _ = worker.ask { view in box.count.withLock { $0 = view.responder.orders.count } }
      _ = test.run { box.count.withLock { $0 != nil } }
      return box.count.withLock { $0 } ?? -1
    }
  }
}

private final class Box: Sendable {
  let count = Mutex<Int?>(nil)
}

@Suite struct OrderSettlingTests {
  static let policy = RuleCompilerTests.policy("a", domain: "api")
  fileprivate static var rules: Rules { Rules(PolicySet([policy], slots: [1]), APISettings()) }

  private static func block(_ rig: Rig) throws {
    let now = UnixClock.nanoseconds()
    _ = try rig.delivery.book.block(
      domain: "api", policy: "a", key: [1], until: now + 3_600_000_000_000, by: "ann", now: now)
  }

  @Test("what changed here is told as obeyed once every worker obeys it")
  func local() throws {
    let rig = try Rig()
    try Self.block(rig)
    var heard: [Bool] = []
    rig.settling.settle(domain: "api", number: nil) { heard.append($0) }
    #expect(heard.isEmpty)
    #expect(rig.test.run { !heard.isEmpty } && heard == [true])
    #expect(rig.obeyed() == [1, 1])
  }

  @Test("what was written to Redis is told once it was read back and every worker obeys it")
  func shared() throws {
    let rig = try Rig()
    var heard: [Bool] = []
    rig.settling.settle(domain: "api", number: 7) { heard.append($0) }
    rig.test.run(turns: 20)
    #expect(heard.isEmpty, "not read yet")
    rig.intake.take(OrderPage(domain: "api", unixNow: 0, beginsAnew: true, isLast: true, number: 6), now: 0)
    rig.test.run(turns: 20)
    #expect(heard.isEmpty, "an older page")
    rig.intake.take(OrderPage(domain: "api", unixNow: 0, beginsAnew: false, isLast: true, number: 7), now: 0)
    #expect(rig.test.run { !heard.isEmpty } && heard == [true])
  }

  @Test("a worker that stands still, and a page that does not come: within a second it is told that not all obey, once")
  func late() throws {
    for number in [nil, 7] as [Int64?] {
      let rig = try Rig(startsAll: number != nil)
      try Self.block(rig)
      var heard: [Bool] = []
      let start = Loop.monotonicNow()
      rig.settling.settle(domain: "api", number: number) { heard.append($0) }
      #expect(rig.test.run { !heard.isEmpty } && heard == [false])
      #expect(Loop.monotonicNow() - start >= Bounds.errandTime)
      // What comes late finds nobody.
      if number == nil { try rig.workers[1].start(number: 1) }
      rig.intake.take(OrderPage(domain: "api", unixNow: 0, beginsAnew: true, isLast: true, number: 7), now: 0)
      rig.test.run(turns: 20)
      #expect(rig.obeyed() == [1, 1] && heard == [false])
    }
  }

  @Test("a worker with as many errands as may wait is told as one that does not obey yet")
  func refused() throws {
    let rig = try Rig(startsAll: false)
    for _ in 0..<Bounds.workerErrands + 10 { _ = rig.workers[1].ask { _ in } }
    try Self.block(rig)
    var heard: [Bool] = []
    rig.settling.settle(domain: "api", number: nil) { heard.append($0) }
    #expect(rig.test.run { !heard.isEmpty } && heard == [false])
    try rig.workers[1].start(number: 1)
  }
}
