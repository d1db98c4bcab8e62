// WorkerCounters.swift: the counters of one worker that are not decisions: one row, indexed by `WorkerCounter`.

/// One worker's counts. The worker's thread is the only writer; any thread may read.
public final class WorkerCounters: Sendable {
  private let row: CounterMemory

  public init() {
    row = .allocate(count: WorkerCounter.allCases.count)
  }

  deinit {
    row.free()
  }

  /// Counts `amount` more, 1 by default. The owner's thread only.
  public func add(_ counter: WorkerCounter, _ amount: UInt64 = 1) {
    row.add(amount, at: counter.rawValue)
  }

  /// Adds `amount`, which may be below zero, to what is no count but a sum. The owner's thread only.
  public func adjust(_ gauge: WorkerCounter, by amount: Int) {
    row.add(UInt64(bitPattern: Int64(amount)), at: gauge.rawValue)
  }

  /// Reads one count, from any thread.
  public func count(_ counter: WorkerCounter) -> UInt64 {
    row.load(counter.rawValue)
  }
}
