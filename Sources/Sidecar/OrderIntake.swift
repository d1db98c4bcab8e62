// OrderIntake.swift: what a worker has read of orders in Redis, given to all who obey it: orders to the book, resets to
// the workers, which forget what they remember of these keys.

import RedisStore

/// Lives on the main loop.
final class OrderIntake {
  private let book: OrderBook
  private let workers: [Worker]
  private var shared = SharedOrders()

  init(book: OrderBook, workers: [Worker]) {
    self.book = book
    self.workers = workers
  }

  /// - Parameter now: Nanoseconds since the Unix epoch.
  func take(_ page: OrderPage, now: Int64) {
    if !page.reset.isEmpty {
      for worker in workers { worker.forget(page.reset) }
    }
    if shared.take(page, now: now) { book.takeShared(shared.all, now: now) }
  }
}
