// SharedOrders.swift: the orders in Redis as this process knows them, put together from the pages that a worker reads.
//
// A domain that is read anew keeps what it had until its last page has come, so that no order is lifted meanwhile. Ends
// are times of Redis's clock; where this machine's is more than a second away, they are moved to it, so that an order
// ends here when it ends for everybody.

import Policies
import RedisStore

struct SharedOrders {
  private struct Domain {
    /// By name. The number says which was changed last.
    var kept: [[UInt8]: (number: UInt64, order: BookedOrder)] = [:]
    /// Bytes of their keys.
    var bytes = 0

    /// What is beyond the bounds is left out; Redis holds no more unless something else wrote there.
    mutating func take(_ change: OrderPage.Change, _ number: UInt64) {
      if let old = kept.removeValue(forKey: change.name) { bytes -= old.order.key.count }
      guard let order = change.order, order.key.count <= Bounds.orderKey, kept.count < OrderBounds.orders,
        bytes + order.key.count <= Bounds.orderKeys
      else { return }
      kept[change.name] = (number, order)
      bytes += order.key.count
    }
  }

  private var domains: [String: Domain] = [:]
  /// Of domains that are being read anew.
  private var unfinished: [String: Domain] = [:]
  private var lastNumber: UInt64 = 0
  /// What Redis's clock is ahead of this machine's, in nanoseconds; 0 where that is less than a second.
  private var lead: Int64 = 0

  /// Takes what was read.
  ///
  /// - Parameter now: This machine's clock, in nanoseconds since the Unix epoch.
  /// - Returns: Whether `all` may be different from now on.
  mutating func take(_ page: OrderPage, now: Int64) -> Bool {
    if page.unixNow > 0 { follow(page.unixNow - now) }
    if page.beginsAnew { unfinished[page.domain] = Domain() }
    var domain = unfinished[page.domain] ?? domains[page.domain] ?? Domain()
    for change in page.changes {
      lastNumber += 1
      domain.take(change, lastNumber)
    }
    guard page.isLast || unfinished[page.domain] == nil else {
      unfinished[page.domain] = domain
      return false
    }
    unfinished[page.domain] = nil
    domains[page.domain] = domain
    return true
  }

  /// A reply is some time on its way: only another second is another clock.
  private mutating func follow(_ difference: Int64) {
    let isSame = (-Bounds.second...Bounds.second).contains(difference - lead)
    if !isSame { lead = (-Bounds.second...Bounds.second).contains(difference) ? 0 : difference }
  }

  /// Every order, domain by domain, in each the one that was changed first first. Ended ones may be among them.
  var all: [BookedOrder] {
    domains.sorted { $0.key < $1.key }.flatMap { _, domain in
      domain.kept.values.sorted { $0.number < $1.number }.map { kept in
        var order = kept.order
        order.order.until -= lead
        return order
      }
    }
  }
}
