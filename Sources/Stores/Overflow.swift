// Overflow.swift: the cells that all new keys of a policy share once the bound is reached: one a slot, beside the bound,
// so that whoever invents keys gets at most one key's limit for all of them.
//
// Beside each stands who has spent from it. Such a key takes the cell's state along into a cell of its own, or it would
// have a second limit; every other key has spent nothing there, and starts empty as soon as there is room.

import Limiting
import Synchronization

/// Guarded by its own lock, taken after every shard's.
final class Overflow: @unchecked Sendable {
  private let mutex = Mutex<Void>(())
  private let held = Tally()
  /// SAFETY of the unchecked conformance: touched only between `lock` and `unlock`.
  private var cells: [UInt32: Cell] = [:]
  private var logs: [UInt32: Log] = [:]
  private var spenders: [UInt32: Spenders] = [:]
  /// Keys in all `spenders`; at most `MemoryStore.rememberedSpenders`.
  private var remembered = 0

  /// Who has spent from one slot's overflow cell.
  private struct Spenders {
    /// By the low half of a key's hash: how many of its charges are in the cell. One that reached the maximum stays there.
    var charges: [UInt64: UInt32] = [:]
    /// Whether it may have been anybody, since there were too many to remember.
    var isAnybody = false
  }

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
    if cell == nil {
      cells[slot] = nil
      forgetAll(in: slot)
    }
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
      forgetAll(in: slot)
      held.add(-1)
      release(log)
    }
  }

  // MARK: Spenders

  /// Whether `key` may have a charge in the overflow cell of `slot`.
  func isSpent(by key: UInt64, in slot: UInt32) -> Bool {
    guard let spenders = spenders[slot] else { return false }
    return spenders.isAnybody || spenders.charges[key] != nil
  }

  /// Remembers more charges of `key`. Where that is one key too many, the slot with most of them forgets whose they were,
  /// so that the policy that is flooded pays, and not one that a few keys met.
  func remember(_ charges: UInt32 = 1, of key: UInt64, in slot: UInt32) {
    if !isSpent(by: key, in: slot) {
      if remembered == MemoryStore.rememberedSpenders { forgetWhoseInLargest() }
      if spenders[slot]?.isAnybody != true { remembered += 1 }
    }
    guard spenders[slot]?.isAnybody != true else { return }
    let sum = (spenders[slot]?.charges[key] ?? 0).addingReportingOverflow(charges)
    spenders[slot, default: Spenders()].charges[key] = sum.overflow ? .max : sum.partialValue
  }

  /// Forgets one charge of `key`, which was taken out of the overflow cell.
  func forgetOne(of key: UInt64, in slot: UInt32) {
    guard let charges = spenders[slot]?.charges[key], charges < .max else { return }
    if charges > 1 { spenders[slot]?.charges[key] = charges - 1 } else { _ = forget(key, in: slot) }
  }

  /// Forgets `key`, whose own cell now says what it has spent.
  ///
  /// - Returns: How many charges it had; 0 where that is not known.
  func forget(_ key: UInt64, in slot: UInt32) -> UInt32 {
    guard let charges = spenders[slot]?.charges.removeValue(forKey: key) else { return 0 }
    remembered -= 1
    return charges
  }

  private func forgetAll(in slot: UInt32) {
    guard let gone = spenders.removeValue(forKey: slot) else { return }
    remembered -= gone.charges.count
  }

  private func forgetWhoseInLargest() {
    guard let largest = spenders.max(by: { $0.value.charges.count < $1.value.charges.count })?.key else { return }
    forgetAll(in: largest)
    spenders[largest] = Spenders(isAnybody: true)
  }
}
