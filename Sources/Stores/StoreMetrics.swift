// StoreMetrics.swift: what a memory store says of itself. Read from any thread; each number is right, the four are not
// read at one instant.

import Synchronization

public struct StoreMetrics: Sendable, Equatable {
  /// What is held against the bound: a cell is one, a log one per 16 entries.
  public var keys: Int
  /// Allocated for cells and logs.
  public var bytes: Int
  /// Idle cells removed to make room since start; the timer's sweep does not count here.
  public var evicted: Int
  /// Decisions sent to an overflow cell since start.
  public var overflowed: Int

  public init(keys: Int, bytes: Int, evicted: Int, overflowed: Int) {
    self.keys = keys
    self.bytes = bytes
    self.evicted = evicted
    self.overflowed = overflowed
  }
}

/// A number that many threads add to and whose sum is all that counts.
struct Tally: ~Copyable, Sendable {
  private let value = Atomic<Int>(0)

  var current: Int { value.load(ordering: .relaxed) }

  borrowing func add(_ amount: Int) { value.wrappingAdd(amount, ordering: .relaxed) }

  /// Adds `amount` unless the sum would pass `bound`; says whether it did.
  borrowing func add(_ amount: Int, upTo bound: Int) -> Bool {
    var seen = current
    while seen <= bound - amount {
      let (exchanged, original) = value.compareExchange(
        expected: seen, desired: seen + amount, ordering: .relaxed)
      if exchanged { return true }
      seen = original
    }
    return false
  }
}
