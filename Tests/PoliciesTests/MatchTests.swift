// MatchTests.swift: which policies apply. The index and the compiled conditions against the naive model.

import Limiting
import TestKit
import Testing

@testable import Policies

struct MatchTests {
  @Test("matching says what every policy tried in turn says", arguments: Seeds.of(1...60 as ClosedRange<UInt64>))
  func agreesWithModel(seed: UInt64) {
    var world = World(random: Seeded(seed))
    let policies = world.policies()
    let set = PolicySet(policies)
    var check = Check()
    var keys: [Int: [[UInt8]: [Set<String>]?]] = [:]
    for _ in 0..<150 {
      let (facts, meaning) = world.check()
      check.fill(facts, set)
      set.match(&check)
      let expected = NaiveModel.charges(policies, meaning)
      let got = check.outcomes
      #expect(got.map(\.policy) == expected.map(\.policy), "seed \(seed): \(facts)")
      guard got.count == expected.count else { return }
      for (got, expected) in zip(got, expected) {
        #expect(got.effect == expected.effect, "seed \(seed): p\(got.policy) on \(facts)")
        #expect(got.limit == expected.limit, "seed \(seed): p\(got.policy) on \(facts)")
        #expect(got.cost == expected.cost, "seed \(seed): p\(got.policy) on \(facts)")
        // Keys of one policy: the same bytes mean the same parts.
        if let known = keys[got.policy]?[got.key] {
          #expect(known == expected.key, "seed \(seed): p\(got.policy) on \(facts)")
        }
        keys[got.policy, default: [:]][got.key] = .some(expected.key)
      }
    }
    for (policy, parts) in keys {
      #expect(Set(parts.values).count == parts.count, "seed \(seed): p\(policy): two keys for the same parts")
    }
  }

  @Test("the random worlds are neither empty nor all alike")
  func worldIsRich() {
    var (none, some, overridden, shared) = (0, 0, 0, 0)
    for seed in UInt64(1)...60 {
      var world = World(random: Seeded(seed))
      let policies = world.policies()
      for _ in 0..<20 {
        let charges = NaiveModel.charges(policies, world.check().meaning)
        if charges.isEmpty { none += 1 } else { some += 1 }
        overridden += charges.count { $0.effect != .limit || $0.limit != .ten }
        shared += charges.count { $0.key == nil }
      }
    }
    #expect(none > 100)
    #expect(some > 600)
    #expect(overridden > 300)
    #expect(shared > 300)
  }

