// OrderDelivery.swift: hands the book's orders to the workers, once a turn of the main loop however often they change.

import EventLoop

/// Lives on the main loop.
final class OrderDelivery: TurnEndHandler {
  let book: OrderBook
  private let loop: Loop
  private let workers: [Worker]
  private var delivered: UInt64

  /// - Parameters:
  ///   - rules: Those that the workers have.
  init(loop: Loop, workers: [Worker], rules: Rules) {
    self.loop = loop
    self.workers = workers
    book = OrderBook(rules.set)
    delivered = book.version
    book.onChange = { [unowned self] in self.loop.callAtTurnEnd(self) }
  }

  /// Gives new rules to book and workers.
  func adopt(_ rules: Rules) {
    book.adopt(rules.set)
    delivered = book.version
    for worker in workers { worker.adopt(rules, book.orders) }
  }

  func turnEnded() {
    guard delivered != book.version else { return }
    delivered = book.version
    for worker in workers { worker.obey(book.orders) }
  }
}
