// ChargeCall.swift: many checks as one call of charge.lua, which says what a record holds and in which order.
//
// The command is written here, not by hiredis' formatter, which RedisCommand uses for all others: that allocates the
// whole command anew for each call, and prints each length by printf.

import Limiting
import Policies

/// A call in the making. Its buffers are used again: once they are warm, a check allocates nothing.
struct ChargeCall: ~Copyable {
  private let script: Script
  /// Charges so far.
  private(set) var charges = 0
  /// The keys as RESP arguments.
  private var keys: [UInt8] = []
  /// The records, one a charge.
  private var records: [UInt8] = []

  /// More than any capacity: the script is told no higher cost, since all above are denied alike.
  static let costCap = Limiting.Bounds.limit.upperBound + 1

  init(script: Script = .charge) {
    self.script = script
  }

  /// Adds the check of `ticket`: its charges in Redis, in their order. Nothing if it has none.
  mutating func append(_ ticket: Ticket) {
    var last: Int?
    for index in ticket.charges.indices where ticket.charges[index].isForRedis {
      let charge = ticket.charges[index]
      let policy = Int(charge.policy)
      keys.appendHeader("$", ticket.names.count(policy: policy))
      ticket.names.append(policy: policy, key: ticket.digests[index], to: &keys)
      keys.appendLineEnd()
      last = records.count
      records.appendRecord(charge, flags: ticket.onlyLooks ? ChargeKind.onlyLooks : 0)
      charges += 1
    }
    if let last { records[last] += ChargeKind.lastOfCheck }
  }

  /// Appends the whole command to `buffer`, and forgets it. At least one charge was added.
  mutating func write(to buffer: inout [UInt8]) {
    precondition(charges > 0, "a call has keys")
    buffer.appendCall(script, keys: charges, arguments: charges + 1)
    buffer += keys
    buffer.appendBulk(records)
    removeAll()
  }

  /// Forgets what was added.
  mutating func removeAll() {
    charges = 0
    keys.removeAll(keepingCapacity: true)
    records.removeAll(keepingCapacity: true)
  }
}
