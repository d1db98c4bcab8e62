// LineSampler.swift: which of many events get a line in the log: the first so many of each second, over all threads.
//
// One atomic word holds the second and the lines in it. Where the second is full, an event costs a load and an addition.
// Seconds are those of the caller's clock, so that across the edge of two of them twice as many lines can follow each
// other closely. Events without a line are counted, and the next line says how many they were.

import Synchronization

/// Lets through so many events a second. Any thread may ask.
public final class LineSampler: Sendable {
  private let perSecond: UInt64
  /// The second in the upper bits, the lines of it in the lower 20.
  private let window = Atomic<UInt64>(0)
  private let leftOut = Atomic<UInt64>(0)

  private static let lineBits: UInt64 = 20
  /// Nanoseconds.
  private static let second: Int64 = 1_000_000_000

  /// - Parameter perSecond: 1 to 1 000 000.
  public init(perSecond: Int) {
    precondition((1...1_000_000).contains(perSecond), "a number of lines that the window can count")
    self.perSecond = UInt64(perSecond)
  }

  /// Asks for a line.
  ///
  /// - Parameter now: Nanoseconds on the monotonic clock. A time before that of another thread counts as the other's.
  /// - Returns: How many events got none since the last line; nil where this one gets none either.
  public func take(at now: Int64) -> UInt64? {
    let second = UInt64(max(0, now) / Self.second)
    var seen = window.load(ordering: .relaxed)
    while true {
      let isNew = second > seen >> Self.lineBits
      let lines = isNew ? 0 : seen & (1 << Self.lineBits - 1)
      guard lines < perSecond else {
        leftOut.wrappingAdd(1, ordering: .relaxed)
        return nil
      }
      let next = isNew ? second << Self.lineBits | 1 : seen + 1
      let (isExchanged, original) = window.compareExchange(expected: seen, desired: next, ordering: .relaxed)
      if isExchanged { return leftOut.exchange(0, ordering: .relaxed) }
      seen = original
    }
  }

  /// A line that `take` granted could not be written: the next one tells of what it would have told, and of it.
  public func failed(_ told: UInt64) { leftOut.wrappingAdd(told &+ 1, ordering: .relaxed) }
}
