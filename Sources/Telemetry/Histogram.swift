// Histogram.swift: how long something took, in fixed buckets from 1 µs to 1 s, each about 2.5 times the one before.
//
// A worker has one of these and is its only writer. A bucket counts only what falls into it; the running sums that
// Prometheus wants are made when the text is written. The count is the sum of the buckets and is not kept, so that it
// can never disagree with them.

/// Durations that one worker observed. The worker's thread is the only writer; any thread may read.
public final class Histogram: Sendable {
  /// Upper ends of the buckets in nanoseconds, each included in its bucket. One more bucket holds what is longer.
  public static let bounds: [UInt64] = [
    1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
    10_000_000, 25_000_000, 50_000_000, 100_000_000, 250_000_000, 500_000_000, 1_000_000_000,
  ]
  /// `bounds` in seconds, as OpenMetrics wants floats; Prometheus' own text takes any, so both forms name one series.
  static let boundTexts = [
    "1e-06", "2.5e-06", "5e-06", "1e-05", "2.5e-05", "5e-05", "0.0001", "0.00025", "0.0005", "0.001", "0.0025",
    "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1.0",
  ]
  /// `bounds` as sizes.
  static let sizeTexts = [
    "1.0", "2.5", "5.0", "10.0", "25.0", "50.0", "100.0", "250.0", "500.0", "1000.0", "2500.0", "5000.0", "10000.0",
    "25000.0", "50000.0", "100000.0", "250000.0", "500000.0", "1e+06",
  ]

  /// One bucket a bound and one for what is longer than all of them.
  private static let buckets = 20
  private static let sumIndex = buckets

  /// The buckets, the last one for what is above every bound; then the sum in nanoseconds.
  private let row: CounterMemory

  public init() {
    row = .allocate(count: Self.sumIndex + 1)
  }

  deinit {
    row.free()
  }

  /// Counts a duration, once or as often as it was observed. The owner's thread only. Below 0 (a clock stepped) it
  /// counts as 0.
  public func observe(nanoseconds: Int64, times: Int = 1) {
    let duration = UInt64(max(0, nanoseconds))
    let times = UInt64(max(0, times))
    row.add(times, at: Self.bucket(of: duration))
    row.add(duration &* times, at: Self.sumIndex)
  }

  /// Counts one size, in a histogram that holds nothing but sizes: n stands in it as n microseconds, so that the buckets
  /// are 1, 2.5, 5, 10 … and `MetricsText.sizes` shows them so. The owner's thread only.
  public func observe(size: Int) {
    observe(nanoseconds: Int64(clamping: max(0, size)).multipliedReportingOverflow(by: Self.sizeUnit).partialValue)
  }

  static let sizeUnit: Int64 = 1_000

  /// What was observed so far, from any thread. The sum may lag the buckets by an observation in progress.
  public func snapshot() -> Snapshot {
    Snapshot(buckets: (0..<Self.buckets).map { row.load($0) }, sum: row.load(Self.sumIndex))
  }

  /// Which bucket holds `duration`: the first whose bound is not below it. Goes through the decades, three bounds
  /// each, so that the common short durations are found first and no table is read.
  static func bucket(of duration: UInt64) -> Int {
    var unit: UInt64 = 1_000
    var index = 0
    while index < buckets - 2 {
      if duration <= unit { return index }
      if duration <= unit * 5 / 2 { return index + 1 }
      if duration <= unit * 5 { return index + 2 }
      unit *= 10
      index += 3
    }
    return duration <= unit ? index : index + 1
  }

  /// What one or several workers observed.
  public struct Snapshot: Sendable, Equatable {
    /// Observations a bucket, in the order of `bounds`, then those above all.
    public var buckets: [UInt64]
    /// Nanoseconds, of all observations together; wraps after 584 years of them.
    public var sum: UInt64

    /// Nothing observed.
    public static let empty = Snapshot(buckets: [UInt64](repeating: 0, count: Histogram.buckets), sum: 0)

    public var count: UInt64 { buckets.reduce(0, &+) }

    /// Adds what another worker observed.
    public mutating func merge(_ other: Snapshot) {
      for index in buckets.indices { buckets[index] &+= other.buckets[index] }
      sum &+= other.sum
    }
  }
}
