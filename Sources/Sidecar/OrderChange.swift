// OrderChange.swift: what a call to the order book changed, or is to change elsewhere.

import Policies

/// What a call to the book changed, or is to change in Redis.
struct OrderChange: Sendable, Equatable {
  var identity: CounterIdentity
  var key: [UInt8]
  /// nil: there is to be none.
  var order: BookedOrder?
  /// What was in force before; nil where nothing was.
  var replaced: BookedOrder?
  /// The policy counts in Redis, and nothing has changed here: write it there, so that all weirs obey, and hand what
  /// Redis then holds to `OrderBook.takeShared`.
  var isShared: Bool
}
