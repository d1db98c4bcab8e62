// SlotMapFuzz.swift: what nodes of a cluster tell, hash slots, and maps that change.
//
// The first byte says what the rest is: replies as they come over the wire, choices from which a cluster is built that
// then tells of itself, or a key. What must hold: a slow reading gives each slot the same owner and refuses the same
// replies; a built cluster is read as it was built, from either command; the slot of a key is the slow one.

@testable import RedisStore

enum SlotMapFuzz {
  static func check(_ input: [UInt8]) throws(Broken) {
    guard let kind = input.first else { return }
    let rest = Array(input.dropFirst())
    switch kind % 4 {
    case 0: try checkWire(rest)
    case 1: try checkCluster(rest)
    case 2: try checkSlot(rest)
    default: try checkMoves(rest)
    }
  }

  private static let asked = NodeAddress(host: "asked.internal", port: 7000)

  // MARK: Replies

  /// Each reply as an answer to either command; and all of them, in their order, as one conversation.
  private static func checkWire(_ bytes: [UInt8]) throws(Broken) {
    for value in ReadReplies(bytes).values { try checkReply(value) }
    try checkConversation(ReadReplies(bytes).values)
  }

  private static func checkReply(_ value: ReferenceRESP) throws(Broken) {
    for hasTLS in [false, true] {
      let reference = ReferenceCluster(asked: asked, hasTLS: hasTLS)
      try compare(try shards(value, hasTLS: hasTLS), reference.shards(value), "SHARDS")
      guard !hasTLS else { continue }
      try compare(try slots(value), reference.slots(value), "SLOTS")
    }
  }

  private static func compare(_ map: SlotMap?, _ expected: ReferenceMap?, _ what: String) throws(Broken) {
    try require((map == nil) == (expected == nil), "\(what): the slow reading \(map == nil ? "takes" : "refuses") it")
    guard let map, let expected else { return }
    try require(ReferenceMap(map) == expected, "\(what): the slow reading has other owners or others")
    try checkMap(map)
    try require(map.masters == expected.masters, "\(what): masters out of order")
  }

  /// What holds of every map that a reply has made.
  private static func checkMap(_ map: SlotMap) throws(Broken) {
    let owners = (0..<UInt16(16_384)).map { map.place(of: $0) }
    try require(map.covered == owners.count { $0 != nil }, "another number of slots is covered")
    try require(Set(owners.compactMap { $0 }) == Set(map.masters.indices), "a master without slots, or none with some")
    try require(Set(map.masters).count == map.masters.count, "a master twice")
    try require(Set(map.others).count == map.others.count, "a node twice")
    try require(Set(map.masters).isDisjoint(with: map.others), "a node that is both")
    try require(map.masters.count + map.others.count <= Bounds.clusterNodes, "more nodes than are taken")
    try require(map == map, "a map is another than itself")
  }

  private static func shards(_ value: ReferenceRESP, hasTLS: Bool) throws(Broken) -> SlotMap? {
    var map: SlotMap?
    try ReadReplies.with(value) { reply in
      map = try? SlotMap.shards(reply, from: asked, hasTLS: hasTLS)
    }
    return map
  }

  private static func slots(_ value: ReferenceRESP) throws(Broken) -> SlotMap? {
    var map: SlotMap?
    try ReadReplies.with(value) { reply in map = try? SlotMap.slots(reply, from: asked) }
    return map
  }

  /// A map is told once, and only by a node that has told its state before; then nothing more is taken.
  private static func checkConversation(_ values: [ReferenceRESP]) throws(Broken) {
    var conversation = ClusterConversation(asked: asked)
    var said = 0
    for (place, value) in values.prefix(3).enumerated() {
      var step = ClusterConversation.Step.wait
      try ReadReplies.with(value) { step = conversation.received($0) }
      switch step {
      case .wait:
        try require(place == 0 && hasState(value), "it waits for more than it asked")
      case .say(let bytes):
        said += 1
        try require(place == 1 && said == 1, "it asks again")
        if case .value(let command, _) = ReferenceRESP.read(bytes) {
          try require(command == .array([.text("CLUSTER"), .text("SLOTS")]), "it asks something else")
        }
      case .told(let map, let health):
        try require(place == 1 + said, "a map before its time")
        try require(health.slotsInTrouble <= 2 * 16_384, "more slots in trouble than there are")
        let reference = ReferenceCluster(asked: asked, hasTLS: false)
        let expected = said == 0 ? reference.shards(value) : reference.slots(value)
        try require(ReferenceMap(map) == expected, "it tells another map")
        return
      case .failed(let failure):
        try require(!failure.detail.isEmpty, "a failure without a reason")
        return
      }
    }
  }

