// MemoryStore+Several.swift: a check under several policies, or one that needs a new cell: all or nothing.
//
// With every shard that the check touches locked, each charge is decided and written at once, and what it replaced is
// noted; if an enforcing charge then denies, the notes are put back in reverse order. So two charges that name the same
// cell see each other, and a denial leaves every cell as it was.

import Limiting
import Policies

/// What one charge of a check did, and how to take it back.
struct Step {
  var hash = KeyHash(low: 0, high: 0)
  var shard: Int32 = 0
  /// Of the i-th step: the i-th shard to lock. The order belongs to the check, not to this step's charge.
  var lockNext: Int32 = 0
  var effect = Effect.none
  /// Of an inserted cell: how many charges its key had in the slot's overflow cell, which are remembered there no more.
  var moved: UInt32 = 0
  var before = Cell.empty

  enum Effect: UInt8 {
    case none
    /// `before` was replaced.
    case updated
    case inserted
    /// `before` was replaced in the slot's overflow cell.
    case updatedOverflow
    case insertedOverflow
    /// An entry was added to the cell's log, or to the slot's overflow log.
    case logged
    case loggedOverflow
  }
}

extension MemoryStore {
  func decideSeveral(_ charges: inout [Charge], keys: Span<UInt8>, now: Now) -> Bool {
    let count = charges.count
    // On the stack up to 14 charges; a check that matches more policies allocates once.
    return unsafe withUnsafeTemporaryAllocation(of: Step.self, capacity: count) { memory in
      // SAFETY: all `count` steps are initialised here, are trivial, and do not outlive the closure.
      unsafe memory.initialize(repeating: Step())
      var steps = unsafe MutableSpan(_unsafeElements: memory)
      for index in 0..<count where charges[index].isCountedInMemory {
        steps[index].hash = hash(charges[index], keys)
        charges[index].keyHash = steps[index].hash.low
        steps[index].shard = Int32(truncatingIfNeeded: shardIndex(steps[index].hash))
      }
      orderLocks(&steps, charges)
      if let allowed = attempt(&charges, &steps, now, mayOverflow: false) { return allowed }
      makeRoom(now: now)
      return attempt(&charges, &steps, now, mayOverflow: true) ?? true
    }
  }

  /// Asks all charges under their locks. nil, and nothing done, where a new key finds no room and may not overflow.
  private func attempt(
    _ charges: inout [Charge], _ steps: inout MutableSpan<Step>, _ now: Now, mayOverflow: Bool
  ) -> Bool? {
    lockShards(steps)
    defer { unlockShards(steps) }
    let usesOverflow = mayOverflow || !overflow.isEmpty
    if usesOverflow { overflow.lock() }
    defer { if usesOverflow { overflow.unlock() } }
    let room = Room(now: now, mayOverflow: mayOverflow, usesOverflow: usesOverflow)

    var allowed = true
    for index in charges.indices {
      switch charges[index].effect {
      case .unlimited: continue
      case .block: charges[index].decision = charges[index].blocked(at: now.unix)
      case .limit:
        guard charges[index].isCountedInMemory else { continue }
        guard take(&charges[index], &steps[index], room) else {
          undo(charges, &steps, now)
          return nil
        }
      }
      if !charges[index].decision.isAllowed, !charges[index].isShadow { allowed = false }
    }
    if allowed {
      trimLogs(charges, steps)
    } else {
      undo(charges, &steps, now)
      for index in charges.indices where charges[index].isCountedInMemory && charges[index].decision.isAllowed {
        look(&charges[index], &steps[index], room)
      }
    }
    return allowed
  }

  /// Takes back what the steps did, the last first.
  private func undo(_ charges: [Charge], _ steps: inout MutableSpan<Step>, _ now: Now) {
    for index in charges.indices.reversed() where steps[index].effect != .none {
      undo(charges[index], steps[index], now)
      steps[index].effect = .none
    }
  }

  // MARK: Locks

  /// Puts the shards of the charges that are counted here into `lockNext`, ascending, each once; then -1.
  private func orderLocks(_ steps: inout MutableSpan<Step>, _ charges: [Charge]) {
    var count = 0
    for index in charges.indices where charges[index].isCountedInMemory {
      steps[count].lockNext = steps[index].shard
      count += 1
    }
    // Shell's sort: nothing to allocate, and no quadratic wait for a check that matches thousands of policies.
    var gap = count / 2
    while gap > 0 {
      for index in gap..<count {
        let shard = steps[index].lockNext
        var place = index
        while place >= gap, steps[place - gap].lockNext > shard {
          steps[place].lockNext = steps[place - gap].lockNext
          place -= gap
        }
        steps[place].lockNext = shard
      }
      gap /= 2
    }
    var distinct = 0
    for index in 0..<count where distinct == 0 || steps[distinct - 1].lockNext != steps[index].lockNext {
      steps[distinct].lockNext = steps[index].lockNext
      distinct += 1
    }
    for index in distinct..<steps.count { steps[index].lockNext = -1 }
  }

  private func lockShards(_ steps: borrowing MutableSpan<Step>) {
    var index = 0
    while index < steps.count, steps[index].lockNext >= 0 {
      unsafe shard(Int(steps[index].lockNext)).pointee.lock()
      index += 1
    }
  }

  private func unlockShards(_ steps: borrowing MutableSpan<Step>) {
    var index = 0
    while index < steps.count, steps[index].lockNext >= 0 {
      unsafe shard(Int(steps[index].lockNext)).pointee.unlock()
      index += 1
    }
  }
}
