// StoreMetrics.swift: what a memory store says of itself. Read from any thread; each number is right, though they are
// not read at one instant.

import Synchronization

public struct StoreMetrics: Sendable, Equatable {
  /// What is held against the bound: a cell is one, a log one per 16 entries.
  public var keys: Int
  /// Allocated for cells and logs.
  public var bytes: Int
  /// Idle cells removed to make room for a new key since start; the timer's sweep does not count here.
  public var evicted: Int
  /// Decisions sent to an overflow cell since start.
  public var overflowed: Int
  /// The timer's sweeps since start, the cells they looked at, and those among them that they removed.
  public var sweeps: Int
  public var swept: Int
  public var sweptAway: Int
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
