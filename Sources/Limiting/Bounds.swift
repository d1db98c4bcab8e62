// Bounds.swift: the ranges of every number that this room computes with. Whoever takes a number from outside checks it
// against these first; inside them no product below overflows 128 bits and no sum overflows 64.

public enum Bounds {
  /// Tokens or requests per period, and the burst of a token bucket.
  public static let limit: ClosedRange<Int64> = 1...1_000_000_000
  /// A sliding log remembers each admission, so its limit is smaller: 10^5 entries are 1.8 MB for one key.
  public static let logLimit: ClosedRange<Int64> = 1...100_000
  /// Nanoseconds: 1 ms to 366 days.
  public static let period: ClosedRange<Int64> = 1_000_000...(366 * 86_400 * 1_000_000_000)
  /// How far ahead of `now` a key's state is believed: a period, and at least 10 s. Threads read the clock once a turn,
  /// so one's `now` may lie well behind what another has just written, and that is no reason to count anew. A state
  /// further ahead comes from a clock that has stepped back; it is re-based to `now`, so that nobody is locked out for
  /// much longer than a period.
  static func believedAhead(_ period: Int64) -> Int64 { max(period, 10_000_000_000) }

  /// What a policy may charge for one check.
  public static let policyCost: ClosedRange<Int64> = 1...1_000_000
  /// What the caller of the JSON form may multiply it by. 0 looks without spending.
  public static let checkCost: ClosedRange<Int64> = 0...1_000_000_000
}
