// MemoryStore+Charge.swift: one charge under its locks: decide, write, note what was replaced; and the way back.

import Limiting
import Policies

/// What a charge may use. The locks it speaks of are held.
struct Room {
  var now: Now
  /// Whether a new key that finds no room is sent to the slot's overflow cell; else it reports.
  var mayOverflow: Bool
  /// Whether the overflow cells are locked; if not, there were none.
  var usesOverflow: Bool
}

extension MemoryStore {
  /// Decides and writes one `.limit` charge. False, and nothing done, where it needs room that there is not.
  func take(_ charge: inout Charge, _ step: inout Step, _ room: Room) -> Bool {
    guard charge.limit.algorithm != .slidingLog else { return takeLog(&charge, &step, room) }
    let now = room.now.clock(for: charge.limit.algorithm)
    let shard = unsafe shard(Int(step.shard))
    if let place = unsafe shard.pointee.contents.table.find(step.hash) {
      let before = unsafe shard.pointee.contents.table[place]
      let result = Limiter.decide(before, limit: charge.limit, cost: charge.cost, now: now)
      charge.decision = result.decision
      if replaces(before, charge, now: now) { unsafe shard.pointee.contents.table[place] = result.next }
      if charge.spends { step.note(.updated, before) }
      return true
    }

    let shared = startsFromOverflow(charge.slot, step.hash, room.usesOverflow) ? overflow.cell(charge.slot) : nil
    let result = Limiter.decide(shared ?? .empty, limit: charge.limit, cost: charge.cost, now: now)
    charge.decision = result.decision
    guard charge.spends else {
      if let shared {
        if replaces(shared, charge, now: now) { overflow.set(result.next, for: charge.slot) }
        if charge.cost > 0 { overflowed.add(1) }
      }
      return true
    }
    if keys.add(1, upTo: maximumKeys) {
      unsafe insert(
        CellTable.Entry(hash: step.hash, cell: result.next, slot: charge.slot, log: 0), into: &shard.pointee.contents)
      step.note(.inserted, .empty)
      if shared != nil { step.moved = overflow.forget(step.hash.low, in: charge.slot) }
      return true
    }
    guard room.mayOverflow else { return false }
    takeOverflow(&charge, &step, now)
    return true
  }

  /// Whether the slot's overflow cell answers for a key without a cell of its own: where the key may have spent from it,
  /// and where there is no room. Elsewhere such a key starts empty.
  ///
  /// - Parameter usesOverflow: See `Room`.
  func startsFromOverflow(_ slot: UInt32, _ hash: KeyHash, _ usesOverflow: Bool) -> Bool {
    guard usesOverflow, overflow.holds(slot) else { return false }
    return overflow.isSpent(by: hash.low, in: slot) || keys.current >= maximumKeys
  }

  /// Decides and writes on the slot's overflow cell, also for a key that was to start empty, had another thread not taken
  /// the room.
  private func takeOverflow(_ charge: inout Charge, _ step: inout Step, _ now: Int64) {
    let shared = overflow.cell(charge.slot)
    let result = Limiter.decide(shared ?? .empty, limit: charge.limit, cost: charge.cost, now: now)
    charge.decision = result.decision
    overflowed.add(1)
    if replaces(shared ?? .empty, charge, now: now) { overflow.set(result.next, for: charge.slot) }
    guard charge.spends else { return }
    overflow.remember(of: step.hash.low, in: charge.slot)
    step.note(shared == nil ? .insertedOverflow : .updatedOverflow, shared ?? .empty)
  }

  /// Whether the state after the decision of `charge` replaces `before`. A fixed window that ended within the grace stays
  /// until something is spent in the next one: to a worker whose clock lags it has not ended, and must not begin anew.
  func replaces(_ before: Cell, _ charge: Charge, now: Int64) -> Bool {
    guard !charge.spends, charge.limit.algorithm == .fixedWindow else { return true }
    let earlier = now.subtractingReportingOverflow(grace)
    return !FixedWindow.isIdle(before, now: now)
      || (!earlier.overflow && FixedWindow.isIdle(before, now: earlier.partialValue))
  }

  /// Takes back what `step` did for `charge`.
  func undo(_ charge: Charge, _ step: Step, _ now: Now) {
    let shard = unsafe shard(Int(step.shard))
    switch step.effect {
    case .none: return
    case .updatedOverflow:
      overflow.set(step.before, for: charge.slot)
      overflow.forgetOne(of: step.hash.low, in: charge.slot)
    case .insertedOverflow: overflow.set(nil, for: charge.slot)
    case .loggedOverflow:
      guard let log = overflow.log(charge.slot) else { return }
      change(log) { SlidingLog.undo($0, cost: charge.cost, now: now.monotonic) }
      overflow.forgetOne(of: step.hash.low, in: charge.slot)
    case .updated, .inserted, .logged:
      guard let place = unsafe shard.pointee.contents.table.find(step.hash) else { return }
      if step.effect == .updated {
        unsafe shard.pointee.contents.table[place] = step.before
      } else if step.effect == .inserted {
        unsafe removeCell(at: place, of: &shard.pointee.contents)
        if step.moved > 0 { overflow.remember(step.moved, of: step.hash.low, in: charge.slot) }
      } else {
        let log = unsafe shard.pointee.contents.logs[shard.pointee.contents.table.log(at: place)]
        change(log) { SlidingLog.undo($0, cost: charge.cost, now: now.monotonic) }
      }
    }
  }

  /// Adds a cell whose place in the bound was taken before.
  func insert(_ entry: CellTable.Entry, into shard: inout ShardContents) {
    let before = shard.table.bytes
    shard.table.insert(entry)
    let grown = shard.table.bytes - before
    if grown != 0 { bytes.add(grown) }
  }

  /// Removes a cell and its log, and what they counted for.
  func removeCell(at place: Int, of shard: inout ShardContents) {
    let number = shard.table.log(at: place)
    if number == LogPool.none {
      keys.add(-1)
    } else {
      let log = shard.logs[number]
      keys.add(-SlidingLog.units(forEntries: log.count))
      bytes.add(-log.bytes)
      shard.logs.remove(number)
    }
    shard.table.remove(at: place)
  }
}

extension Step {
  mutating func note(_ effect: Effect, _ before: Cell) {
    self.effect = effect
    self.before = before
  }
}

extension Charge {
  /// Whether it has a counter, and here; another store's charges are left as they are.
  var isCountedInMemory: Bool { effect == .limit && (place == .memory || place == .fallback) }

  /// Whether its decision, as it stands, consumes.
  var spends: Bool { cost > 0 && decision.isAllowed }
}
