// SlotMapReplyTests.swift: what nodes answer to CLUSTER SHARDS and CLUSTER SLOTS makes the same map, and nothing that
// somebody else may answer does harm.

import TestKit
import Testing

@testable import RedisStore

/// A cluster as a test imagines it, and how nodes tell of it.
struct ImaginedCluster {
  struct Node {
    /// What the node is called as an endpoint; nil is the null.
    var endpoint: String? = "10.0.0.1"
    var ip = "10.0.0.1"
    var port = 6379
    var tlsPort = 6380
    var role = "master"
    var health = "online"

    private var named: Value { endpoint.map { .text($0) } ?? .nil }
    private static let id = Value.text("07c37dfeb235213a872192d90877d0cd55635b91")

    func shardsFields(_ hasTLS: Bool) -> [Value] {
      var fields: [Value] = [.text("id"), Self.id, .text("port"), .integer(Int64(port))]
      if hasTLS { fields += [.text("tls-port"), .integer(Int64(tlsPort))] }
      fields += [.text("ip"), .text(ip), .text("endpoint"), named, .text("role"), .text(role)]
      fields += [.text("replication-offset"), .integer(72_156), .text("health"), .text(health)]
      return fields
    }

    func slotsFields(_ hasTLS: Bool) -> [Value] {
      let metadata: [Value] = endpoint == ip ? [] : [.text("ip"), .text(ip)]
      return [named, .integer(Int64(hasTLS ? tlsPort : port)), Self.id, .array(metadata)]
    }
  }
  struct Shard {
    var slots: [ClosedRange<Int>]
    /// The master of SLOTS is the first.
    var nodes: [Node]
  }

  var shards: [Shard]

  func shardsReply(hasTLS: Bool = false) -> Value {
    .array(
      shards.map { shard in
        let ends = shard.slots.flatMap { [$0.lowerBound, $0.upperBound] }.map { Value.integer(Int64($0)) }
        let nodes = shard.nodes.map { Value.array($0.shardsFields(hasTLS)) }
        return .array([.text("slots"), .array(ends), .text("nodes"), .array(nodes)])
      })
  }

  /// - Parameter hasTLS: Whether the connection had TLS.
  func slotsReply(hasTLS: Bool = false) -> Value {
    let entries = shards.flatMap { shard in
      let nodes = shard.nodes.map { Value.array($0.slotsFields(hasTLS)) }
      return shard.slots.map { range -> Value in
        let ends: [Value] = [.integer(Int64(range.lowerBound)), .integer(Int64(range.upperBound))]
        return .array(ends + nodes)
      }
    }
    return .array(entries)
  }

  static func random(_ generator: inout SeededGenerator) -> ImaginedCluster {
    var shards = (0..<Int.random(in: 1..<8, using: &generator)).map { number in
      Shard(
        slots: [],
        nodes: (0..<Int.random(in: 1..<4, using: &generator)).map { replica in
          let ip = "10.0.\(number).\(replica)"
          let endpoint: String? = generator.pick([ip, ip, "node-\(number)-\(replica).internal", nil, "", "?"])
          return Node(
            endpoint: endpoint, ip: ip, port: 1000 + 10 * number + replica, tlsPort: 2000 + 10 * number + replica,
            role: replica == 0 ? "master" : "replica", health: generator.pick(["online", "failed", "loading"]))
        })
    }
    var slot = 0
    while slot < 16_384 {
      let last = min(16_383, slot + Int.random(in: 0..<4000, using: &generator))
      if Int.random(in: 0..<5, using: &generator) > 0 {
        shards[Int.random(in: 0..<shards.count, using: &generator)].slots.append(slot...last)
      }
      slot = last + 1
    }
    return ImaginedCluster(shards: shards)
  }
}

@Suite struct SlotMapReplyTests {
  private static let asked = NodeAddress(host: "asked.internal", port: 7000)

  static func shards(_ value: Value, hasTLS: Bool = false) throws -> SlotMap {
    try value.withReply { try SlotMap.shards($0, from: asked, hasTLS: hasTLS) }
  }

  static func slots(_ value: Value) throws -> SlotMap {
    try value.withReply { try SlotMap.slots($0, from: asked) }
  }

