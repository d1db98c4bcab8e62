// OrderDelivery.swift: hands the book's orders to the workers, once a turn of the main loop however often they change.

import EventLoop
import Telemetry

/// Lives on the main loop.
final class OrderDelivery: TurnEndHandler {
  let book: OrderBook
  private let loop: Loop
  private let workers: [Worker]
  private let logger: EventLogger
  private var delivered: UInt64
  private var waiting: [() -> Void] = []

  /// - Parameters:
  ///   - rules: Those that the workers have.
  init(loop: Loop, workers: [Worker], rules: Rules, logger: EventLogger) {
    self.loop = loop
    self.workers = workers
    self.logger = logger
    book = OrderBook(rules.set)
    delivered = book.version
    book.onChange = { [unowned self] in self.loop.callAtTurnEnd(self) }
  }

  /// Gives new rules to book and workers. Says which orders are out of force by that: nobody asked for it in so many
  /// words.
  func adopt(_ rules: Rules) {
    let lost = book.adopt(rules.set, now: UnixClock.nanoseconds())
    delivered = book.version
    for worker in workers { worker.adopt(rules, book.orders) }
    guard lost.orders > 0 else { return }
    logger.log(
      .warning, "orders out of force",
      [
        "orders": .integer(Int64(lost.orders)), "policies": .list(Array(lost.policies.prefix(Bounds.loggedPolicies))),
        "reason": "the policy is gone, or has another algorithm, key or store",
      ])
  }

  /// Calls `then` at the end of the turn, once the workers have been told what the book holds.
  func whenDelivered(then: @escaping () -> Void) {
    waiting.append(then)
    loop.callAtTurnEnd(self)
  }

  func turnEnded() {
    if delivered != book.version {
      delivered = book.version
      for worker in workers { worker.obey(book.orders) }
    }
    let served = waiting
    waiting = []
    for then in served { then() }
  }
}
