// SharedOrders.swift: the orders in Redis as this process knows them, put together from the pages that a worker reads.
//
// What a page changes is told as changes, so that one more order among ten thousand costs next to nothing. A domain that
// is read anew keeps what it had until its last page has come, so that no order is lifted meanwhile; what differs is
// told then. Ends are times of Redis's clock; where this machine's is more than a second away, they are moved to it, so
// that an order ends here when it ends for everybody.

import Policies
import RedisStore

/// One order in Redis that is another one than before.
struct SharedChange: Equatable {
  var identity: CounterIdentity
  var key: [UInt8]
  /// nil: there is none any more.
  var order: BookedOrder?
}

struct SharedOrders {
  private struct Domain {
    /// By name.
    var kept: [[UInt8]: BookedOrder] = [:]
    /// When the first of them ends, by Redis's clock, or before.
    var firstEnd = Int64.max
    /// Orders that were left out since it was read anew.
    var leftOut = 0

    /// - Parameter clock: Redis's. As orders.lua does, it makes room by what has ended then.
    mutating func take(_ change: OrderPage.Change, clock: Int64) -> [SharedChange] {
      let old = kept.removeValue(forKey: change.name)
      let new = change.order.flatMap { isTaken($0, clock: clock) ? $0 : nil }
      kept[change.name] = new
      guard old != new else { return [] }
      let ended = old.map { SharedChange(identity: $0.identity, key: $0.key, order: nil) }
      let made = new.map { SharedChange(identity: $0.identity, key: $0.key, order: $0) }
      return [ended, made].compactMap { $0 }
    }

    private mutating func isTaken(_ order: BookedOrder, clock: Int64) -> Bool {
      if kept.count >= OrderBounds.orders, clock >= firstEnd {
        kept = kept.filter { $0.value.order.until > clock }
        firstEnd = kept.values.reduce(.max) { min($0, $1.order.until) }
      }
      // Redis holds no more of them, and no longer keys, unless something else than a weir wrote there.
      guard order.key.count <= Bounds.orderKey, kept.count < OrderBounds.orders else {
        leftOut += 1
        return false
      }
      firstEnd = min(firstEnd, order.order.until)
      return true
    }
  }

  private var domains: [String: Domain] = [:]
  /// Up to which change each domain is known.
  private var numbers: [String: Int64] = [:]
  /// Of domains that are being read anew.
  private var unfinished: [String: Domain] = [:]
  /// What Redis's clock is ahead of this machine's, in nanoseconds; 0 where that is less than a second.
  private var lead: Int64 = 0

  /// Takes what was read.
  ///
  /// - Parameter now: This machine's clock, in nanoseconds since the Unix epoch.
  /// - Returns: What is different from now on, in this order; of one key the last counts.
  mutating func take(_ page: OrderPage, now: Int64) -> [SharedChange] {
    let hasNewClock = page.unixNow > 0 && follow(page.unixNow - now)
    var changes: [SharedChange] = []
    if page.beginsAnew { unfinished[page.domain] = Domain() }
    if unfinished[page.domain] != nil {
      for change in page.changes { _ = unfinished[page.domain]?.take(change, clock: page.unixNow) }
      if page.isLast, let read = unfinished.removeValue(forKey: page.domain) {
        changes = Self.difference(from: domains[page.domain]?.kept ?? [:], to: read.kept)
        domains[page.domain] = read
        numbers[page.domain] = page.number
      }
    } else {
      numbers[page.domain] = page.number
      for change in page.changes {
        changes += domains[page.domain, default: Domain()].take(change, clock: page.unixNow)
      }
    }
    if hasNewClock { changes += domains.values.flatMap { Self.difference(from: [:], to: $0.kept) } }
    for index in changes.indices { changes[index].order?.order.until -= lead }
    return changes
  }

  /// Up to which change of its orders a domain is known; 0 where nothing is. See `OrderReceipt`.
  func number(of domain: String) -> Int64 { numbers[domain] ?? 0 }

  /// How many orders of a domain were left out, since they are beyond the bounds.
  func leftOut(of domain: String) -> Int { domains[domain]?.leftOut ?? 0 }

  private static func difference(
    from old: [[UInt8]: BookedOrder], to new: [[UInt8]: BookedOrder]
  ) -> [SharedChange] {
    var changes: [SharedChange] = []
    for (name, order) in old where new[name] == nil {
      changes.append(SharedChange(identity: order.identity, key: order.key, order: nil))
    }
    for (name, order) in new where old[name] != order {
      changes.append(SharedChange(identity: order.identity, key: order.key, order: order))
    }
    return changes
  }

  /// A reply is some time on its way: only another second is another clock. Says whether it is one.
  private mutating func follow(_ difference: Int64) -> Bool {
    let isSame = (-Bounds.second...Bounds.second).contains(difference - lead)
    if isSame { return false }
    let old = lead
    lead = (-Bounds.second...Bounds.second).contains(difference) ? 0 : difference
    return lead != old
  }
}