  @Test("both commands tell the same map of the same cluster, whole or with holes", arguments: Seeds.of(0..<50))
  func agree(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let cluster = ImaginedCluster.random(&generator)
    for hasTLS in [false, true] {
      let map = try Self.shards(cluster.shardsReply(hasTLS: hasTLS), hasTLS: hasTLS)
      let other = try Self.slots(cluster.slotsReply(hasTLS: hasTLS))
      // SLOTS says nothing of a shard without slots.
      let difference = (0..<UInt16(16_384)).first { map.owner(of: $0) != other.owner(of: $0) }
      #expect(difference == nil, "seed \(seed)")
      #expect(Set(other.others).isSubset(of: map.others), "seed \(seed)")
      for shard in cluster.shards {
        let node = shard.nodes[0]
        let host =
          switch node.endpoint {
          case nil, "": "asked.internal"
          case "?": node.ip
          case .some(let name): name
          }
        let owner = NodeAddress(host: host, port: UInt16(hasTLS ? node.tlsPort : node.port))
        for range in shard.slots { #expect(map.owner(of: UInt16(range.upperBound)) == owner, "seed \(seed)") }
      }
      #expect(map.covered == cluster.shards.flatMap(\.slots).map(\.count).reduce(0, +), "seed \(seed)")
    }
  }

  @Test("of several masters of a shard the first that is online owns its slots, else the first")
  func masters() throws {
    func map(_ nodes: (role: String, health: String)...) throws -> NodeAddress? {
      let nodes = nodes.enumerated().map { ImaginedCluster.Node(port: 1 + $0, role: $1.role, health: $1.health) }
      return try Self.shards(ImaginedCluster(shards: [.init(slots: [0...9], nodes: nodes)]).shardsReply()).owner(of: 5)
    }
    let online = try map(("replica", "online"), ("master", "failed"), ("master", "online"), ("master", "online"))
    #expect(online?.port == 3)
    let away = try map(("replica", "online"), ("master", "failed"), ("master", "loading"))
    #expect(away?.port == 2)
    let none = try map(("replica", "online"), ("slave", "online"))
    #expect(none == nil, "no master, no owner")
    let empty = try map()
    #expect(empty == nil)
  }

  @Test("a master without a port for us, or without an address, leaves a hole")
  func unusable() throws {
    var cluster = ImaginedCluster(shards: [.init(slots: [0...9], nodes: [.init()]), .init(slots: [10...19], nodes: [])])
    #expect(try Self.shards(cluster.shardsReply(), hasTLS: true).covered == 0, "it tells no port for TLS")
    #expect(try Self.shards(cluster.shardsReply()).covered == 10)
    for wrong in ["a b", "[::1]", "\u{7f}", "user@host", "é"] {
      cluster.shards[0].nodes[0].endpoint = wrong
      #expect(try Self.shards(cluster.shardsReply()).covered == 0)
      #expect(try Self.slots(cluster.slotsReply()).covered == 0)
    }
    // A name that is too long for one is none, as `?`.
    cluster.shards[0].nodes[0].endpoint = String(repeating: "a", count: 256)
    #expect(try Self.shards(cluster.shardsReply()).owner(of: 0) == NodeAddress(host: "10.0.0.1", port: 6379))
    cluster.shards[0].nodes[0].endpoint = "fd00::1"
    #expect(try Self.shards(cluster.shardsReply()).owner(of: 0) == NodeAddress(host: "fd00::1", port: 6379))
    for port in [0, -1, 65_536, .max] {
      cluster.shards[0].nodes[0].port = port
      #expect(try Self.shards(cluster.shardsReply()).covered == 0)
      #expect(try Self.slots(cluster.slotsReply()).covered == 0)
    }
  }

  @Test("names that we do not know are passed over, and their order does not count")
  func unknownNames() throws {
    let node = Value.array([
      .text("availability-zone"), .text("a"), .text("health"), .text("online"), .text("new"), .array([.nil]),
      .text("role"), .text("master"), .text("endpoint"), .text("h"), .text("port"), .integer(1),
    ])
    let reply = Value.array([
      .array([
        .text("id"), .integer(4), .text("nodes"), .array([node]), .text("slots"), .array([.integer(1), .integer(2)]),
      ])
    ])
    #expect(try Self.shards(reply) == SlotMap([(1...2, NodeAddress(host: "h", port: 1))]))
  }

  @Test("nodes before Redis 7 tell no more than address, port and id")
  func oldSlots() throws {
    let node = Value.array([.text("127.0.0.1"), .integer(6379), .text("09dbe9720cda62f7865eabc5fd8857c5d2678366")])
    let bare = Value.array([.text("127.0.0.1"), .integer(6380)])
    let reply = Value.array([.array([.integer(0), .integer(16_383), node, bare])])
    let map = try Self.slots(reply)
    #expect(map.covered == 16_384 && map.masters == [NodeAddress(host: "127.0.0.1", port: 6379)])
    #expect(map.others == [NodeAddress(host: "127.0.0.1", port: 6380)])
    #expect(try Self.slots(.array([])).covered == 0)
    #expect(try Self.slots(.array([.array([.integer(0), .integer(1)])])).covered == 0, "slots without a node: a hole")
  }

  @Test("slots that there are not, or the wrong way round, make a reply malformed")
  func wrongSlots() {
    for (first, last) in [(-1, 3), (0, 16_384), (5, 4), (Int.min, .max)] {
      let ends = [Value.integer(Int64(first)), .integer(Int64(last))]
      #expect(throws: SlotMap.Malformed.self) {
        try Self.shards(.array([.array([.text("slots"), .array(ends), .text("nodes"), .array([])])]))
      }
      #expect(throws: SlotMap.Malformed.self) { try Self.slots(.array([.array(ends)])) }
    }
  }

