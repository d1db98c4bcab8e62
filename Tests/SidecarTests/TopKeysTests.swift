// TopKeysTests.swift: the page of the top keys, from what workers saw.

import CheckAPI
import Limiting
import Policies
import Stores
import Telemetry
import TestKit
import Testing

@testable import Sidecar

struct TopKeysTests {
  private static let policies = [
    Policy(
      name: "per-address", key: [.ip], limit: Limit(algorithm: .tokenBucket, limit: 5, period: 60_000_000_000)),
    Policy(
      domain: "api", name: "per-plan", key: [.custom("plan"), .header("x-id")], missing: .share,
      limit: Limit(algorithm: .fixedWindow, limit: 5, period: 60_000_000_000)),
    Policy(name: "all", limit: Limit(algorithm: .fixedWindow, limit: 5, period: 60_000_000_000)),
  ]
  private static let set = PolicySet(policies, slots: [7, 3, 9])
  private static let now = Now(monotonic: 1_000_000_000_000, unix: 1_700_000_000_500_000_000)

  /// A worker's recorder, and the store that hashes its keys.
  private struct Rig {
    let store: MemoryStore
    let keys: KeyRecorder

    init(isHashed: Bool = false, store: MemoryStore = MemoryStore(maximumKeys: 100), startedBefore: Int64 = 10) {
      self.store = store
      keys = KeyRecorder(
        KeyDisplay(isHashed: isHashed), store: store, now: TopKeysTests.now.monotonic - startedBefore * 1_000_000_000)
      keys.reserve(slots: 10)
    }

    func record(
      _ outcome: KeySketches.Outcome, policy: Int, key: [UInt8], times: Int = 1, asked: Bool = false
    ) {
      // The key does not stand at the beginning of the bytes, as in a check.
      let bytes = [9, 9, 9] + key
      var charge = Charge(
        policy: Int32(policy), slot: TopKeysTests.set.slots[policy], keyStart: 3, keyCount: Int32(key.count),
        effect: .limit, isShadow: false, limit: TopKeysTests.policies[policy].limit, cost: 1)
      if asked { charge.keyHash = store.keyHash(charge, keys: bytes.span) }
      for _ in 0..<times { keys.record(outcome, charge, keys: bytes.span, at: TopKeysTests.now.monotonic) }
    }

    var snapshot: KeySketches.Snapshot { keys.snapshot(at: TopKeysTests.now.monotonic) }
  }

  private static func key(_ policy: Int, _ parts: String?...) throws -> [UInt8] {
    let key = NamedKey(parts: parts.contains(nil) ? nil : parts.map { .value(.text(Array($0!.utf8))) })
    return try key.bytes(for: policies[policy], ipv6Prefix: 64)
  }

  private static func page(
    _ snapshots: [KeySketches.Snapshot], _ filter: TopKeys.Filter = TopKeys.Filter(), isHashed: Bool = false
  ) -> String {
    TopKeys.page(snapshots, set, filter, isHashed: isHashed, at: now)
  }

  @Test("the page, member by member")
  func page() throws {
    let rig = Rig()
    rig.record(.denied, policy: 0, key: try Self.key(0, "203.0.113.9"), times: 12)
    rig.record(.denied, policy: 0, key: try Self.key(0, "2001:db8::1"), times: 3)
    rig.record(.allowed, policy: 0, key: try Self.key(0, "203.0.113.9"), times: 5)
    rig.record(.allowed, policy: 1, key: try Self.key(1, "free", "a\"b"))
    rig.record(.allowed, policy: 1, key: try Self.key(1, nil), times: 2)
    rig.record(.denied, policy: 2, key: [])
    #expect(
      Self.page([rig.snapshot])
        == #"{"since":1699999991,"until":1700000001,"policies":["#
        + #"{"domain":"default","policy":"per-address","denied":[{"key":["203.0.113.9"],"count":12,"error":0},"#
        + #"{"key":["2001:db8::/64"],"count":3,"error":0}],"allowed":[{"key":["203.0.113.9"],"count":5,"error":0}],"#
        + #""denied_total":15,"allowed_total":5},"#
        + #"{"domain":"api","policy":"per-plan","denied":[],"allowed":[{"key":null,"count":2,"error":0},"#
        + #"{"key":["free","a\"b"],"count":1,"error":0}],"denied_total":0,"allowed_total":3},"#
        + #"{"domain":"default","policy":"all","denied":[{"key":[],"count":1,"error":0}],"allowed":[],"#
        + #""denied_total":1,"allowed_total":0}],"untracked":0}"# + "\n")
  }

