// World.swift: random policies and checks over few values, so that they meet.

import Limiting

@testable import Policies

struct World {
  var random: Seeded

  private static let patterns = [
    "/", "/**", "/*", "/{x}", "/a", "/a/**", "/a/b", "/a/*", "/*/b", "/{x}/b", "/{x}/{y}", "/a/{y}/**", "/{y}/**",
    "/b/{x}/a", "/*/*/**", "/a/{x}/b/{y}", "/**",
  ]
  private static let hosts = ["h.com", "*.h.com", "a.h.com", "*.a.h.com", "b.org", "*.org", "*.b.org"]
  private static let networks = [
    "10.0.0.0/8", "10.1.0.0/16", "0.0.0.0/0", "10.1.2.3", "::/0", "2001:db8::/32", "2001:db8:0:1::/64", "::/80",
    "2001:db8::1",
  ]
  /// What each attribute's values are.
  private static let pools: [String: [String]] = [
    "method": ["GET", "PUT", "get"], "host": ["h.com", "a.h.com", "b.a.h.com", "b.org", "org"],
    "header.h": ["1", "2", "12", "", "x"], "header.i": ["1", "x"], "query.q": ["1", "a b", "", "x"],
    "plan": ["free", "pro", "", "1,2"], "path.x": ["a", "b"], "path.y": ["a", "b"],
    "ip": ["10.1.2.3", "10.2.0.1", "192.0.2.1", "2001:db8::1", "2001:db9::1"], "path": ["/", "/a", "/a/b", "/b/a"],
  ]
  private static let names = pools.keys.sorted()

  // MARK: Policies

  mutating func policies() -> [Policy] {
    (0..<1 + random.below(40)).map { number in
      let key = random.some(random.below(4), of: Self.names)
      return Policy.with(
        "p\(number)", domain: random.pick(["default", "default", "api"]), match: conditions(),
        except: random.oneIn(3) ? someConditions() : nil, key: key, missing: random.pick([.skip, .share]),
        cost: cost(), overrides: (0..<random.below(6)).map { override(of: key, 20 + $0) })
    }
  }

  private mutating func conditions() -> Conditions {
    .when(
      methods: random.oneIn(4) ? random.some(1 + random.below(2), of: Self.pools["method"]!) : [],
      path: random.oneIn(2) ? random.some(1 + random.below(3), of: Self.patterns) : [],
      host: random.oneIn(4) ? random.some(1 + random.below(2), of: Self.hosts) : [],
      ip: random.oneIn(4) ? random.some(1 + random.below(3), of: Self.networks) : [],
      (0..<max(0, random.below(4) - 1)).map { _ in attribute() })
  }

  private mutating func someConditions() -> Conditions {
    var conditions = conditions()
    if conditions.isEmpty { conditions.attributes = [attribute()] }
    return conditions
  }

  private mutating func attribute() -> AttributeCondition {
    let name = random.pick(Self.names)
    let values = random.some(1 + random.below(2), of: Self.pools[name]!)
    switch random.below(name == "ip" ? 2 : 4) {
    case 0: return .of(name, .present(random.oneIn(2)))
    case 3: return .of(name, .prefix(values.map { String($0.prefix(1)) }))
    default: return .of(name, .oneOf(name == "ip" ? random.some(2, of: Self.networks) : values))
    }
  }

  private mutating func cost() -> Policy.Cost {
    guard random.oneIn(3) else { return .fixed(Int64(1 + random.below(3))) }
    let minimum = Int64(1 + random.below(3))
    return .attribute(
      AttributeName(random.pick(Self.names))!, default: minimum + 1, min: minimum,
      max: minimum + Int64(random.below(9)))
  }

  private mutating func override(of key: [String], _ limit: Int) -> Policy.Override {
    let parts = key.map { random.oneIn(2) ? nil : random.pick(Self.pools[$0]!) }
    return Policy.Override(key: parts, effect: random.pick([.limit(.of(Int64(limit))), .unlimited, .block]))
  }

  // MARK: Checks

  /// A check in some spelling, and what it means.
  mutating func check() -> (facts: Facts, meaning: Meaning) {
    var facts = Facts(domain: random.pick(["default", "default", "api", "none"]), cost: Int64(random.below(4)))
    var meaning = Meaning(domain: facts.domain, values: [:], cost: facts.cost)
    if !random.oneIn(5) {
      facts.method = random.pick(Self.pools["method"]!)
      meaning.values["method"] = [facts.method!]
    }
    if !random.oneIn(5) {
      let host = random.pick(Self.pools["host"]!)
      facts.host = random.pick([host, host.uppercased(), host + ":80", host + ".", host + ".:8443"])
      meaning.values["host"] = [host]
    }
    if !random.oneIn(5) {
      let ip = random.pick(Self.pools["ip"]!)
      facts.ip = !ip.contains(":") && random.oneIn(2) ? "::ffff:" + ip : ip
      meaning.ip = ip
    }
    for name in ["h", "i"] where !random.oneIn(3) { list(name, &facts, &meaning) }
    if !random.oneIn(3) {
      let plan = random.pick(Self.pools["plan"]!)
      facts.customs.append(("plan", plan))
      meaning.values["plan"] = [plan]
    }
    if !random.oneIn(6) { target(&facts, &meaning) }
    return (facts, meaning)
  }

  /// Values of a header on one line or several.
  private mutating func list(_ name: String, _ facts: inout Facts, _ meaning: inout Meaning) {
    let values = (0..<1 + random.below(3)).map { _ in random.pick(Self.pools["header.\(name)"]!) }
    let filled = values.filter { !$0.isEmpty }
    meaning.values["header.\(name)"] = filled.isEmpty ? [""] : filled
    facts.headers += random.oneIn(2) ? [(name, values.joined(separator: ", "))] : values.map { (name, $0) }
  }

  private mutating func target(_ facts: inout Facts, _ meaning: inout Meaning) {
    let segments = (0..<random.below(5)).map { _ in random.pick(["a", "b"]) }
    let spelled = segments.map { random.pick([$0, $0 == "a" ? "%61" : "%62", "./" + $0, "c/../" + $0]) }
    facts.target = "/" + spelled.joined(separator: random.pick(["/", "//"])) + random.pick(["", "/"])
    meaning.segments = segments
    meaning.values["path"] = ["/" + segments.joined(separator: "/")]
    guard random.oneIn(2) else { return }
    let value = random.pick(Self.pools["query.q"]!)
    facts.target! += "?r=2&q=" + value.split(separator: " ").joined(separator: random.pick(["+", "%20"]))
    meaning.values["query.q"] = [value]
  }
}
