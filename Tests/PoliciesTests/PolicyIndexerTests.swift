// PolicyIndexerTests.swift: a check considers a handful of policies, whatever number the set holds.

import Testing

@testable import Policies

struct PolicyIndexerTests {
  private static let count = 10_000

  /// How many policies a check considers, and which apply.
  private static func consider(_ facts: Facts, _ set: PolicySet) -> (candidates: Int, names: [String]) {
    var check = Check()
    check.fill(facts, set)
    set.match(&check)
    return (check.candidates.count, check.charges.map { set.policies[Int($0.policy)].name })
  }

  /// What to make 10 000 policies of, and a check that is for the one of a number.
  enum Kind: String, CaseIterable {
    case path, restPath, deepPath, wildcardFirst, captured, host, subdomain, header, query, custom, network, network6
    case method, pathOfOneHost, headerOfOnePath, secondPattern

    func conditions(_ n: Int) -> Conditions {
      switch self {
      case .path: .when(path: ["/p\(n)"])
      case .restPath: .when(path: ["/p\(n)/**"])
      case .deepPath: .when(path: ["/v1/*/p\(n)/{x}"])
      case .wildcardFirst: .when(path: ["/*/p\(n)"])
      case .captured: .when(path: ["/{x}/p\(n)/**"])
      case .host: .when(host: ["h\(n).com"])
      case .subdomain: .when(host: ["*.h\(n).com"])
      case .header: .when([.of("header.h", .oneOf(["v\(n)"]))])
      case .query: .when([.of("query.q", .oneOf(["v\(n)"]))])
      case .custom: .when([.of("plan", .oneOf(["v\(n)"]))])
      case .network: .when(ip: ["10.\(n / 250).\(n % 250).0/24"])
      case .network6: .when(ip: ["2001:db8:\(String(n, radix: 16))::/48"])
      case .method: .when(methods: ["M\(n)"])
      case .pathOfOneHost: .when(path: ["/p\(n)/**"], host: ["h.com"])
      case .headerOfOnePath: .when(methods: ["GET"], path: ["/**"], [.of("header.h", .oneOf(["v\(n)"]))])
      case .secondPattern: .when(path: ["/same/p\(n)", "/p\(n)/*"])
      }
    }

    func facts(_ n: Int) -> Facts {
      let path =
        switch self {
        case .deepPath: "/v1/a/p\(n)/b"
        case .wildcardFirst, .captured: "/a/p\(n)"
        case .secondPattern: "/p\(n)/a"
        default: "/p\(n)"
        }
      return Facts(
        method: self == .method ? "M\(n)" : "GET", target: path + "?q=v\(n)",
        host: self == .host ? "h\(n).com" : self == .subdomain ? "a.h\(n).com" : "h.com",
        ip: self == .network6 ? "2001:db8:\(String(n, radix: 16)):1::" : "10.\(n / 250).\(n % 250).1",
        headers: [("h", "v\(n)")], customs: [("plan", "v\(n)")])
    }
  }

  @Test("ten thousand policies cost a check no more candidates than one", arguments: Kind.allCases)
  func distinct(kind: Kind) {
    let policies = (0..<Self.count).map { Policy.with("p\($0)", match: kind.conditions($0), key: ["ip"]) }
    let set = PolicySet(policies)
    for n in [0, 1, 4_999, Self.count - 1] {
      let (candidates, names) = Self.consider(kind.facts(n), set)
      #expect(names == ["p\(n)"])
      #expect(candidates == 1)
    }
    let (candidates, names) = Self.consider(kind.facts(Self.count), set)
    #expect(names == [])
    #expect(candidates == 0)
  }

  @Test("policies of other domains are not considered")
  func domains() {
    let set = PolicySet((0..<Self.count).map { Policy.with("p", domain: "d\($0)") })
    let (candidates, names) = Self.consider(Facts(domain: "d77"), set)
    #expect(candidates == 1)
    #expect(names == ["p"])
  }

  @Test("a policy is filed under its rarest condition")
  func rarest() {
    // Every policy shares its method and its first segment with many, and its header with none.
    let set = PolicySet(
      (0..<1_000).map { n in
        .with(
          "p\(n)", match: .when(methods: ["GET"], path: ["/a/**"], [.of("header.h", .oneOf(["v\(n)", "w\(n)"]))]))
      })
    let (candidates, names) = Self.consider(Facts(method: "GET", target: "/a/b", headers: [("h", "w7")]), set)
    #expect(candidates == 1)
    #expect(names == ["p7"])
  }

  @Test("what cannot be looked up is considered at every check")
  func always() {
    let set = PolicySet([
      .with("plain"), .with("prefix", match: .when([.of("header.h", .prefix(["a"]))])),
      .with("absent", match: .when([.of("header.h", .present(false))])), .with("rest", match: .when(path: ["/**"])),
    ])
    #expect(Self.consider(Facts(target: "/", headers: [("h", "abc")]), set) == (4, ["plain", "prefix", "rest"]))
    #expect(Self.consider(Facts(), set) == (4, ["plain", "absent"]))
  }

  @Test("a condition without values never holds and disturbs nothing")
  func emptyCondition() {
    let set = PolicySet([
      .with("none", match: .when([.of("header.h", .oneOf([]))])),
      .with("network", match: .when([.of("ip", .oneOf(["nonsense"]))])), .with("plain"),
    ])
    #expect(set.names(Facts(ip: "1.2.3.4", headers: [("h", "")])) == ["plain"])
  }
}
