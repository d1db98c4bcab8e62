// CellTable.swift: the cells of one shard: open addressing with linear probing, 56 bytes a place.
//
// A cell's home is its hash scaled to the capacity, so the capacity can be any number and grow by 1.3 instead of
// doubling: at most 85 % and at least 65 % full while growing, which is at most 86 bytes a key. Removal shifts the
// cells behind it back, so there are no tombstones and a table that was full once is as fast as a new one.
//
// Not thread-safe: its shard's lock guards it.

import Limiting

@safe struct CellTable: ~Copyable {
  struct Entry {
    var hash: KeyHash
    var cell: Cell
    var slot: UInt32
    /// The number of a sliding log in the shard's `LogPool`; else `LogPool.none`.
    var log: UInt32
  }

  private var places: UnsafeMutablePointer<Entry>?
  private(set) var capacity = 0
  private(set) var count = 0

  /// Marks a free place; no counter identity has this number.
  static let free = UInt32.max
  static let smallestCapacity = 8

  init() {
    unsafe places = nil
  }

  deinit {
    unsafe places?.deallocate()
  }

  var bytes: Int { capacity * MemoryLayout<Entry>.stride }

  /// The place of the cell named `hash`; nil if there is none. O(1) expected.
  func find(_ hash: KeyHash) -> Int? {
    guard let places = unsafe places else { return nil }
    var place = home(of: hash)
    while true {
      let entry = unsafe places + place
      if unsafe entry.pointee.slot == Self.free { return nil }
      if unsafe entry.pointee.hash == hash { return place }
      place = next(place)
    }
  }

  /// Adds a cell whose hash is not in the table. Moves other cells: places found before are void.
  mutating func insert(_ entry: Entry) {
    if (count + 1) * 20 > capacity * 17 { resize(to: max(Self.smallestCapacity, capacity * 13 / 10 + 1)) }
    place(entry)
  }

  /// Removes the cell at `place`. Moves other cells: places found before are void, and `place` may hold another cell.
  mutating func remove(at place: Int) {
    guard let places = unsafe places else { return }
    var hole = place
    var cursor = next(place)
    while unsafe places[cursor].slot != Self.free {
      let home = unsafe home(of: places[cursor].hash)
      let staysBehindHole = hole <= cursor ? home > hole && home <= cursor : home > hole || home <= cursor
      if !staysBehindHole {
        unsafe places[hole] = unsafe places[cursor]
        hole = cursor
      }
      cursor = next(cursor)
    }
    unsafe places[hole].slot = Self.free
    count -= 1
  }

  /// Gives memory back where less than a quarter of the places is used.
  mutating func shrink() {
    guard capacity > 8 * Self.smallestCapacity, count * 4 < capacity else { return }
    resize(to: max(Self.smallestCapacity, count * 3 / 2 + 1))
  }

  /// Whether `place`, below `capacity`, holds a cell.
  func isUsed(_ place: Int) -> Bool { slot(at: place) != Self.free }
  func slot(at place: Int) -> UInt32 { unsafe entry(place).pointee.slot }
  func log(at place: Int) -> UInt32 { unsafe entry(place).pointee.log }

  /// The state of the cell at `place`.
  subscript(place: Int) -> Cell {
    get { unsafe entry(place).pointee.cell }
    nonmutating set { unsafe entry(place).pointee.cell = newValue }
  }

  // MARK: Places

  private func entry(_ place: Int) -> UnsafeMutablePointer<Entry> {
    guard let places = unsafe places, place >= 0, place < capacity else {
      preconditionFailure("no such place in the table")
    }
    return unsafe places + place
  }

  private func home(of hash: KeyHash) -> Int {
    Int(truncatingIfNeeded: hash.low.multipliedFullWidth(by: UInt64(truncatingIfNeeded: capacity)).high)
  }

  private func next(_ place: Int) -> Int {
    place + 1 == capacity ? 0 : place + 1
  }

  /// Puts `entry` into the first free place from its home on; there is one.
  private mutating func place(_ entry: Entry) {
    guard let places = unsafe places else { return }
    var place = home(of: entry.hash)
    while unsafe places[place].slot != Self.free { place = next(place) }
    unsafe places[place] = entry
    count += 1
  }

  private mutating func resize(to newCapacity: Int) {
    let old = unsafe places
    let oldCapacity = capacity
    // SAFETY: `Entry` is trivial; every place is initialised here, before anything reads it.
    let fresh = UnsafeMutablePointer<Entry>.allocate(capacity: newCapacity)
    let nothing = Entry(hash: KeyHash(low: 0, high: 0), cell: .empty, slot: Self.free, log: 0)
    unsafe fresh.initialize(repeating: nothing, count: newCapacity)
    unsafe places = unsafe fresh
    capacity = newCapacity
    count = 0
    guard let old = unsafe old else { return }
    for index in 0..<oldCapacity where unsafe old[index].slot != Self.free { unsafe place(old[index]) }
    unsafe old.deallocate()
  }
}
