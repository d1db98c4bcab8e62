// PolicySetTests.swift: what a set says of itself, and what identity a counter has.

import Limiting
import Testing

@testable import Policies

struct PolicySetTests {
  @Test("a set numbers each attribute that its policies name, once, wherever they name it")
  func lists() {
    let set = PolicySet([
      .with("a", match: .when([.of("header.b", .present(true))]), key: ["header.a", "query.q"]),
      .with(
        "b", except: .when([.of("header.c", .prefix(["x"])), .of("plan", .oneOf(["y"]))]),
        key: ["header.a", "method", "path", "host", "ip"],
        cost: .attribute(.header("d"), default: 1, min: 1, max: 1)),
    ])
    #expect(set.headers.map(\.name).sorted() == ["a", "b", "c", "d"])
    let names = ["header.a", "header.b", "header.c", "header.d", "query.q", "plan"]
    let numbers = names.map { set.list(named: $0) }
    #expect(Set(numbers).count == names.count)
    #expect(numbers.allSatisfy { $0 >= Check.List.firstOther && $0 < set.listCount })
    #expect(set.listCount == Int(Check.List.firstOther) + names.count)
    #expect(set.uses.contains(.query))
    for header in set.headers { #expect(header.list == set.list(named: "header." + header.name)) }
    for name in ["header.e", "q", "a", "method", "path", "host", "ip", ""] { #expect(set.list(named: name) == -1) }
  }

  @Test("a check is matched against the policies of its own domain only")
  func domains() {
    let set = PolicySet([
      .with("a"), .with("b", domain: "api"), .with("c", match: .when(methods: ["GET"])),
      .with("d", domain: "api", match: .when(methods: ["GET"])),
    ])
    #expect(set.names(Facts(method: "GET")) == ["a", "c"])
    #expect(set.names(Facts(domain: "api", method: "GET")) == ["b", "d"])
    for unknown in ["", "ap", "apis", "API", "default "] { #expect(set.names(Facts(domain: unknown)) == []) }
    #expect(PolicySet([]).names(Facts()) == [])
  }

  @Test("charges carry the slot and mode of their policy, all shadow where the set is")
  func charges() {
    let policies: [Policy] = [.with("a"), .with("b", mode: .shadow)]
    for (set, shadows) in [
      (PolicySet(policies, slots: [7, 5]), [false, true]),
      (PolicySet(policies, slots: [7, 5], shadowAll: true), [true, true]),
    ] {
      var check = Check()
      check.fill(Facts(), set)
      set.match(&check)
      #expect(check.charges.map(\.slot) == [7, 5])
      #expect(check.charges.map(\.policy) == [0, 1])
      #expect(check.charges.map(\.isShadow) == shadows)
    }
  }

  @Test("a counter is kept as long as domain, name, algorithm, key and store are the same")
  func identity() {
    let policy = Policy.with("p", key: ["ip"])
    func changed(_ change: (inout Policy) -> Void) -> Bool {
      var other = policy
      change(&other)
      return CounterIdentity(other) != CounterIdentity(policy)
    }
    #expect(changed { $0.domain = "api" })
    #expect(changed { $0.name = "q" })
    #expect(changed { $0.limit.algorithm = .fixedWindow })
    #expect(changed { $0.key = [.host] })
    #expect(changed { $0.store = .redis })
    #expect(!changed { $0.mode = .shadow })
    #expect(!changed { $0.limit.limit = 5 })
    #expect(!changed { $0.match = .when(methods: ["GET"]) })
    #expect(!changed { $0.overrides = [Policy.Override(key: ["1.1.1.1"], effect: .block)] })
    #expect(!changed { $0.onStoreFailure = .deny })
  }
}
