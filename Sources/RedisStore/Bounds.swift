// Bounds.swift: every limit of this room, with its reason. Times are nanoseconds.

enum Bounds {
  static let second: Int64 = 1_000_000_000

  /// Charges that one script call holds, but for a check that has more by itself: Redis serves nobody else meanwhile,
  /// and 128 take it about half a millisecond.
  static let chargesPerCall = 128
  /// Calls without a reply beyond which a turn's checks wait for one, unless they fill a call: under load checks gather
  /// and cost Redis a third each; a lone check never waits.
  static let callsInFlight = 2
  /// Tickets that may wait, sent or not, a worker. Each belongs to a connection of its own, so it is hardly reached.
  static let tickets = 16_384

  /// How often a weir says that it lives.
  static let announceInterval: Int64 = 2 * second
  /// How long a sign of life counts.
  static let signOfLife: Int64 = 10 * second
  /// How long after a (re)connection the number of live weirs may only grow: a Redis that lost its data hears from all
  /// of them only within their next intervals.
  static let gathering: Int64 = 2 * announceInterval

  /// How long a state seen at a denial is believed, and how many a worker keeps (each 96 bytes).
  static let observedTime: Int64 = 5 * second
  static let observedStates = 8_192
}
