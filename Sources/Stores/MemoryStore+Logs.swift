// MemoryStore+Logs.swift: charges on sliding logs, which grow, and whose growth counts against the bound.

import Limiting
import Policies

extension MemoryStore {
  func takeLog(_ charge: inout Charge, _ step: inout Step, _ room: Room) -> Bool {
    let now = room.now.monotonic
    let shard = unsafe shard(Int(step.shard))
    if let place = unsafe shard.pointee.contents.table.find(step.hash) {
      let log = unsafe shard.pointee.contents.logs[shard.pointee.contents.table.log(at: place)]
      return spend(&charge, from: log, &step, .logged, room)
    }

    let shared = startsFromOverflow(charge.slot, step.hash, room.usesOverflow) ? overflow.log(charge.slot) : nil
    charge.decision = ask(shared, charge.limit, charge.cost, now)
    guard charge.spends else {
      if shared != nil, charge.cost > 0 { overflowed.add(1) }
      return true
    }
    if keys.add(1, upTo: maximumKeys) {
      let log = Log()
      // What is in force in the overflow log leaves no earlier here.
      if let shared { SlidingLog.copy(shared, into: log, limit: charge.limit, now: now) }
      SlidingLog.admit(log, cost: charge.cost, now: now)
      bytes.add(log.bytes)
      let number = unsafe shard.pointee.contents.logs.add(log)
      unsafe insert(
        CellTable.Entry(hash: step.hash, cell: .empty, slot: charge.slot, log: number), into: &shard.pointee.contents)
      step.note(.inserted, .empty)
      if shared != nil { step.moved = overflow.forget(step.hash.low, in: charge.slot) }
      return true
    }
    guard room.mayOverflow else { return false }
    overflowed.add(1)
    // Asked anew: the key may have been to start empty, and another thread took the room.
    let isDone = spend(&charge, from: overflowLog(charge.slot), &step, .loggedOverflow, room)
    if step.effect == .loggedOverflow { overflow.remember(of: step.hash.low, in: charge.slot) }
    return isDone
  }

  /// The overflow log of `slot`, made where it has none.
  private func overflowLog(_ slot: UInt32) -> Log {
    if let log = overflow.log(slot) { return log }
    let log = Log()
    bytes.add(log.bytes)
    overflow.set(log, for: slot)
    return log
  }

  /// Decides on a log that exists and admits. A log that finds no room to grow denies until its oldest entry leaves; that
  /// counts as overflowed, and nothing remains.
  private func spend(
    _ charge: inout Charge, from log: Log, _ step: inout Step, _ effect: Step.Effect, _ room: Room
  ) -> Bool {
    let now = room.now.monotonic
    charge.decision = ask(log, charge.limit, charge.cost, now)
    guard charge.spends else { return true }
    guard let reserved = reserve(log, charge.limit, now) else {
      guard room.mayOverflow else { return false }
      charge.decision = ask(log, charge.limit, 0, now)
      charge.decision.outcome = .deny
      charge.decision.remaining = 0
      overflowed.add(1)
      charge.decision.retryAfter = SlidingLog.untilOldestLeaves(log, limit: charge.limit, now: now)
      return true
    }
    change(log, reserved: reserved) { SlidingLog.admit($0, cost: charge.cost, now: now) }
    step.note(effect, .empty)
    return true
  }

  /// Decides; a log that had to be re-based has shrunk.
  func ask(_ log: Log?, _ limit: Limit, _ cost: Int64, _ now: Int64) -> Decision {
    guard let log else { return SlidingLog.decide(nil, limit: limit, cost: cost, now: now) }
    var decision = Decision(outcome: .allow, limit: 0, remaining: 0)
    change(log) { decision = SlidingLog.decide($0, limit: limit, cost: cost, now: now) }
    return decision
  }

  /// Takes the keys of the bound that one more entry needs; nil if they cannot be had, even after what has left is
  /// forgotten.
  private func reserve(_ log: Log, _ limit: Limit, _ now: Int64) -> Int? {
    func needed() -> Int { SlidingLog.units(forEntries: log.count + 1) - SlidingLog.units(forEntries: log.count) }
    if needed() == 0 || (log.count > 0 && log.newest >= now) { return 0 }
    if keys.add(1, upTo: maximumKeys) { return 1 }
    change(log) { SlidingLog.trim($0, limit: limit, now: now) }
    if needed() == 0 { return 0 }
    return keys.add(1, upTo: maximumKeys) ? 1 : nil
  }

  /// Changes a log and keeps the store's sums right.
  func change(_ log: Log, reserved: Int = 0, _ body: (Log) -> Void) {
    let units = SlidingLog.units(forEntries: log.count)
    let size = log.bytes
    body(log)
    let moreUnits = SlidingLog.units(forEntries: log.count) - units - reserved
    if moreUnits != 0 { keys.add(moreUnits) }
    if log.bytes != size { bytes.add(log.bytes - size) }
  }

  /// Forgets what had left the logs that an allowed check was admitted to.
  func trimLogs(_ charges: [Charge], _ steps: borrowing MutableSpan<Step>) {
    for index in charges.indices {
      if steps[index].effect == .loggedOverflow, let log = overflow.log(charges[index].slot) {
        change(log) { SlidingLog.trim($0, limit: charges[index].limit) }
      } else if steps[index].effect == .logged {
        let shard = unsafe shard(Int(steps[index].shard))
        guard let place = unsafe shard.pointee.contents.table.find(steps[index].hash) else { continue }
        let log = unsafe shard.pointee.contents.logs[shard.pointee.contents.table.log(at: place)]
        change(log) { SlidingLog.trim($0, limit: charges[index].limit) }
      }
    }
  }
}
