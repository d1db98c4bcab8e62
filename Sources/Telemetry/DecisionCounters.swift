// DecisionCounters.swift: what one worker decided, by policy.
//
// A worker has one of these and is its only writer. Slots are numbers that the owner gives to policies; a slot keeps
// its counts for the life of the process, so a reload never loses any. Memory comes in segments of 64, 128, 256 …
// slots that never move: a reader on another thread can be in the middle of one while the owner adds the next. A
// segment is published with a release store after it was zeroed, and read with an acquire load.

import Synchronization

/// The decisions of one worker: a count an outcome a slot.
@safe public final class DecisionCounters: @unchecked Sendable {
  // SAFETY: unchecked, since pointers are not Sendable. Readers meet the writer only in atomics, and a segment lives
  // as long as this object.

  /// What became of a check at one policy. The names are those of the metric's label `outcome`.
  public enum Outcome: Int, Sendable, CaseIterable {
    case allowed
    case denied
    /// A shadow policy would have denied; the check was not denied for it.
    case shadowDenied

    public var name: StaticString {
      switch self {
      case .allowed: "allowed"
      case .denied: "denied"
      case .shadowDenied: "shadow_denied"
      }
    }
  }

  /// Slots that can exist. Above it `reserve` and `record` stop the process.
  public static let maximumSlots = Bounds.firstSegment * (1 << Bounds.segments - 1)

  /// Four counters a slot, the outcomes and the degraded ones, so that a slot's counters share a cache line.
  private static let stride = 4
  private static let degradedOffset = 3

  private let segments: InlineArray<20, Atomic<UnsafeMutablePointer<Atomic<UInt64>>?>>

  /// - Parameter slots: How many slots to have memory for at once; more come with `reserve`.
  public init(slots: Int = 0) {
    unsafe segments = InlineArray { _ in unsafe Atomic<UnsafeMutablePointer<Atomic<UInt64>>?>(nil) }
    reserve(slots: slots)
  }

  deinit {
    for segment in 0..<Bounds.segments {
      row(segment)?.free()
    }
  }

  /// Makes room for slots 0 ..< `slots`, so that recording them allocates nothing. The owner calls it at a reload.
  public func reserve(slots: Int) {
    precondition(slots >= 0 && slots <= Self.maximumSlots, "more policies than slots for them")
    guard slots > 0 else { return }
    for segment in 0...Self.place(of: slots - 1).segment where row(segment) == nil {
      _ = addSegment(segment)
    }
  }

  /// Counts one outcome. The owner's thread only. A slot that was not reserved gets its memory here.
  public func record(_ outcome: Outcome, slot: Int) {
    add(slot, outcome.rawValue)
  }

  /// Counts a decision that a fallback made, besides its outcome. The owner's thread only.
  public func recordDegraded(slot: Int) { add(slot, Self.degradedOffset) }

  private func add(_ slot: Int, _ offset: Int) {
    precondition(slot >= 0 && slot < Self.maximumSlots, "more policies than slots for them")
    let place = Self.place(of: slot)
    let row = row(place.segment) ?? addSegment(place.segment)
    row.add(1, at: place.offset * Self.stride + offset)
  }

  /// Reads one count, from any thread; 0 for a slot that was never reserved.
  public func count(_ outcome: Outcome, slot: Int) -> UInt64 { load(slot, outcome.rawValue) }

  /// Reads how many decisions were degraded, from any thread.
  public func degraded(slot: Int) -> UInt64 { load(slot, Self.degradedOffset) }

  private func load(_ slot: Int, _ offset: Int) -> UInt64 {
    guard slot >= 0, slot < Self.maximumSlots else { return 0 }
    let place = Self.place(of: slot)
    return row(place.segment)?.load(place.offset * Self.stride + offset) ?? 0
  }

  /// Slot 0 is at segment 0, offset 0; segment k begins at slot 64 x (2^k - 1).
  private static func place(of slot: Int) -> (segment: Int, offset: Int) {
    let shifted = slot + Bounds.firstSegment
    let segment = (Int.bitWidth - 1 - shifted.leadingZeroBitCount) - Bounds.firstSegment.trailingZeroBitCount
    return (segment, shifted - Bounds.firstSegment << segment)
  }

  private static func counters(in segment: Int) -> Int { (Bounds.firstSegment << segment) * stride }

  private func row(_ segment: Int) -> CounterMemory? {
    guard let base = unsafe segments[segment].load(ordering: .acquiring) else { return nil }
    return unsafe CounterMemory(cells: base, count: Self.counters(in: segment))
  }

  private func addSegment(_ segment: Int) -> CounterMemory {
    let row = CounterMemory.allocate(count: Self.counters(in: segment))
    unsafe segments[segment].store(row.base, ordering: .releasing)
    return row
  }
}
