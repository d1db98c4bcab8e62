// KeyTextTests.swift: keys as people read them, against the bytes that checks really have.

import Limiting
import TestKit
import Testing

@testable import Policies

extension KeyText {
  /// The key of parts written as strings.
  fileprivate static func of(_ parts: String...) -> KeyText { KeyText(parts: parts.map { .value(Array($0.utf8)) }) }

  /// The bytes of the counter that this names when it is shown and given back.
  fileprivate func bytes(for policy: Policy, ipv6Prefix: Int) throws(KeyMismatch) -> [UInt8] {
    try NamedKey(self, of: policy.key).bytes(for: policy, ipv6Prefix: ipv6Prefix)
  }
}

struct KeyTextTests {
  private static func read(
    _ bytes: [UInt8], _ names: String..., prefix: Int = 64, isCut: Bool = false
  ) -> KeyText? {
    KeyText(bytes.span, of: names.map { AttributeName($0)! }, ipv6Prefix: prefix, isCut: isCut)
  }

  /// Spans do not go into macros.
  private static func read(_ bytes: [UInt8], _ policy: Policy, prefix: Int = 64, isCut: Bool = false) -> KeyText? {
    KeyText(bytes.span, of: policy.key, ipv6Prefix: prefix, isCut: isCut)
  }

  /// Every key of random checks under random policies.
  private static func forEachKey(seed: UInt64, _ body: (Policy, [UInt8]) throws -> Void) rethrows {
    var world = World(random: Seeded(seed))
    for _ in 0..<10 {
      let set = PolicySet(world.policies())
      for _ in 0..<40 {
        for outcome in set.outcomes(world.check().facts) { try body(set.policies[outcome.policy], outcome.key) }
      }
    }
  }

