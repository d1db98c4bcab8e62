// GrowthWatch.swift: from a counter of something that should not happen to two events: it has begun, it is over.

/// Watches one counter that only grows.
struct GrowthWatch {
  enum News: Equatable {
    case began
    /// By how much the counter grew meanwhile.
    case ended(UInt64)
  }

  /// Nanoseconds without growth after which it is over: what comes every few seconds is one trouble and not many.
  static let quiet: Int64 = 10 * Bounds.second

  private var count: UInt64 = 0
  /// While it happens: the count before it, and when it was last seen to grow.
  private var trouble: (before: UInt64, grewAt: Int64)?

  /// Looks at the counter, now and then.
  ///
  /// - Returns: What is to be told, once.
  mutating func look(at count: UInt64, now: Int64) -> News? {
    let before = self.count
    self.count = count
    if count > before {
      defer { trouble = (trouble?.before ?? before, now) }
      return trouble == nil ? .began : nil
    }
    guard let trouble, now - trouble.grewAt >= Self.quiet else { return nil }
    self.trouble = nil
    return .ended(count - trouble.before)
  }
}