  private static func hasState(_ value: ReferenceRESP) -> Bool {
    String(decoding: value.bytes, as: UTF8.self).contains("cluster_state:")
  }

  // MARK: Built clusters

  private struct Node {
    var endpoint: String?
    var ip: String
    var port: Int64
    var isOnline: Bool
  }

  private struct Shard {
    var ranges: [ClosedRange<Int>] = []
    /// The master first.
    var nodes: [Node] = []
  }

  private static func checkCluster(_ bytes: [UInt8]) throws(Broken) {
    var choices = Choices(bytes)
    var shards = (0..<1 + choices.below(5)).map { number in
      Shard(
        nodes: (0..<1 + choices.below(3)).map { replica in
          let ip = "10.0.\(number).\(replica)"
          return Node(
            endpoint: choices.pick([
              ip, "n\(number)-\(replica).internal", nil, "", "?", "a b", "[::1]", "fd00::\(number)",
            ]),
            ip: ip, port: choices.pick([6379, 7000 + Int64(number), 65_535, 0, 65_536, -1]),
            isOnline: choices.flag())
        })
    }
    var slot = 0
    while slot < 16_384, !choices.isOver {
      let last = min(16_383, slot + Int(choices.number(2)) % 4_096)
      let owner = choices.below(shards.count + 1)
      if owner < shards.count { shards[owner].ranges.append(slot...last) }
      slot = last + 1
    }
    var expected = [NodeAddress?](repeating: nil, count: 16_384)
    for shard in shards {
      for range in shard.ranges { for slot in range { expected[slot] = address(shard.nodes[0]) } }
    }
    let fromShards = try Self.shards(shardsReply(shards), hasTLS: false)
    let fromSlots = try slots(slotsReply(shards))
    try require(fromShards.map { ReferenceMap($0).owners } == expected, "SHARDS: not the cluster that was built")
    try require(fromSlots.map { ReferenceMap($0).owners } == expected, "SLOTS: not the cluster that was built")
    try checkReply(shardsReply(shards))
    try checkReply(slotsReply(shards))
    // Half of a reply is none, and a slot that there is not makes all of it wrong.
    let cut = Array(shardsReply(shards).wire.dropLast(1 + choices.below(40)))
    try require(ReadReplies(cut).values.isEmpty, "half of a reply was taken for one")
    shards[0].ranges.append(16_380...16_384)
    try require(try Self.shards(shardsReply(shards), hasTLS: false) == nil, "SHARDS: slot 16384 was believed")
    try require(try slots(slotsReply(shards)) == nil, "SLOTS: slot 16384 was believed")
  }

  private static func address(_ node: Node) -> NodeAddress? {
    guard (1...65_535).contains(node.port) else { return nil }
    let port = UInt16(node.port)
    switch node.endpoint {
    case nil, "": return NodeAddress(host: asked.host, port: port)
    case "?": return NodeAddress(host: node.ip, port: port)
    case "a b", "[::1]": return nil
    case let host?: return NodeAddress(host: host, port: port)
    }
  }