  @Test(
    "what checks make, policies show, and what they show names the same counter",
    arguments: Seeds.of(1...20 as ClosedRange<UInt64>))
  func roundTrip(seed: UInt64) throws {
    var keys = 0
    try Self.forEachKey(seed: seed) { policy, key in
      let text = try #require(
        Self.read(key, policy), "seed \(seed): \(key) under \(policy.key)")
      #expect(try text.bytes(for: policy, ipv6Prefix: 64) == key, "seed \(seed): \(text)")
      #expect(text.isCut == false)
      #expect(text.parts == nil || text.parts?.count == policy.key.count, "seed \(seed)")
      keys += 1
    }
    #expect(keys > 100, "seed \(seed): the world makes keys")
  }

  @Test("values are shown byte for byte, whatever the bytes", arguments: Seeds.of(1...20 as ClosedRange<UInt64>))
  func anyBytes(seed: UInt64) throws {
    var random = Seeded(seed)
    let policy = Policy.with(key: ["header.h", "plan", "query.q", "ip", "path"])
    let set = PolicySet([policy])
    for _ in 0..<200 {
      var check = Check()
      // Paths that would be decoded, or cut, once more.
      let target = random.pick(["/", "/a%2541", "/a%3fb", "/%23", "/%2500", "/%c3%28", "/a%20b/"])
      check.fill(Facts(target: target, ip: random.pick(["1.2.3.4", "2001:db8::1", "::"])), set)
      func bytes() -> [UInt8] {
        (0..<random.below(8)).map { _ in random.pick([0, 1, 2, 4, 0x2c, 0x20, 0x22, 0x5c, 0x41, 0x80, 0xc3, 0xff]) }
      }
      for name in ["header.h", "query.q"] {
        for _ in 0...random.below(2) {
          let line = bytes()
          check.addLine(line.span, to: set.list(named: name))
        }
      }
      let plan = bytes()
      check.setCustom(set.list(named: "plan"), to: plan.span)
      set.match(&check)
      let key = try #require(check.outcomes.first?.key)
      let text = try #require(Self.read(key, policy), "seed \(seed): \(key)")
      #expect(try text.bytes(for: policy, ipv6Prefix: 64) == key, "seed \(seed): \(text)")
      #expect(text.parts?[1] == .value(plan), "seed \(seed)")
    }
  }

  @Test("a list of more values than are sorted keeps its order")
  func longList() throws {
    let policy = Policy.with(key: ["header.h"])
    let values = (0..<1500).map { "\($0 * 7 % 1500 / 2)" }
    let key = try #require(
      PolicySet([policy]).key(Facts(target: "/", headers: [("h", values.joined(separator: ","))])))
    let text = try #require(Self.read(key, policy))
    #expect(try text.bytes(for: policy, ipv6Prefix: 64) == key)
  }

  @Test(
    "no bytes trap, cut or not, and what is read of the whole names its counter",
    arguments: Seeds.of(1...20 as ClosedRange<UInt64>))
  func anyKey(seed: UInt64) throws {
    var random = Seeded(seed)
    let names = ["ip", "method", "header.h", "query.q", "plan", "path.x"]
    for _ in 0..<2000 {
      let policy = Policy.with(key: random.some(random.below(4), of: names), missing: .share)
      var bytes: [UInt8] = (0..<random.below(40)).map { _ in random.pick([0, 0, 0, 0, 1, 1, 2, 3, 4, 5, 0x41, 0xff]) }
      if random.oneIn(2), let name = policy.key.first { bytes.insert(name == .ip ? 4 : random.pick([1, 2]), at: 0) }
      _ = KeyText(bytes.span, of: policy.key, ipv6Prefix: random.below(129), isCut: true)
      guard let text = Self.read(bytes, policy, prefix: 128),
        let made = try? text.bytes(for: policy, ipv6Prefix: 128)
      else { continue }
      // Bytes that no check makes (a set of one, unsorted) are read too, and give the key that a check would make.
      let again = try #require(Self.read(made, policy, prefix: 128), "seed \(seed): \(bytes)")
      #expect(try again.bytes(for: policy, ipv6Prefix: 128) == made, "seed \(seed): \(bytes)")
    }
  }

  @Test("of a cut key every beginning shows what is there", arguments: Seeds.of(1...5 as ClosedRange<UInt64>))
  func cut(seed: UInt64) throws {
    try Self.forEachKey(seed: seed) { policy, key in
      guard key.count > 1, let all = Self.read(key, policy)?.parts else { return }
      for count in 1..<key.count {
        let beginning = Array(key.prefix(count))
        let text = try #require(
          Self.read(beginning, policy, isCut: true), "seed \(seed): \(count) of \(key)")
        let parts = try #require(text.parts)
        #expect(text.isCut)
        #expect(parts.dropLast().elementsEqual(all.prefix(max(0, parts.count - 1))), "seed \(seed)")
        let whole = Self.read(beginning, policy)
        #expect(whole == nil, "seed \(seed): no whole key")
      }
    }
  }

  @Test(
    "an IPv6 address is shown with the prefix that counts",
    arguments: [
      ("1.2.3.4", 64, "1.2.3.4"), ("1.2.3.4", 0, "1.2.3.4"), ("2001:db8:1:2:3::4", 64, "2001:db8:1:2::/64"),
      ("2001:db8:1:2:3::4", 48, "2001:db8:1::/48"), ("2001:db8::1", 0, "::/0"), ("2001:db8::1", 128, "2001:db8::1"),
    ])
  func addresses(given: String, prefix: Int, expected: String) throws {
    let policy = Policy.with(key: ["ip"])
    let key = try #require(PolicySet([policy], ipv6Prefix: prefix).key(Facts(target: "/", ip: given)))
    let text = try #require(Self.read(key, policy, prefix: prefix))
    #expect(text == .of(expected))
    #expect(try text.bytes(for: policy, ipv6Prefix: prefix) == key)
  }

  @Test("the forms of a part")
  func forms() {
    #expect(Self.read([]) == KeyText(parts: []))
    #expect(Self.read([0], "method") == .shared)
    #expect(Self.read([1, 0, 0, 0, 3] + "GET".utf8, "method") == .of("GET"))
    #expect(Self.read([1, 0, 0, 0, 0], "header.h") == .of(""))
    #expect(
      Self.read([2, 0, 0, 0, 2, 0, 0, 0, 1, 0x61, 0, 0, 0, 1, 0x62], "query.q")
        == KeyText(parts: [.values([[0x61], [0x62]])]))
    let mapped = [4] + [UInt8](repeating: 0, count: 10) + [255, 255, 203, 0, 113, 9]
    #expect(Self.read(mapped, "ip") == .of("203.0.113.9"))
    let six: [UInt8] = [4, 0x20, 1, 0xd, 0xb8] + [UInt8](repeating: 0, count: 12)
    #expect(Self.read(six, "ip") == .of("2001:db8::/64"))
    #expect(Self.read(six, "ip", prefix: 128) == .of("2001:db8::"))
    #expect(Self.read(mapped + [1, 0, 0, 0, 1, 0x78], "ip", "plan") == .of("203.0.113.9", "x"))
  }

  @Test(
    "bytes that are no key of the policy are none",
    arguments: [
      ([], ["method"]), ([0], []), ([0, 0], ["method"]), ([1], ["method"]), ([1, 0, 0, 0], ["method"]),
      ([1, 0, 0, 0, 2, 0x41], ["method"]), ([1, 0, 0, 0, 1, 0x41, 0x41], ["method"]), ([3, 0, 0, 0, 0], ["method"]),
      ([1, 255, 255, 255, 255], ["method"]), ([2, 0, 0, 0, 1, 0, 0, 0, 1, 0x41], ["method"]), ([4, 1, 2], ["ip"]),
      ([1, 0, 0, 0, 1, 0x41], ["ip"]), ([4] + Array(repeating: 0, count: 16), ["method"]),
      ([2, 0, 0, 0, 2, 0, 0, 0, 1, 0x41], ["query.q"]), ([2, 255, 255, 255, 255], ["query.q"]),
    ] as [([UInt8], [String])])
  func wrong(bytes: [UInt8], names: [String]) {
    #expect(Self.read(bytes, .with(key: names)) == nil)
  }
}
