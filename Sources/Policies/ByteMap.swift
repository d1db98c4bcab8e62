// ByteMap.swift: the one look-up table of a policy set: (group, bytes) to a number. A group is whatever needs a table
// of its own: the edges of a trie node, the values of a condition, the names of domains. Filled once, then only read;
// open addressing at half load, so that a look-up that misses touches one or two entries.

struct ByteMap: Sendable {
  private struct Entry {
    var hash: UInt64
    var group: Int32
    /// -1 marks a free entry.
    var value: Int32
    var name: ArenaRange
  }

  private var entries: [Entry] = []
  private var used = 0
  private(set) var strings: [UInt8] = []

  /// Keeps a copy of `text` and says where it stands in `strings`.
  mutating func intern(_ text: some Collection<UInt8>) -> ArenaRange {
    let range = ArenaRange(start: strings.count, count: text.count)
    strings.append(contentsOf: text)
    return range
  }

  /// Sets the number of `name` in `group` (zero or more), whatever it was before.
  mutating func set(_ name: [UInt8], group: Int32, to value: Int32) {
    precondition(value >= 0, "negative numbers mark free entries")
    if (used + 1) * 2 > entries.count { grow() }
    let hash = Self.hash(name.span, ArenaRange(start: 0, count: name.count), group: group)
    let index = slot(of: name.span, ArenaRange(start: 0, count: name.count), group: group, hash: hash)
    if entries[index].value < 0 {
      entries[index] = Entry(hash: hash, group: group, value: value, name: intern(name))
      used += 1
    } else {
      entries[index].value = value
    }
  }

  /// The number of the bytes at `range` in `group`, or -1.
  func value(of bytes: Span<UInt8>, _ range: ArenaRange, group: Int32) -> Int32 {
    guard !entries.isEmpty else { return -1 }
    let hash = Self.hash(bytes, range, group: group)
    return entries[slot(of: bytes, range, group: group, hash: hash)].value
  }

  func value(of name: [UInt8], group: Int32) -> Int32 {
    value(of: name.span, ArenaRange(start: 0, count: name.count), group: group)
  }

  /// The entry that holds the name, or the free one where it would go.
  private func slot(of bytes: Span<UInt8>, _ range: ArenaRange, group: Int32, hash: UInt64) -> Int {
    let mask = entries.count - 1
    var index = Int(truncatingIfNeeded: hash) & mask
    while entries[index].value >= 0 {
      if entries[index].hash == hash, entries[index].group == group,
        Bytes.equal(strings.span, entries[index].name, bytes, range)
      {
        return index
      }
      index = (index + 1) & mask
    }
    return index
  }

  private mutating func grow() {
    let old = entries
    let free = Entry(hash: 0, group: 0, value: -1, name: ArenaRange(start: 0, count: 0))
    entries = Array(repeating: free, count: max(16, old.count * 2))
    let mask = entries.count - 1
    for entry in old where entry.value >= 0 {
      var index = Int(truncatingIfNeeded: entry.hash) & mask
      while entries[index].value >= 0 { index = (index + 1) & mask }
      entries[index] = entry
    }
  }

  private static func hash(_ bytes: Span<UInt8>, _ range: ArenaRange, group: Int32) -> UInt64 {
    Bytes.hash(bytes, range, seed: UInt64(UInt32(bitPattern: group)) &* 0xd6e8_feb8_6659_fd93)
  }
}
