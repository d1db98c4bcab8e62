// BookedOrder.swift: an order with what it is about: a counter that outlives policy sets, and a key in it.

public struct BookedOrder: Sendable, Equatable {
  public var identity: CounterIdentity
  /// The key's bytes, as a check has them.
  public var key: [UInt8]
  public var order: Order
  /// Who ordered it, as the log says it too.
  public var by: String

  public init(identity: CounterIdentity, key: [UInt8], order: Order, by: String) {
    self.identity = identity
    self.key = key
    self.order = order
    self.by = by
  }
}
