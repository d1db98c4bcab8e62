// KeySketch.swift: which keys were seen most, of any number of them, in memory for 32.
//
// The space-saving algorithm: each of 32 counters belongs to a key. A key that has one counts there; a key that has none
// takes over the counter with the least count, starts from that count plus one, and remembers it as the error it may
// hold. With N records in all and m counters, of any key:
//
//   count - error <= true count <= count; error <= N / m; whoever was seen more than N / m times has a counter.
//
// Source: Metwally, Agrawal, El Abbadi, "Efficient Computation of Frequent and Top-k Elements in Data Streams" (ICDT
// 2005). Left out is its list of buckets: a counter is found by eight bytes of fingerprints at once, and the least count
// by a cursor, since counts only grow: what the cursor has passed is above the least count, and one round of it serves
// up to 32 keys. So a record costs O(1) for keys that have a counter, and O(m) at worst for one that has none.
//
// A key is known by a 64-bit hash that the caller makes with a secret: whoever does not know it cannot make two keys
// look like one. Its bytes stand beside the counter up to a bound; of a longer key the beginning.

/// The heaviest keys of one stream. Takes its memory, `KeySketch.bytes`, with its first key, and never more.
@safe public struct KeySketch: ~Copyable {
  // SAFETY: `row` is nil or one initialised `Row` that only this value knows.
  private var row: UnsafeMutablePointer<Row>?

  /// m: how many keys it tells apart.
  public static let counters = Bounds.sketchCounters
  /// What a sketch that was used takes.
  public static let bytes = MemoryLayout<Row>.stride

  /// Plain memory, in one piece. Place i of every array belongs to counter i.
  private struct Row {
    /// Records so far: N.
    var total: UInt64 = 0
    /// No used counter is below it.
    var least: UInt64 = 0
    /// No used counter before it is at `least`.
    var cursor = 0
    var used = 0
    /// Eight a word, first in the lowest byte: seven bits of the hash, so that most counters need not be compared.
    var fingerprints = InlineArray<4, UInt64>(repeating: 0)
    var hashes = InlineArray<32, UInt64>(repeating: 0)
    var counts = InlineArray<32, UInt64>(repeating: 0)
    var errors = InlineArray<32, UInt64>(repeating: 0)
    var digests = InlineArray<32, Digest>(repeating: Digest(high: 0, low: 0))
    /// Of the whole key, whatever of it is kept.
    var lengths = InlineArray<32, UInt32>(repeating: 0)
    var keys = InlineArray<4096, UInt8>(repeating: 0)
  }

  /// What stands for a key in an answer: 128 bits that the caller makes.
  public struct Digest: Sendable, Equatable {
    public var high: UInt64
    public var low: UInt64

    public init(high: UInt64, low: UInt64) {
      self.high = high
      self.low = low
    }
  }

  public init() {
    unsafe row = nil
  }

  deinit {
    unsafe row?.deallocate()
  }

  /// Records so far.
  public var total: UInt64 { unsafe row?.pointee.total ?? 0 }

  // MARK: Recording

  /// Records a key that has a counter; false, and nothing done, where it has none. Allocates nothing.
  public func count(_ hash: UInt64) -> Bool {
    guard let row = unsafe row else { return false }
    let wanted = Self.spread(hash)
    for word in 0..<4 {
      var candidates = Self.zeroBytes(unsafe row.pointee.fingerprints[word] ^ wanted)
      while candidates != 0 {
        let place = word * 8 + candidates.trailingZeroBitCount / 8
        if unsafe row.pointee.hashes[place] == hash, unsafe place < row.pointee.used {
          unsafe row.pointee.counts[place] += 1
          unsafe row.pointee.total += 1
          return true
        }
        candidates &= candidates - 1
      }
    }
    return false
  }

