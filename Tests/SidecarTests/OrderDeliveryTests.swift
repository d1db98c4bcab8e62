// OrderDeliveryTests.swift: workers end with the newest orders, however fast these change, and at reloads too.

import CheckAPI
import EventLoop
import Limiting
import Policies
import Stores
import Synchronization
import Telemetry
import TestKit
import Testing

@testable import Sidecar

/// A worker with its thread, and the main loop beside it.
private final class Rig {
  let test: TestLoop
  let worker: Worker
  let delivery: OrderDelivery
  let until = UnixClock.nanoseconds() + 3_600_000_000_000

  let drained: Flag
  let lines = Lines()

  init() throws {
    let drained = Flag()
    self.drained = drained
    test = try TestLoop()
    worker = try Worker(
      settings: APISettings(), state: ProcessState(), store: MemoryStore(maximumKeys: 10), rules: Self.rules(["a"]),
      keys: KeyDisplay(isHashed: false), redis: nil, budget: ConnectionBudget(limit: 1), reportError: { _ in },
      onDrained: { drained.value.withLock { $0 = true } })
    let logger = EventLogger(logger: Logger(level: .debug, format: .json, sink: { [lines] in lines.add($0) }))
    delivery = OrderDelivery(loop: test.loop, workers: [worker], rules: Self.rules(["a"]), logger: logger)
  }

  deinit {
    worker.stop()
    worker.join()
  }

  static func rules(_ names: [String]) -> Rules {
    let policies = names.map { RuleCompilerTests.policy($0) }
    return Rules(PolicySet(policies, slots: names.map { UInt32($0.utf8.first ?? 0) }), APISettings())
  }

  func block(_ key: UInt8, _ policy: String = "a") throws {
    _ = try delivery.book.block(
      domain: "default", policy: policy, key: [key], until: until, by: "ann", now: UnixClock.nanoseconds())
  }

  /// The names of the worker's policies and how many orders it obeys, asked once.
  func obeyed(meanwhile: () throws -> Void = {}) throws -> Obeyed? {
    let box = ObeyedBox()
    _ = worker.ask { view in
      let names = view.responder.rules.set.policies.map(\.name)
      box.obeyed.withLock { $0 = Obeyed(names: names, orders: view.responder.orders.count) }
    }
    try meanwhile()
    #expect(test.run { box.obeyed.withLock { $0 != nil } })
    return box.obeyed.withLock { $0 }
  }

  /// Asks more than may wait.
  func fillErrands() {
    for _ in 0..<Bounds.workerErrands + 10 { _ = worker.ask { _ in } }
  }

  /// What the worker obeys once it has taken all that waits for it.
  func seen() -> Orders? {
    let box = Seen()
    // Asked again while the errands before it are not done.
    let isSeen = test.run { [worker] in
      _ = worker.ask { view in box.orders.withLock { $0 = view.responder.orders } }
      return box.orders.withLock { $0 != nil }
    }
    #expect(isSeen)
    return box.orders.withLock { $0 }
  }
}

private final class Seen: Sendable {
  let orders = Mutex<Orders?>(nil)
}

/// The names of a worker's policies, and how many orders it obeys.
private struct Obeyed: Sendable {
  var names: [String]
  var orders: Int
}

private final class ObeyedBox: Sendable {
  let obeyed = Mutex<Obeyed?>(nil)
}

private final class Flag: Sendable {
  let value = Mutex(false)
}

@Suite struct OrderDeliveryTests {
  @Test("orders reach a worker at the end of the turn")
  func turnEnd() throws {
    let rig = try Rig()
    try rig.worker.start(number: 0)
    try rig.block(1)
    try rig.block(2)
    rig.test.run(turns: 2)
    #expect(rig.seen()?.count == 2)
  }

  @Test("more changes than messages may wait for a worker leave it with the newest orders")
  func manyChanges() throws {
    let rig = try Rig()
    for key in 0..<UInt8(Bounds.workerErrands) + 60 {
      try rig.block(key)
      rig.delivery.turnEnded()
    }
    try rig.worker.start(number: 0)
    #expect(rig.seen()?.count == Bounds.workerErrands + 60)
  }