  @Test("workers count as one, whether the store was asked for a key or not")
  func workers() throws {
    let store = MemoryStore(maximumKeys: 100)
    let rigs = [Rig(store: store, startedBefore: 20), Rig(store: store)]
    let key = try Self.key(0, "203.0.113.9")
    rigs[0].record(.denied, policy: 0, key: key, times: 4, asked: true)
    rigs[1].record(.denied, policy: 0, key: key, times: 3)
    let page = Self.page(rigs.map(\.snapshot))
    #expect(page.contains(#""denied":[{"key":["203.0.113.9"],"count":7,"error":0}]"#))
    #expect(page.hasPrefix(#"{"since":1699999981,"#), "the oldest says since when")
  }

  @Test("only what is asked for is shown")
  func filters() throws {
    let rig = Rig()
    for address in 0..<30 {
      rig.record(.denied, policy: 0, key: try Self.key(0, "203.0.113.\(address)"), times: 1 + address)
    }
    rig.record(.allowed, policy: 1, key: try Self.key(1, "free", "x"))
    func names(_ filter: TopKeys.Filter) throws -> [String] {
      let page = try #require(JSON(Self.page([rig.snapshot], filter)))
      return (page["policies"]?.array ?? []).compactMap { $0["policy"]?.string }
    }
    #expect(try names(TopKeys.Filter()) == ["per-address", "per-plan"])
    #expect(try names(TopKeys.Filter(domain: "api")) == ["per-plan"])
    #expect(try names(TopKeys.Filter(policy: "per-address")) == ["per-address"])
    #expect(try names(TopKeys.Filter(domain: "api", policy: "per-address")) == [])
    #expect(try names(TopKeys.Filter(domain: "none")) == [])
    #expect(TopKeys.Filter(domain: "default").slots(in: Self.set) == [7, 9])
    #expect(TopKeys.Filter(policy: "per-plan").slots(in: Self.set) == [3])
    #expect(TopKeys.Filter().slots(in: Self.set) == [3, 7, 9])
    func denied(_ limit: Int) throws -> Int {
      let page = try #require(JSON(Self.page([rig.snapshot], TopKeys.Filter(limit: limit))))
      return page["policies"]?.array?[0]["denied"]?.array?.count ?? -1
    }
    #expect(try [1, 20, 30, 256].map(denied) == [1, 20, 30, 30])
    #expect(Self.page([rig.snapshot], TopKeys.Filter(limit: 1)).contains(#"{"key":["203.0.113.29"],"count":30"#))
    #expect(Self.page([rig.snapshot]).contains(#""denied_total":465"#))
  }

  @Test("of no answers, and of keys of a policy that is gone, the page says nothing")
  func nothing() throws {
    #expect(Self.page([]) == #"{"since":1700000001,"until":1700000001,"policies":[],"untracked":0}"# + "\n")
    let rig = Rig()
    rig.record(.denied, policy: 0, key: try Self.key(0, "203.0.113.9"))
    let other = PolicySet([Self.policies[0]], slots: [8])
    let page = TopKeys.page([rig.snapshot], other, TopKeys.Filter(), isHashed: false, at: Self.now)
    #expect(page.contains(#""policies":[]"#))
  }

  @Test("with --hash-keys no byte of a key is kept or shown, and an operator finds a suspect by its hash")
  func hashed() throws {
    let display = KeyDisplay(isHashed: true)
    let store = MemoryStore(maximumKeys: 100)
    let keys = KeyRecorder(display, store: store, now: Self.now.monotonic)
    keys.reserve(slots: 10)
    let key = try Self.key(1, "secret-plan", "secret-id")
    for (policy, slot) in [(1, 3), (1, 9)] as [(Int32, UInt32)] {
      let charge = Charge(
        policy: policy, slot: slot, keyStart: 0, keyCount: Int32(key.count), effect: .limit, isShadow: false,
        limit: Self.policies[1].limit, cost: 1)
      for _ in 0..<3 { keys.record(.denied, charge, keys: key.span, at: Self.now.monotonic) }
    }
    let snapshot = keys.snapshot(at: Self.now.monotonic)
    let kept = snapshot.policies.flatMap(\.denied).reduce(0) { $0 + $1.keys.count }
    #expect(kept == 0)
    let hash = display.hashText(key.span)
    #expect(hash.hasPrefix("k:") && hash.utf8.count == 34)
    let page = Self.page([snapshot], isHashed: true)
    #expect(page.contains(#""policy":"per-plan","denied":[{"hash":"\#(hash)","count":3,"error":0}]"#))
    #expect(page.split(separator: hash, omittingEmptySubsequences: false).count == 3, "one key, one hash, two policies")
    #expect(!page.contains("secret") && !page.contains(#""key""#))
    #expect(KeyDisplay(isHashed: true).hashText(key.span) != hash, "another process, another secret")
    let other = try Self.key(1, "secret-plan", "secret-ie")
    #expect(display.hashText(other.span) != hash)
  }

