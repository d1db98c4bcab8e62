// KeyTests.swift: what names a counter. Different facts never give equal bytes, equal facts always do.

import Limiting
import TestKit
import Testing

@testable import Policies

struct KeyTests {
  private static func set(_ key: String..., missing: Policy.Missing = .skip, ipv6Prefix: Int = 64) -> PolicySet {
    PolicySet([.with(match: .when(path: ["/{a}/{b}", "/**"]), key: key, missing: missing)], ipv6Prefix: ipv6Prefix)
  }

  @Test("each part has the documented layout")
  func layout() {
    let facts = Facts(
      method: "GET", target: "/x/yz?q=1&q=0&q=1", host: "H:1", ip: "1.2.3.4", headers: [("h", "")],
      customs: [("plan", "a,b")])
    #expect(Self.set().key(facts) == [])
    #expect(Self.set("method").key(facts) == [1, 0, 0, 0, 3] + "GET".utf8)
    #expect(Self.set("path").key(facts) == [1, 0, 0, 0, 5] + "/x/yz".utf8)
    #expect(Self.set("host").key(facts) == [1, 0, 0, 0, 1] + "h".utf8)
    #expect(Self.set("path.b").key(facts) == [1, 0, 0, 0, 2] + "yz".utf8)
    #expect(Self.set("header.h").key(facts) == [1, 0, 0, 0, 0])
    #expect(Self.set("plan").key(facts) == [1, 0, 0, 0, 3] + "a,b".utf8)
    #expect(Self.set("query.q").key(facts) == [2, 0, 0, 0, 2, 0, 0, 0, 1, 0x30, 0, 0, 0, 1, 0x31])
    #expect(Self.set("ip").key(facts) == [4] + Array(repeating: 0, count: 10) + [255, 255, 1, 2, 3, 4])
    #expect(Self.set("method", "host").key(facts) == [1, 0, 0, 0, 3] + "GET".utf8 + [1, 0, 0, 0, 1] + "h".utf8)
  }

  @Test(
    "a value that holds what another part begins with is still one value", arguments: 0...5 as ClosedRange<UInt8>)
  func frames(length: UInt8) {
    let set = Self.set("plan", "tier")
    let frame = "\u{1}\u{0}\u{0}\u{0}" + String(UnicodeScalar(length))
    let first = set.key(Facts(target: "/", customs: [("plan", "x" + frame + "y"), ("tier", "z")]))
    let second = set.key(Facts(target: "/", customs: [("plan", "x"), ("tier", "y" + frame + "z")]))
    #expect(first != nil && second != nil && first != second)
  }

