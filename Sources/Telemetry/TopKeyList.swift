// TopKeyList.swift: several sketches (of workers, of generations) read as one.
//
// A key's count is the sum of its counts, and where a sketch has no counter for it, of the most that the key can have
// been seen there; its error likewise. So what holds for one sketch holds for the sum, with N the records of all:
// count - error <= true count <= count, error <= N / m, and whoever was seen more than N / m times is in the list.
//
// Source: Agarwal, Cormode, Huang, Phillips, Wei, Yi, "Mergeable Summaries" (PODS 2012), which cuts the sum back to m
// counters; here all are kept, since the number of sketches is small.

/// The heaviest keys of several sketches, the most seen first.
public struct TopKeyList: Sendable {
  public struct Entry: Sendable {
    /// At least the true count.
    public var count: UInt64
    /// `count` less this is at most the true count.
    public var error: UInt64
    public var digest: KeySketch.Digest
    /// The key's bytes, or its beginning.
    public var key: [UInt8]
    /// Whether `key` is only the beginning.
    public var isCut: Bool
  }

  /// Records of all sketches.
  public let total: UInt64
  public let entries: [Entry]

  public init(_ sketches: [KeySketch.Snapshot]) {
    var sums: [UInt64: Sum] = [:]
    for (number, sketch) in sketches.enumerated() {
      for (place, entry) in sketch.entries.enumerated() {
        sums[entry.hash, default: Sum(sketch: number, place: place)].add(entry, unseen: sketch.unseen)
      }
    }
    total = sketches.reduce(0) { $0 &+ $1.total }
    let unseen = sketches.reduce(0) { $0 &+ $1.unseen }
    let order = sums.sorted { Self.precedes($0, $1, unseen) }
    entries = order.map { _, sum in
      let sketch = sketches[sum.sketch]
      let entry = sketch.entries[sum.place]
      return Entry(
        count: sum.count &+ (unseen &- sum.seen), error: sum.error &+ (unseen &- sum.seen), digest: entry.digest,
        key: Array(sketch.keys[entry.bytes]), isCut: entry.length > entry.bytes.count)
    }
  }

  /// One key in the sketches that have a counter for it.
  private struct Sum {
    /// Where its bytes are.
    let sketch: Int
    let place: Int
    var count: UInt64 = 0
    var error: UInt64 = 0
    /// The sum of `unseen` of these sketches.
    var seen: UInt64 = 0

    init(sketch: Int, place: Int) {
      self.sketch = sketch
      self.place = place
    }

    mutating func add(_ entry: KeySketch.Snapshot.Entry, unseen: UInt64) {
      count &+= entry.count
      error &+= entry.error
      seen &+= unseen
    }
  }

  /// By count; of equal ones the surer first, then by hash, so that an order does not depend on the table's.
  private static func precedes(
    _ left: (key: UInt64, value: Sum), _ right: (key: UInt64, value: Sum), _ unseen: UInt64
  ) -> Bool {
    let (leftCount, rightCount) = (
      left.value.count &+ unseen &- left.value.seen, right.value.count &+ unseen &- right.value.seen
    )
    if leftCount != rightCount { return leftCount > rightCount }
    let (leftError, rightError) = (left.value.error &- left.value.seen, right.value.error &- right.value.seen)
    if leftError != rightError { return leftError &+ unseen < rightError &+ unseen }
    return left.key < right.key
  }
}
