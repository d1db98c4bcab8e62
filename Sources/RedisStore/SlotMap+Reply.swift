// SlotMap+Reply.swift: the map out of what a node answers to CLUSTER SHARDS or, before Redis 7, to CLUSTER SLOTS.
//
//   SHARDS  [{slots: [first, last, …], nodes: [{endpoint, ip, port, tls-port, role, health, …}, …]}, …]
//           a map in braces is an array of names and values, in any order; names that we do not know are passed over
//   SLOTS   [[first, last, [endpoint, port, id, [name, value, …]], …], …]   the master first, then its replicas
//
// An endpoint that is null or empty is the host that was asked; `?` says that the node has no name, and its `ip` stands
// in. The port of SLOTS is the one for the connection's own kind; SHARDS tells both. A master that has no usable
// address, or a shard without a master, leaves a hole. Where a shard names several masters, as during a failover, the
// first that is `online` counts, else the first.
//
// Sources: the pages of both commands in the Redis documentation; what Redis 7.0 answers.

extension SlotMap {
  /// A reply that no node of a cluster gives, and what is wrong with it.
  struct Malformed: Error, Equatable {
    let text: String

    init(_ text: String) { self.text = text }
  }

  /// Reads a reply to CLUSTER SHARDS.
  ///
  /// - Parameters:
  ///   - asked: The node that gave it, as we call it.
  ///   - hasTLS: Whether we want the ports for TLS.
  static func shards(_ reply: Reply, from asked: NodeAddress, hasTLS: Bool) throws(Malformed) -> SlotMap {
    guard case .array = reply.kind else { throw Malformed("no list of shards") }
    var listed = Listed()
    try reply.visitElements { shard throws(Malformed) in
      var slots: [ClosedRange<UInt16>] = []
      var nodes: [ShardNode] = []
      try shard.visitPairs { name, value throws(Malformed) in
        switch name {
        case "slots": slots = try value.slotRanges()
        case "nodes":
          nodes = []
          guard case .array = value.kind else { throw Malformed("nodes that are no list") }
          try value.visitElements { node throws(Malformed) in
            nodes.append(try ShardNode(node, from: asked, hasTLS: hasTLS))
          }
        default: break
        }
      }
      let masters = nodes.indices.filter { nodes[$0].isMaster }
      let master = masters.first { nodes[$0].isOnline } ?? masters.first
      for range in slots { listed.add(range, master.flatMap { nodes[$0].address }) }
      for (place, node) in nodes.enumerated() where place != master || slots.isEmpty { listed.add(other: node.address) }
    }
    return try listed.map()
  }

  /// Reads a reply to CLUSTER SLOTS.
  ///
  /// - Parameter asked: The node that gave it, as we call it.
  static func slots(_ reply: Reply, from asked: NodeAddress) throws(Malformed) -> SlotMap {
    guard case .array = reply.kind else { throw Malformed("no list of slots") }
    var listed = Listed()
    try reply.visitElements { entry throws(Malformed) in
      guard case .array(let count) = entry.kind, count >= 2 else { throw Malformed("slots without their nodes") }
      var ends: [Int64] = []
      var nodes: [NodeAddress?] = []
      try entry.visitElements { element throws(Malformed) in
        if ends.count < 2 {
          guard case .integer(let end) = element.kind else { throw Malformed("slots that are no numbers") }
          ends.append(end)
        } else {
          nodes.append(try element.slotsNode(from: asked))
        }
      }
      listed.add(try range(ends[0], ends[1]), nodes.first ?? nil)
      for node in nodes.dropFirst() { listed.add(other: node) }
    }
    return try listed.map()
  }

  fileprivate static func range(_ first: Int64, _ last: Int64) throws(Malformed) -> ClosedRange<UInt16> {
    guard first >= 0, first <= last, last < HashSlot.count else { throw Malformed("slots \(first) to \(last)") }
    return UInt16(first)...UInt16(last)
  }
}

/// What a reply has told so far.
private struct Listed {
  private var ranges: [(slots: ClosedRange<UInt16>, owner: NodeAddress)] = []
  private var others: [NodeAddress] = []
  private var known: Set<NodeAddress> = []

