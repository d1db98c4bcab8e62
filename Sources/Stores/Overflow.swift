// Overflow.swift: the cells that all new keys of a policy share once the bound is reached: one a slot, beside the bound,
// so that whoever invents keys gets at most one key's limit for all of them.

import Limiting
import Synchronization

/// Guarded by its own lock, taken after every shard's.
final class Overflow: @unchecked Sendable {
  private let mutex = Mutex<Void>(())
  private let held = Tally()
  /// SAFETY of the unchecked conformance: touched only between `lock` and `unlock`.
  private var cells: [UInt32: Cell] = [:]
  private var logs: [UInt32: Log] = [:]

  func lock() { mutex._unsafeLock() }
  func unlock() { mutex._unsafeUnlock() }

  /// Whether no slot has an overflow cell. Without the lock; a thread that used one before sees it.
  var isEmpty: Bool { held.current == 0 }

  /// The overflow cell of `slot`; nil where it has none.
  func cell(_ slot: UInt32) -> Cell? { cells[slot] }
  func log(_ slot: UInt32) -> Log? { logs[slot] }
  func holds(_ slot: UInt32) -> Bool { cells[slot] != nil || logs[slot] != nil }

  func set(_ cell: Cell?, for slot: UInt32) {
    let had = cells.updateValue(cell ?? .empty, forKey: slot) != nil
    if cell == nil { cells[slot] = nil }
    held.add((cell == nil ? 0 : 1) - (had ? 1 : 0))
  }

  func set(_ log: Log, for slot: UInt32) {
    if logs.updateValue(log, forKey: slot) == nil { held.add(1) }
  }

  /// Removes the overflow cells that `isIdle` says carry nothing; hands the logs among them to `release`.
  func sweep(isIdle: (UInt32, Cell?, Log?) -> Bool, release: (Log) -> Void) {
    for (slot, cell) in cells where isIdle(slot, cell, nil) { set(nil, for: slot) }
    for (slot, log) in logs where isIdle(slot, nil, log) {
      logs[slot] = nil
      held.add(-1)
      release(log)
    }
  }
}
