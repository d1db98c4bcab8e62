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

  /// What is asked of Redis.
  public enum Work: Sendable {
    /// Decide, and spend.
    case charge
    /// Decide, and keep what the check costs from being spent by others, until `confirm` or the end of `holdLife`: the
    /// check has other parts in other places.
    case hold
    /// Spend what was held. `isAllowed` says whether that was done: not where there is no such hold any more.
    case confirm
    /// Give back what was held, or spent by a confirmation. `isAllowed` says whether there was anything.
    case cancel
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
  /// All but `.charge` only where counters lie as in a cluster, and then all charges are of one key.
  public var work = Work.charge
  /// Names the hold, among all of all weirs.
  public var token: UInt64 = 0
  /// How long it holds, in nanoseconds from when Redis decides; at most `Bounds.hold`.
  public var holdLife: Int64 = 0

  /// Of the charges' keys.
  var digests: [KeyDigest] = []
  /// Of `work` `.hold`, once decided as allowed: whether anything is held, so that there is something to confirm. A cost
  /// of 0 holds nothing, nor does a shadow charge that denies.
  public var holdsAnything: Bool {
    isAllowed && !onlyLooks
      && charges.contains { $0.isForRedis && $0.cost > 0 && $0.decision.isAllowed }
  }
  /// How many charges are for Redis.
  private(set) var redisCharges = 0

  public internal(set) var outcome = Outcome.pending
  /// Once decided: whether all enforcing charges in Redis allow.
  public internal(set) var isAllowed = false
  /// Once decided: what Redis's clock said, in nanoseconds since the Unix epoch.
  public internal(set) var unixNow: Int64 = 0

  public init() {}

  /// Takes over what a check asks, key bytes included.
  public func fill(_ charges: [Charge], keys: Span<UInt8>, names: KeyNames, arrival: Int64) {
    self.charges.removeAll(keepingCapacity: true)
    self.keys.removeAll(keepingCapacity: true)
    for var charge in charges {
      let start = Int(charge.keyStart)
      let key = keys.extracting(start..<start + Int(charge.keyCount))
      charge.keyStart = Int32(self.keys.count)
      unsafe key.withUnsafeBufferPointer { unsafe self.keys.append(contentsOf: $0) }
      self.charges.append(charge)
    }
    self.names = names
    self.arrival = arrival
    onlyLooks = false
    work = .charge
    token = 0
    holdLife = 0
    outcome = .pending
    isAllowed = false
    unixNow = 0
    nameCounters()
  }

  /// What stands in a call for a ticket that was redeemed before the reply: as many charges, and nobody who waits.
  func husk() -> Ticket {
    let husk = Ticket()
    husk.charges = charges
    husk.digests = digests
    husk.redisCharges = redisCharges
    husk.onlyLooks = onlyLooks
    husk.work = work
    husk.token = token
    husk.holdLife = holdLife
    return husk
  }

  private func nameCounters() {
    let keys = self.keys
    digests.removeAll(keepingCapacity: true)
    redisCharges = 0
    for charge in charges {
      guard charge.isForRedis else {
        digests.append(KeyDigest())
        continue
      }
      let start = Int(charge.keyStart)
      let key = keys.span.extracting(start..<start + Int(charge.keyCount))
      digests.append(names.digest(policy: Int(charge.policy), key: key))
      redisCharges += 1
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
