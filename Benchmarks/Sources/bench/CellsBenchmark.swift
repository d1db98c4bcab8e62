// CellsBenchmark.swift: nanoseconds per decision against how many keys there are, asked in random order: what the
// processor's caches and the page tables do to a table that outgrows them. One thread, without HTTP.

import Limiting
import Policies
import Stores

enum CellsBenchmark {
  static let batch = 1_000_000
  /// Above every count that is asked for, so that no check meets the overflow cell.
  static let maximumKeys = 12_000_000
  static let counts = 1...10_000_000

  /// Prints a line a measurement: the count of keys, and nanoseconds of CPU time per check. The counts take turns.
  static func run(counts: [Int], rounds: Int) {
    let tables = counts.map { Table(keys: $0) }
    for table in tables { _ = table.askRandomly(batch) }
    for _ in 0..<rounds {
      for table in tables {
        let start = threadNanoseconds()
        let allowed = table.askRandomly(batch)
        let elapsed = threadNanoseconds() - start
        guard allowed == batch else { stop("\(allowed) of \(batch) were allowed") }
        print(table.keys, decimal(Double(elapsed) / Double(batch)))
      }
    }
  }

  /// A store that holds a cell with information under each of its keys.
  private final class Table {
    let keys: Int
    private let store = MemoryStore(maximumKeys: CellsBenchmark.maximumKeys)
    private var now = Now(monotonic: 1_000_000_000_000, unix: 1_700_000_000_000_000_000)
    private var charges = [
      Charge(
        policy: 0, slot: 0, keyStart: 0, keyCount: 8, effect: .limit, isShadow: false,
        limit: Limit(algorithm: .tokenBucket, limit: 1, period: 1), cost: 1)
    ]

    init(keys: Int) {
      self.keys = keys
      // One token comes back in nine hours: no cell is without information, and none is exhausted.
      let limit = Limit(algorithm: .tokenBucket, limit: 1000, period: Bounds.period.upperBound, burst: 1_000_000_000)
      store.install([SlotRules(slot: 0, slowest: limit)])
      charges[0].limit = limit
      ask(keys) { number in number }
    }

    /// How many of so many checks of random keys were allowed.
    func askRandomly(_ count: Int) -> Int {
      var state: UInt64 = 7
      return ask(count) { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int((state >> 33) % UInt64(keys))
      }
    }

    /// How many of the checks number 0 to `count` were allowed; `key` says of which key each is.
    @discardableResult
    private func ask(_ count: Int, _ key: (Int) -> Int) -> Int {
      // Locals: what a property holds cannot be lent while the store is asked.
      var charges = charges
      var bytes = [UInt8](repeating: 0, count: 8)
      var now = now
      var allowed = 0
      for number in 0..<count {
        let key = key(number)
        for byte in 0..<8 { bytes[byte] = UInt8(truncatingIfNeeded: key >> (8 * byte)) }
        now.monotonic += 1000
        now.unix += 1000
        if store.decide(&charges, keys: bytes.span, now: now) { allowed += 1 }
      }
      self.now = now
      return allowed
    }
  }
}