  /// Records a key that has no counter: it gets a free one, else the least.
  ///
  /// - Parameters:
  ///   - hash: Of the key. `count` has just said false to it.
  ///   - key: Its bytes; what is beyond `Bounds.sketchKey` is not kept. Empty to keep none.
  ///   - digest: What stands for the key where its bytes cannot be shown whole.
  public mutating func insert(_ hash: UInt64, key: Span<UInt8>, digest: Digest = Digest(high: 0, low: 0)) {
    let row = unsafe row ?? addRow()
    let place = unsafe takePlace(&row.pointee)
    // `takePlace` left the count that the counter had, which is what this key may owe to others.
    unsafe row.pointee.errors[place] = row.pointee.counts[place]
    unsafe row.pointee.counts[place] += 1
    unsafe row.pointee.total += 1
    unsafe row.pointee.hashes[place] = hash
    unsafe row.pointee.digests[place] = digest
    unsafe row.pointee.lengths[place] = UInt32(clamping: key.count)
    let shift = UInt64(place & 7) * 8
    let word = unsafe row.pointee.fingerprints[place >> 3] & ~(0xff << shift)
    unsafe row.pointee.fingerprints[place >> 3] = word | (Self.spread(hash) & 0xff) << shift
    let kept = min(key.count, Bounds.sketchKey)
    unsafe key.withUnsafeBytes { source in
      unsafe withUnsafeMutableBytes(of: &row.pointee.keys) { keys in
        guard let from = source.baseAddress, let to = keys.baseAddress else { return }
        // SAFETY: `place` is below 32, and each place has `sketchKey` bytes of the 4096.
        unsafe (to + place * Bounds.sketchKey).copyMemory(from: from, byteCount: kept)
      }
    }
  }

  /// Forgets all records, and keeps the memory.
  public mutating func removeAll() {
    guard let row = unsafe row else { return }
    unsafe row.pointee.total = 0
    unsafe row.pointee.least = 0
    unsafe row.pointee.cursor = 0
    unsafe row.pointee.used = 0
  }

  private mutating func addRow() -> UnsafeMutablePointer<Row> {
    let row = UnsafeMutablePointer<Row>.allocate(capacity: 1)
    unsafe row.initialize(to: Row())
    unsafe self.row = unsafe row
    return unsafe row
  }

  /// A counter for a new key, with the count that it starts from.
  private func takePlace(_ row: inout Row) -> Int {
    if row.used < Self.counters {
      let place = row.used
      row.used += 1
      row.counts[place] = 0
      return place
    }
    while true {
      while row.cursor < Self.counters {
        let place = row.cursor
        row.cursor += 1
        if row.counts[place] == row.least { return place }
      }
      row.cursor = 0
      row.least = Self.smallest(row.counts)
    }
  }

  private static func smallest(_ counts: borrowing InlineArray<32, UInt64>) -> UInt64 {
    var least = UInt64.max
    for place in 0..<counters { least = min(least, counts[place]) }
    return least
  }

  /// Seven bits of the hash and a mark, in each byte.
  private static func spread(_ hash: UInt64) -> UInt64 { (hash >> 57 | 0x80) &* 0x0101_0101_0101_0101 }

  /// A high bit for each byte that is zero, and perhaps for some behind the first of them.
  private static func zeroBytes(_ word: UInt64) -> UInt64 {
    (word &- 0x0101_0101_0101_0101) & ~word & 0x8080_8080_8080_8080
  }

  // MARK: Reading

  /// What is known so far, as a value.
  public func snapshot() -> Snapshot {
    guard let row = unsafe row else { return Snapshot() }
    let used = unsafe row.pointee.used
    var snapshot = Snapshot(
      total: unsafe row.pointee.total,
      unseen: used < Self.counters ? 0 : Self.smallest(unsafe row.pointee.counts))
    snapshot.entries.reserveCapacity(used)
    for place in 0..<used {
      let length = unsafe Int(row.pointee.lengths[place])
      let start = snapshot.keys.count
      for byte in 0..<min(length, Bounds.sketchKey) {
        snapshot.keys.append(unsafe row.pointee.keys[place * Bounds.sketchKey + byte])
      }
      unsafe snapshot.entries.append(
        Snapshot.Entry(
          hash: row.pointee.hashes[place], count: row.pointee.counts[place], error: row.pointee.errors[place],
          digest: row.pointee.digests[place], length: length, bytes: start..<snapshot.keys.count))
    }
    return snapshot
  }

  /// What a sketch knew at one instant.
  public struct Snapshot: Sendable {
    public struct Entry: Sendable {
      public var hash: UInt64
      public var count: UInt64
      public var error: UInt64
      public var digest: Digest
      /// Bytes of the whole key; more than `bytes` holds where the key is cut.
      public var length: Int
      /// Where in `keys` its bytes are.
      public var bytes: Range<Int>
    }

    /// Records: N.
    public var total: UInt64 = 0
    /// The most that a key which is not among the entries was seen.
    public var unseen: UInt64 = 0
    public var entries: [Entry] = []
    /// The bytes of all keys, one behind the other.
    public var keys: [UInt8] = []

    public init() {}

    init(total: UInt64, unseen: UInt64) {
      self.total = total
      self.unseen = unseen
    }
  }
}
