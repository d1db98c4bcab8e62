// Bounds.swift: what this room holds at most, and why.

enum CheckBounds {
  /// Bytes of a check's arena that are kept for the next one: many times what an ordinary check takes.
  static let keptArena = 262_144
  /// Values of one attribute that are told apart in a key. A head of 64 KiB can list 32 000; sorting that many would
  /// cost milliseconds. A longer list counts as its text in the order it came.
  static let sortedValues = 1_024
}

enum ExplanationBounds {
  /// Characters of one value in a sentence: most paths stand whole, and a header of 64 KiB does not fill the screen.
  static let shownValue = 120
  /// Values or patterns that a sentence lists before it only counts them.
  static let shownItems = 8
}
