// MemoryStore+Room.swift: the bound: which cells may go, the timer's sweep, and room for a new key.
//
// Only cells that carry no information go. A cursor walks the table, some cells a call, so that neither the timer nor a
// check waits for the whole of it. In spirit after Redis's activeExpireCycle: bounded and resumable.

public import Limiting
import Policies
import Synchronization

/// Where the next scan goes on.
struct SweepCursor {
  var shard = 0
  var place = 0
}

/// The rules of every slot in force.
struct SlotTable: Sendable {
  var rules: [UInt32: SlotRules] = [:]
  /// The highest number installed so far. A lower one without rules is over; a higher one is yet to come.
  var highest: UInt32?
}

extension MemoryStore {
  /// Places that a check which needs room looks at: some 20 µs.
  static let scanBudget = 4096
  /// Places looked at in one go under a shard's lock: a few µs of somebody's wait.
  static let stretch = 256
  /// After a scan that found nothing, checks go to the overflow cell at once for so long: a flood of new keys pays for
  /// a scan only now and then.
  static let scanPause: Int64 = 1_000_000
  /// Keys that have spent from overflow cells, in all slots together: some 2 MB. At most a policy's limit of keys can
  /// spend at one instant, so nearly always all of them are remembered.
  public static let rememberedSpenders = 65_536
  /// A cell is forgotten only this long (nanoseconds) after it turned idle, since the clocks of workers, read once a
  /// turn, differ: one that lags must still find what it would have found.
  public static let grace: Int64 = 20_000_000

  /// Tells the store which counters are in force: `rules` replaces what was installed before. Call it before a check
  /// names a new slot. Cells of slots that are missing now go with the sweep.
  public func install(_ rules: [SlotRules]) {
    // A new dictionary, not the old one emptied: a scan on another thread may just have let go of that.
    var installed: [UInt32: SlotRules] = [:]
    for rule in rules { installed[rule.slot] = rule }
    slots.withLock { table in
      table.rules = installed
      for rule in rules { table.highest = max(table.highest ?? 0, rule.slot) }
    }
  }

  /// Removes idle cells, and those of retired slots: looks at up to `budget` places, from where the last call stopped.
  ///
  /// - Returns: How many cells it removed.
  @discardableResult
  public func sweep(budget: Int, now: Now) -> Int {
    let slots = slots.withLock { $0 }
    let found = scan(budget: budget, slots, now)
    sweeps.add(1)
    swept.add(found.cells)
    sweptAway.add(found.removed)
    if !overflow.isEmpty { sweepOverflow(slots, now) }
    return found.removed
  }

  /// Tries to make room for a new key.
  func makeRoom(now: Now) {
    guard now.monotonic >= nextScan.load(ordering: .relaxed) else { return }
    let slots = slots.withLock { $0 }
    let removed = scan(budget: Self.scanBudget, slots, now).removed
    guard removed == 0 else { return evicted.add(removed) }
    let next = now.monotonic.addingReportingOverflow(Self.scanPause)
    nextScan.store(next.overflow ? .max : next.partialValue, ordering: .relaxed)
  }

  /// What a scan came upon.
  private struct Found {
    /// Used places, those removed among them.
    var cells = 0
    var removed = 0
  }

  private func scan(budget: Int, _ slots: SlotTable, _ now: Now) -> Found {
    var left = budget
    var found = Found()
    var shardsDone = 0
    while left > 0, shardsDone <= shardCount {
      cursor.withLock { cursor in
        let shard = unsafe shard(cursor.shard)
        unsafe shard.pointee.lock()
        defer { unsafe shard.pointee.unlock() }
        let end = min(cursor.place + min(left, Self.stretch), unsafe shard.pointee.contents.table.capacity)
        left -= max(1, end - cursor.place)
        unsafe removeIdle(cursor.place..<max(cursor.place, end), of: &shard.pointee.contents, slots, now, &found)
        cursor.place = end
        if unsafe end >= shard.pointee.contents.table.capacity {
          unsafe shrink(&shard.pointee.contents)
          cursor.shard = (cursor.shard + 1) % shardCount
          cursor.place = 0
          shardsDone += 1
        }
      }
    }
    return found
  }

  private func removeIdle(
    _ places: Range<Int>, of shard: inout ShardContents, _ slots: SlotTable, _ now: Now, _ found: inout Found
  ) {
    var place = places.lowerBound
    while place < places.upperBound {
      if shard.table.isUsed(place) {
        found.cells += 1
        let number = shard.table.log(at: place)
        let log = number == LogPool.none ? nil : shard.logs[number]
        if isIdle(shard.table.slot(at: place), shard.table[place], log, slots, now) {
          removeCell(at: place, of: &shard)
          found.removed += 1
          continue  // another cell may have moved here
        }
      }
      place += 1
    }
  }

  private func shrink(_ shard: inout ShardContents) {
    let before = shard.table.bytes
    shard.table.shrink()
    if shard.table.bytes != before { bytes.add(shard.table.bytes - before) }
  }

  private func sweepOverflow(_ slots: SlotTable, _ now: Now) {
    overflow.lock()
    defer { overflow.unlock() }
    overflow.sweep { slot, cell, log in
      isIdle(slot, cell ?? .empty, log, slots, now)
    } release: { log in
      keys.add(1 - SlidingLog.units(forEntries: log.count))
      bytes.add(-log.bytes)
    }
  }

  private func isIdle(_ slot: UInt32, _ cell: Cell, _ log: Log?, _ slots: SlotTable, _ now: Now) -> Bool {
    guard let rules = slots.rules[slot] else { return slots.highest.map { slot <= $0 } ?? false }
    if now.monotonic >= rules.retiresAt { return true }
    let clock = now.clock(for: rules.slowest.algorithm).subtractingReportingOverflow(grace)
    guard !clock.overflow else { return false }
    if let log { return SlidingLog.isIdle(log, limit: rules.slowest, now: clock.partialValue) }
    return Limiter.isIdle(cell, limit: rules.slowest, now: clock.partialValue)
  }
}
