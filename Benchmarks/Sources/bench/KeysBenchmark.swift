// KeysBenchmark.swift: nanoseconds to record a decision's key, on one thread: what remembering who is limited adds to a
// check. Without and with hashing the key first, as for checks that the memory store was not asked for.

import Limiting
import Policies
import Stores
import Telemetry

enum KeysBenchmark {
  static let batch = 1_000_000
  static let rounds = 9
  static let keyBytes = 24

  static let cases: [(name: String, keys: @Sendable (Int) -> Int)] = [
    ("one key", { _ in 0 }),
    ("1000 keys, zipf", { zipf($0) }),
    ("1000 keys, uniform", { Int(mixed(UInt64($0)) % 1000) }),
    ("keys that are all new", { $0 }),
  ]

  static func run() {
    print("\n| record | median | best | with the hash: median | best |\n|---|---:|---:|---:|---:|")
    for (name, key) in cases {
      let columns = [false, true].map { hashes in
        let times = measure(hashes: hashes, key).sorted()
        return "\(decimal(times[times.count / 2])) ns | \(decimal(times[0])) ns"
      }
      print("| \(name) | \(columns[0]) | \(columns[1]) |")
    }
    print(
      "\nMedian and best of \(rounds) rounds of \(batch) records, CPU time of one thread; keys of \(keyBytes) bytes, "
        + "\(KeySketch.counters) counters, \(KeySketch.bytes) bytes a sketch.")
  }

  /// Nanoseconds of CPU time per record, a figure a round.
  private static func measure(hashes: Bool, _ key: (Int) -> Int) -> [Double] {
    let store = MemoryStore(maximumKeys: 1)
    let sketches = KeySketches(now: 0)
    sketches.reserve(slots: 1)
    let limit = Limit(algorithm: .tokenBucket, limit: 1, period: 1_000_000_000)
    var bytes = [UInt8](repeating: 0, count: batch * keyBytes)
    // Made before, so that only recording is measured.
    var charges: [Charge] = []
    for index in 0..<batch {
      let number = key(index)
      for byte in 0..<8 { bytes[index * keyBytes + byte] = UInt8(truncatingIfNeeded: number >> (8 * byte)) }
      var charge = Charge(
        policy: 0, slot: 0, keyStart: Int32(index * keyBytes), keyCount: Int32(keyBytes), effect: .limit,
        isShadow: false, limit: limit, cost: 1)
      if !hashes { charge.keyHash = store.keyHash(charge, keys: bytes.span) }
      charges.append(charge)
    }
    return (0..<rounds).map { _ in
      let start = threadNanoseconds()
      for index in 0..<batch {
        let hash = store.keyHash(charges[index], keys: bytes.span)
        if !sketches.count(.denied, slot: 0, hash: hash, now: 1) {
          let at = Int(charges[index].keyStart)
          sketches.insert(.denied, slot: 0, hash: hash, key: bytes.span.extracting(at..<at + keyBytes))
        }
      }
      return Double(threadNanoseconds() - start) / Double(batch)
    }
  }

  private static func mixed(_ number: UInt64) -> UInt64 {
    var mixed = number &+ 0x9e37_79b9_7f4a_7c15
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }

  /// Key k of 1000 with a probability of 1 / k.
  private static func zipf(_ index: Int) -> Int {
    let wanted = Double(mixed(UInt64(index)) >> 11) / Double(1 << 53) * sums[999]
    var (low, high) = (0, 999)
    while low < high {
      let middle = (low + high) / 2
      if sums[middle] < wanted { low = middle + 1 } else { high = middle }
    }
    return low
  }

  private static let sums: [Double] = (1...1000).reduce(into: []) { sums, rank in
    sums.append((sums.last ?? 0) + 1 / Double(rank))
  }
}
