// OrderDeliveryTests.swift: workers end with the newest orders, however fast these change, and at reloads too.

import CheckAPI
import EventLoop
import Limiting
import Policies
import Stores
import Synchronization
import TestKit
import Testing

@testable import Sidecar

/// A worker with its thread, and the main loop beside it.
private final class Rig {
  let test: TestLoop
  let worker: Worker
  let delivery: OrderDelivery
  let until = UnixClock.nanoseconds() + 3_600_000_000_000

  init() throws {
    test = try TestLoop()
    worker = try Worker(
      settings: APISettings(), state: ProcessState(), store: MemoryStore(maximumKeys: 10), rules: Self.rules(["a"]),
      keys: KeyDisplay(isHashed: false), redis: nil, budget: ConnectionBudget(limit: 1), reportError: { _ in },
      onDrained: {})
    delivery = OrderDelivery(loop: test.loop, workers: [worker], rules: Self.rules(["a"]))
  }

  deinit {
    worker.post(.stop)
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

  /// What the worker obeys once it has taken all that waits for it.
  func seen() -> Orders? {
    let box = Seen()
    worker.post(.errand { view in box.orders.withLock { $0 = view.responder.orders } })
    #expect(test.run { box.orders.withLock { $0 != nil } })
    return box.orders.withLock { $0 }
  }
}

private final class Seen: Sendable {
  let orders = Mutex<Orders?>(nil)
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
    for key in 0..<UInt8(Bounds.mailbox) + 60 {
      try rig.block(key)
      rig.delivery.deliver()
    }
    try rig.worker.start(number: 0)
    #expect(rig.seen()?.count == Bounds.mailbox + 60)
  }

  @Test("a reload brings the orders for its slots, and a change before or after it is not lost")
  func reloads() throws {
    let rig = try Rig()
    try rig.block(1)
    rig.delivery.deliver()
    rig.delivery.adopt(Rig.rules(["b", "a"]))
    try rig.block(2, "b")
    rig.delivery.deliver()
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
