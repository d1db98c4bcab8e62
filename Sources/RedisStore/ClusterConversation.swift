// ClusterConversation.swift: what is asked of a node about its cluster, and what its replies come to. A pure state
// machine: replies in, steps out.

/// The questions to one node, over one connection.
struct ClusterConversation {
  enum Step {
    case say([UInt8])
    case wait
    case told(SlotMap, ClusterHealth)
    /// The detail is without the node's address.
    case failed(LinkFailure)
  }

  private enum Asked {
    case info
    case shards
    case slots
  }

  private let asked: NodeAddress
  private let hasTLS: Bool
  private var awaited = Asked.info
  private var health = ClusterHealth()

  /// - Parameters:
  ///   - asked: The node, as we call it.
  ///   - hasTLS: Whether the connection has TLS.
  init(asked: NodeAddress = NodeAddress(host: "", port: 0), hasTLS: Bool = false) {
    self.asked = asked
    self.hasTLS = hasTLS
  }

  /// The first questions.
  func begin() -> Step {
    .say(RedisCommand.bytes("CLUSTER", "INFO") + RedisCommand.bytes("CLUSTER", "SHARDS"))
  }

  /// Takes the next reply.
  mutating func received(_ reply: Reply) -> Step {
    switch awaited {
    case .info:
      if reply.isError { return refused(reply) }
      guard let health = reply.withBytes({ ClusterHealth($0) }) else { return malformed("no state") }
      self.health = health
      awaited = .shards
      return .wait
    case .shards:
      if reply.isError {
        // A node before Redis 7 does not know the subcommand; whoever may not use it is told so.
        guard reply.withBytes({ ErrorReply($0).word }) == "ERR" else { return refused(reply) }
        awaited = .slots
        return .say(RedisCommand.bytes("CLUSTER", "SLOTS"))
      }
      return tell { () throws(SlotMap.Malformed) in try SlotMap.shards(reply, from: asked, hasTLS: hasTLS) }
    case .slots:
      if reply.isError { return refused(reply) }
      return tell { () throws(SlotMap.Malformed) in try SlotMap.slots(reply, from: asked) }
    }
  }

  private func tell(_ read: () throws(SlotMap.Malformed) -> SlotMap) -> Step {
    do throws(SlotMap.Malformed) { return .told(try read(), health) } catch { return malformed(error.text) }
  }

  private func malformed(_ text: String) -> Step {
    .failed(LinkFailure(.protocolError, "what it tells of its cluster makes no sense (\(text)); is it a Redis?"))
  }

  private func refused(_ reply: Reply) -> Step {
    let error = reply.withBytes { ErrorReply($0) }
    guard !error.holds("cluster support disabled") else {
      let advice = "take it out of --redis, or use redis:// for a single Redis"
      return .failed(LinkFailure(.other, "it is no node of a cluster (its cluster-enabled is no); \(advice)"))
    }
    return .failed(LinkFailure(error.failure, "\(error.text); \(error.failure.advice)"))
  }
}
