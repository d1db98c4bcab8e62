// OrderIntake.swift: what a worker has read of orders in Redis, given to all who obey it: orders to the book, resets to
// the workers, which forget what they remember of these keys.

import Policies
import RedisStore
import Telemetry

/// Lives on the main loop.
final class OrderIntake {
  private let book: OrderBook
  private let workers: [Worker]
  private let logger: EventLogger
  private var shared = SharedOrders()
  /// Domains of which it was said that some of their orders are left out.
  private var toldOf: Set<String> = []

  init(book: OrderBook, workers: [Worker], logger: EventLogger) {
    self.book = book
    self.workers = workers
    self.logger = logger
  }

  /// - Parameter now: Nanoseconds since the Unix epoch.
  func take(_ page: OrderPage, now: Int64) {
    if !page.reset.isEmpty {
      for worker in workers { worker.forget(page.reset) }
    }
    let changes = shared.take(page, now: now)
    if !changes.isEmpty { book.takeShared(changes, now: now) }
    if page.isLast { tellOfLeftOut(page.domain) }
  }

  /// Says once that orders are left out, until all fit again.
  private func tellOfLeftOut(_ domain: String) {
    let count = shared.leftOut(of: domain)
    guard count > 0 else {
      _ = toldOf.remove(domain)
      return
    }
    guard toldOf.insert(domain).inserted else { return }
    logger.log(
      .warning, "orders left out",
      ["domain": .string(domain), "orders": .integer(Int64(count)), "limit": .integer(Int64(OrderBounds.orders))])
  }
}
