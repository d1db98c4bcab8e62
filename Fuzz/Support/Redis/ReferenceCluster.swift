// ReferenceCluster.swift: what nodes of a cluster tell, read slowly from a whole reply: lists and dictionaries, and one
// owner a slot.

@testable import RedisStore

/// A map of a cluster as a slow reader has it.
struct ReferenceMap: Equatable {
  var owners = [NodeAddress?](repeating: nil, count: 16_384)
  var others: Set<NodeAddress> = []

  /// What the real map says.
  init(_ map: SlotMap) {
    owners = (0..<UInt16(16_384)).map { map.owner(of: $0) }
    others = Set(map.others)
  }

  init() {}

  /// The owners, by the first slot of each.
  var masters: [NodeAddress] {
    var masters: [NodeAddress] = []
    var last: NodeAddress?
    for case let owner? in owners where owner != last {
      if !masters.contains(owner) { masters.append(owner) }
      last = owner
    }
    return masters
  }

  fileprivate mutating func forgetMasters() { others.subtract(masters) }
}

/// Readers of CLUSTER SHARDS and CLUSTER SLOTS; nil for what no node says.
struct ReferenceCluster {
  var asked: NodeAddress
  var hasTLS: Bool

  // MARK: SHARDS

  func shards(_ reply: ReferenceRESP) -> ReferenceMap? {
    guard let shards = reply.elements else { return nil }
    var map = ReferenceMap()
    for shard in shards {
      guard let members = pairs(shard), let nodes = nodes(members["nodes"]), let ranges = ranges(members["slots"])
      else {
        return nil
      }
      // A name that comes again with something that makes no sense is refused, whichever counts.
      guard repeated(shard, "slots").allSatisfy({ self.ranges($0) != nil }),
        repeated(shard, "nodes").allSatisfy({ self.nodes($0) != nil })
      else { return nil }
      let masters = nodes.indices.filter { nodes[$0].isMaster }
      let master = masters.first { nodes[$0].isOnline } ?? masters.first
      for range in ranges {
        guard let owner = master.flatMap({ nodes[$0].address }) else { continue }
        for slot in range { map.owners[slot] = owner }
      }
      for place in nodes.indices where place != master || ranges.isEmpty {
        if let address = nodes[place].address { map.others.insert(address) }
      }
    }
    map.forgetMasters()
    return map
  }

  private struct Node {
    var address: NodeAddress?
    var isMaster: Bool
    var isOnline: Bool
  }

  private func nodes(_ list: ReferenceRESP?) -> [Node]? {
    guard let list else { return [] }
    guard let elements = list.elements else { return nil }
    let nodes = elements.map(node)
    return nodes.contains { $0 == nil } ? nil : nodes.compactMap { $0 }
  }

  private func node(_ element: ReferenceRESP) -> Node? {
    guard let members = pairs(element) else { return nil }
    for name in ["endpoint", "ip", "role", "health"] {
      guard repeated(element, name).allSatisfy({ text($0) != nil }) else { return nil }
    }
    let portName = hasTLS ? "tls-port" : "port"
    for port in repeated(element, portName) { guard case .integer = port else { return nil } }
    var port: Int64 = 0
    if case .integer(let told) = members[portName] { port = told }
    let told = { (name: String) -> String? in members[name].flatMap { text($0) } ?? nil }
    let endpoint = told("endpoint") == "?" ? told("ip") : told("endpoint")
    return Node(
      address: address(endpoint, port), isMaster: told("role") == "master", isOnline: told("health") == "online")
  }

  private func ranges(_ list: ReferenceRESP?) -> [ClosedRange<Int>]? {
    guard let list else { return [] }
    guard let elements = list.elements, elements.count % 2 == 0 else { return nil }
    var ends: [Int] = []
    for case .integer(let end) in elements { ends.append(Int(end)) }
    guard ends.count == elements.count else { return nil }
    var ranges: [ClosedRange<Int>] = []
    for place in stride(from: 0, to: ends.count, by: 2) {
      guard let range = range(ends[place], ends[place + 1]) else { return nil }
      ranges.append(range)
    }
    return ranges
  }

  // MARK: SLOTS

  func slots(_ reply: ReferenceRESP) -> ReferenceMap? {
    guard let entries = reply.elements else { return nil }
    var map = ReferenceMap()
    for entry in entries {
      guard let parts = entry.elements, parts.count >= 2, case .integer(let first) = parts[0],
        case .integer(let last) = parts[1], let range = range(Int(first), Int(last))
      else { return nil }
      for (place, part) in parts.dropFirst(2).enumerated() {
        guard let told = slotsNode(part) else { return nil }
        guard let address = told else { continue }
        if place == 0 { for slot in range { map.owners[slot] = address } } else { map.others.insert(address) }
      }
    }
    map.forgetMasters()
    return map
  }

  /// nil: makes no sense. nil within: has no address.
  private func slotsNode(_ node: ReferenceRESP) -> NodeAddress?? {
    guard let parts = node.elements, parts.count >= 2, let endpoint = text(parts[0]), case .integer(let port) = parts[1]
    else { return nil }
    var ip: String?
    if parts.count > 3 {
      guard let members = pairs(parts[3]), repeated(parts[3], "ip").allSatisfy({ text($0) != nil }) else { return nil }
      ip = members["ip"].flatMap { text($0) } ?? nil
    }
    return .some(address(endpoint == "?" ? ip : endpoint, port))
  }

  // MARK: Parts

  private func range(_ first: Int, _ last: Int) -> ClosedRange<Int>? {
    0 <= first && first <= last && last < 16_384 ? first...last : nil
  }

  /// Names and values by name, the last of each; nil where it is no such list.
  private func pairs(_ list: ReferenceRESP) -> [String: ReferenceRESP]? {
    guard let elements = list.elements, elements.count % 2 == 0 else { return nil }
    var members: [String: ReferenceRESP] = [:]
    for place in stride(from: 0, to: elements.count, by: 2) {
      guard let told = text(elements[place]), let name = told else { return nil }
      members[name] = elements[place + 1]
    }
    return members
  }

  /// All values of one name.
  private func repeated(_ list: ReferenceRESP, _ name: String) -> [ReferenceRESP] {
    let elements = list.elements ?? []
    return stride(from: 0, to: elements.count - 1, by: 2).compactMap {
      text(elements[$0]) == name ? elements[$0 + 1] : nil
    }
  }

  /// nil: no text. nil within: a null.
  private func text(_ value: ReferenceRESP) -> String?? {
    switch value {
    case .null: .some(nil)
    case .string(let bytes), .status(let bytes):
      bytes.count > 255 ? .some("?") : .some(String(validating: bytes, as: UTF8.self) ?? "?")
    case .integer, .array, .error: nil
    }
  }

  func address(_ told: String?, _ port: Int64) -> NodeAddress? {
    guard (1...65_535).contains(port) else { return nil }
    let host = told ?? ""
    if host.isEmpty { return NodeAddress(host: asked.host, port: UInt16(port)) }
    let visible = host.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f } && host.utf8.count <= 255
    guard visible, Set(host).isDisjoint(with: "[]?/@") else { return nil }
    return NodeAddress(host: host, port: UInt16(port))
  }
}
