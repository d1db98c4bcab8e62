// OrderBook.swift: the orders in force, kept by counter identity so that they survive reloads, as counters do.
//
// Two sources: orders for policies in memory are made here and known to this process alone; those for policies in Redis
// are read from there, so that all weirs have the same, and this book only checks and passes on what changes them. The
// table that workers obey is made of both, for the slots of the set in force, when somebody wants it after a change. An
// order whose policy is gone stays in the book until it ends or the policy comes back.
//
// A key has one order: a later one takes the place of an earlier one. Times are the Unix clock's: where that steps, so
// do the ends of orders.

import Policies

/// Lives on the main loop.
final class OrderBook {
  /// Called when `orders` has become another, once until somebody has asked for it.
  var onChange: () -> Void = {}
  /// Rises with every change of `orders`.
  private(set) var version: UInt64 = 0
  /// nil where it is to be made anew.
  private var table: Orders? = Orders.none

  private var local = OrderShelf()
  private var shared = OrderShelf()
  /// When the first order ends.
  private var firstEnd = Int64.max
  private var set: PolicySet
  /// The slots of the identities in `set`; nil until they are needed.
  private var knownSlots: [CounterIdentity: UInt32]?
  private let seed = UInt64.random(in: .min ... .max)

  /// - Parameter set: In force.
  init(_ set: PolicySet) { self.set = set }

  /// How many orders the book holds, for policies that are gone too.
  var count: Int { local.count + shared.count }

  // MARK: Changes

  /// Lets so much more pass until then.
  ///
  /// - Parameters:
  ///   - amount: In `OrderBounds.amount`.
  ///   - until: Nanoseconds since the Unix epoch, as is `now`; at most 7 days later.
  ///   - by: Who asks for it.
  func grant(
    domain: String, policy: String, key: [UInt8], amount: Int64, until: Int64, by: String, now: Int64
  ) throws(OrderRefusal) -> OrderChange {
    guard OrderBounds.amount.contains(amount) else { throw .amount(amount) }
    return try place(Order(.grant(amount), until: until), domain, policy, key, by: by, now: now)
  }

  /// Lets nothing pass until then.
  func block(
    domain: String, policy: String, key: [UInt8], until: Int64, by: String, now: Int64
  ) throws(OrderRefusal) -> OrderChange {
    try place(Order(.block, until: until), domain, policy, key, by: by, now: now)
  }

  /// Ends the key's order, a block or a grant. `replaced` says whether there was one.
  func unblock(domain: String, policy: String, key: [UInt8], now: Int64) throws(OrderRefusal) -> OrderChange {
    let identity = try identity(domain, policy)
    let change = change(identity, key, to: nil, now: now)
    if !change.isShared, local.remove(identity, key) { renew() }
    return change
  }

  /// The order in force for a key of a policy in force; nil where there is none.
  func order(domain: String, policy: String, key: [UInt8], now: Int64) throws(OrderRefusal) -> BookedOrder? {
    booked(try identity(domain, policy), key, now: now)
  }

  private func place(
    _ order: Order, _ domain: String, _ policy: String, _ key: [UInt8], by: String, now: Int64
  ) throws(OrderRefusal) -> OrderChange {
    let identity = try identity(domain, policy)
    guard order.until > now else { throw .over }
    let (length, overflow) = order.until.subtractingReportingOverflow(now)
    guard !overflow, length <= Bounds.orderTime else { throw .tooLong }
    guard key.count <= Bounds.orderKey else { throw .keyTooLong }
    let booked = BookedOrder(identity: identity, key: key, order: order, by: by)
    let change = change(identity, key, to: booked, now: now)
    let isKnown = (change.isShared ? shared : local).order(identity, key) != nil
    if !isKnown {
      sweep(now: now)
      // Of those in Redis others may have made some that are not heard of yet: orders.lua has the last word.
      guard (change.isShared ? shared : local).hasRoom(for: key, in: domain) else { throw .full }
    }
    guard !change.isShared else { return change }
    local.put(booked)
    firstEnd = min(firstEnd, order.until)
    renew()
    return change
  }

