// Ticket.swift: the store's promise to answer later. One check's charges and the bytes of their keys, kept until the
// reply comes, its time is over, or the connection is lost; whichever is first redeems the ticket, exactly once.
//
// Tickets and their buffers are used again, so that a check allocates nothing once they are warm.

import Limiting
public import Policies

/// Whoever waits for a ticket.
public protocol TicketHolder: AnyObject {
  /// The ticket's outcome is no longer `.pending`. Called once a ticket, on the loop's thread, never from inside `ask`.
  func redeemed(_ ticket: Ticket)
}

/// One check that is asked of Redis.
public final class Ticket {
  public enum Outcome: Sendable {
    case pending
    /// Redis decided: the `.redis` charges hold its decisions.
    case decided
    /// It did not, in time or at all; nothing of the charges has changed. Redis may have counted the check even so.
    case failed
  }

  /// What is asked of Redis. One that is no cluster is only asked to charge.
  enum Work: Sendable {
    /// Decide, and spend. Or look: see `onlyLooks`.
    case charge
    /// Decide, and keep what the check costs from being spent by others, until `confirm` or the end of `holdLife`: the
    /// check has other parts in other places.
    case hold
    /// Spend what was held. `isAllowed` says whether that was done: not where there is no such hold any more.
    case confirm
    /// Drop what was held. `isAllowed` says whether there was anything.
    case cancel
    /// Give back what was spent by a confirmation.
    case takeBack

    /// Whether it is about something that was held before.
    var settles: Bool {
      switch self {
      case .charge, .hold: false
      case .confirm, .cancel, .takeBack: true
      }
    }
  }

  /// All charges of the check, in the order of the set. Only `.limit` ones whose place is `.redis` are asked of Redis.
  public var charges: [Charge] = []
  /// The bytes that the charges' key offsets point into.
  public var keys: [UInt8] = []
  /// How the set that made the charges names their counters in Redis.
  public var names = KeyNames.none
  /// Another store has denied the check: Redis only says what each charge would get, and nothing is consumed.
  public var onlyLooks = false
  /// When the check arrived, on the loop's clock: its time is over one time-out later.
  public var arrival: Int64 = 0
  public var holder: (any TicketHolder)?
  /// Bytes that whoever bounds the memory of waiting tickets has counted for it.
  public var claimed = 0

  /// Of the charges' keys.
  var digests: [KeyDigest] = []
  /// All but `.charge` only where counters lie as in a cluster, and then all charges are of one key.
  var work = Work.charge
  /// Names the hold, among all of all weirs.
  var token: UInt64 = 0
  /// How long it holds, in nanoseconds from when Redis decides; at most `Bounds.hold`.
  var holdLife: Int64 = 0
  /// What the reply to a hold showed, charge by charge in Redis; whether none of it counts others' holds, so that it may be
  /// believed for a while; and when that was asked.
  var shown: [ObservedState] = []
  var isShownSound = false
  var askedAt: Int64 = 0
  /// How often a node has sent it to another, and whether the one it goes to is to be told to let it in.
  var redirections = 0
  var isAsking = false

  public internal(set) var outcome = Outcome.pending
  /// Once decided: whether all enforcing charges in Redis allow.
  public internal(set) var isAllowed = false
  /// Once decided: what Redis's clock said, in nanoseconds since the Unix epoch.
  public internal(set) var unixNow: Int64 = 0

  public init() {}

  /// Takes over what a check asks, key bytes included: once for charges in a row with the same key.
  public func fill(_ charges: [Charge], keys: Span<UInt8>, names: KeyNames, arrival: Int64) {
    self.charges.removeAll(keepingCapacity: true)
    self.keys.removeAll(keepingCapacity: true)
    for var charge in charges {
      let start = Int(charge.keyStart)
      let key = keys.extracting(start..<start + Int(charge.keyCount))
      if let last = self.charges.last, holds(key, at: last) {
        charge.keyStart = last.keyStart
      } else {
        charge.keyStart = Int32(self.keys.count)
        unsafe key.withUnsafeBufferPointer { unsafe self.keys.append(contentsOf: $0) }
      }
      self.charges.append(charge)
    }
    self.names = names
    self.arrival = arrival
    reset()
    nameCounters()
  }

  private func holds(_ key: Span<UInt8>, at charge: Charge) -> Bool {
    guard key.count == Int(charge.keyCount) else { return false }
    let start = Int(charge.keyStart)
    let kept = self.keys
    let bytes = kept.span
    for index in key.indices where key[index] != bytes[start + index] { return false }
    return true
  }

