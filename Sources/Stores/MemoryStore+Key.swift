// MemoryStore+Key.swift: one key at a time, for whoever operates the process: what it has left, and forgetting what it
// has spent.
//
// A forgotten cell stays where it is, empty, until the sweep takes it: were it removed, a key of a full store would
// begin with what its policy's overflow cell has spent, and not with a full limit.

public import Limiting
import Policies

/// What one key may still do.
public struct KeyState: Sendable, Equatable {
  /// Where its counter is.
  public enum Place: Sendable {
    /// In a cell of its own.
    case own
    /// In its policy's overflow cell, with all other keys that found no room.
    case overflow
    /// Nowhere: nothing spent that is remembered.
    case none
  }

  public var place: Place
  /// What a check of cost 1 would get. One that would pass is not counted in: these are the numbers before it.
  public var decision: Decision
}

/// What became of a reset.
public enum KeyReset: Sendable {
  case forgotten
  /// The key has no counter.
  case nothing
  /// The key has no cell of its own and would be answered from its policy's overflow cell, which is never emptied for one
  /// key: all keys that found no room share its limit.
  case overflow
}

extension MemoryStore {
  /// Looks at one key. Consumes nothing and creates no cell.
  ///
  /// A sliding log in a store that is full may deny where this says that it allows: only spending shows whether there
  /// is room to remember it.
  ///
  /// - Parameters:
  ///   - limit: The numbers in force for the key.
  public func state(slot: UInt32, key: Span<UInt8>, limit: Limit, now: Now) -> KeyState {
    var charge = Charge(
      policy: 0, slot: slot, keyStart: 0, keyCount: Int32(key.count), effect: .limit, isShadow: false, limit: limit,
      cost: 1)
    let place = look(&charge, key, now)
    return KeyState(place: place, decision: charge.decision)
  }

  /// Forgets what one key has spent, at one instant between the checks that other threads decide.
  ///
  /// So each reset lets the key pass at most its capacity once more, whoever asks meanwhile: n resets, at one instant,
  /// at most n + 1 times its capacity. What a check that waits for Redis charged before the reset may be given back
  /// after it, to the counter that began anew.
  public func reset(slot: UInt32, key: Span<UInt8>) -> KeyReset {
    let hash = SipHash.hash(prefix: UInt64(slot), key, key: hashKey)
    let shard = unsafe shard(shardIndex(hash))
    unsafe shard.pointee.lock()
    defer { unsafe shard.pointee.unlock() }
    guard let place = unsafe shard.pointee.contents.table.find(hash) else {
      guard !overflow.isEmpty else { return .nothing }
      overflow.lock()
      defer { overflow.unlock() }
      return startsFromOverflow(slot, hash, true) ? .overflow : .nothing
    }
    let number = unsafe shard.pointee.contents.table.log(at: place)
    guard number == LogPool.none else {
      let log = unsafe shard.pointee.contents.logs[number]
      guard log.count > 0 else { return .nothing }
      change(log) { SlidingLog.clear($0) }
      return .forgotten
    }
    guard unsafe shard.pointee.contents.table[place].holdsAnything else { return .nothing }
    unsafe shard.pointee.contents.table[place] = .empty
    return .forgotten
  }
}

extension Cell {
  fileprivate var holdsAnything: Bool { amount > 0 || previous > 0 || remainder > 0 }
}