  private func change(_ identity: CounterIdentity, _ key: [UInt8], to order: BookedOrder?, now: Int64) -> OrderChange {
    OrderChange(
      identity: identity, key: key, order: order, replaced: booked(identity, key, now: now),
      isShared: identity.store == .redis)
  }

  private func booked(_ identity: CounterIdentity, _ key: [UInt8], now: Int64) -> BookedOrder? {
    guard let found = local.order(identity, key) ?? shared.order(identity, key), now < found.order.until else {
      return nil
    }
    return found
  }

  private func identity(_ domain: String, _ policy: String) throws(OrderRefusal) -> CounterIdentity {
    guard let found = set.policies.first(where: { $0.name == policy && $0.domain == domain }) else {
      throw .unknownPolicy(domain: domain, policy: policy)
    }
    return CounterIdentity(found)
  }

  // MARK: What others bring

  /// Takes the set in force, without calling `onChange`: hand it to the workers together with its `orders`.
  ///
  /// - Returns: The orders that were in force and are not any more, since their policy is gone or has another algorithm,
  ///   key or store; how many, and of which policies, sorted.
  func adopt(_ set: PolicySet, now: Int64) -> (orders: Int, policies: [String]) {
    let old = slots()
    self.set = set
    knownSlots = nil
    guard count > 0 else { return (0, []) }
    table = nil
    version += 1
    var lost: [String: Int] = [:]
    for identity in old.keys where slots()[identity] == nil {
      let orders = local.count(identity, now: now) + shared.count(identity, now: now)
      if orders > 0 { lost["\(identity.domain)/\(identity.name)", default: 0] += orders }
    }
    return (lost.values.reduce(0, +), lost.keys.sorted())
  }

  /// The slot of a policy in force; nil where there is none of which this holds.
  func slot(domain: String, policy: String, where holds: (CounterIdentity) -> Bool) -> UInt32? {
    guard let identity = try? identity(domain, policy), holds(identity) else { return nil }
    return slots()[identity]
  }

  /// Takes what has changed in Redis.
  func takeShared(_ changes: [SharedChange], now: Int64) {
    var isNews = false
    for change in changes {
      if let order = change.order, now < order.order.until {
        guard shared.order(change.identity, change.key) != order else { continue }
        shared.put(order)
        firstEnd = min(firstEnd, order.order.until)
        isNews = true
      } else if shared.remove(change.identity, change.key) {
        isNews = true
      }
    }
    if isNews { renew() }
  }

  /// Forgets the orders that have ended. Costs nothing until the first one has; then at most all are looked at.
  func sweep(now: Int64) {
    guard now >= firstEnd else { return }
    firstEnd = min(local.sweep(now: now), shared.sweep(now: now))
    renew()
  }

  // MARK: The table

  /// What is in force for the slots of the set.
  var orders: Orders {
    if let table { return table }
    let made = compiled()
    table = made
    return made
  }

  private func renew() {
    let isNews = table != nil
    table = nil
    version += 1
    if isNews { onChange() }
  }

  private func compiled() -> Orders {
    guard count > 0 else { return .none }
    var entries: [Orders.Entry] = []
    entries.reserveCapacity(count)
    let slots = slots()
    for pages in [local.pages, shared.pages] {
      for (identity, page) in pages {
        guard let slot = slots[identity] else { continue }
        for (key, booked) in page { entries.append(Orders.Entry(slot: slot, key: key, order: booked.order)) }
      }
    }
    return Orders(entries, seed: seed)
  }

  private func slots() -> [CounterIdentity: UInt32] {
    if let knownSlots { return knownSlots }
    var slots: [CounterIdentity: UInt32] = [:]
    for (policy, slot) in zip(set.policies, set.slots) { slots[CounterIdentity(policy)] = slot }
    knownSlots = slots
    return slots
  }
}
