// HoldCall.swift: checks of one key as one call of hold.lua. For counters that lie as in a cluster.

/// A call in the making, of tickets whose charges in Redis have one digest, and whose work is to charge, hold or look.
struct HoldCall: ~Copyable {
  private let script: Script
  private var arguments = KeyedArguments()
  /// Token and life of each check that holds.
  private var holds: [UInt8] = []

  /// Charges so far.
  var charges: Int { arguments.charges }

  init(script: Script = .hold) {
    self.script = script
  }

  /// Adds the check of `ticket`. Nothing if it has no charges in Redis.
  mutating func append(_ ticket: Ticket) {
    precondition(ticket.work == .charge || ticket.work == .hold, "what was held is settled by another call")
    if ticket.onlyLooks {
      _ = arguments.append(ticket, flags: ChargeKind.onlyLooks)
    } else if ticket.work == .charge {
      _ = arguments.append(ticket, flags: 0)
    } else if arguments.append(ticket, flags: ChargeKind.holds) > 0 {
      holds.appendNumber(Int64(bitPattern: ticket.token), bytes: 8)
      holds.appendNumber(max(0, min(ticket.holdLife, Bounds.hold)) / 1000, bytes: 4)
    }
  }

  /// Appends the whole command to `buffer`, and forgets it. At least one charge was added.
  ///
  /// - Parameter isAsking: See `KeyedArguments.write`.
  mutating func write(isAsking: Bool = false, to buffer: inout [UInt8]) {
    arguments.write(script, tasks: holds, isAsking: isAsking, to: &buffer)
    holds.removeAll(keepingCapacity: true)
  }

  /// Forgets what was added.
  mutating func removeAll() {
    arguments.removeAll()
    holds.removeAll(keepingCapacity: true)
  }
}
