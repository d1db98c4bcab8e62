// MemoryStore+One.swift: the usual check: one policy, a cell that exists, one lock.

import Limiting
import Policies

extension MemoryStore {
  /// The whole decision for one charge on a cell that exists; nil where the general way is needed.
  func decideOne(_ charge: inout Charge, keys: Span<UInt8>, now: Now) -> Bool? {
    guard charge.isCountedInMemory, charge.limit.algorithm != .slidingLog else { return nil }
    let hash = hash(charge, keys)
    charge.keyHash = hash.low
    let shard = unsafe shard(shardIndex(hash))
    unsafe shard.pointee.lock()
    defer { unsafe shard.pointee.unlock() }
    guard let place = unsafe shard.pointee.contents.table.find(hash) else { return nil }
    let before = unsafe shard.pointee.contents.table[place]
    let clock = now.clock(for: charge.limit.algorithm)
    let result = Limiter.decide(before, limit: charge.limit, cost: charge.cost, now: clock)
    charge.decision = result.decision
    if replaces(before, charge, now: clock) { unsafe shard.pointee.contents.table[place] = result.next }
    return result.decision.isAllowed || charge.isShadow
  }
}
