// MasterChoice.swift: which of the addresses that sentinels name is the master's.
//
// Each failover has a number, the configuration epoch, and a sentinel that was away tells of an old one. So the highest
// epoch among what the sentinels say holds, and what was believed holds against anything older: the sentinel that told
// of it may be the one that does not answer. Only where more than half of the listed sentinels say something older
// (somebody has set them up anew, which begins at 0) is that believed. Pure.

/// The words of some sentinels, weighed.
struct MasterChoice {
  /// What one sentinel says.
  struct Word: Equatable, Sendable {
    var address: NodeAddress
    var epoch: Int64
  }

  /// By sentinel; nil for one that has not answered lately, or does not know the master.
  private var words: [Word?]
  /// What is believed; nil until a sentinel has said something.
  private(set) var current: Word?

  init(sentinels: Int) { words = Array(repeating: nil, count: sentinels) }

  /// Takes the newest word of a sentinel; nil takes back what it said.
  ///
  /// - Returns: Whether the master's address is another now.
  mutating func heard(_ word: Word?, from sentinel: Int) -> Bool {
    words[sentinel] = word
    let before = current?.address
    if let best = best() { current = best }
    return current?.address != before
  }

  /// What is to be believed; nil: as before.
  private func best() -> Word? {
    let said = words.compactMap { $0 }
    guard let epoch = said.map(\.epoch).max() else { return nil }
    if let current, epoch < current.epoch, said.count * 2 <= words.count { return nil }
    let newest = said.filter { $0.epoch == epoch }
    // Of two addresses in one epoch, one is told by a sentinel in the middle of a failover: the next second decides.
    return newest.first { $0.address == current?.address } ?? newest.first
  }
}
