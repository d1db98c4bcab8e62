// SlotMap.swift: which master of a Redis Cluster serves which slot, as one node told it. A value: another map takes its
// place, nobody changes it under a reader.
//
// The owner of a slot is kept as the place of its address in a list, so that a worker can keep what it has for each
// node in an array beside it. A map may have holes: slots that nobody serves, or whose server has no address that we
// know. SlotMap+Reply.swift reads maps out of replies.

/// The owners of all slots.
public struct SlotMap: Sendable {
  /// The masters that own slots, each once, by the first slot that each owned when the map was read. A master to which
  /// `move` has given a first slot stands at the end; one that it has taken the last from stays.
  public private(set) var masters: [NodeAddress] = []
  /// The other nodes that were told of: replicas, and masters without slots. Somebody to ask when the masters are away.
  public private(set) var others: [NodeAddress] = []
  /// For each slot the place of its owner in `masters`; `nobody` for a hole.
  private var owners = [UInt16](repeating: Self.nobody, count: HashSlot.count)

  private static let nobody = UInt16.max

  /// A map without any owner.
  public init() {}

  /// - Parameters:
  ///   - ranges: Slots and their owners. Where two ranges overlap, the later one has the slot: whichever node that is,
  ///     it says MOVED if it is the wrong one.
  ///   - others: Duplicates and masters with slots are left out.
  init(_ ranges: [(slots: ClosedRange<UInt16>, owner: NodeAddress)], others: [NodeAddress] = []) {
    var places: [NodeAddress: UInt16] = [:]
    var nodes: [NodeAddress] = []
    for (slots, owner) in ranges {
      let place = places[owner] ?? UInt16(nodes.count)
      if place == nodes.count {
        places[owner] = place
        nodes.append(owner)
      }
      for slot in slots { owners[Int(slot)] = place }
    }
    // By the first slot, without those that a later range has taken everything from.
    var renumbered = [UInt16](repeating: Self.nobody, count: nodes.count)
    for slot in owners.indices where owners[slot] != Self.nobody {
      let place = Int(owners[slot])
      if renumbered[place] == Self.nobody {
        renumbered[place] = UInt16(masters.count)
        masters.append(nodes[place])
      }
      owners[slot] = renumbered[place]
    }
    var seen = Set(masters)
    self.others = others.filter { seen.insert($0).inserted }
  }

  /// The place in `masters` of a slot's owner; nil where nobody owns it. `slot` is below 16384.
  func place(of slot: UInt16) -> Int? {
    let place = owners[Int(slot)]
    return place == Self.nobody ? nil : Int(place)
  }

  /// The owner of a slot below 16384; nil where nobody owns it.
  public func owner(of slot: UInt16) -> NodeAddress? { place(of: slot).map { masters[$0] } }

  /// Slots with an owner.
  public var covered: Int { owners.count { $0 != Self.nobody } }

  /// Gives a slot below 16384 to `node`, as MOVED tells.
  ///
  /// - Returns: Whether that is news. Not done for a master beyond `Bounds.clusterNodes`.
  mutating func move(_ slot: UInt16, to node: NodeAddress) -> Bool {
    guard owner(of: slot) != node else { return false }
    if let place = masters.firstIndex(of: node) {
      owners[Int(slot)] = UInt16(place)
      return true
    }
    guard masters.count < Bounds.clusterNodes else { return false }
    owners[Int(slot)] = UInt16(masters.count)
    masters.append(node)
    others.removeAll { $0 == node }
    return true
  }
}

extension SlotMap: Equatable {
  /// Whether each slot has the same owner, and the same others are known. The order of lists does not count, nor does a
  /// master whose last slot was moved away.
  public static func == (left: SlotMap, right: SlotMap) -> Bool {
    let places = Dictionary(right.masters.enumerated().map { ($1, UInt16($0)) }) { first, _ in first }
    let there = left.masters.map { places[$0] }
    for slot in left.owners.indices {
      // A master that the other map does not know owns nothing there.
      let owner = left.owners[slot] == nobody ? nobody : there[Int(left.owners[slot])]
      if owner != right.owners[slot] { return false }
    }
    return Set(left.others) == Set(right.others)
  }
}
