// OrderIntake.swift: what a worker has read of orders in Redis, given to all who obey it: orders to the book, resets to
// the workers, which forget what they remember of these keys, and to the memory store, which forgets what it counted of
// them while Redis was away.

import Policies
import RedisStore
import Stores
import Telemetry

/// Lives on the main loop.
final class OrderIntake {
  private let book: OrderBook
  private let workers: [Worker]
  private let store: MemoryStore
  private let logger: EventLogger
  private var shared = SharedOrders()
  /// The newest reset of each domain that the memory store has heard of. They are told again and again for a minute; what
  /// was counted since is not to be forgotten.
  private var lastReset: [String: Int64] = [:]
  /// Domains of which it was said that some of their orders are left out.
  private var toldOf: Set<String> = []
  private var waiting: [Waiting] = []

  private struct Waiting {
    var domain: String
    var number: Int64
    var then: () -> Void
  }

  init(book: OrderBook, workers: [Worker], store: MemoryStore, logger: EventLogger) {
    self.book = book
    self.workers = workers
    self.store = store
    self.logger = logger
  }

  /// - Parameter now: Nanoseconds since the Unix epoch.
  func take(_ page: OrderPage, now: Int64) {
    if !page.reset.isEmpty {
      for worker in workers { worker.forget(page.reset) }
    }
    forget(page)
    let changes = shared.take(page, now: now)
    if !changes.isEmpty { book.takeShared(changes, now: now) }
    if page.isLast { tellOfLeftOut(page.domain) }
    let known = shared.number(of: page.domain)
    let served = waiting.filter { $0.domain == page.domain && $0.number <= known }
    waiting.removeAll { $0.domain == page.domain && $0.number <= known }
    for waiting in served { waiting.then() }
  }

  /// Calls `then` as soon as a domain is known up to this change: at once, with a later page, or never.
  func whenKnown(_ domain: String, number: Int64, then: @escaping () -> Void) {
    guard shared.number(of: domain) < number else { return then() }
    waiting.append(Waiting(domain: domain, number: number, then: then))
  }

  /// Forgets what was counted here of keys that were reset, under policies that are in force.
  private func forget(_ page: OrderPage) {
    let last = lastReset[page.domain] ?? 0
    for reset in page.resets where reset.number > last {
      lastReset[page.domain] = max(lastReset[page.domain] ?? 0, reset.number)
      guard let slot = book.slot(domain: page.domain, policy: reset.policy, where: reset.isOf) else { continue }
      _ = store.reset(slot: slot, key: reset.key.span)
    }
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
