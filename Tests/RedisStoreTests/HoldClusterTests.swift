// HoldClusterTests.swift: hold.lua and settle.lua in nodes of a Redis cluster: under the contract of all stores, and while a
// slot is on its way from one node to another.

import Limiting
import Policies
import TestKit
import Testing

@testable import RedisStore

@Suite("hold.lua in a cluster") struct HoldClusterTests {
  static let minute = HoldScriptTests.minute

  /// A node that serves nothing yet, and its port.
  static func node() throws -> (rig: ScriptRig, port: UInt16) {
    let (port, bus) = (try RedisServer.freePort(), try RedisServer.freePort())
    let rig = try ScriptRig([
      "--port", "\(port)", "--bind", "127.0.0.1", "--cluster-enabled", "yes", "--cluster-port", "\(bus)",
    ])
    return (rig, port)
  }

  static func serveAll(_ rig: ScriptRig) throws {
    rig.command("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
    try eventually("the node serves all slots") {
      guard case .text(let info) = rig.command("CLUSTER", "INFO") else { return false }
      return String(decoding: info, as: UTF8.self).contains("cluster_state:ok")
    }
  }

  @Test("keeps the contract of all stores", arguments: HoldScriptTests.ways)
  func contract(_ way: EvalStore.Way) throws {
    let rig = try Self.node().rig
    try Self.serveAll(rig)
    for rule in StoreContract.allCases {
      #expect(rule.failures { EvalStore(rig, way) } == [], "\(rule.rawValue)")
    }
  }

  // MARK: A slot on its way

  /// Two nodes, the first of which serves everything; and one key's counters. Their clocks are their own.
  private final class Move {
    let (source, target): ((rig: ScriptRig, port: UInt16), (rig: ScriptRig, port: UInt16))
    let names: KeyNames
    let hash: [UInt8]
    let list: [UInt8]
    private let slot: String
    private let policies: [Policy]
    private var tokens: UInt64 = 0
    /// Calls that a node handed on with ASK, and calls that had to wait.
    private(set) var asked = 0
    private(set) var waited = 0

    init() throws {
      source = try HoldClusterTests.node()
      target = try HoldClusterTests.node()
      try HoldClusterTests.serveAll(source.rig)
      policies = Algorithm.allCases.map { KeyNamesTests.policy("p\($0.rawValue)", $0) }
      names = KeyNames(policies)
      let key = KeyDigest(Array("abc".utf8).span)
      var (hash, list): ([UInt8], [UInt8]) = ([], [])
      KeyNames.appendHash(key: key, to: &hash)
      names.append(policy: 3, key: key, to: &list)
      (self.hash, self.list) = (hash, list)
      guard case .integer(let slot) = source.rig.command([Array("CLUSTER".utf8), Array("KEYSLOT".utf8), hash]) else {
        throw NeverHappened(description: "no slot")
      }
      self.slot = "\(slot)"
      let (one, other) = (source.rig, target.rig)
      one.command("CLUSTER", "MEET", "127.0.0.1", "\(target.port)", "\(try busPort(of: target.rig))")
      try eventually("the nodes know each other", within: 60) {
        [one, other].allSatisfy { rig in
          guard case .text(let info) = rig.command("CLUSTER", "INFO") else { return false }
          let text = String(decoding: info, as: UTF8.self)
          return text.contains("cluster_state:ok") && text.contains("cluster_known_nodes:2")
        }
      }
      for rig in [one, other] {
        for script in [Script.hold, .settle] { rig.command([Array("SCRIPT".utf8), Array("LOAD".utf8), script.text]) }
      }
    }

    private func busPort(of rig: ScriptRig) throws -> UInt16 {
      guard case .array(let pair) = rig.command("CONFIG", "GET", "cluster-port"), case .text(let port) = pair[1] else {
        throw NeverHappened(description: "no cluster-port")
      }
      return UInt16(String(decoding: port, as: UTF8.self)) ?? 0
    }

    private func id(_ rig: ScriptRig) -> String {
      guard case .text(let id) = rig.command("CLUSTER", "MYID") else { return "" }
      return String(decoding: id, as: UTF8.self)
    }

    func begin() {
      #expect(target.rig.command("CLUSTER", "SETSLOT", slot, "IMPORTING", id(source.rig)) == .text(Array("OK".utf8)))
      #expect(source.rig.command("CLUSTER", "SETSLOT", slot, "MIGRATING", id(target.rig)) == .text(Array("OK".utf8)))
    }

    func migrate(_ key: [UInt8]) {
      let words = ["MIGRATE", "127.0.0.1", "\(target.port)"].map { Array($0.utf8) }
      #expect(source.rig.command(words + [key, Array("0".utf8), Array("5000".utf8)]) == .text(Array("OK".utf8)))
    }

    func end() {
      for rig in [target.rig, source.rig] { rig.command("CLUSTER", "SETSLOT", slot, "NODE", id(target.rig)) }
    }

    /// Asks the source and, where it says so, the target.
    private func call(_ bytes: [UInt8]) -> ScriptRig.Reply {
      source.rig.send(bytes)
      let answer = source.rig.read()
      guard case .error(let text) = answer else { return answer }
      if text.hasPrefix("TRYAGAIN") { waited += 1 }
      guard text.hasPrefix("ASK ") || text.hasPrefix("MOVED ") else { return answer }
      if text.hasPrefix("ASK ") {
        asked += 1
        target.rig.command("ASKING")
      }
      target.rig.send(bytes)
      let second = target.rig.read()
      if case .error(let text) = second, text.hasPrefix("TRYAGAIN") { waited += 1 }
      return second
    }

    /// What remains of each algorithm's 1000, of those asked; nil where the call has to wait.
    func ask(_ algorithms: [Algorithm], cost: Int64, holds: Bool = false) throws -> [Int64]? {
      let asks = algorithms.map {
        Ask(key: "abc", HoldScriptTests.limit($0, 1000, period: 86_400_000_000_000), cost: cost)
      }
      var (charges, keys) = Ask.check(asks)
      for index in charges.indices {
        charges[index].place = .redis
        charges[index].policy = Int32(algorithms[index].rawValue)
      }
      let ticket = Ticket()
      ticket.fill(charges, keys: keys.span, names: names, arrival: 0)
      tokens += 1
      (ticket.work, ticket.token, ticket.holdLife) = (holds ? .hold : .charge, tokens, 5_000_000_000)
      var encoder = HoldCall()
      var bytes: [UInt8] = []
      encoder.append(ticket)
      encoder.write(to: &bytes)
      let answer = call(bytes)
      guard case .text(let text) = answer else {
        guard case .error(let text) = answer, text.hasPrefix("TRYAGAIN") else {
          Issue.record("\(answer)")
          return nil
        }
        return nil
      }
      var reply = ChargeReply()
      try reply.decode(text.span, into: [ticket], holds: true)
      #expect(ticket.isAllowed)
      if holds {
        ticket.work = .confirm
        var settle = SettleCall()
        bytes = []
        settle.append(ticket)
        settle.write(to: &bytes)
        #expect(call(bytes) == .text([1]))
      }
      return ticket.charges.map(\.decision.remaining)
    }
  }

  static let cells: [Algorithm] = [.tokenBucket, .fixedWindow, .slidingWindow]

  @Test("counters in one hash are served by whoever has it while their slot moves; nothing is lost or counted twice")
  func moves() throws {
    let move = try Move()
    #expect(try move.ask(Self.cells, cost: 1) == [999, 999, 999])
    move.begin()
    #expect(try move.ask(Self.cells, cost: 1) == [998, 998, 998])
    #expect(try move.ask(Self.cells, cost: 1, holds: true) == [997, 997, 997])
    #expect(move.asked == 0, "the source has them")
    move.migrate(move.hash)
    #expect(try move.ask(Self.cells, cost: 1) == [996, 996, 996])
    #expect(try move.ask(Self.cells, cost: 1, holds: true) == [995, 995, 995])
    #expect(move.asked == 3, "the target has them: a charge, a hold and its confirmation")
    move.end()
    #expect(try move.ask(Self.cells, cost: 1) == [994, 994, 994])
    #expect(move.waited == 0)
  }

  @Test("a key that is new while its slot moves begins at the target")
  func begins() throws {
    let move = try Move()
    move.begin()
    #expect(try move.ask(Self.cells, cost: 1, holds: true) == [999, 999, 999])
    #expect(move.asked == 2)
    #expect(move.source.rig.keys.isEmpty && move.target.rig.keys == [move.hash])
    move.end()
    #expect(try move.ask(Self.cells, cost: 1) == [998, 998, 998])
  }

  @Test("with a log, a call waits while hash and list are in two places, and has counted nothing then")
  func logs() throws {
    let move = try Move()
    let all = Algorithm.allCases
    #expect(try move.ask(all, cost: 1) == [999, 999, 999, 999])
    move.begin()
    #expect(try move.ask(all, cost: 1, holds: true) == [998, 998, 998, 998])
    move.migrate(move.hash)
    #expect(try move.ask(all, cost: 1) == nil)
    #expect(try move.ask(Self.cells, cost: 1) == [997, 997, 997], "without the log it need not wait")
    move.migrate(move.list)
    #expect(try move.ask(all, cost: 1) == [996, 996, 996, 997])
    #expect(try move.ask(all, cost: 1, holds: true) == [995, 995, 995, 996])
    move.end()
    #expect(try move.ask(all, cost: 1) == [994, 994, 994, 995])
    #expect(move.waited == 1)
  }

  @Test("what a call replaces stays where it is while its slot moves: a log and a hash whose states are over")
  func replaces() throws {
    let move = try Move()
    let list = move.list
    // A log's entry, and a window, of the year 2001; keys that live.
    move.source.rig.command([Array("RPUSH".utf8), list, Array("1000000000000000:1:1".utf8)])
    var field: [UInt8] = []
    move.names.appendField(policy: 1, to: &field)
    let cell = ChargeReplyTests.cell(5, 0, 1_000_000_000_000_000, 86_400_000_000)
    move.source.rig.command([Array("HSET".utf8), move.hash, field, cell])
    for key in [list, move.hash] { move.source.rig.command([Array("EXPIRE".utf8), key, Array("1000".utf8)]) }
    move.begin()
    #expect(try move.ask([.slidingLog], cost: 0) == [1000])
    #expect(try move.ask([.fixedWindow, .slidingLog], cost: 1) == [999, 999])
    #expect(try move.ask([.fixedWindow, .slidingLog], cost: 1, holds: true) == [998, 998])
    #expect(move.asked == 0 && move.waited == 0)
    #expect(move.source.rig.command([Array("LLEN".utf8), list]) == .integer(2))
  }
}