  @Test("conditions hold as written", arguments: [false, true])
  func conditions(asExcept: Bool) {
    let facts = Facts(
      method: "GET", target: "/a/b?q=1&q=2", host: "x.h.com", ip: "10.1.2.3", headers: [("h", "abc, d"), ("e", "")],
      customs: [("plan", "free")])
    let cases: [(Conditions, Bool)] = [
      (.when(methods: ["GET"]), true), (.when(methods: ["get"]), false), (.when(methods: ["PUT", "GET"]), true),
      (.when(path: ["/a/b"]), true), (.when(path: ["/a"]), false), (.when(path: ["/a", "/**"]), true),
      (.when(host: ["*.h.com"]), true), (.when(host: ["h.com"]), false), (.when(ip: ["10.0.0.0/8"]), true),
      (.when(ip: ["::/0", "11.0.0.0/8"]), false), (.when([.of("header.h", .oneOf(["d"]))]), true),
      (.when([.of("header.h", .oneOf(["abc, d"]))]), false), (.when([.of("header.h", .oneOf(["ab"]))]), false),
      (.when([.of("header.h", .prefix(["ab"]))]), true), (.when([.of("header.h", .prefix(["bc", "x"]))]), false),
      (.when([.of("header.h", .prefix([""]))]), true), (.when([.of("header.h", .present(true))]), true),
      (.when([.of("header.h", .present(false))]), false), (.when([.of("header.e", .present(true))]), true),
      (.when([.of("header.e", .oneOf([""]))]), true), (.when([.of("header.none", .present(false))]), true),
      (.when([.of("header.none", .oneOf([""]))]), false), (.when([.of("header.none", .prefix([""]))]), false),
      (.when([.of("query.q", .oneOf(["2"]))]), true), (.when([.of("query.q", .oneOf(["3"]))]), false),
      (.when([.of("plan", .oneOf(["pro", "free"]))]), true), (.when([.of("plan", .prefix(["fr"]))]), true),
      (.when([.of("ip", .present(true))]), true), (.when([.of("ip", .oneOf(["10.1.0.0/16"]))]), true),
      (.when([.of("ip", .oneOf(["10.2.0.0/16"]))]), false), (.when([.of("host", .oneOf(["X.H.com:80"]))]), true),
      (.when([.of("host", .prefix(["X.h"]))]), true), (.when([.of("path", .oneOf(["/a/b/"]))]), true),
      (.when([.of("path", .prefix(["/a/"]))]), true), (.when([.of("path", .prefix(["/b"]))]), false),
      (.when(path: ["/{x}/*"], [.of("path.x", .oneOf(["a"]))]), true),
      (.when(path: ["/{x}/*"], [.of("path.x", .oneOf(["b"]))]), false),
      (.when(path: ["/{x}/*"], [.of("path.y", .present(false))]), true),
      (.when([.of("path.x", .present(true))]), false),
      (.when(methods: ["GET"], path: ["/a/**"], host: ["x.h.com"], ip: ["10.1.2.3"]), true),
      (.when(methods: ["GET"], path: ["/a/**"], host: ["y.h.com"], ip: ["10.1.2.3"]), false),
      (Conditions(), true),
    ]
    for (index, (conditions, holds)) in cases.enumerated() where !(asExcept && conditions.isEmpty) {
      let policy = asExcept ? Policy.with(except: conditions) : Policy.with(match: conditions)
      #expect(PolicySet([policy]).outcomes(facts).isEmpty == (holds == asExcept), "case \(index): \(conditions)")
    }
  }

  @Test("an exception without paths of its own speaks of what the match captured")
  func exceptCaptures() {
    let internalOnly = Conditions.when([.of("path.x", .oneOf(["internal"]))])
    let set = PolicySet([.with(match: .when(path: ["/{x}/**"]), except: internalOnly, key: ["path.x"])])
    #expect(set.names(Facts(target: "/public/a")) == ["p"])
    #expect(set.names(Facts(target: "/internal/a")) == [])
  }

  @Test("an exception must hold whole to except")
  func wholeException() {
    let set = PolicySet([.with(except: .when(methods: ["GET"], ip: ["192.0.2.0/24"]))])
    #expect(set.names(Facts(method: "GET", ip: "192.0.2.1")) == [])
    #expect(set.names(Facts(method: "PUT", ip: "192.0.2.1")) == ["p"])
    #expect(set.names(Facts(method: "GET", ip: "192.0.3.1")) == ["p"])
    #expect(set.names(Facts(method: "GET")) == ["p"])
  }

  @Test("an added line cannot hide a value from a condition")
  func addedLine() {
    let set = PolicySet([.with(match: .when([.of("header.x-plan", .oneOf(["free"]))]))])
    for added in ["pro", "", "\"", "\"pro", ",", "free"] {
      #expect(set.names(Facts(headers: [("x-plan", "free"), ("x-plan", added)])) == ["p"], "\(added) behind")
      #expect(set.names(Facts(headers: [("x-plan", added), ("x-plan", "free")])) == ["p"], "\(added) before")
    }
  }

  @Test("each policy is charged once, however many of its values and patterns hold")
  func once() {
    let set = PolicySet([
      .with("values", match: .when([.of("header.h", .oneOf(["a", "b"]))])), .with("plain"),
      .with("paths", match: .when(path: ["/a/**", "/a/*", "/a/b", "/{x}/b"])),
      .with("networks", match: .when(ip: ["10.0.0.0/8", "10.1.0.0/16", "10.1.2.3"])),
      .with("hosts", match: .when(host: ["a.h", "*.h", "a.h:80"])),
    ])
    let facts = Facts(target: "/a/b", host: "a.h", ip: "10.1.2.3", headers: [("h", "a,b"), ("h", "a")])
    #expect(set.names(facts) == ["values", "plain", "paths", "networks", "hosts"])
  }
}
