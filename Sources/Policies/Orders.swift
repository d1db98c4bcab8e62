// Orders.swift: the orders in force, as an immutable table by counter and key that is asked once a check.
//
// Open addressing at half load in two flat arrays, so that whoever lets go of a table last frees two blocks and not ten
// thousand keys. A mask of the slots that have orders sends nearly every other charge away before anything is hashed.
// Whose keys have orders is often a client's doing (somebody blocks whoever floods), so the hash has a seed that nobody
// outside knows.

import Limiting

/// The orders that checks obey. A change makes another table.
public struct Orders: Sendable {
  /// One order, and the counter and key that it is about.
  public struct Entry: Sendable {
    public var slot: UInt32
    /// The key's bytes, as a check has them.
    public var key: [UInt8]
    public var order: Order

    public init(slot: UInt32, key: [UInt8], order: Order) {
      self.slot = slot
      self.key = key
      self.order = order
    }
  }

  private struct Place: Sendable {
    var hash: UInt64 = 0
    var slot: UInt32 = 0
    var key = ArenaRange(start: 0, count: Orders.free)
    var order = Order(.block, until: .min)
  }

  /// How many orders it holds, ended ones included.
  public let count: Int
  /// Bit n: a slot whose number is n modulo 64 has an order.
  private let slots: UInt64
  private let seed: UInt64
  private let places: [Place]
  private let keys: [UInt8]

  /// The length that marks a free place.
  private static let free = -1

  public static let none = Orders([], seed: 0)

  public var isEmpty: Bool { slots == 0 }

  /// - Parameters:
  ///   - entries: At most one a slot and key; of two the later counts. What is beyond `OrderBounds.tableKeys` is left
  ///     out.
  ///   - seed: Secret.
  public init(_ entries: [Entry], seed: UInt64) {
    var capacity = 16
    while capacity < entries.count * 2 { capacity *= 2 }
    var places = entries.isEmpty ? [] : Array(repeating: Place(), count: capacity)
    var keys: [UInt8] = []
    var slots: UInt64 = 0
    var count = 0
    for entry in entries where keys.count + entry.key.count <= OrderBounds.tableKeys {
      let hash = Self.hash(entry.slot, entry.key.span, seed)
      let index = Self.index(hash, entry.slot, entry.key.span, places, keys.span)
      if places[index].key.count < 0 {
        places[index] = Place(
          hash: hash, slot: entry.slot, key: ArenaRange(start: keys.count, count: entry.key.count))
        keys += entry.key
        count += 1
      }
      places[index].order = entry.order
      slots |= Self.bit(entry.slot)
    }
    self.places = places
    self.keys = keys
    self.slots = slots
    self.seed = seed
    self.count = count
  }

  /// The order for one key, ended or not; nil where there is none.
  public func order(slot: UInt32, key: Span<UInt8>) -> Order? {
    guard slots & Self.bit(slot) != 0 else { return nil }
    let place = places[Self.index(Self.hash(slot, key, seed), slot, key, places, keys.span)]
    return place.key.count < 0 ? nil : place.order
  }

  /// Changes the charges of a check, once it is matched, to what is ordered for their keys: a grant raises the numbers,
  /// a block replaces them until it ends, also those of a key that an override of the policy exempts. A grant changes
  /// nothing where an override exempts or blocks.
  ///
  /// - Parameter unix: Nanoseconds since the Unix epoch. An order ends at its `until`.
  public func apply(to check: inout Check, at unix: Int64) {
    check.withCharges { charges, keys in apply(to: &charges, keys: keys, at: unix) }
  }

  /// The same for charges whose key offsets point into `keys`.
  public func apply(to charges: inout [Charge], keys: Span<UInt8>, at unix: Int64) {
    guard !isEmpty else { return }
    for index in charges.indices where charges[index].effect != .block {
      let start = Int(charges[index].keyStart)
      let key = keys.extracting(start..<start + Int(charges[index].keyCount))
      guard let order = order(slot: charges[index].slot, key: key), unix < order.until else { continue }
      switch order.kind {
      case .grant(let amount):
        guard charges[index].effect == .limit else { continue }
        charges[index].limit = Order.raise(charges[index].limit, by: amount)
      case .block:
        charges[index].effect = .block
        charges[index].blockedUntil = order.until
      }
    }
  }

  // MARK: The table

  private static func bit(_ slot: UInt32) -> UInt64 { 1 << UInt64(slot & 63) }

  private static func hash(_ slot: UInt32, _ key: Span<UInt8>, _ seed: UInt64) -> UInt64 {
    Bytes.hash(key, ArenaRange(start: 0, count: key.count), seed: seed ^ (UInt64(slot) &* 0xd6e8_feb8_6659_fd93))
  }

  /// The place of the key, or the free one where it would go. There is always a free one.
  private static func index(
    _ hash: UInt64, _ slot: UInt32, _ key: Span<UInt8>, _ places: [Place], _ keys: Span<UInt8>
  ) -> Int {
    let range = ArenaRange(start: 0, count: key.count)
    let mask = places.count - 1
    var index = Int(truncatingIfNeeded: hash) & mask
    while places[index].key.count >= 0 {
      if places[index].hash == hash, places[index].slot == slot, Bytes.equal(keys, places[index].key, key, range) {
        return index
      }
      index = (index + 1) & mask
    }
    return index
  }
}
