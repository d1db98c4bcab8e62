// Charge.swift: one policy's part in one check: which counter, which numbers, how much; and, once a store was asked,
// what it decided.

public import Limiting

/// What a matching policy asks of a store.
public struct Charge: Sendable {
  /// The policy's place in its set; ties between binding policies go to the smaller.
  public var policy: Int32
  /// The number of the policy's counter identity (`CounterIdentity`): the same across reloads that keep its counters.
  public var slot: UInt32
  /// The key's bytes, as offsets into the check's own bytes. They name the counter within the slot.
  public var keyStart: Int32
  public var keyCount: Int32
  public var effect: Effect
  public var isShadow: Bool
  /// The numbers in force for this key.
  public var limit: Limit
  /// 0 looks without spending; at most `Bounds.policyCost` x `Bounds.checkCost`.
  public var cost: Int64
  /// The store's answer; meaningless before it was asked and for `.unlimited`.
  public var decision: Decision

  public enum Effect: UInt8, Sendable {
    case limit
    case unlimited
    case block
  }

  public init(
    policy: Int32, slot: UInt32, keyStart: Int32, keyCount: Int32, effect: Effect, isShadow: Bool, limit: Limit,
    cost: Int64
  ) {
    self.policy = policy
    self.slot = slot
    self.keyStart = keyStart
    self.keyCount = keyCount
    self.effect = effect
    self.isShadow = isShadow
    self.limit = limit
    self.cost = cost
    decision = Decision(outcome: .allow, limit: limit.capacity, remaining: limit.capacity)
  }
}

/// What makes two policies of two loads the same counter: a reload keeps the cells of equal identities.
public struct CounterIdentity: Hashable, Sendable {
  public var domain: String
  public var name: String
  public var algorithm: Algorithm
  public var key: [AttributeName]
  public var store: Policy.StoreKind

  public init(_ policy: Policy) {
    domain = policy.domain
    name = policy.name
    algorithm = policy.limit.algorithm
    key = policy.key
    store = policy.store
  }
}
