// MemoryStore+GiveBack.swift: what a check consumed here, given back because another store denied it, or could
// not decide it.

public import Limiting
public import Policies

extension MemoryStore {
  /// Takes back what an allowed `decide` consumed.
  ///
  /// Exact as far as time allows: what a bucket has meanwhile regained, and what has left a window or a log, is not
  /// returned twice; a window count is not returned after a reload changed the period. Between the charge and its
  /// return, others see the counter with the charge in it.
  ///
  /// - Parameters:
  ///   - charges: As that `decide`, which returned true, left them.
  ///   - keys: The same bytes.
  ///   - chargedAt: That `decide`'s `now`.
  public func giveBack(_ charges: [Charge], keys: Span<UInt8>, chargedAt: Now, now: Now) {
    for charge in charges where charge.isCountedInMemory && charge.spends {
      let hash = hash(charge, keys)
      let shard = unsafe shard(shardIndex(hash))
      unsafe shard.pointee.lock()
      defer { unsafe shard.pointee.unlock() }
      if let place = unsafe shard.pointee.contents.table.find(hash) {
        let number = unsafe shard.pointee.contents.table.log(at: place)
        if number == LogPool.none {
          unsafe shard.pointee.contents.table[place] = without(
            charge, unsafe shard.pointee.contents.table[place], chargedAt, now)
        } else {
          remove(charge, from: unsafe shard.pointee.contents.logs[number], chargedAt)
        }
      } else {
        giveBackOverflow(charge, hash, chargedAt, now)
      }
    }
  }

  /// A key that has nothing in the overflow cell charged a cell of its own, which has gone since: giving that back here
  /// would let others pass in its stead.
  private func giveBackOverflow(_ charge: Charge, _ hash: KeyHash, _ chargedAt: Now, _ now: Now) {
    overflow.lock()
    defer { overflow.unlock() }
    guard overflow.isSpent(by: hash.low, in: charge.slot) else { return }
    if let cell = overflow.cell(charge.slot) {
      let left = without(charge, cell, chargedAt, now)
      overflow.set(left, for: charge.slot)
      if left.isLess(than: cell) { overflow.forgetOne(of: hash.low, in: charge.slot) }
    } else if let log = overflow.log(charge.slot) {
      let before = log.sum
      remove(charge, from: log, chargedAt)
      if log.sum < before { overflow.forgetOne(of: hash.low, in: charge.slot) }
    }
  }

  private func without(_ charge: Charge, _ cell: Cell, _ chargedAt: Now, _ now: Now) -> Cell {
    let algorithm = charge.limit.algorithm
    return Limiter.giveBack(
      cell, limit: charge.limit, cost: charge.cost, charged: charge.decision,
      chargedAt: chargedAt.clock(for: algorithm), now: now.clock(for: algorithm))
  }

  private func remove(_ charge: Charge, from log: Log, _ chargedAt: Now) {
    change(log) {
      SlidingLog.giveBack(
        $0, limit: charge.limit, cost: charge.cost, charged: charge.decision, chargedAt: chargedAt.monotonic)
    }
  }
}

extension Cell {
  /// Whether something was taken out of `before`, which then became this. False where a reload changed the period: an
  /// amount that was only rescaled proves nothing.
  fileprivate func isLess(than before: Cell) -> Bool {
    guard self != .empty else { return before.amount > 0 || before.remainder > 0 }
    guard period == before.period else { return false }
    if previous != before.previous { return previous < before.previous }
    return amount == before.amount ? remainder < before.remainder : amount < before.amount
  }
}
