// KeyedArguments.swift: what the calls of hold.lua and settle.lua have in common: counters of one key, which lie in one
// hash, and its sliding logs in lists beside it.
//
//   KEYS     the hash, then the lists, once each
//   ARGV     the records, one a charge; what the script in hand wants a check; then the fields, one a charge

import Limiting
import Policies

/// The arguments of one call in the making. Its buffers are used again.
struct KeyedArguments: ~Copyable {
  /// Charges so far.
  private(set) var charges = 0
  private var digest = KeyDigest()
  /// The names of the lists as RESP arguments; and of which policies of which set.
  private var lists: [UInt8] = []
  private var logs: [(names: KeyNames, policy: Int)] = []
  private var records: [UInt8] = []
  /// The fields as RESP arguments.
  private var fields: [UInt8] = []

  /// Adds the charges in Redis of `ticket`, in their order.
  ///
  /// - Parameter flags: Those of `ChargeKind` that hold for the whole check.
  /// - Returns: How many.
  mutating func append(_ ticket: Ticket, flags: UInt8) -> Int {
    let before = charges
    var last = 0
    for index in ticket.charges.indices where ticket.charges[index].isForRedis {
      precondition(charges == 0 || digest == ticket.digests[index], "all charges of a call are of one key")
      digest = ticket.digests[index]
      last = records.count
      records.appendRecord(ticket.charges[index], flags: flags)
      appendName(ticket.charges[index], ticket.names)
      charges += 1
    }
    if charges > before { records[last] += ChargeKind.lastOfCheck }
    return charges - before
  }

  private mutating func appendName(_ charge: Charge, _ names: KeyNames) {
    let policy = Int(charge.policy)
    fields.appendHeader("$", names.fieldCount(policy: policy))
    names.appendField(policy: policy, to: &fields)
    fields.appendLineEnd()
    guard charge.limit.algorithm == .slidingLog, !logs.contains(where: { $0.names === names && $0.policy == policy })
    else { return }
    logs.append((names, policy))
    lists.appendHeader("$", names.count(policy: policy))
    names.append(policy: policy, key: digest, to: &lists)
    lists.appendLineEnd()
  }

  /// Appends the whole command to `buffer`, and forgets it. At least one charge was added.
  ///
  /// - Parameters:
  ///   - tasks: What the script wants a check.
  ///   - isAsking: Whether the node that has the slot has said ASK: it has none of the keys, so that all of them, if there
  ///     are any, are where the call goes. There a call that names several of which one is missing is put off (TRYAGAIN),
  ///     so it names the hash alone; the script knows the names of the lists.
  mutating func write(_ script: Script, tasks: [UInt8], isAsking: Bool, to buffer: inout [UInt8]) {
    precondition(charges > 0, "a call has keys")
    if isAsking {
      lists.removeAll(keepingCapacity: true)
      logs.removeAll(keepingCapacity: true)
    }
    let keys = 1 + logs.count
    buffer.appendCall(script, keys: keys, arguments: keys + 2 + charges)
    buffer.appendHeader("$", KeyNames.hashCount)
    KeyNames.appendHash(key: digest, to: &buffer)
    buffer.appendLineEnd()
    buffer += lists
    buffer.appendBulk(records)
    buffer.appendBulk(tasks)
    buffer += fields
    removeAll()
  }

  /// Forgets what was added.
  mutating func removeAll() {
    charges = 0
    lists.removeAll(keepingCapacity: true)
    logs.removeAll(keepingCapacity: true)
    records.removeAll(keepingCapacity: true)
    fields.removeAll(keepingCapacity: true)
  }
}