  @Test("a long key is cut, marked, and told apart by its hash")
  func long() throws {
    let display = KeyDisplay(isHashed: false)
    let store = MemoryStore(maximumKeys: 100)
    let keys = KeyRecorder(display, store: store, now: Self.now.monotonic)
    keys.reserve(slots: 10)
    let long = String(repeating: "x", count: 200)
    let suspects = try [Self.key(1, "free", long + "1"), Self.key(1, "free", long + "2")]
    for (index, key) in suspects.enumerated() {
      let charge = Charge(
        policy: 1, slot: 3, keyStart: 0, keyCount: Int32(key.count), effect: .limit, isShadow: false,
        limit: Self.policies[1].limit, cost: 1)
      for _ in 0..<2 - index { keys.record(.denied, charge, keys: key.span, at: Self.now.monotonic) }
    }
    // Tag, length and "free" take 9 bytes, tag and length of the second part 5.
    let shown = #"{"key":["free","\#(String(repeating: "x", count: 128 - 14))"],"count""#
    let hashes = suspects.map { display.hashText($0.span) }
    let page = Self.page([keys.snapshot(at: Self.now.monotonic)])
    #expect(page.contains(shown + #":2,"error":0,"cut":true,"hash":"\#(hashes[0])"}"#))
    #expect(page.contains(shown + #":1,"error":0,"cut":true,"hash":"\#(hashes[1])"}"#))
  }

  @Test("a value that is no UTF-8 is shown by its bytes, so that no two keys look alike")
  func notText() throws {
    let rig = Rig()
    let one = NamedKey(parts: [.value(.text(Array("é".utf8))), .value(.bytes([0xff, 0x0a]))])
    let several = NamedKey(parts: [.value(.text([])), .values([.text(Array("b".utf8)), .bytes([0x80])])])
    for key in [one, several] {
      rig.record(.denied, policy: 1, key: try key.bytes(for: Self.policies[1], ipv6Prefix: 64))
    }
    let page = Self.page([rig.snapshot])
    #expect(page.contains(#""key":["é",{"hex":"ff0a"}]"#))
    #expect(page.contains(#""key":["",["b",{"hex":"80"}]]"#))
  }

  @Test("checks of policies beyond the bound are counted on the page")
  func untracked() {
    var snapshots = [KeySketches.Snapshot(since: 0, untracked: 3), KeySketches.Snapshot(since: 0, untracked: 4)]
    #expect(Self.page(snapshots).hasSuffix(#""policies":[],"untracked":7}"# + "\n"))
    snapshots.removeLast()
    #expect(Self.page(snapshots).hasSuffix(#""untracked":3}"# + "\n"))
  }

  @Test("the query names a domain, a policy and a limit, each at most once")
  func query() throws {
    #expect(try TopKeys.Filter(AdminRequest("GET", "/keys/top")) == TopKeys.Filter())
    #expect(
      try TopKeys.Filter(AdminRequest("GET", "/keys/top?domain=api&limit=256&policy=p"))
        == TopKeys.Filter(domain: "api", policy: "p", limit: 256))
    func refusal(_ query: String) -> Refusal? {
      do throws(Refusal) {
        _ = try TopKeys.Filter(AdminRequest("GET", "/keys/top?" + query))
        return nil
      } catch {
        return error
      }
    }
    for limit in ["", "0", "257", "%2B1", "-1", "1e1", "99999999999999999999", "1%20", "1%00"] {
      #expect(refusal("limit=" + limit) == Refusal(400, "parameter limit must be 1 to 256"), "\(limit)")
    }
    #expect(refusal("policy=a&policy=a") == Refusal(400, "parameter policy is given 2 times"))
    #expect(refusal("key=a") == Refusal(400, "unknown parameter \"key\"; known are domain, policy, limit"))
  }
}