  private static func shardsReply(_ shards: [Shard]) -> ReferenceRESP {
    .array(
      shards.map { shard in
        let nodes = shard.nodes.enumerated().map { place, node -> ReferenceRESP in
          .array([
            .text("id"), .text("07c3"), .text("port"), .integer(node.port), .text("ip"), .text(node.ip),
            .text("endpoint"), node.endpoint.map { .text($0) } ?? .null, .text("role"),
            .text(place == 0 ? "master" : "replica"), .text("replication-offset"), .integer(1), .text("health"),
            .text(node.isOnline ? "online" : "failed"),
          ])
        }
        let ends = shard.ranges.flatMap { [$0.lowerBound, $0.upperBound] }.map { ReferenceRESP.integer(Int64($0)) }
        return .array([.text("slots"), .array(ends), .text("nodes"), .array(nodes)])
      })
  }

  private static func slotsReply(_ shards: [Shard]) -> ReferenceRESP {
    .array(
      shards.flatMap { shard in
        let nodes = shard.nodes.map { node -> ReferenceRESP in
          .array([
            node.endpoint.map { .text($0) } ?? .null, .integer(node.port), .text("09db"),
            .array([.text("ip"), .text(node.ip)]),
          ])
        }
        return shard.ranges.map { range -> ReferenceRESP in
          .array([.integer(Int64(range.lowerBound)), .integer(Int64(range.upperBound))] + nodes)
        }
      })
  }

  // MARK: Hash slots

  private static func checkSlot(_ key: [UInt8]) throws(Broken) {
    let slot = HashSlot.of(key.span)
    try require(slot == slowSlot(key), "another slot")
    let digest = KeyDigest(key.span)
    var name: [UInt8] = []
    KeyNames.appendHash(key: digest, to: &name)
    try require(HashSlot.of(digest) == slowSlot(name), "the digits of a digest lie elsewhere than its name")
    // Whatever stands around a tag, its keys lie together.
    guard !key.isEmpty, !key.contains(UInt8(ascii: "}")) else { return }
    let tagged = Array("a{".utf8) + key + Array("}b{c}".utf8)
    try require(HashSlot.of(tagged.span) == sum(key) % 16_384, "a tag does not decide alone")
  }

  private static func slowSlot(_ key: [UInt8]) -> UInt16 {
    if let open = key.firstIndex(of: UInt8(ascii: "{")) {
      let tag = key[(open + 1)...].prefix { $0 != UInt8(ascii: "}") }
      if !tag.isEmpty, tag.endIndex < key.endIndex { return sum(tag) % 16_384 }
    }
    return sum(key) % 16_384
  }

  /// CRC16/XMODEM, bit by bit.
  private static func sum(_ bytes: some Sequence<UInt8>) -> UInt16 {
    var sum: UInt16 = 0
    for byte in bytes {
      for bit in (0..<8).reversed() {
        let leaves = sum >> 15 ^ UInt16(byte) >> UInt16(bit) & 1
        sum = sum << 1 ^ (leaves == 1 ? 0x1021 : 0)
      }
    }
    return sum
  }

  // MARK: Moves

  /// MOVED after MOVED changes one slot each, as a list of owners does.
  private static func checkMoves(_ bytes: [UInt8]) throws(Broken) {
    var choices = Choices(bytes)
    let nodes = (0..<4).map { NodeAddress(host: "h\($0)", port: 1) }
    var map = SlotMap([(0...100, nodes[0]), (50...16_000, nodes[1])], others: [nodes[2]])
    var owners = ReferenceMap(map).owners
    while !choices.isOver {
      let slot = UInt16(truncatingIfNeeded: choices.number(2)) % 16_384
      let node = choices.pick(nodes)
      try require(map.move(slot, to: node) == (owners[Int(slot)] != node), "a move says wrongly whether it is news")
      owners[Int(slot)] = node
      try require(map.place(of: slot).map { map.masters[$0] } == node, "a slot did not move")
    }
    try require(ReferenceMap(map).owners == owners, "a move has moved another slot")
    try require(map.covered == owners.count { $0 != nil }, "another number of slots is covered")
    try require(Set(map.masters).isDisjoint(with: map.others), "a node that is both")
    let ranges = owners.enumerated().compactMap { slot, owner in
      owner.map { (slots: UInt16(slot)...UInt16(slot), owner: $0) }
    }
    try require(SlotMap(ranges, others: map.others) == map, "the same owners are another map")
  }
}
