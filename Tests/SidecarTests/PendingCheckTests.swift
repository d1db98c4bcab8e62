// PendingCheckTests.swift: the memory of checks that wait for Redis: how much they hold together, and what is kept of
// them.

import CheckAPI
import EventLoop
import Limiting
import Policies
import Stores
import Telemetry
import TestKit
import Testing

@testable import RedisStore
@testable import Sidecar

/// A decider whose Redis accepts connections and says nothing.
private final class Rig {
  final class Holder: TicketHolder {
    var redeemed: [Ticket] = []
    func redeemed(_ ticket: Ticket) { redeemed.append(ticket) }
  }

  let test: TestLoop
  let set: PolicySet
  let counters = WorkerCounters()
  let holder = Holder()
  let redis: RedisStore
  let decider: Decider
  let clock = ManualClock()
  private let policies: [Policy]
  private let socket: ListeningSocket

  init(onFailure: Policy.OnStoreFailure, waitingLimit: Int) throws {
    test = try TestLoop()
    let limit = Limit(algorithm: .fixedWindow, limit: 10, period: 3_600_000_000_000)
    policies = [Policy(name: "a", limit: limit, store: .redis, onStoreFailure: onFailure)]
    set = PolicySet(policies, slots: [0])
    socket = try ListeningSocket.open(.v4(0x7f00_0001, port: 0), count: 1)[0]
    guard case .v4(_, let port) = socket.boundAddress else { preconditionFailure("opened for IPv4") }
    let live = LiveWeirs(isShared: false)
    let status = RedisStatus(
      live: live, url: "", logger: .silent,
      topology: .single(RedisTarget(place: .host("127.0.0.1", port: port))))
    redis = RedisStore(
      loop: test.loop, timeout: 60_000_000_000,
      shared: RedisStore.Shared(servers: status.servers, live: live, id: "0"), announces: false, names: .none,
      observer: RedisWatch(status, counters))
    decider = Decider(
      memory: MemoryStore(maximumKeys: 100), redis: redis, live: live, waitingLimit: waitingLimit)
    // As a node of a cluster does: checks wait for the first connection.
    if case .one(let node) = redis.route { node.start(takesEarly: true) }
  }

  deinit {
    redis.stop()
    test.loop.close()
  }

  /// A check whose key has so many bytes, and what became of it at once.
  func begin(keyBytes: Int) -> (ticket: Ticket, outcome: CheckOutcome?) {
    let ticket = Ticket()
    let key = [UInt8](repeating: 7, count: keyBytes)
    var check = Check()
    check.begin(set)
    check.setDomain("default".utf8.span, in: set)
    set.match(&check)
    var charges = check.charges
    charges[0].keyStart = 0
    charges[0].keyCount = Int32(keyBytes)
    ticket.fill(charges, keys: key.span, names: KeyNames(policies), arrival: test.loop.now)
    ticket.holder = holder
    return (ticket, decider.begin(ticket, set, at: clock.now))
  }
}

@Suite struct PendingCheckTests {
  @Test("beyond the bound a check does not wait: on_store_failure decides it at once, and it is counted")
  func bound() throws {
    for (onFailure, outcome, place) in [
      (.memory, .allowed, .fallback), (.allow, .allowed, .nowhere), (.deny, .undecided, .nowhere),
    ] as [(Policy.OnStoreFailure, CheckOutcome, Charge.Place)] {
      let rig = try Rig(onFailure: onFailure, waitingLimit: 100_000)
      #expect(rig.begin(keyBytes: 60_000).outcome == nil)
      let waiting = rig.decider.waitingBytes
      #expect(waiting >= 60_000 && waiting < 70_000)
      for count in 1...3 as ClosedRange<Int64> {
        let second = rig.begin(keyBytes: 60_000)
        #expect(second.outcome == outcome && second.ticket.charges[0].place == place)
        #expect(rig.counters.count(.redisOverloads) == count && rig.decider.waitingBytes == waiting)
      }
      #expect(rig.begin(keyBytes: 100).outcome == nil, "a small one still fits")
    }
  }

  @Test("what a check held is given back when it is decided, and others may wait again")
  func givenBack() throws {
    let rig = try Rig(onFailure: .allow, waitingLimit: 100_000)
    let first = rig.begin(keyBytes: 60_000).ticket
    #expect(rig.begin(keyBytes: 60_000).outcome == .allowed)
    first.outcome = .failed
    #expect(rig.decider.conclude(first, rig.set, chargedAt: rig.clock.now, at: rig.clock.now) == .allowed)
    #expect(rig.decider.waitingBytes == 0)
    #expect(rig.begin(keyBytes: 60_000).outcome == nil)
  }

  @Test("one check alone may wait, however large its key")
  func alone() throws {
    let rig = try Rig(onFailure: .allow, waitingLimit: 1_000)
    #expect(rig.begin(keyBytes: 60_000).outcome == nil)
    #expect(rig.begin(keyBytes: 1).outcome == .allowed)
    #expect(rig.counters.count(.redisOverloads) == 1)
  }

  @Test("a worker's share of the bound is the less the more there are, and never less than 8 MiB")
  func share() {
    #expect(Bounds.waiting(workers: 1) == 64 << 20 && Bounds.waiting(workers: 2) == 32 << 20)
    #expect(Bounds.waiting(workers: 1_000) == 8 << 20)
  }

  @Test("of checks that were decided a bounded number is kept, without the memory of long keys")
  func spares() throws {
    let test = try TestLoop()
    let rules = Rules(PolicySet([], slots: []), APISettings())
    let store = MemoryStore(maximumKeys: 10)
    let responder = DataResponder(
      loop: test.loop, settings: APISettings(), state: ProcessState(),
      decider: Decider(memory: store, redis: nil, live: nil), counters: WorkerCounters(),
      keys: KeyRecorder(KeyDisplay(isHashed: false), store: store, now: 0), rules: rules)
    for _ in 0..<Bounds.sparePending + 20 {
      let pending = PendingCheck(responder)
      pending.ticket.keys = [UInt8](repeating: 1, count: 60_000)
      responder.keep(pending)
    }
    #expect(responder.sparePending.count == Bounds.sparePending)
    #expect(responder.sparePending.allSatisfy { $0.ticket.memory == 0 })
  }
}
