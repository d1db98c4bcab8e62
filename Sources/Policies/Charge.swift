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
  /// When a `.block` ends, in nanoseconds since the Unix epoch; `Int64.max`: no wait helps.
  public var blockedUntil: Int64
  public var isShadow: Bool
  /// Who decides it. A store leaves charges that are another's alone.
  public var place: Place
  /// What to do with a charge in Redis that Redis does not answer.
  public var onStoreFailure: Policy.OnStoreFailure
  /// The numbers in force for this key.
  public var limit: Limit
  /// 0 looks without spending; at most `Bounds.policyCost` x `Bounds.checkCost`.
  public var cost: Int64
  /// 64 bits of the hash by which the memory store finds the key's cell; 0 where it was not asked.
  public var keyHash: UInt64 = 0
  /// The store's answer; meaningless before it was asked and for `.unlimited`.
  public var decision: Decision

  public enum Effect: UInt8, Sendable {
    case limit
    case unlimited
    case block
  }

  /// Where a `.limit` charge is counted. The other effects need no counter and are the same in every place.
  public enum Place: UInt8, Sendable {
    case memory
    case redis
    /// In memory, since Redis did not answer (`on_store_failure: memory`): a degraded decision.
    case fallback
    /// Nowhere: Redis did not answer and the policy has no fallback. `on_store_failure: allow` lets it through without
    /// numbers; with `deny` the whole check is undecided.
    case nowhere
    /// In Redis, which was not asked, since what it said a moment ago of another policy denies the check. Nothing is
    /// known of this one: it has no numbers, and that is no failure.
    case unasked
  }

  public init(
    policy: Int32, slot: UInt32, keyStart: Int32, keyCount: Int32, effect: Effect, blockedUntil: Int64 = .max,
    isShadow: Bool, place: Place = .memory, onStoreFailure: Policy.OnStoreFailure = .memory, limit: Limit, cost: Int64
  ) {
    self.policy = policy
    self.slot = slot
    self.keyStart = keyStart
    self.keyCount = keyCount
    self.effect = effect
    self.blockedUntil = blockedUntil
    self.isShadow = isShadow
    self.place = place
    self.onStoreFailure = onStoreFailure
    self.limit = limit
    self.cost = cost
    decision = Decision(outcome: .allow, limit: limit.capacity, remaining: limit.capacity)
  }
}

extension Charge {
  /// Whether Redis is to be asked for it.
  public var isForRedis: Bool { effect == .limit && place == .redis }

  /// Whether the whole check is undecided where its store does not answer.
  public var failsClosed: Bool { onStoreFailure == .deny && !isShadow }

  /// Whether a store gave it numbers, once all were asked; a block has its own.
  public var isDecided: Bool {
    switch effect {
    case .limit: place != .nowhere && place != .unasked
    case .block: true
    case .unlimited: false
    }
  }

  /// What a `.block` says, whatever was spent: limit 0 and nothing left, until it ends. A look is allowed even so.
  ///
  /// - Parameter unix: Nanoseconds since the Unix epoch.
  public func blocked(at unix: Int64) -> Decision {
    var decision = Decision(outcome: cost > 0 ? .denyAlways : .allow, limit: 0, remaining: 0)
    guard blockedUntil < .max else { return decision }
    // One that has ended since the check was matched holds for that check, and shows the shortest wait.
    let (wait, overflow) = blockedUntil.subtractingReportingOverflow(unix)
    decision.reset = overflow ? .max : max(1, wait)
    decision.nextUnit = decision.reset
    if cost > 0 {
      decision.outcome = .deny
      decision.retryAfter = decision.reset
    }
    return decision
  }
}

/// What makes two policies of two loads the same counter: a reload keeps the cells of equal identities.
public struct CounterIdentity: Hashable, Sendable {
  public var domain: String
  public var name: String
  public var algorithm: Algorithm
  public var key: [AttributeName]
  public var store: Policy.StoreKind

  public init(domain: String, name: String, algorithm: Algorithm, key: [AttributeName], store: Policy.StoreKind) {
    self.domain = domain
    self.name = name
    self.algorithm = algorithm
    self.key = key
    self.store = store
  }

  public init(_ policy: Policy) {
    domain = policy.domain
    name = policy.name
    algorithm = policy.limit.algorithm
    key = policy.key
    store = policy.store
  }
}