  @Test(
    "a reply of another shape is malformed",
    arguments: [
      .nil, .integer(3), .status("OK"), .error("ERR x"), .text("x"), .array([.nil]), .array([.integer(1)]),
      .array([.array([.integer(1)])]), .array([.array([.text("slots")])]), .array([.array([.nil, .nil])]),
      .array([.array([.text("slots"), .array([.integer(1)])])]), .array([.array([.text("slots"), .text("0-5")])]),
      .array([.array([.text("slots"), .array([.integer(1), .nil])])]),
      .array([.array([.text("nodes"), .integer(1)])]), .array([.array([.text("nodes"), .array([.integer(1)])])]),
      .array([.array([.text("nodes"), .array([.array([.text("port"), .text("1")])])])]),
      .array([.array([.text("nodes"), .array([.array([.text("endpoint"), .integer(1)])])])]),
      .array([.array([.integer(1), .text("2")])]), .array([.array([.integer(1), .integer(2), .integer(3)])]),
      .array([.array([.integer(1), .integer(2), .array([.text("h")])])]),
      .array([.array([.integer(1), .integer(2), .array([.integer(1), .integer(1)])])]),
      .array([.array([.integer(1), .integer(2), .array([.text("h"), .integer(1), .text("id"), .array([.nil])])])]),
    ] as [Value])
  func malformed(value: Value) {
    #expect(throws: SlotMap.Malformed.self) { try Self.shards(value) }
    #expect(throws: SlotMap.Malformed.self) { try Self.slots(value) }
  }

  @Test("more nodes than a cluster has are refused")
  func tooMany() throws {
    func cluster(_ count: Int) -> ImaginedCluster {
      ImaginedCluster(shards: (0..<count).map { .init(slots: [$0...$0], nodes: [.init(port: 1000 + $0)]) })
    }
    #expect(try Self.shards(cluster(1000).shardsReply()).masters.count == 1000)
    #expect(throws: SlotMap.Malformed.self) { try Self.shards(cluster(1001).shardsReply()) }
    #expect(throws: SlotMap.Malformed.self) { try Self.slots(cluster(1001).slotsReply()) }
  }

  @Test("any reply makes a map or is malformed, and is read without a fault", arguments: Seeds.of(0..<100))
  func garbage(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<20 {
      let value = Value.random(&generator)
      _ = try? Self.shards(value)
      _ = try? Self.slots(value)
    }
    // And what is nearly one.
    let cluster = ImaginedCluster.random(&generator)
    for _ in 0..<20 {
      _ = try? Self.shards(cluster.shardsReply().damaged(&generator))
      _ = try? Self.slots(cluster.slotsReply().damaged(&generator))
    }
  }
}

extension Value {
  /// Reads it as a reply.
  func withReply<Result>(_ body: (Reply) throws -> Result) throws -> Result {
    let reader = ReplyReader()
    let bytes = wire
    reader.feed(bytes.span)
    #expect(reader.next() == .reply)
    var result: Swift.Result<Result, any Error>?
    reader.withReply { reply in result = Swift.Result { try body(reply) } }
    return try #require(result).get()
  }

  /// With one piece of it replaced.
  fileprivate func damaged(_ generator: inout SeededGenerator) -> Value {
    guard case .array(var values) = self, !values.isEmpty, Int.random(in: 0..<6, using: &generator) > 0 else {
      return Value.random(&generator, depth: 3)
    }
    let place = Int.random(in: 0..<values.count, using: &generator)
    values[place] = values[place].damaged(&generator)
    return .array(values)
  }
}
