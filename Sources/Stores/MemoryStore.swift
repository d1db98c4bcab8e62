// MemoryStore.swift: all counters of the process in one hash table, cut into shards so that threads seldom meet.
//
// A cell's shard is chosen by its key's hash. A check under one policy locks one shard, decides, writes and unlocks: no
// allocation where the cell exists. A check under several locks its shards in ascending order, each once (so two checks
// never wait for each other in a circle), asks all, and keeps what it wrote only if all enforcing policies allow. A
// table grows one shard at a time, by copying about a thousand cells.
//
// Files: +One and +Several decide, +Charge holds the step they share, +Logs the sliding logs, +Room the bound, the sweep
// and the slots, +GiveBack the way back, +Look what a check denied elsewhere shows.

public import Limiting
public import Policies
import Synchronization

/// Counters in memory. Any thread may ask at any time.
@safe public final class MemoryStore: @unchecked Sendable {
  /// The most that `StoreMetrics.keys` can reach.
  public let maximumKeys: Int
  let hashKey: HashKey
  let grace: Int64
  /// SAFETY of the unchecked conformance: a shard's table and logs are touched only between its lock and unlock.
  private let shards: UnsafeMutablePointer<Shard>
  let shardCount: Int
  private let shardShift: UInt64
  let overflow = Overflow()

  let keys = Tally()
  let bytes = Tally()
  let evicted = Tally()
  let overflowed = Tally()
  let sweeps = Tally()
  let swept = Tally()
  let sweptAway = Tally()
  let slots = Mutex(SlotTable())
  let cursor = Mutex(SweepCursor())
  /// On the monotonic clock: until then, a scan for idle cells is not tried again.
  let nextScan = Atomic<Int64>(.min)

  /// - Parameters:
  ///   - maximumKeys: At least 1.
  ///   - hashKey: Secret; two stores with one key hash alike.
  ///   - grace: Nanoseconds by which the clocks of those who ask may differ, 0 or more.
  public init(maximumKeys: Int, hashKey: HashKey = .random(), grace: Int64 = MemoryStore.grace) {
    precondition(maximumKeys >= 1, "a store holds at least one key")
    self.maximumKeys = maximumKeys
    self.hashKey = hashKey
    self.grace = grace
    // About 1024 cells a shard when full: growing one copies 80 kB, some 20 µs of somebody's wait.
    var bits: UInt64 = 6
    while bits < 16, maximumKeys >> 10 > 1 << bits { bits += 1 }
    shardShift = 64 - bits
    shardCount = 1 << Int(bits)
    unsafe shards = .allocate(capacity: shardCount)
    for index in 0..<shardCount { unsafe (shards + index).initialize(to: Shard()) }
  }

  deinit {
    unsafe shards.deinitialize(count: shardCount)
    unsafe shards.deallocate()
  }

  /// Asks all `charges` of one check, and consumes from all of them or from none.
  ///
  /// Each charge's `decision` is filled in, but for `.unlimited` ones. A charge that is counted elsewhere (neither
  /// `.memory` nor `.fallback`) is left as it is and neither allows nor denies; where it is a block, it is one in any
  /// place. Where the check is denied, each describes its counter without this check: a charge that would have allowed it
  /// says `.allow` with the numbers of a look. A shadow charge that denies consumes nothing itself and stops nobody. Cost 0
  /// is allowed everywhere, consumes nothing and creates no cell; a `.block` shows limit 0 even then.
  ///
  /// - Parameters:
  ///   - keys: The check's bytes, into which the charges' key offsets point.
  /// - Returns: Whether all enforcing charges allow.
  public func decide(_ charges: inout [Charge], keys: Span<UInt8>, now: Now) -> Bool {
    if charges.count == 1, let allowed = decideOne(&charges[0], keys: keys, now: now) { return allowed }
    return decideSeveral(&charges, keys: keys, now: now)
  }

  public var metrics: StoreMetrics {
    StoreMetrics(
      keys: keys.current, bytes: bytes.current, evicted: evicted.current, overflowed: overflowed.current,
      sweeps: sweeps.current, swept: swept.current, sweptAway: sweptAway.current)
  }

  func hash(_ charge: Charge, _ keys: Span<UInt8>) -> KeyHash {
    let start = Int(charge.keyStart)
    let key = keys.extracting(start..<start + Int(charge.keyCount))
    return SipHash.hash(prefix: UInt64(charge.slot), key, key: hashKey)
  }

  /// 64 bits for a charge's key, whoever counts it: those of its cell's hash, worked out where this store was not asked.
  public func keyHash(_ charge: Charge, keys: Span<UInt8>) -> UInt64 {
    charge.keyHash != 0 ? charge.keyHash : hash(charge, keys).low
  }

  func shardIndex(_ hash: KeyHash) -> Int { Int(truncatingIfNeeded: hash.high &>> shardShift) }

  func shard(_ index: Int) -> UnsafeMutablePointer<Shard> {
    precondition(index >= 0 && index < shardCount, "no such shard")
    return unsafe shards + index
  }
}
