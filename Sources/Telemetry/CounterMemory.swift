// CounterMemory.swift: a row of 64-bit counters with one writer and any number of readers.
//
// The owner adds with a relaxed load and a relaxed store: no lock, no locked instruction, since nobody else writes. A
// reader on another thread sees each counter whole, though not all of them at one instant, which is what a scrape of
// metrics needs. Rows begin on a cache line of their own, so that two workers never write to one line.

import Synchronization

/// Where the counters are. Not owned: whoever allocates a row frees it.
@safe struct CounterMemory: @unchecked Sendable {
  // SAFETY: unchecked, since pointers are not Sendable; all use of the memory is atomic.
  private typealias Cell = Atomic<UInt64>

  /// 64-byte lines on x86-64 and most ARM; two lines, since x86-64 fetches them in pairs.
  private static let alignment = 128

  private let cells: UnsafeMutablePointer<Atomic<UInt64>>
  let count: Int

  /// A row of `count` zeros.
  static func allocate(count: Int) -> CounterMemory {
    let bytes = (count * MemoryLayout<Cell>.stride + alignment - 1) / alignment * alignment
    // SAFETY: the memory is large enough and aligned for `count` cells, and every cell is initialised before use.
    let raw = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: alignment)
    let cells = unsafe raw.bindMemory(to: Cell.self, capacity: count)
    for index in 0..<count { unsafe (cells + index).initialize(to: Cell(0)) }
    return unsafe CounterMemory(cells: cells, count: count)
  }

  init(cells: UnsafeMutablePointer<Atomic<UInt64>>, count: Int) {
    unsafe self.cells = cells
    self.count = count
  }

  /// The first cell, to be handed to `init` later.
  var base: UnsafeMutablePointer<Atomic<UInt64>> { unsafe cells }

  /// Ends the row's life. Nobody may use it afterwards.
  func free() {
    // SAFETY: atomics of integers need no deinitialisation; the memory came from `allocate`.
    unsafe UnsafeMutableRawPointer(cells).deallocate()
  }

  /// Adds to one counter; wraps at 2^64. Only the row's one writer may call it.
  @inline(__always)
  func add(_ amount: UInt64, at index: Int) {
    #if !WEIR_WITHOUT_TELEMETRY  // built without it, weir is what `scripts/bench telemetry` measures against
      precondition(index >= 0 && index < count, "a counter outside its row")
      // SAFETY: the index is within the row.
      let value = unsafe cells[index].load(ordering: .relaxed)
      unsafe cells[index].store(value &+ amount, ordering: .relaxed)
    #endif
  }

  /// Reads one counter, from any thread.
  func load(_ index: Int) -> UInt64 {
    precondition(index >= 0 && index < count, "a counter outside its row")
    // SAFETY: the index is within the row.
    return unsafe cells[index].load(ordering: .relaxed)
  }
}