  mutating func add(_ slots: ClosedRange<UInt16>, _ owner: NodeAddress?) {
    guard let owner else { return }
    ranges.append((slots, owner))
    known.insert(owner)
  }

  mutating func add(other: NodeAddress?) {
    guard let other else { return }
    others.append(other)
    known.insert(other)
  }

  func map() throws(SlotMap.Malformed) -> SlotMap {
    guard known.count <= Bounds.clusterNodes else { throw SlotMap.Malformed("more than \(Bounds.clusterNodes) nodes") }
    return SlotMap(ranges, others: others)
  }
}

/// A node of a shard.
private struct ShardNode {
  var address: NodeAddress?
  var isMaster = false
  var isOnline = false

  init(_ reply: Reply, from asked: NodeAddress, hasTLS: Bool) throws(SlotMap.Malformed) {
    var endpoint: String?
    var ip: String?
    var port: Int64 = 0
    try reply.visitPairs { name, value throws(SlotMap.Malformed) in
      switch name {
      case "endpoint": endpoint = try value.name()
      case "ip": ip = try value.name()
      case "port" where !hasTLS, "tls-port" where hasTLS: port = try value.port()
      case "role": isMaster = try value.name() == "master"
      case "health": isOnline = try value.name() == "online"
      default: break
      }
    }
    address = NodeAddress(told: endpoint == "?" ? ip : endpoint, port: port, by: asked)
  }
}

extension Reply {
  /// Calls `body` with each name and value of a map.
  fileprivate func visitPairs(
    _ body: (String, Reply) throws(SlotMap.Malformed) -> Void
  ) throws(SlotMap.Malformed) {
    guard case .array(let count) = kind, count % 2 == 0 else { throw SlotMap.Malformed("no names and values") }
    var name: String?
    try visitElements { element throws(SlotMap.Malformed) in
      if let named = name {
        name = nil
        try body(named, element)
      } else {
        guard let text = try element.name() else { throw SlotMap.Malformed("a value without a name") }
        name = text
      }
    }
  }

  /// A text, or nil for a null. `?`, which says that there is no name, where it is too long for one or no UTF-8.
  fileprivate func name() throws(SlotMap.Malformed) -> String? {
    switch kind {
    case .nil: return nil
    case .string, .status:
      return withBytes { bytes in
        guard bytes.count <= Bounds.hostName else { return "?" }
        return unsafe bytes.withUnsafeBufferPointer { unsafe String(validating: $0, as: UTF8.self) } ?? "?"
      }
    case .integer, .array, .error: throw SlotMap.Malformed("a number or a list in place of a name")
    }
  }

  fileprivate func port() throws(SlotMap.Malformed) -> Int64 {
    guard case .integer(let port) = kind else { throw SlotMap.Malformed("a port that is no number") }
    return port
  }

  /// A flat list of first and last slots.
  fileprivate func slotRanges() throws(SlotMap.Malformed) -> [ClosedRange<UInt16>] {
    let ends = integers
    guard case .array(let count) = kind, count == ends.count, count % 2 == 0 else {
      throw SlotMap.Malformed("slots that are no pairs of numbers")
    }
    var ranges: [ClosedRange<UInt16>] = []
    for place in stride(from: 0, to: count, by: 2) { ranges.append(try SlotMap.range(ends[place], ends[place + 1])) }
    return ranges
  }

  /// The address of a node in CLUSTER SLOTS: endpoint, port, and more from which only `ip` is of use.
  fileprivate func slotsNode(from asked: NodeAddress) throws(SlotMap.Malformed) -> NodeAddress? {
    guard case .array(let count) = kind, count >= 2 else { throw SlotMap.Malformed("a node without a port") }
    var place = 0
    var endpoint: String?
    var ip: String?
    var port: Int64 = 0
    try visitElements { element throws(SlotMap.Malformed) in
      switch place {
      case 0: endpoint = try element.name()
      case 1: port = try element.port()
      case 3:
        // Absent before Redis 7.
        try element.visitPairs { name, value throws(SlotMap.Malformed) in if name == "ip" { ip = try value.name() } }
      default: break
      }
      place += 1
    }
    return NodeAddress(told: endpoint == "?" ? ip : endpoint, port: port, by: asked)
  }
}
