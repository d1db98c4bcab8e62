// RedisCluster+Starting.swift: what the nodes of a cluster find when they start, and what they tell of each other.

extension RedisCluster {
  struct NodePlan: Sendable {
    var id = (0..<40).map { _ in String(Int.random(in: 0..<16), radix: 16) }.joined()
    var port: UInt16
    var tlsPort: UInt16?
    var busPort: UInt16
    /// The master's place in the plan.
    var master: Int?
    var slots: ClosedRange<Int>?
    var epoch: Int

    init(master: Int?, slots: ClosedRange<Int>?, epoch: Int, hasTLS: Bool) throws {
      port = try RedisServer.freePort()
      tlsPort = hasTLS ? try RedisServer.freePort() : nil
      busPort = try RedisServer.freePort()
      (self.master, self.slots, self.epoch) = (master, slots, epoch)
    }
  }

  static func plan(masters: Int, replicas: Int, hasTLS: Bool) throws -> [NodePlan] {
    precondition(masters > 0, "somebody has to serve the slots")
    let first = (0...masters).map { $0 * 16_384 / masters }
    let leading = try (0..<masters).map {
      try NodePlan(master: nil, slots: first[$0]...first[$0 + 1] - 1, epoch: $0 + 1, hasTLS: hasTLS)
    }
    let following = try (0..<masters * replicas).map {
      try NodePlan(master: $0 / replicas, slots: nil, epoch: $0 / replicas + 1, hasTLS: hasTLS)
    }
    return leading + following
  }

  /// What a node finds when it starts: the file that nodes keep by themselves.
  static func configuration(of place: Int, _ plan: [NodePlan]) -> String {
    let lines = plan.enumerated().map { number, node in
      let role = node.master == nil ? "master" : "slave"
      let master = node.master.map { plan[$0].id } ?? "-"
      let slots = node.slots.map { " \($0.lowerBound)-\($0.upperBound)" } ?? ""
      let flags = number == place ? "myself,\(role)" : role
      let place = "127.0.0.1:\(node.tlsPort ?? node.port)@\(node.busPort)"
      return "\(node.id) \(place) \(flags) \(master) 0 0 \(node.epoch) connected\(slots)\n"
    }
    return lines.joined() + "vars currentEpoch \(plan.map(\.epoch).max() ?? 0) lastVoteEpoch 0\n"
  }

  static func start(
    _ number: Int, _ plan: NodePlan, _ options: Options, _ directory: TemporaryDirectory
  ) throws -> Node {
    let own = [
      "--cluster-config-file", directory.file("nodes-\(number)"), "--cluster-port", "\(plan.busPort)",
      "--logfile", directory.file("log-\(number)"),
    ]
    do {
      let server = try RedisServer(
        port: plan.port, password: options.password, certificates: options.certificates,
        arguments: options.arguments + own, busPort: plan.busPort, tlsPort: plan.tlsPort)
      return Node(number: number, id: plan.id, server: server)
    } catch {
      throw WeirProcess.StartFailure(description: "\(error)\n\((try? directory.read("log-\(number)")) ?? "")")
    }
  }

  /// A line of CLUSTER NODES.
  public struct Member: Sendable, Equatable {
    public var id: String
    public var flags: [String]
    /// nil for a master.
    public var master: String?
    public var epoch: Int
    public var slots: [ClosedRange<Int>]

    public var isMyself: Bool { flags.contains("myself") }
    public var isMaster: Bool { flags.contains("master") }
    public var isHandshake: Bool { flags.contains("handshake") }
    public func owns(_ slot: Int) -> Bool { slots.contains { $0.contains(slot) } }

    init?(_ line: Substring) {
      let words = line.split(separator: " ")
      guard words.count >= 8 else { return nil }
      id = String(words[0])
      flags = words[2].split(separator: ",").map(String.init)
      master = words[3] == "-" ? nil : String(words[3])
      epoch = Int(words[6]) ?? 0
      // Slots on the move stand in brackets, besides.
      slots = words.dropFirst(8).compactMap { word in
        let ends = word.split(separator: "-").map { Int($0) }
        guard let first = ends.first ?? nil, let last = ends.last ?? nil, !word.hasPrefix("[") else { return nil }
        return first...last
      }
    }
  }
}
