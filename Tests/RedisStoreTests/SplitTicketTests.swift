// SplitTicketTests.swift: what a check over two slots comes to where the node of one denies and that of the other is
// silent.

import EventLoop
import Limiting
import Policies
import TestKit
import Testing

@testable import RedisStore

@Suite struct SplitTicketTests {
  /// A store on two nodes that have half of the slots each: the first denies everything, and the other, unless it is told
  /// to answer, says nothing.
  private final class Rig {
    let test: TestLoop
    let servers: [FakeRedis]
    let store: RedisStore
    let holder = Holder()
    private let names = KeyNames(["small", "other", "unseen"].map { KeyNamesTests.policy($0) })
    private let observer = RecordingObserver()

    init(answers: Bool = false) throws {
      test = try TestLoop()
      let loop = test.loop
      servers = try (0..<2).map { _ in try FakeRedis(loop) }
      for (number, server) in servers.enumerated() {
        server.answer = { command, _ in
          switch command.first {
          case "ROLE": .say("*3\r\n$6\r\nmaster\r\n:0\r\n*0")
          // A time of 7 bytes, and a charge that denies.
          case "EVALSHA": number == 0 || answers ? .say("$8\r\n\0\u{5}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}") : .nothing
          default: FakeRedis.healthy(command)
          }
        }
      }
      let nodes = servers.map { NodeAddress(host: "127.0.0.1", port: $0.address.port ?? 0) }
      let map = ClusterMap()
      _ = map.replace(with: SlotMap([(0...8_191, nodes[0]), (8_192...16_383, nodes[1])]))
      let cluster = ClusterNodes(map: map, login: RedisTarget(place: nodes[0].place)) { _ in nil }
      store = RedisStore(
        loop: loop, timeout: 100_000_000,
        shared: RedisStore.Shared(servers: .cluster(cluster), live: LiveWeirs(isShared: true), id: "rig"),
        announces: false, names: names, observer: observer)
      store.start()
    }

    deinit {
      store.stop()
      test.run(turns: 3)
    }

    func connect() -> Bool { test.run { self.observer.connects == 2 } }

    /// A check of a policy on the first node, and one of another on the other; and of a third that has the key of the
    /// first.
    func ticket(_ onStoreFailure: Policy.OnStoreFailure, isShadow: Bool = false, hasThird: Bool = false) -> Ticket {
      let keys = (0..<2).map { key(on: $0) }
      let limit = Limit(algorithm: .tokenBucket, limit: 1, period: 1_000_000_000)
      var charges = (0..<2).map { index in
        Charge(
          policy: Int32(index), slot: UInt32(index), keyStart: Int32(index * keys[0].count),
          keyCount: Int32(keys[index].count), effect: .limit, isShadow: index == 1 && isShadow, place: .redis,
          onStoreFailure: index == 1 ? onStoreFailure : .memory, limit: limit, cost: 1)
      }
      if hasThird {
        charges.append(charges[0])
        charges[2].policy = 2
        charges[2].slot = 2
      }
      let bytes = keys[0] + keys[1]
      let ticket = Ticket()
      ticket.fill(charges, keys: bytes.span, names: names, arrival: test.loop.now)
      ticket.holder = holder
      return ticket
    }

    private func key(on node: Int) -> [UInt8] {
      for number in 0..<1_000 {
        let key = Array("key \(number)".utf8)
        if Int(HashSlot.of(names.digest(policy: node, key: key.span))) / 8_192 == node { return key }
      }
      preconditionFailure("half of all keys are on each node")
    }

    /// Calls that the silent node got.
    var calls: Int { servers[1].commands.count { $0.first == "EVALSHA" } }
  }

  @Test(
    "a denial stands where the node of another policy is silent, unless that one enforces and fails closed",
    arguments: [Policy.OnStoreFailure.memory, .allow, .deny], [false, true])
  func silent(onStoreFailure: Policy.OnStoreFailure, isShadow: Bool) throws {
    let rig = try Rig()
    #expect(rig.connect())
    let ticket = rig.ticket(onStoreFailure, isShadow: isShadow)
    #expect(!rig.store.ask(ticket))
    #expect(rig.test.run { rig.holder.redeemed.count == 1 })
    if onStoreFailure == .deny, !isShadow {
      #expect(ticket.outcome == .failed)
      #expect(ticket.charges.allSatisfy { $0.place == .redis }, "on_store_failure decides about all of them")
    } else {
      #expect(ticket.outcome == .decided && !ticket.isAllowed)
      #expect(ticket.charges.map(\.place) == [.redis, .nowhere])
      #expect(ticket.charges[0].decision.outcome == .deny)
    }
    // What only a shadow policy asks for is not known to hold anything.
    if !isShadow { #expect(rig.test.run { rig.calls == 2 }, "it may hold: it is cancelled") }
  }

  @Test("where one part is known to deny and the other is asked, what is known of no counter is left out")
  func remembered() throws {
    let rig = try Rig(answers: true)
    #expect(rig.connect())
    let seen = rig.ticket(.deny)
    let now = rig.test.loop.now
    seen.unixNow = 1_700_000_000_000_000_000
    let full = Cell(amount: 1, instant: seen.unixNow, period: 1_000_000_000)
    rig.store.observed.note(seen, 0, .cell(full), askedAt: now - 1, at: now)
    let ticket = rig.ticket(.deny, hasThird: true)
    #expect(!rig.store.ask(ticket), "whether the policy that fails closed can be decided, only its node knows")
    #expect(rig.test.run { rig.holder.redeemed.count == 1 })
    #expect(ticket.outcome == .decided && !ticket.isAllowed)
    #expect(ticket.charges.map(\.place) == [.redis, .redis, .unasked])
    #expect(rig.servers[0].commands.allSatisfy { $0.first != "EVALSHA" })
  }
}
