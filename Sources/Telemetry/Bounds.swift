// Bounds.swift: how much this room keeps or writes at most.

enum Bounds {
  /// Bytes of one value of a log line; what is longer is cut. Long enough for a path and a reason, short enough that a
  /// hostile file name cannot fill a disk.
  static let logValueBytes = 4096
  /// Strings of one list in a log line; what is beyond is counted.
  static let logListItems = 256
  /// Slots of the first segment of `DecisionCounters`; each further segment holds twice as many. A power of two.
  static let firstSegment = 64
  /// Segments of `DecisionCounters`: 64 x (2^20 - 1) slots, above any set of policies that fits into memory.
  static let segments = 20
}
