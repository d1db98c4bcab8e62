import Limiting
import Policies
import TestKit
import Testing

@testable import RedisStore

@Suite("names of counters in Redis") struct KeyNamesTests {
  static func policy(
    _ name: String, domain: String = "api", _ algorithm: Algorithm = .tokenBucket, key: [AttributeName] = [.ip],
    store: Policy.StoreKind = .redis
  ) -> Policy {
    Policy(
      domain: domain, name: name, key: key, limit: Limit(algorithm: algorithm, limit: 1, period: 1_000_000_000),
      store: store)
  }

  static func name(_ names: KeyNames, _ policy: Int, _ key: [UInt8]) -> String {
    var bytes: [UInt8] = []
    names.append(policy: policy, key: key.span, to: &bytes)
    #expect(names.count(policy: policy) == bytes.count)
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test("say domain, policy and algorithm, and the key as the base64url digits of 128 bits of its SHA-256")
  func form() {
    let names = KeyNames([Self.policy("per-client"), Self.policy("total", domain: "v.1", .slidingLog, key: [])])
    // SHA-256 of nothing begins e3b0c44298fc1c149afbf4c8996fb924 (FIPS 180-4).
    #expect(Self.name(names, 1, [1]).hasSuffix("}:v.1:total:l47DEQpj8"))
    let abc = Self.name(names, 0, Array("abc".utf8))
    #expect(abc.hasPrefix("weir:{ungWv48Bz-pBQUDeXa4iIw}:api:per-client:t"))
  }

  @Test("differ wherever the counters do")
  func injective() {
    let names: [AttributeName] = [.ip, .header("a"), .header("ab"), .query("a"), .custom("a"), .method]
    var policies: [Policy] = []
    for domain in ["a", "ab"] {
      for name in ["b", "bc", "c"] {
        for algorithm in Algorithm.allCases {
          for key in [[], [names[0]], [names[1]], [names[2]], [names[1], names[5]], [names[5], names[1]], names] {
            policies.append(Self.policy(name, domain: domain, algorithm, key: key))
          }
        }
      }
    }
    let set = KeyNames(policies)
    let keys: [[UInt8]] = [
      [], [0], [0, 0], [1], Array("{a}".utf8), Array("a:b".utf8), Array(repeating: 7, count: 300),
    ]
    var seen: Set<String> = []
    for policy in policies.indices {
      for key in keys { seen.insert(Self.name(set, policy, key)) }
    }
    // The keys [] and [0] are the same: no policy has both.
    #expect(seen.count == policies.count * (keys.count - 1))
  }

  @Test("never hold a user's bytes, and their hash tag is that of the key")
  func tags() throws {
    let names = KeyNames([Self.policy("one"), Self.policy("two", .slidingWindow, key: [.header("x")])])
    for text in ["}", "{}", "{x}:y", "a}{b", "\r\n", "weir:{", "*"] {
      let key = Array(text.utf8)
      let tags = try (0..<2).map { policy in
        let name = Self.name(names, policy, key)
        #expect(name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f })
        #expect(name.filter { $0 == "{" || $0 == "}" } == "{}")
        let open = try #require(name.firstIndex(of: "{"))
        let close = try #require(name.firstIndex(of: "}"))
        return name[open...close]
      }
      #expect(tags[0] == tags[1] && tags[0].count == 24, "one key, one slot of a cluster")
    }
  }

  @Test("what all checks of a domain share counts under the digest of the domain's name, in every set alike")
  func shared() {
    let policies = [
      Self.policy("total", domain: "abc", key: []), Self.policy("per-client", domain: "abc"),
      Self.policy("total", domain: "abd", key: []),
    ]
    let names = KeyNames(policies)
    let abc = KeyDigest(Array("abc".utf8).span)
    for key: [UInt8] in [[], [0]] {
      #expect(names.digest(policy: 0, key: key.span) == abc && names.digest(policy: 1, key: key.span) == abc)
      #expect(names.digest(policy: 2, key: key.span) == KeyDigest(Array("abd".utf8).span))
    }
    for key: [UInt8] in [[1], [0, 0], Array("abc".utf8)] {
      #expect(names.digest(policy: 0, key: key.span) == KeyDigest(key.span))
    }
    for (place, policy) in policies.enumerated() {
      for key: [UInt8] in [[], [0], [1]] {
        let digest = names.digest(policy: place, key: key.span)
        #expect(KeyNames.digest(CounterIdentity(policy), key: key.span) == digest)
        #expect(KeyNames.counter(CounterIdentity(policy), digest) == Array(Self.name(names, place, key).utf8))
      }
    }
  }

  @Test("in a cluster one hash holds a key's counters, in fields that are the rest of their names; logs keep theirs")
  func hash() {
    let policies = [Self.policy("per-client"), Self.policy("log", domain: "v.1", .slidingLog)]
    let names = KeyNames(policies)
    let digest = KeyDigest(Array("abc".utf8).span)
    var hash: [UInt8] = []
    KeyNames.appendHash(key: digest, to: &hash)
    #expect(hash == Array("weir:{ungWv48Bz-pBQUDeXa4iIw}".utf8) && hash.count == KeyNames.hashCount)
    for place in policies.indices {
      var field: [UInt8] = []
      names.appendField(policy: place, to: &field)
      #expect(names.fieldCount(policy: place) == field.count)
      #expect(hash + ":".utf8 + field == Array(Self.name(names, place, Array("abc".utf8)).utf8))
      let removal = KeyNames.removal(CounterIdentity(policies[place]), digest)
      let isLog = place == 1
      #expect(removal.key == (isLog ? hash + ":".utf8 + field : hash))
      #expect(
        removal.command
          == ScriptRig.bytes(isLog ? [Array("DEL".utf8), removal.key] : [Array("HDEL".utf8), hash, field]))
    }
  }

  @Test("stay the same when a policy's place, numbers or mode change")
  func stable() {
    var changed = Self.policy("one")
    changed.limit.limit = 77
    changed.limit.period *= 60
    changed.mode = .shadow
    let before = KeyNames([Self.policy("zero"), Self.policy("one")])
    #expect(Self.name(before, 1, [1, 2]) == Self.name(KeyNames([changed]), 0, [1, 2]))
  }

  @Test("the domains of a set are those with policies in Redis, once each; each has a name for its weirs")
  func domains() {
    let set = KeyNames([
      Self.policy("a", domain: "z"), Self.policy("b", domain: "b"), Self.policy("c", domain: "z"),
      Self.policy("d", domain: "memory", store: .memory),
    ])
    #expect(set.domains == ["b", "z"])
    #expect(KeyNames.live(domain: "abc") == Array("weir:live:{ungWv48Bz-pBQUDeXa4iIw}".utf8))
    let few = (0..<Bounds.announcedDomains).map { "d\($0)" }
    #expect(KeyNames.live(few) == few.map { KeyNames.live(domain: $0) })
    let many = few + ["one-more"]
    #expect(KeyNames.live(many).count == 1 && KeyNames.live(many) != KeyNames.live(few + ["another"]))
    #expect(KeyNames.live(domain: "b") != KeyNames.live(domain: "z"))
  }
}
