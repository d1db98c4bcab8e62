// RuleCompilerTests.swift: which policies keep their counters over a reload, and what a set is compiled with.

import CheckAPI
import EventLoop
import Limiting
import Policies
import PolicyFiles
import Stores
import TestKit
import Testing

@testable import RedisStore
@testable import Sidecar

@Suite struct RuleCompilerTests {
  static func compiler(isShadow: Bool = false, ipv6Prefix: Int = 64, settings: APISettings = APISettings())
    -> RuleCompiler
  {
    RuleCompiler(store: MemoryStore(maximumKeys: 10), settings: settings, ipv6Prefix: ipv6Prefix, isShadow: isShadow)
  }

  static func loaded(_ policies: [Policy]) -> LoadedPolicies {
    LoadedPolicies(policies: policies, warnings: [], files: [], sha256: "")
  }

  static func policy(
    _ name: String, domain: String = "default", algorithm: Algorithm = .tokenBucket, limit: Int64 = 1,
    key: [AttributeName] = [.ip], store: Policy.StoreKind = .memory, mode: Policy.Mode = .enforce
  ) -> Policy {
    Policy(
      domain: domain, name: name, key: key,
      limit: Limit(algorithm: algorithm, limit: limit, period: 60_000_000_000), store: store, mode: mode)
  }

  @Test("a policy keeps its slot while domain, name, algorithm, key and store are the same, wherever it stands")
  func keeps() {
    let compiler = Self.compiler()
    let first = compiler.compile(Self.loaded([Self.policy("a"), Self.policy("b")])).set.slots
    let changed = [Self.policy("c"), Self.policy("b", limit: 9, mode: .shadow), Self.policy("a", limit: 2)]
    let second = compiler.compile(Self.loaded(changed)).set.slots
    #expect(Array(second[1...]) == [first[1], first[0]])
    #expect(!first.contains(second[0]))
  }

  @Test("any other name, domain, algorithm, key or store is another counter")
  func changes() {
    let compiler = Self.compiler()
    let policies = [
      Self.policy("a"), Self.policy("b"), Self.policy("a", domain: "api"), Self.policy("a", algorithm: .fixedWindow),
      Self.policy("a", key: [.ip, .path]), Self.policy("a", key: []), Self.policy("a", store: .redis),
    ]
    var seen: Set<UInt32> = []
    for policy in policies { seen.formUnion(compiler.compile(Self.loaded([policy])).set.slots) }
    #expect(seen.count == policies.count)
  }

  @Test("a policy that is gone for a moment finds its counter again")
  func comesBack() {
    let compiler = Self.compiler()
    let first = compiler.compile(Self.loaded([Self.policy("a")])).set.slots
    #expect(compiler.compile(Self.loaded([])).set.slots.isEmpty)
    #expect(compiler.compile(Self.loaded([Self.policy("b")])).set.slots != first)
    #expect(compiler.compile(Self.loaded([Self.policy("a")])).set.slots == first)
  }

  @Test("what a key has spent under the old numbers counts under the new")
  func spent() {
    let store = MemoryStore(maximumKeys: 10)
    let compiler = RuleCompiler(store: store, settings: APISettings(), ipv6Prefix: 64, isShadow: false)
    let clock = ManualClock()
    func spend(_ cost: Int64, _ limit: Int64) -> Decision? {
      let set = compiler.compile(Self.loaded([Self.policy("a", algorithm: .slidingLog, limit: limit)])).set
      var check = Check()
      check.begin(set)
      check.setDomain("default".utf8.span, in: set)
      check.ip = IPAddress("192.0.2.1")
      check.cost = cost
      set.match(&check)
      _ = check.withCharges { store.decide(&$0, keys: $1, now: clock.now) }
      return check.charges.first?.decision
    }
    #expect(spend(3, 3)?.remaining == 0)
    #expect(spend(0, 10)?.remaining == 7)
    #expect(spend(0, 2)?.remaining == 0)
    #expect(spend(1, 2)?.outcome == .deny)
  }

  @Test(
    "a sweep after a change of live weirs keeps the newest set's counters, for as long as a share of their rate needs")
  func followsShares() {
    let store = MemoryStore(maximumKeys: 10)
    let live = LiveWeirs(isShared: true)
    let compiler = RuleCompiler(
      store: store, settings: APISettings(), ipv6Prefix: 64, isShadow: false, live: live)
    _ = compiler.compile(Self.loaded([Self.policy("old", store: .redis)]))
    let slot = compiler.compile(Self.loaded([Self.policy("new", limit: 60, store: .redis)])).set.slots[0]
    live.heard(["default"], count: 60, now: 0)

    let start = Now(monotonic: Loop.monotonicNow(), unix: UnixClock.nanoseconds())
    // One a minute is what a sixtieth of 60 a minute gives: the whole debt is paid in a minute.
    let limit = Limit(algorithm: .tokenBucket, limit: 1, period: 60_000_000_000)
    var charges = [
      Charge(
        policy: 0, slot: slot, keyStart: 0, keyCount: 0, effect: .limit, isShadow: false, place: .fallback,
        limit: limit, cost: 1)
    ]
    let keys: [UInt8] = []
    #expect(store.decide(&charges, keys: keys.span, now: start))
    func isKept(after seconds: Int64) -> Bool {
      let later = Now(monotonic: start.monotonic + seconds * 1_000_000_000, unix: start.unix + seconds * 1_000_000_000)
      compiler.sweep(budget: 1_000_000, now: later)
      return store.metrics.keys == 1
    }
    #expect(isKept(after: 2), "a whole rate would have paid by now")
    #expect(isKept(after: 30), "its policy is in force")
    #expect(!isKept(after: 70))
  }

  @Test("the options for all policies reach the set, and the names of headers its table")
  func options() {
    func charge(_ compiler: RuleCompiler) -> (isShadow: Bool, key: [UInt8])? {
      let set = compiler.compile(Self.loaded([Self.policy("a")])).set
      var check = Check()
      check.begin(set)
      check.setDomain("default".utf8.span, in: set)
      check.ip = IPAddress("2001:db8:1:2:3:4:5:6")
      set.match(&check)
      return check.charges.first.map { ($0.isShadow, Array(check.bytes[Int($0.keyStart)...])) }
    }
    #expect(charge(Self.compiler())?.isShadow == false)
    #expect(charge(Self.compiler(isShadow: true))?.isShadow == true)
    #expect(charge(Self.compiler(ipv6Prefix: 32))?.key != charge(Self.compiler())?.key)
  }
}
