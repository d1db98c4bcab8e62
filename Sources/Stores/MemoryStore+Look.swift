// MemoryStore+Look.swift: what the charges of a check would get, told without spending: for a check that another store
// has denied.

public import Limiting
public import Policies

extension MemoryStore {
  /// Fills in the decisions of a check that was denied elsewhere, as `decide` does for one that it denies itself: a
  /// charge that would deny its cost says so, the others say `.allow` with the numbers of a look.
  ///
  /// Consumes nothing and creates no cell. Each charge is told by itself, so charges of one check may speak of instants
  /// between which another check came. Charges that are counted elsewhere, and `.unlimited` ones, are left alone.
  ///
  /// - Parameters:
  ///   - keys: The check's bytes, into which the charges' key offsets point.
  public func look(_ charges: inout [Charge], keys: Span<UInt8>, now: Now) {
    for index in charges.indices {
      if charges[index].effect == .block {
        charges[index].decision = charges[index].blocked(at: now.unix)
      } else if charges[index].isCountedInMemory {
        look(&charges[index], keys, now)
      }
    }
  }

  /// Tells one charge, and where its counter is.
  @discardableResult
  func look(_ charge: inout Charge, _ keys: Span<UInt8>, _ now: Now) -> KeyState.Place {
    var step = Step()
    step.hash = hash(charge, keys)
    step.shard = Int32(truncatingIfNeeded: shardIndex(step.hash))
    let shard = unsafe shard(Int(step.shard))
    unsafe shard.pointee.lock()
    defer { unsafe shard.pointee.unlock() }
    let usesOverflow = !overflow.isEmpty
    if usesOverflow { overflow.lock() }
    defer { if usesOverflow { overflow.unlock() } }
    let room = Room(now: now, mayOverflow: false, usesOverflow: usesOverflow)
    charge.decision = foresee(charge, step, room)
    if charge.decision.isAllowed { look(&charge, &step, room) }
    if unsafe shard.pointee.contents.table.find(step.hash) != nil { return .own }
    return startsFromOverflow(charge.slot, step.hash, usesOverflow) ? .overflow : .none
  }

  /// The decision that the charge's cost would get, under the locks that `room` speaks of.
  private func foresee(_ charge: Charge, _ step: Step, _ room: Room) -> Decision {
    let shard = unsafe shard(Int(step.shard))
    let place = unsafe shard.pointee.contents.table.find(step.hash)
    let isShared = startsFromOverflow(charge.slot, step.hash, room.usesOverflow)
    guard charge.limit.algorithm != .slidingLog else {
      let shared = isShared ? overflow.log(charge.slot) : nil
      let log = place.map { unsafe shard.pointee.contents.logs[shard.pointee.contents.table.log(at: $0)] } ?? shared
      return ask(log, charge.limit, charge.cost, room.now.monotonic)
    }
    let shared = isShared ? overflow.cell(charge.slot) : nil
    let cell = place.map { unsafe shard.pointee.contents.table[$0] } ?? shared ?? .empty
    let now = room.now.clock(for: charge.limit.algorithm)
    return Limiter.decide(cell, limit: charge.limit, cost: charge.cost, now: now).decision
  }

  /// Tells the numbers of a charge without spending. Its locks are held.
  func look(_ charge: inout Charge, _ step: inout Step, _ room: Room) {
    let cost = charge.cost
    charge.cost = 0
    _ = take(&charge, &step, room)
    charge.cost = cost
  }
}
