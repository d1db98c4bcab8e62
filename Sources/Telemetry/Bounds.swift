// Bounds.swift: how much this room keeps or writes at most.

enum Bounds {
  /// Bytes of one value of a log line; what is longer is cut. Long enough for a path and a reason, short enough that a
  /// hostile file name cannot fill a disk.
  static let logValueBytes = 4096
  /// Strings of one list in a log line; what is beyond is counted.
  static let logListItems = 256
  /// Bytes that a pipe takes whole or not at all (PIPE_BUF of Linux).
  static let atomicLine = 4096
  /// Bytes of log lines that wait for their reader: a thousand lines, which is more than come in the second that a busy
  /// reader may need.
  static let waitingLines = 256 << 10
  /// Slots of the first segment of `DecisionCounters`; each further segment holds twice as many. A power of two.
  static let firstSegment = 64
  /// Segments of `DecisionCounters`: 64 x (2^20 - 1) slots, above any set of policies that fits into memory.
  static let segments = 20
  /// Counters of a `KeySketch`, each for one key: twenty keys can be shown surely, and they are searched in nanoseconds.
  /// The arrays of `KeySketch` have this size.
  static let sketchCounters = 32
  /// Bytes of a key that a counter keeps: an address, a name, most tokens. The arrays of `KeySketch` have this size.
  static let sketchKey = 128
  /// Policies whose keys one worker follows at a time: with four sketches of 5.5 kB each that is 2.9 MB a worker.
  static let sketchedPolicies = 128
  /// Nanoseconds of one generation of sketches: an answer speaks of the last two, which is 2.5 to 5 minutes.
  static let sketchGeneration: Int64 = 150_000_000_000
}
