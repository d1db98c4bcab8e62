// TagQueues.swift: which of a turn's tickets may share a call in a cluster: those of one key that want the same script.
//
// Tickets keep their order within a key. Chains through an array, so that a turn allocates nothing once it is warm.

struct TagQueues {
  private struct Tag: Hashable {
    var digest: KeyDigest
    var settles: Bool
  }

  /// The place of the last ticket so far.
  private var lasts: [Tag: Int] = [:]
  /// By ticket: the place of the next one of its chain, or -1.
  private var nexts: [Int] = []
  /// The place of each chain's first ticket, in the order of the tickets.
  private(set) var chains: [Int] = []

  /// Takes the tickets of a turn, in place of those before. One that asks where a slot is on its way to goes alone,
  /// since what lets it in holds for one call.
  mutating func fill(_ tickets: [Ticket]) {
    lasts.removeAll(keepingCapacity: true)
    nexts.removeAll(keepingCapacity: true)
    chains.removeAll(keepingCapacity: true)
    for (index, ticket) in tickets.enumerated() {
      nexts.append(-1)
      guard !ticket.isAsking else {
        chains.append(index)
        continue
      }
      let tag = Tag(digest: ticket.tag, settles: ticket.work.settles)
      if let last = lasts.updateValue(index, forKey: tag) { nexts[last] = index } else { chains.append(index) }
    }
  }

  /// The place of the next ticket in the chain of that at `index`; nil behind the last.
  func next(_ index: Int) -> Int? { nexts[index] < 0 ? nil : nexts[index] }
}
