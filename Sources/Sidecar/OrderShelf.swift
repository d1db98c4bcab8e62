// OrderShelf.swift: the orders of one source, by what they are about, and how many and how long they are a domain.

import Policies

struct OrderShelf {
  typealias Page = [[UInt8]: BookedOrder]

  private struct Amount {
    var orders = 0
    /// Of their keys.
    var bytes = 0
  }

  private(set) var pages: [CounterIdentity: Page] = [:]
  private(set) var count = 0
  private var amounts: [String: Amount] = [:]

  func order(_ identity: CounterIdentity, _ key: [UInt8]) -> BookedOrder? { pages[identity]?[key] }

  /// How many orders of one counter have not ended.
  func count(_ identity: CounterIdentity, now: Int64) -> Int {
    pages[identity]?.values.count { now < $0.order.until } ?? 0
  }

  /// Whether one more order of a domain, for this key, is within the bounds.
  func hasRoom(for key: [UInt8], in domain: String) -> Bool {
    let amount = amounts[domain] ?? Amount()
    return amount.orders < OrderBounds.orders && amount.bytes + key.count <= Bounds.orderKeys
  }

  /// Keeps an order, in place of what was ordered for its key before.
  mutating func put(_ order: BookedOrder) {
    let old = pages[order.identity, default: [:]].updateValue(order, forKey: order.key)
    if old == nil { add(order.identity.domain, 1, order.key.count) }
  }

  /// Whether there was one.
  mutating func remove(_ identity: CounterIdentity, _ key: [UInt8]) -> Bool {
    guard pages[identity]?.removeValue(forKey: key) != nil else { return false }
    if pages[identity]?.isEmpty == true { pages[identity] = nil }
    add(identity.domain, -1, -key.count)
    return true
  }

  /// Removes what has ended; when the first of the others ends, `.max` where there are none.
  mutating func sweep(now: Int64) -> Int64 {
    var firstEnd = Int64.max
    for (identity, page) in pages {
      for (key, booked) in page {
        if now >= booked.order.until {
          _ = remove(identity, key)
        } else {
          firstEnd = min(firstEnd, booked.order.until)
        }
      }
    }
    return firstEnd
  }

  private mutating func add(_ domain: String, _ orders: Int, _ bytes: Int) {
    count += orders
    amounts[domain, default: Amount()].orders += orders
    amounts[domain, default: Amount()].bytes += bytes
    if amounts[domain]?.orders == 0 { amounts[domain] = nil }
  }
}
