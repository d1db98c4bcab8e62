// OrderPage.swift: what changed in the orders of one domain, as a worker has read it from Redis for its process.

public import Policies

/// Some changes of a domain's orders, in the order in which they were made.
public struct OrderPage: Sendable {
  public var domain: String
  /// What Redis's clock said, in nanoseconds since the Unix epoch; the ends of orders are times of that clock.
  public var unixNow: Int64
  /// All that was known of the domain before is void: this page and those that follow, up to one that `isLast`, hold all
  /// its orders.
  public var beginsAnew: Bool
  /// Nothing more has changed so far.
  public var isLast: Bool
  /// Up to which change it goes; see `OrderReceipt`.
  public var number: Int64
  /// The newest word about each of some orders.
  public var changes: [Change]
  /// Keys that were reset: remembered denials of theirs are void.
  public var reset: ResetKeys
  /// The same one by one, in the order of their numbers, where their names are whole. They are told for a minute, and
  /// each time that the domain is read anew within it.
  public var resets: [Reset]

  public struct Change: Sendable, Equatable {
    /// Names the order among those of the domain.
    public var name: [UInt8]
    /// nil: there is none any more.
    public var order: BookedOrder?

    public init(name: [UInt8], order: BookedOrder?) {
      self.name = name
      self.order = order
    }
  }

  /// One key of one policy that was reset.
  public struct Reset: Sendable, Equatable {
    public var policy: String
    /// Tells the policy's counters from those that it had with another algorithm or key.
    var ending: [UInt8]
    /// As a check has it.
    public var key: [UInt8]
    /// Rises with each change of the domain's orders.
    public var number: Int64

    init(policy: String, ending: [UInt8], key: [UInt8], number: Int64) {
      self.policy = policy
      self.ending = ending
      self.key = key
      self.number = number
    }

    /// Of the key of a counter.
    public init(_ identity: CounterIdentity, key: [UInt8], number: Int64) {
      self.init(policy: identity.name, ending: KeyNames.ending(identity), key: key, number: number)
    }

    /// Whether it is about the counters of `identity`, a policy of the page's domain.
    public func isOf(_ identity: CounterIdentity) -> Bool {
      identity.store == .redis && identity.name == policy && KeyNames.ending(identity) == ending
    }
  }

  public init(
    domain: String, unixNow: Int64, beginsAnew: Bool, isLast: Bool, number: Int64 = 0, changes: [Change] = [],
    reset: ResetKeys = ResetKeys(), resets: [Reset] = []
  ) {
    self.domain = domain
    self.unixNow = unixNow
    self.beginsAnew = beginsAnew
    self.isLast = isLast
    self.number = number
    self.changes = changes
    self.reset = reset
    self.resets = resets
  }
}

/// Keys whose counters in Redis were taken away.
public struct ResetKeys: Sendable, Equatable {
  private(set) var digests: Set<KeyDigest>
  /// Too many to tell one by one: it may have been any key.
  private(set) var isAny = false

  /// None.
  public init() { digests = [] }

  init(digests: Set<KeyDigest>) { self.digests = digests }

  public var isEmpty: Bool { digests.isEmpty && !isAny }

  func contains(_ digest: KeyDigest) -> Bool { isAny || digests.contains(digest) }

  mutating func insert(_ digest: KeyDigest) { digests.insert(digest) }

  /// Adds the others. Beyond `Bounds.resetKeys` it is any key: forgetting in vain costs Redis a question, no more.
  public mutating func formUnion(_ others: ResetKeys) {
    isAny = isAny || others.isAny
    if !isAny { digests.formUnion(others.digests) }
    isAny = isAny || digests.count > Bounds.resetKeys
    if isAny { digests = [] }
  }
}
