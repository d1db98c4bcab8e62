// Ticket.swift: the store's promise to answer later. One check's charges and the bytes of their keys, kept until the
// reply comes, its time is over, or the connection is lost; whichever is first redeems the ticket, exactly once.
//
// Tickets and their buffers are used again, so that a check allocates nothing once they are warm.

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

  /// Of the charges' keys.
  var digests: [KeyDigest] = []
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
      digests.append(KeyDigest(keys.span.extracting(start..<start + Int(charge.keyCount))))
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
