// BookedOrder.swift: an order with what it is about: a counter that outlives policy sets, and a key in it.

import Policies

struct BookedOrder: Sendable, Equatable {
  var identity: CounterIdentity
  /// The key's bytes, as a check has them.
  var key: [UInt8]
  var order: Order
  /// Who ordered it, as the log says it too.
  var by: String
}

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
