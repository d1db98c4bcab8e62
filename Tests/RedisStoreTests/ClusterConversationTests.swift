// ClusterConversationTests.swift: what is asked of a node, reply by reply, and what goes wrong.

import TestKit
import Testing

@testable import RedisStore

@Suite struct ClusterConversationTests {
  private static let info = Value.text("cluster_state:ok\r\ncluster_current_epoch:4\r\n")
  private static let cluster = ImaginedCluster(shards: [.init(slots: [0...16_383], nodes: [.init()])])
  private static let whole = SlotMap([(0...16_383, NodeAddress(host: "10.0.0.1", port: 6379))])

  /// Says the replies, and returns the last step.
  private static func converse(_ replies: [Value]) throws -> ClusterConversation.Step {
    var conversation = ClusterConversation(asked: NodeAddress(host: "asked", port: 1))
    var step = conversation.begin()
    for reply in replies { step = try reply.withReply { conversation.received($0) } }
    return step
  }

  private static func failure(_ replies: [Value]) throws -> LinkFailure? {
    guard case .failed(let failure) = try converse(replies) else { return nil }
    return failure
  }

  @Test("both questions go out at once, and their replies make a map")
  func shards() throws {
    guard case .say(let bytes) = try Self.converse([]) else { return #expect(Bool(false), "it asks") }
    #expect(
      String(decoding: bytes, as: UTF8.self)
        == "*2\r\n$7\r\nCLUSTER\r\n$4\r\nINFO\r\n*2\r\n$7\r\nCLUSTER\r\n$6\r\nSHARDS\r\n")
    guard case .wait = try Self.converse([Self.info]) else { return #expect(Bool(false), "it waits for the map") }
    guard case .told(let map, let health) = try Self.converse([Self.info, Self.cluster.shardsReply()]) else {
      return #expect(Bool(false), "it tells")
    }
    #expect(map == Self.whole && health == ClusterHealth(isOK: true, epoch: 4))
  }

  @Test("a node that does not know SHARDS is asked for SLOTS")
  func slots() throws {
    let unknown = Value.error("ERR Unknown subcommand or wrong number of arguments for 'SHARDS'. Try CLUSTER HELP.")
    guard case .say(let bytes) = try Self.converse([Self.info, unknown]) else { return #expect(Bool(false), "it asks") }
    #expect(String(decoding: bytes, as: UTF8.self) == "*2\r\n$7\r\nCLUSTER\r\n$5\r\nSLOTS\r\n")
    guard case .told(let map, _) = try Self.converse([Self.info, unknown, Self.cluster.slotsReply()]) else {
      return #expect(Bool(false), "it tells")
    }
    #expect(map == Self.whole)
    #expect(try Self.failure([Self.info, unknown, unknown])?.failure == .other, "and if it knows neither, it fails")
  }

  @Test("a Redis that is no node says so in a sentence that names the way out")
  func noCluster() throws {
    let failure = try Self.failure([.error("ERR This instance has cluster support disabled")])
    #expect(failure?.failure == .other)
    #expect(failure?.detail.contains("no node of a cluster") == true && failure?.detail.contains("redis://") == true)
  }

  @Test("a user without the permission is told so, and SLOTS is not tried in place of SHARDS")
  func forbidden() throws {
    let noperm = Value.error("NOPERM this user has no permissions to run the 'cluster|shards' command")
    #expect(try Self.failure([noperm])?.failure == .permission)
    #expect(try Self.failure([Self.info, noperm])?.failure == .permission)
    #expect(try Self.failure([Self.info, noperm])?.detail.contains("cluster|shards") == true)
    #expect(try Self.failure([.error("LOADING Redis is loading the dataset in memory")])?.failure == .loading)
  }

  @Test("replies that make no sense are a failure of the protocol")
  func malformed() throws {
    for replies in [
      [Value.text("no state")], [.integer(1)], [Self.info, .text("x")], [Self.info, .error("ERR x"), .integer(1)],
    ] {
      let failure = try Self.failure(replies)
      #expect(failure?.failure == .protocolError && failure?.detail.contains("makes no sense") == true, "\(replies)")
    }
  }
}
