// DeciderTests.swift: what becomes of a check whose Redis does not answer, and of what memory charged before Redis
// denied.

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

/// A decider whose Redis was never reached.
private struct Rig {
  let loop: TestLoop
  let memory = MemoryStore(maximumKeys: 1000)
  let live: LiveWeirs
  let decider: Decider
  let clock = ManualClock()

  init(isShared: Bool = true) throws {
    loop = try TestLoop()
    live = LiveWeirs(isShared: isShared)
    let target = RedisTarget(place: .unix(path: "/nowhere"))
    let status = RedisStatus(live: live, url: "", logger: .silent, topology: .single(target))
    let redis = RedisStore(
      loop: loop.loop, timeout: 50_000_000, shared: RedisStore.Shared(servers: status.servers, live: live, id: "0"),
      announces: false, names: .none,
      observer: RedisWatch(status, .init()))
    decider = Decider(memory: memory, redis: redis, live: live)
  }

  /// One check; the ticket as it was decided.
  func check(_ policies: [Policy]) -> (outcome: CheckOutcome?, charges: [Charge]) {
    let (ticket, set) = ticket(policies)
    return (decider.begin(ticket, set, at: clock.now), ticket.charges)
  }

  func ticket(_ policies: [Policy]) -> (Ticket, PolicySet) {
    let set = PolicySet(policies, slots: policies.indices.map(UInt32.init))
    var check = Check()
    check.begin(set)
    check.setDomain("default".utf8.span, in: set)
    set.match(&check)
    let ticket = Ticket()
    ticket.fill(check.charges, keys: check.bytes.span, names: KeyNames(policies), arrival: clock.now.monotonic)
    return (ticket, set)
  }

  func remaining(_ policy: Policy) -> Int64? {
    let (ticket, _) = ticket([policy])
    ticket.charges[0].cost = 0
    ticket.withCharges { _ = memory.decide(&$0, keys: $1, now: clock.now) }
    return ticket.charges[0].decision.remaining
  }
}

private func policy(
  _ name: String, limit: Int64 = 10, burst: Int64? = nil, store: Policy.StoreKind = .redis,
  onFailure: Policy.OnStoreFailure = .memory, mode: Policy.Mode = .enforce, overrides: [Policy.Override] = []
) -> Policy {
  Policy(
    name: name, limit: Limit(algorithm: .tokenBucket, limit: limit, period: 3_600_000_000_000, burst: burst),
    store: store, onStoreFailure: onFailure, mode: mode, overrides: overrides)
}

@Suite struct DeciderTests {
  @Test("memory: this weir's share of limit and burst, rounded down and at least 1, exactly")
  func shares() throws {
    let rig = try Rig()
    rig.live.heard(["default"], count: 3, now: 0)
    let policies = [policy("a", limit: 10, burst: 8)]
    for left in [1, 0] {
      let (outcome, charges) = rig.check(policies)
      #expect(outcome == .allowed && charges[0].place == .fallback)
      #expect(charges[0].decision.limit == 2 && charges[0].decision.remaining == Int64(left))
    }
    #expect(rig.check(policies).outcome == .denied)
    #expect(rig.check([policy("b", limit: 2), policy("c")]).charges[0].decision.limit == 1)
  }

  @Test("memory without shares: the full limit")
  func unshared() throws {
    let rig = try Rig(isShared: false)
    rig.live.heard(["default"], count: 3, now: 0)
    #expect(rig.check([policy("a")]).charges[0].decision.limit == 10)
  }

  @Test("allow: let through, in no place")
  func allows() throws {
    let rig = try Rig()
    for _ in 0..<20 {
      let (outcome, charges) = rig.check([policy("a", limit: 1, onFailure: .allow)])
      #expect(outcome == .allowed && charges[0].place == .nowhere)
    }
  }

  @Test("deny: undecided, and nothing is charged anywhere")
  func denies() throws {
    let rig = try Rig()
    let local = policy("local", store: .memory)
    let fallback = policy("fallback")
    for _ in 0..<3 {
      #expect(rig.check([local, policy("a", onFailure: .deny), fallback]).outcome == .undecided)
    }
    #expect(rig.remaining(local) == 10)
  }

  @Test("deny, even where memory denies: the check is undecided all the same")
  func undecidedBeforeDenied() throws {
    let rig = try Rig()
    let local = policy("local", limit: 1, store: .memory)
    _ = rig.check([local])
    #expect(rig.remaining(local) == 0)
    #expect(rig.check([local, policy("a", onFailure: .deny)]).outcome == .undecided)
  }

  @Test("a shadow policy leaves no check undecided")
  func shadow() throws {
    let rig = try Rig()
    #expect(rig.check([policy("a", onFailure: .deny, mode: .shadow)]).outcome == .allowed)
  }

  @Test("all or nothing holds among fallbacks and local policies")
  func allOrNothing() throws {
    let rig = try Rig()
    let local = policy("local", store: .memory)
    let policies = [local, policy("a", limit: 1)]
    #expect(rig.check(policies).outcome == .allowed)
    #expect(rig.check(policies).outcome == .denied)
    #expect(rig.check(policies).outcome == .denied)
    let (ticket, _) = rig.ticket(policies)
    ticket.charges[0].cost = 0
    ticket.withCharges { _ = rig.memory.decide(&$0, keys: $1, now: rig.clock.now) }
    #expect(ticket.charges[0].decision.remaining == 9)
  }

  @Test("a block or an unlimited override needs no Redis")
  func effects() throws {
    let rig = try Rig()
    let blocked = policy("a", onFailure: .allow, overrides: [Policy.Override(key: [], effect: .block)])
    #expect(rig.check([blocked, policy("b", onFailure: .allow)]).outcome == .denied)
    let unlimited = policy("a", onFailure: .deny, overrides: [Policy.Override(key: [], effect: .unlimited)])
    #expect(rig.check([unlimited, policy("b", onFailure: .allow)]).outcome == .allowed)
  }

  @Test("what is remembered decides nothing where its server is known to be away, not even beside a local policy")
  func remembered() throws {
    let rig = try Rig()
    let redis = try #require(rig.decider.redis)
    let policies = [policy("local", store: .memory), policy("a", limit: 1, onFailure: .deny)]
    let (seen, _) = rig.ticket(policies)
    seen.unixNow = rig.clock.now.unix
    let full = Cell(amount: 1, instant: seen.unixNow, period: 3_600_000_000_000)
    let now = rig.loop.loop.now
    redis.observed.note(seen, 1, .cell(full), askedAt: now - 1, at: now)
    #expect(redis.remembers(rig.ticket(policies).0))
    #expect(rig.check(policies).outcome == .undecided)
  }

  @Test("what memory charged is given back if Redis denies, and the answer shows it so")
  func givesBack() throws {
    let rig = try Rig()
    let local = policy("local", store: .memory)
    let (ticket, set) = rig.ticket([local, policy("a")])
    ticket.withCharges { _ = rig.memory.decide(&$0, keys: $1, now: rig.clock.now) }
    #expect(ticket.charges[0].decision.remaining == 9)
    ticket.charges[1].decision = Decision(outcome: .deny, limit: 10, remaining: 0, retryAfter: 1)
    ticket.outcome = .decided
    ticket.isAllowed = false
    #expect(rig.decider.conclude(ticket, set, chargedAt: rig.clock.now, at: rig.clock.now) == .denied)
    #expect(ticket.charges[0].decision.remaining == 10 && ticket.charges[1].decision.outcome == .deny)
  }
}

extension EventLogger {
  static var silent: EventLogger {
    EventLogger(logger: .init(level: .error, format: .text, sink: { _ in }))
  }
}
