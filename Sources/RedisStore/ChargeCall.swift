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
      append(charge, onlyLooks: ticket.onlyLooks)
      charges += 1
    }
    if let last { records[last] += ChargeKind.lastOfCheck }
  }

  /// Appends the whole command to `buffer`, and forgets it. At least one charge was added.
  mutating func write(to buffer: inout [UInt8]) {
    precondition(charges > 0, "a call has keys")
    buffer.appendHeader("*", 4 + charges)
    buffer += Self.command
    buffer += script.digest
    buffer.appendLineEnd()
    buffer.appendHeader("$", Self.digits(charges))
    buffer.appendLine(charges)
    buffer += keys
    buffer.appendHeader("$", records.count)
    buffer += records
    buffer.appendLineEnd()
    removeAll()
  }

  /// Forgets what was added.
  mutating func removeAll() {
    charges = 0
    keys.removeAll(keepingCapacity: true)
    records.removeAll(keepingCapacity: true)
  }

  private static let command = Array("$7\r\nEVALSHA\r\n$40\r\n".utf8)

  private mutating func append(_ charge: Charge, onlyLooks: Bool) {
    var kind = charge.limit.algorithm.rawValue
    if charge.isShadow { kind += ChargeKind.shadow }
    if onlyLooks { kind += ChargeKind.onlyLooks }
    records.append(kind)
    append(charge.limit.limit, bytes: 4)
    append(charge.limit.burst, bytes: 4)
    // Policy files know no period that is not whole microseconds.
    append(charge.limit.period / 1000, bytes: 6)
    append(min(charge.cost, Self.costCap), bytes: 4)
  }

  private static func digits(_ number: Int) -> Int {
    number < 10 ? 1 : 1 + digits(number / 10)
  }

  /// Big-endian.
  private mutating func append(_ value: Int64, bytes: Int64) {
    for place in (0..<bytes).reversed() { records.append(UInt8(truncatingIfNeeded: value >> (8 * place))) }
  }
}

/// What a record's first byte says besides the algorithm.
private enum ChargeKind {
  static let shadow: UInt8 = 4
  static let onlyLooks: UInt8 = 8
  static let lastOfCheck: UInt8 = 16
}

extension [UInt8] {
  /// Appends a RESP header: its type, a count, and the end of the line.
  fileprivate mutating func appendHeader(_ type: Unicode.Scalar, _ count: Int) {
    append(UInt8(ascii: type))
    appendLine(count)
  }

  /// Appends a number, at least 0, and the end of the line.
  fileprivate mutating func appendLine(_ number: Int) {
    var unit = 1
    while number / unit >= 10 { unit *= 10 }
    while unit > 0 {
      append(UInt8(ascii: "0") + UInt8(number / unit % 10))
      unit /= 10
    }
    appendLineEnd()
  }

  fileprivate mutating func appendLineEnd() {
    append(UInt8(ascii: "\r"))
    append(UInt8(ascii: "\n"))
  }
}