  @Test("the length of a part is written whole")
  func longParts() {
    let set = Self.set("plan")
    for count in [255, 256, 65_535, 65_536, 70_000] {
      let key = set.key(Facts(target: "/", customs: [("plan", String(repeating: "x", count: count))]))
      let length = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: count >> $0) }
      #expect(key?.count == count + 5)
      #expect(key.map { Array($0.prefix(5)) } == [1] + length)
    }
  }

  @Test(
    "without an attribute of the key a check is skipped, or shares one counter with all such checks",
    arguments: ["method", "host", "ip", "header.h", "query.q", "path.a", "plan", "path"])
  func missing(name: String) {
    var facts = Facts(
      method: "GET", target: "/a/b?q=1", host: "h", ip: "::1", headers: [("h", "1")], customs: [("plan", "x")])
    let match = name == "path" ? Conditions() : .when(path: ["/{a}/{b}", "/**"])
    let skip = PolicySet([.with(match: match, key: ["method", name, "host"])])
    let share = PolicySet([.with(match: match, key: ["method", name, "host"], missing: .share)])
    #expect(skip.key(facts) != nil)
    #expect(skip.key(facts) == share.key(facts))
    switch name {
    case "method": facts.method = nil
    case "host": facts.host = nil
    case "ip": facts.ip = nil
    case "header.h": facts.headers = []
    case "query.q": facts.target = "/a/b?r=1"
    case "path.a": facts.target = "/a?q=1"
    case "path": facts.target = nil
    default: facts.customs = []
    }
    #expect(skip.key(facts) == nil)
    #expect(share.key(facts) == [0])
    facts.method = facts.method.map { _ in "PUT" }
    #expect(share.key(facts) == [0], "the shared counter knows nothing of the parts that are there")
  }

  @Test("a skipped policy leaves the others alone")
  func skipsOne() {
    let set = PolicySet([
      .with("a", key: ["method"]), .with("b", key: ["method", "host"]), .with("c", key: ["method", "ip"]),
      .with("d", key: ["method"]),
    ])
    let outcomes = set.outcomes(Facts(method: "GET", ip: "1.2.3.4"))
    #expect(outcomes.map(\.policy) == [0, 2, 3])
    #expect(outcomes[0].key == outcomes[2].key)
    #expect(outcomes[1].key.count == outcomes[0].key.count + 17)
  }

  @Test("an empty value is present")
  func emptyIsPresent() {
    let facts = Facts(method: "", target: "/?q", host: "", headers: [("h", "")], customs: [("plan", "")])
    for name in ["method", "host", "header.h", "query.q", "plan"] {
      #expect(Self.set(name).key(facts) == [1, 0, 0, 0, 0], "\(name)")
    }
  }

  @Test(
    "an IPv6 address counts as its prefix, an IPv4 address whole, mapped or not",
    arguments: [
      ("2001:db8:1:2:3::4", "2001:db8:1:2:ffff::", 64, true), ("2001:db8:1:2::", "2001:db8:1:3::", 64, false),
      ("2001:db8:1:2::", "2001:db8:1:3::", 63, true), ("2001:db8:1:2::", "2001:db8:1:3::", 48, true),
      ("::1", "::2", 128, false), ("::2", "::3", 127, true), ("::", "ffff::", 0, true), ("::", "8000::", 1, false),
      ("1.2.3.4", "1.2.3.5", 64, false), ("1.2.3.4", "1.2.3.5", 0, false), ("1.2.3.4", "::ffff:1.2.3.4", 64, true),
      ("::ffff:1.2.3.4", "::ffff:1.2.3.5", 8, false), ("::1.2.3.4", "::1.2.3.5", 64, true),
      ("0.0.0.0", "::", 0, false),
    ])
  func addresses(a: String, b: String, prefix: Int, equal: Bool) {
    let set = Self.set("ip", ipv6Prefix: prefix)
    #expect((set.key(Facts(target: "/", ip: a)) == set.key(Facts(target: "/", ip: b))) == equal)
  }

  @Test(
    "different facts give different keys, equal facts equal ones", arguments: Seeds.of(1...30 as ClosedRange<UInt64>))
  func injective(seed: UInt64) {
    var random = Seeded(seed)
    let set = Self.set("header.h", "plan", "method", "header.i", "ip")
    var facts: [[UInt8]: [[String]]] = [:]
    for _ in 0..<400 {
      let (h, i) = (Self.values(&random), Self.values(&random))
      let (plan, method) = (Self.text(&random), Self.text(&random))
      let ip = random.pick(["1.2.3.4", "::ffff:1.2.3.4", "::", "1::", "101:1:100::", "::100"])
      let key = set.key(
        Facts(
          method: method, target: "/", ip: ip, headers: h.map { ("h", $0) } + i.map { ("i", $0) },
          customs: [("plan", plan)]))
      let address = ip.contains(".") ? "v4" : ip == "::100" ? "::" : ip
      let meaning = [Set(h).sorted(), [plan], [method], Set(i).sorted(), [address]]
      guard let key else {
        Issue.record("seed \(seed): no key for \(meaning)")
        continue
      }
      if let known = facts[key] { #expect(known == meaning, "seed \(seed): one key for two facts") }
      facts[key] = meaning
    }
    #expect(Set(facts.values).count == facts.count, "seed \(seed): two keys for one fact")
  }

  /// Bytes that look like tags and lengths, so that a missing prefix would show.
  private static func text(_ random: inout Seeded) -> String {
    (0..<random.below(4)).map { _ in random.pick(["\u{0}", "\u{1}", "\u{2}", "\u{4}", "\u{5}"]) }.joined()
  }

  /// One to three values of a list that are not empty.
  private static func values(_ random: inout Seeded) -> [String] {
    (0..<1 + random.below(3)).map { _ in text(&random) + "\u{1}" }
  }
}
