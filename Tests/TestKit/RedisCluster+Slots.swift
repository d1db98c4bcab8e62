// RedisCluster+Slots.swift: slots that move from one master to another while clients use them, step by step as
// redis-cli and every other tool does it: both nodes are told, the keys follow in small batches, then all learn it.
//
// Between the first step and the last, a key that has gone already, or was never there, is answered with ASK.

extension RedisCluster {
  /// Moves slots, one after the other, from whoever has them.
  ///
  /// - Parameters:
  ///   - keysAtOnce: Keys of one MIGRATE: the source serves nobody else meanwhile.
  ///   - seconds: A pause after each MIGRATE, so that clients meet the slot half moved.
  /// - Returns: How many keys moved.
  @discardableResult
  public func moveSlots(
    _ slots: some Sequence<Int>, to target: Node, keysAtOnce: Int = 10, pausing seconds: Double = 0
  ) throws -> Int {
    var count = 0
    for slot in slots {
      let source = try master(of: slot)
      guard source !== target else { continue }
      try beginMove(of: slot, from: source, to: target)
      while case let moved = try moveKeys(of: slot, from: source, to: target, atMost: keysAtOnce), moved > 0 {
        count += moved
        if seconds > 0 { pause(seconds: seconds) }
      }
      try endMove(of: slot, from: source, to: target)
    }
    return count
  }

  /// From now on the source asks for missing keys at the target.
  public func beginMove(of slot: Int, from source: Node, to target: Node) throws {
    // In this order: else the source would send clients to a target that sends them back.
    try target.server.run("CLUSTER", "SETSLOT", "\(slot)", "IMPORTING", source.id)
    try source.server.run("CLUSTER", "SETSLOT", "\(slot)", "MIGRATING", target.id)
  }

  /// Moves some keys of a slot whose move has begun.
  ///
  /// - Returns: How many there were; 0 when all have moved.
  public func moveKeys(of slot: Int, from source: Node, to target: Node, atMost count: Int) throws -> Int {
    let reply = try source.server.run("CLUSTER", "GETKEYSINSLOT", "\(slot)", "\(count)")
    let keys = reply.array?.compactMap(\.text) ?? []
    guard !keys.isEmpty else { return 0 }
    // A key that expires meanwhile is no failure: NOKEY.
    let move =
      ["MIGRATE", "127.0.0.1", "\(target.announcedPort)", "", "0", "5000", "AUTH2", "operator", "any", "KEYS"] + keys
    try source.server.client().run(move)
    return keys.count
  }

  /// The slot is the target's, and all masters learn it.
  public func endMove(of slot: Int, from source: Node, to target: Node) throws {
    // The target first, and the source next: a source that no longer owns a slot which the target does not own yet
    // would turn clients away.
    let others = living.filter { $0 !== source && $0 !== target }
    for node in [target, source] { try node.server.run("CLUSTER", "SETSLOT", "\(slot)", "NODE", target.id) }
    for node in others where try members(seenBy: node).first(where: \.isMyself)?.isMaster == true {
      try node.server.run("CLUSTER", "SETSLOT", "\(slot)", "NODE", target.id)
    }
  }
}
