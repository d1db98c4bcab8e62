// CoreBenchmark.swift: nanoseconds per decision of the memory store, on one thread, without HTTP, matching or clocks.

import Limiting
import Policies
import Stores

enum CoreBenchmark {
  static let batch = 1_000_000
  static let rounds = 9

  /// One store's load: how many charges a check has, and over how many keys they are spread.
  struct Case {
    var name: String
    var algorithms: [Algorithm]
    var keys: Int
    /// Whether checks are allowed; else all but the first of each key are denied.
    var isAllowed = true
  }

  static let cases: [Case] =
    Algorithm.allCases.map { Case(name: "\($0.name), one key", algorithms: [$0], keys: 1) } + [
      Case(name: "token-bucket, denied", algorithms: [.tokenBucket], keys: 1, isAllowed: false),
      Case(name: "token-bucket, 1000 keys", algorithms: [.tokenBucket], keys: 1000),
      Case(name: "token-bucket, 1 000 000 keys", algorithms: [.tokenBucket], keys: 1_000_000),
      Case(name: "three policies, 1000 keys", algorithms: [.tokenBucket, .fixedWindow, .slidingWindow], keys: 1000),
    ]

  static func run() {
    print("\n| decision | median | best |\n|---|---:|---:|")
    for item in cases {
      let times = measure(item).sorted()
      print("| \(item.name) | \(decimal(times[times.count / 2])) ns | \(decimal(times[0])) ns |")
    }
    print("\nMedian and best of \(rounds) rounds of \(batch) checks, CPU time of one thread.")
  }

  /// Nanoseconds of CPU time per check, a figure a round.
  private static func measure(_ item: Case) -> [Double] {
    let store = MemoryStore(maximumKeys: 4_000_000)
    // Key number n is the eight bytes of n: no key is a prefix of another, as in the real ones.
    var bytes = [UInt8](repeating: 0, count: item.keys * 8)
    for index in 0..<item.keys {
      for byte in 0..<8 { bytes[index * 8 + byte] = UInt8(truncatingIfNeeded: index >> (8 * byte)) }
    }
    var charges = item.algorithms.enumerated().map { index, algorithm in
      charge(slot: UInt32(index), limit(algorithm, isAllowed: item.isAllowed))
    }
    store.install(charges.map { SlotRules(slot: $0.slot, slowest: $0.limit) })
    var now = Now(monotonic: 1_000_000_000_000, unix: 1_700_000_000_000_000_000)
    var key = 0
    func ask(_ count: Int) -> Int {
      var allowed = 0
      for _ in 0..<count {
        // A multiplier that is odd and not near a power of two: neighbouring checks touch distant cells.
        key = (key &+ 7_919) % item.keys
        for index in charges.indices { charges[index].keyStart = Int32(key * 8) }
        now.monotonic += 1000
        now.unix += 1000
        if store.decide(&charges, keys: bytes.span, now: now) { allowed += 1 }
      }
      return allowed
    }
    _ = ask(max(batch, item.keys * 2))
    return (0..<rounds).map { _ in
      let start = threadNanoseconds()
      let allowed = ask(batch)
      let elapsed = threadNanoseconds() - start
      guard item.isAllowed == (allowed > 0) else { stop("\(item.name): \(allowed) of \(batch) were allowed") }
      return Double(elapsed) / Double(batch)
    }
  }

  private static func charge(slot: UInt32, _ limit: Limit) -> Charge {
    Charge(
      policy: Int32(slot), slot: slot, keyStart: 0, keyCount: 8, effect: .limit, isShadow: false, limit: limit, cost: 1)
  }

  /// Numbers with which no check is denied, or nearly all are. A log remembers: its limit keeps it at a thousand entries.
  private static func limit(_ algorithm: Algorithm, isAllowed: Bool) -> Limit {
    guard isAllowed else { return Limit(algorithm: algorithm, limit: 1, period: Bounds.period.upperBound) }
    guard algorithm == .slidingLog else {
      return Limit(algorithm: algorithm, limit: 1_000_000_000, period: 1_000_000_000)
    }
    return Limit(algorithm: algorithm, limit: 2000, period: 1_000_000)
  }
}
