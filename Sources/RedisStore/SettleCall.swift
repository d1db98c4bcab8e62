// SettleCall.swift: what becomes of holds on one key, as one call of settle.lua, which says what stands where; and what
// it answers.

/// A call in the making, of tickets whose charges in Redis have one digest, and whose work is to confirm or to cancel.
struct SettleCall: ~Copyable {
  private let script: Script
  private var arguments = KeyedArguments()
  /// What is asked, one a check: token (8), 1 confirm or 2 cancel (1), charges (2).
  private var tasks: [UInt8] = []
  /// Checks so far.
  private(set) var checks = 0

  init(script: Script = .settle) {
    self.script = script
  }

  /// Charges so far.
  var charges: Int { arguments.charges }

  /// Adds what `ticket` asks: its charges in Redis are those of the ticket that held. Nothing if it has none.
  mutating func append(_ ticket: Ticket) {
    precondition(ticket.work.settles, "nothing is decided by this call")
    let count = arguments.append(ticket, flags: 0)
    guard count > 0 else { return }
    tasks.appendNumber(Int64(bitPattern: ticket.token), bytes: 8)
    tasks.append(ticket.work == .confirm ? 1 : 2)
    tasks.appendNumber(Int64(count), bytes: 2)
    checks += 1
  }

  /// Appends the whole command to `buffer`, and forgets it. At least one check was added.
  ///
  /// - Parameter isAsking: See `KeyedArguments.write`.
  mutating func write(isAsking: Bool = false, to buffer: inout [UInt8]) {
    arguments.write(script, tasks: tasks, isAsking: isAsking, to: &buffer)
    removeAll()
  }

  /// Forgets what was added.
  mutating func removeAll() {
    arguments.removeAll()
    tasks.removeAll(keepingCapacity: true)
    checks = 0
  }

  /// Fills in what became of each ticket's hold: its outcome and `isAllowed`.
  ///
  /// - Parameter tickets: Those of the call, in its order; each has charges in Redis.
  /// - Throws: With the tickets as they were, where the reply is not one to them.
  static func decode(_ reply: Span<UInt8>, into tickets: [Ticket]) throws(ChargeReply.Malformed) {
    for offset in reply.indices where offset >= tickets.count || reply[offset] > 1 {
      throw ChargeReply.Malformed(offset: offset)
    }
    guard reply.count == tickets.count else { throw ChargeReply.Malformed(offset: reply.count) }
    for (index, ticket) in tickets.enumerated() {
      ticket.isAllowed = reply[index] == 1
      ticket.outcome = .decided
    }
  }
}