  @Test("a worker with as many errands as may wait still gets orders, and those after them")
  func fullOfErrands() throws {
    let rig = try Rig()
    rig.fillErrands()
    try rig.block(1)
    rig.delivery.turnEnded()
    try rig.worker.start(number: 0)
    #expect(rig.seen()?.count == 1)
    try rig.block(2)
    rig.delivery.turnEnded()
    #expect(rig.seen()?.count == 2)
  }

  @Test("a worker with as many errands as may wait still gets a reload")
  func reloadWhileFull() throws {
    let rig = try Rig()
    rig.fillErrands()
    rig.delivery.adopt(Rig.rules(["b", "a"]))
    try rig.block(2, "b")
    rig.delivery.turnEnded()
    try rig.worker.start(number: 0)
    #expect(rig.seen()?.order(slot: 98, key: [2].span) != nil)
    let obeyed = try rig.obeyed()
    #expect(obeyed?.names == ["b", "a"])
  }

  @Test("a worker with as many errands as may wait still drains and stops")
  func stopWhileFull() throws {
    let rig = try Rig()
    rig.fillErrands()
    rig.worker.drain()
    try rig.worker.start(number: 0)
    let drained = rig.drained
    let isDrained = rig.test.run { drained.value.withLock { $0 } }
    #expect(isDrained)
    // A full one again, whose end the join of the rig waits for.
    rig.fillErrands()
  }

  @Test("rules and the orders for their counters come together, whatever waited before them")
  func together() throws {
    let rig = try Rig()
    try rig.block(1)
    rig.delivery.turnEnded()
    let obeyed = try rig.obeyed {
      rig.delivery.adopt(Rig.rules([]))
      try rig.worker.start(number: 0)
    }
    #expect(obeyed?.names.count == obeyed?.orders, "one order for the old set's counter, none for the new set")
  }

  @Test("whoever waits for the delivery hears after the workers were told")
  func waits() throws {
    let rig = try Rig()
    try rig.worker.start(number: 0)
    try rig.block(1)
    var heard: Bool?
    rig.delivery.whenDelivered {
      let box = Seen()
      _ = rig.worker.ask { view in box.orders.withLock { $0 = view.responder.orders } }
      heard = rig.test.run { box.orders.withLock { $0 != nil } } && box.orders.withLock { $0?.count } == 1
    }
    #expect(heard == nil)
    rig.delivery.turnEnded()
    #expect(heard == true)
  }

  @Test("a reload that puts orders out of force is one warning with their number and policies")
  func warns() throws {
    let rig = try Rig()
    try rig.block(1)
    try rig.block(2)
    rig.delivery.adopt(Rig.rules(["a", "b"]))
    #expect(rig.lines.count(containing: "") == 0)
    rig.delivery.adopt(Rig.rules(["b"]))
    #expect(rig.lines.count(containing: "\"orders out of force\",\"orders\":2,\"policies\":[\"default/a\"]") == 1)
    rig.delivery.adopt(Rig.rules([]))
    #expect(rig.lines.count(containing: "") == 1)
    try rig.worker.start(number: 0)
  }

  @Test("a reload brings the orders for its slots, and a change before or after it is not lost")
  func reloads() throws {
    let rig = try Rig()
    try rig.block(1)
    rig.delivery.turnEnded()
    rig.delivery.adopt(Rig.rules(["b", "a"]))
    try rig.block(2, "b")
    rig.delivery.turnEnded()
    try rig.worker.start(number: 0)
    let orders = try #require(rig.seen())
    #expect(orders.count == 2)
    #expect(orders.order(slot: 97, key: [1].span) != nil && orders.order(slot: 98, key: [2].span) != nil)
    rig.delivery.adopt(Rig.rules(["b"]))
    #expect(rig.seen()?.count == 1)
    rig.delivery.adopt(Rig.rules([]))
    #expect(rig.seen()?.isEmpty == true)
    rig.delivery.adopt(Rig.rules(["a"]))
    #expect(rig.seen()?.order(slot: 97, key: [1].span) != nil)
  }
}
