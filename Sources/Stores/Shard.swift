// Shard.swift: one part of the memory store: a lock, a table, and the logs of the cells that have one.

import Limiting
import Synchronization

/// The lock, and beside it what it guards: whoever changes the contents has no access to the lock's own bytes, on which
/// other threads wait.
struct Shard: ~Copyable {
  // First: an access to the contents is then at no address that the lock has.
  var contents = ShardContents()
  private let mutex = Mutex<Void>(())

  /// A check under several policies holds several shards at once, which `withLock` could only do by recursion.
  borrowing func lock() { mutex._unsafeLock() }
  borrowing func unlock() { mutex._unsafeUnlock() }
}

/// What only the holder of the shard's lock reads or writes.
struct ShardContents: ~Copyable {
  var table = CellTable()
  var logs = LogPool()
}

/// The sliding logs of one shard, by small numbers that fit beside a cell.
struct LogPool {
  /// By number - 1.
  private var logs: [Log?] = []
  private var free: [UInt32] = []

  /// The number that no log has.
  static let none: UInt32 = 0

  subscript(number: UInt32) -> Log {
    guard let log = logs[Int(number) - 1] else { preconditionFailure("a cell names a log that was removed") }
    return log
  }

  mutating func add(_ log: Log) -> UInt32 {
    if let number = free.popLast() {
      logs[Int(number) - 1] = log
      return number
    }
    logs.append(log)
    return UInt32(logs.count)
  }

  mutating func remove(_ number: UInt32) {
    logs[Int(number) - 1] = nil
    free.append(number)
  }
}