  /// The memory that its charges and their keys take.
  public var memory: Int {
    keys.capacity + charges.capacity * MemoryLayout<Charge>.stride
      + digests.capacity * MemoryLayout<KeyDigest>.stride
  }

  /// To be called before it is kept for another check: gives back memory that few checks need.
  public func trim() {
    if keys.capacity > Bounds.keptKeys { keys = [] }
    guard charges.capacity > Bounds.keptCharges else { return }
    charges = []
    digests = []
    shown = []
  }

  private func reset() {
    claimed = 0
    onlyLooks = false
    work = .charge
    token = 0
    holdLife = 0
    redirections = 0
    isAsking = false
    outcome = .pending
    isAllowed = false
    unixNow = 0
  }

  /// Becomes a part of a check in a cluster, without charges yet. Its key bytes are nobody's: digests name the counters.
  func begin(partOf whole: Ticket) {
    charges.removeAll(keepingCapacity: true)
    digests.removeAll(keepingCapacity: true)
    names = whole.names
    arrival = whole.arrival
    reset()
  }

  /// Adds a charge of the whole.
  func add(_ charge: Charge, _ digest: KeyDigest) {
    charges.append(charge)
    digests.append(digest)
  }

  /// What stands in a call for a ticket that was redeemed before the reply: as many charges, and nobody who waits.
  func husk() -> Ticket {
    let husk = Ticket()
    husk.charges = charges
    husk.digests = digests
    husk.onlyLooks = onlyLooks
    husk.work = work
    husk.token = token
    husk.holdLife = holdLife
    return husk
  }

  private func nameCounters() {
    let keys = self.keys
    digests.removeAll(keepingCapacity: true)
    for charge in charges {
      guard charge.isForRedis else {
        digests.append(KeyDigest())
        continue
      }
      let start = Int(charge.keyStart)
      let key = keys.span.extracting(start..<start + Int(charge.keyCount))
      digests.append(names.digest(policy: Int(charge.policy), key: key))
    }
  }
}

// What Redis is asked for; charges that were taken from it since the ticket was filled do not count.
extension Ticket {
  /// How many charges are for Redis.
  var redisCharges: Int {
    var count = 0
    for index in charges.indices where charges[index].isForRedis { count += 1 }
    return count
  }

  /// The key of the first charge in Redis.
  var tag: KeyDigest {
    for index in charges.indices where charges[index].isForRedis { return digests[index] }
    preconditionFailure("a ticket asks Redis for something")
  }

  /// Whether all charges in Redis are under one key.
  var isWhole: Bool {
    let tag = tag
    for index in charges.indices where charges[index].isForRedis && digests[index] != tag { return false }
    return true
  }

  /// Whether all charges in Redis are shadow policies'.
  var isShadow: Bool { charges.allSatisfy { !$0.isForRedis || $0.isShadow } }

  /// Whether the check is undecided where Redis does not answer.
  var failsClosed: Bool { charges.contains { $0.isForRedis && $0.failsClosed } }

  /// Of a hold that was decided: whether anything is held, so that there is something to confirm. A cost of 0 holds
  /// nothing, nor does a shadow charge that denies.
  var hasHold: Bool {
    isAllowed && !onlyLooks && charges.contains { $0.isForRedis && $0.cost > 0 && $0.decision.isAllowed }
  }

  /// Tells the numbers of a hold that is not wanted, since another part has denied; and lets that be remembered.
  func describeWithoutCost(observed: ObservedStates, at now: Int64) {
    var place = 0
    for index in charges.indices where charges[index].isForRedis {
      let state = shown[place]
      if charges[index].decision.isAllowed {
        charges[index].decision = state.decision(limit: charges[index].limit, cost: 0, now: unixNow)
      }
      if isShownSound { observed.note(self, index, state, askedAt: askedAt, at: now) }
      place += 1
    }
  }
}

extension Ticket {
  /// Lends the charges, to be decided, and the bytes that hold their keys.
  public func withCharges<Result>(_ body: (inout [Charge], Span<UInt8>) -> Result) -> Result {
    // Taken out meanwhile: the compiler does not see that the two are different fields.
    var charges: [Charge] = []
    swap(&charges, &self.charges)
    defer { swap(&charges, &self.charges) }
    let keys = self.keys
    return body(&charges, keys.span)
  }
}
