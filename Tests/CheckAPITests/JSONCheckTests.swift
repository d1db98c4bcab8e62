// JSONCheckTests.swift: a program's own words for a check: what they mean, what is refused and with which detail.

import HTTP1
import Limiting
import Policies
import TestKit
import Testing

@testable import CheckAPI

@Suite struct JSONCheckTests {
  static let names = [
    "method", "path", "host", "ip", "header.x-plan", "query.q", "plan", "path.x",
  ]

  /// One policy for each attribute, under which its value is a key.
  static let set = PolicySet(
    names.map { name in
      let match = name == "path.x" ? Conditions(paths: [try! PathPattern("/{x}/**")]) : Conditions()
      return Policy(
        name: name.replacing(".", with: "-"), match: match, key: [AttributeName(name)!],
        limit: Limit(algorithm: .tokenBucket, limit: 1, period: 1_000_000_000), cost: .fixed(3))
    })

  /// What reading a body came to.
  struct Reading: Equatable {
    var domain: String?
    var cost: Int64?
    var refusal: Refusal?
  }

  static func read(_ body: [UInt8]) -> Reading {
    var check = Check()
    do throws(Refusal) {
      let domain = try JSONCheck.fill(&check, body.span, set)
      return Reading(domain: domain, cost: check.cost)
    } catch {
      return Reading(refusal: error)
    }
  }

  static func read(_ body: String) -> Reading { read(Array(body.utf8)) }

  /// The policies that apply to a check of these attributes.
  static func policies(_ attributes: String) throws -> [String] {
    try set.asked(json: #"{"attributes": {\#(attributes)}}"#).map(\.policy)
  }

  // MARK: What is a check

  @Test("all members are optional: domain default, cost 1, no attributes")
  func defaults() throws {
    for body in ["{}", " \r\n\t{ } ", #"{"attributes": {}}"#] {
      #expect(Self.read(body) == Reading(domain: "default", cost: 1))
      #expect(try Self.set.asked(json: body) == [])
    }
    #expect(Self.read(#"{"attributes": {}, "cost": 7, "domain": "a.b_c-1"}"#) == Reading(domain: "a.b_c-1", cost: 7))
  }

  @Test("the domain chooses the policies")
  func domain() throws {
    #expect(try Self.set.asked(json: #"{"domain": "default", "attributes": {"plan": "a"}}"#).map(\.policy) == ["plan"])
    #expect(try Self.set.asked(json: #"{"attributes": {"plan": "a"}, "domain": "other"}"#) == [])
  }

  @Test(
    "a cost is a whole number from 0 to 10^9",
    arguments: [("0", 0), ("-0", 0), ("1", 1), ("999999999", 999_999_999), ("1000000000", 1_000_000_000)])
  func cost(text: String, cost: Int64) throws {
    #expect(Self.read(#"{"cost": \#(text)}"#) == Reading(domain: "default", cost: cost))
    let asked = try Self.set.asked(json: #"{"cost": \#(text), "attributes": {"plan": "a"}}"#)
    #expect(asked.map(\.cost) == [3 * cost])
  }

  @Test("each kind of attribute reaches the policies that use it; a capture is the path's to make")
  func attributes() throws {
    #expect(try Self.policies(#""method": "GET""#) == ["method"])
    #expect(try Self.policies(#""path": "/""#) == ["path"])
    #expect(try Self.policies(#""path": "/a/b""#) == ["path", "path-x"])
    #expect(try Self.policies(#""host": "h""#) == ["host"])
    #expect(try Self.policies(#""ip": "192.0.2.1""#) == ["ip"])
    #expect(try Self.policies(#""header.x-plan": """#) == ["header-x-plan"])
    #expect(try Self.policies(#""query.q": "1""#) == ["query-q"])
    #expect(try Self.policies(#""plan": """#) == ["plan"])
    #expect(try Self.policies(#""path.x": "a""#) == [])
    #expect(try Self.policies(#""nobody-asks": "a", "header.y": "b", "query.Q": "c""#) == [])
  }

  @Test("attributes are normalised as in the gateway form")
  func normalisedAlike() throws {
    let request = Request(
      "PURGE", "/check/a/%62//c/./../?q=x%20y&q=z",
      [("X-Plan", "b"), ("X-Plan", "a, b"), ("X-Forwarded-For", "[::1]:8")])
    let gateway = Self.set.asked(request, peer: nil)
    let json = try Self.set.asked(
      json: #"""
        {"attributes": {"method": "PURGE", "path": "a//./b/x/../?ignored=1#f", "host": "OWN.Test.:8080",
          "ip": "[::ffff:0:0]:80", "header.X-PLAN": "b,a , ,b", "query.q": "x y, z"}}
        """#)
    #expect(gateway.map(\.policy) == ["method", "path", "host", "ip", "header-x-plan", "query-q", "path-x"])
    #expect(json.filter { $0.policy != "ip" } == gateway.filter { $0.policy != "ip" })
    // Addresses: with or without port, mapped or not, one prefix of IPv6.
    func key(_ ip: String) throws -> [[UInt8]] {
      try Self.set.asked(json: #"{"attributes": {"ip": "\#(ip)"}}"#).map(\.key)
    }
    #expect(try key("192.0.2.1") == key("[::ffff:192.0.2.1]:80"))
    #expect(try key("2001:db8::1") == key("[2001:db8::2]:443"))
    #expect(try key("2001:db8::1") != key("2001:db8:0:1::1"))
  }

  @Test("the same header under two spellings is one attribute with both values")
  func headerSpellings() throws {
    let one = try Self.set.asked(json: #"{"attributes": {"header.x-plan": "a, b"}}"#)
    #expect(try Self.set.asked(json: #"{"attributes": {"header.X-Plan": "b", "header.x-plan": "a"}}"#) == one)
  }

  @Test("values hold any characters, NUL included, and are compared as bytes")
  func anyValue() throws {
    func key(_ value: String) throws -> [UInt8] {
      try #require(try Self.set.asked(json: #"{"attributes": {"plan": "\#(value)"}}"#).first).key
    }
    #expect(try GatewayCheckTests.texts(key(#"a\u0000b"#)) == ["a\u{0}b"])
    #expect(try key(#"a\u0000b"#) != key(#"a\u0000c"#))
    #expect(try key(#"\u00e9"#) == key("\u{e9}"))
    #expect(try key("\u{e9}") != key("e\u{301}"))
    #expect(try GatewayCheckTests.texts(key(#"\ud83c\udf0a\"\\\/"#)) == ["\u{1F30A}\"\\/"])
    #expect(try GatewayCheckTests.texts(key(String(repeating: "v", count: 60_000))).first?.count == 60_000)
  }

  @Test("nothing of one check is left in the next, also after a refusal")
  func reuse() throws {
    var check = Check()
    let full = #"{"domain": "default", "cost": 9, "attributes": {"plan": "a", "ip": "::1", "path": "/a", "host": "h"}}"#
    _ = try JSONCheck.fill(&check, full.utf8.span, Self.set)
    for body in [#"{"attributes": {"method": "GET"}}"#, #"{"cost": 8, "attributes": {"plan": "a", "x": 1}}"#] {
      _ = try? JSONCheck.fill(&check, body.utf8.span, Self.set)
      _ = try JSONCheck.fill(&check, #"{"attributes": {"method": "GET"}}"#.utf8.span, Self.set)
      #expect(Self.set.asked(&check).map(\.policy) == ["method"])
      #expect(check.cost == 1)
    }
  }

  // MARK: What is refused

  static let deep = String(repeating: "[", count: 30_000)
  static let refused: [(String, String)] = [
    ("", "the body is empty"),
    ("  ", "malformed JSON at line 1"), ("\n\n  x", "malformed JSON at line 3, column"),
    ("{", "malformed JSON"), ("}", "malformed JSON"), ("{'a': 1}", "malformed JSON"), ("{\"cost\": 1,}", "malformed"),
    ("{\"cost\": 01}", "malformed JSON"), ("{\"cost\": NaN}", "malformed JSON"), ("{\"cost\": +1}", "malformed JSON"),
    ("{} {}", "end of file expected"), ("{}x", "end of file expected"), ("{}\u{0}", "a NUL byte at offset 2"),
    ("{\"cost\":3\u{0}}", "a NUL byte at offset 9"), ("{\"cost\":true\u{0}}", "a NUL byte at offset 12"),
    (#"{"cost": 1, "cost": 1}"#, "duplicate object key"), (#"{"domain": "a", "domain": "a"}"#, "duplicate object key"),
    (#"{"attributes": {"a": "1", "a": "1"}}"#, "duplicate object key"),
    (#"{"cost": 1, "c\u006fst": 1}"#, "duplicate object key"),
    ("\u{feff}{}", "malformed JSON"), (deep, "malformed JSON"),
    (#"{"attributes": "# + String(repeating: #"{"a":"#, count: 9_000), "malformed JSON"),
    (#"{"attributes": {"plan": "\ud800"}}"#, "malformed JSON"), (#"{"attributes": {"plan": "\x"}}"#, "malformed JSON"),
    ("{\"attributes\": {\"plan\": \"a\nb\"}}", "malformed JSON"),
    (#"{"attributes": {"pl\u0000an": "a"}}"#, "malformed JSON"),
    ("[]", "the body must be a JSON object"), ("null", "the body must be a JSON object"),
    ("1", "the body must be a JSON object"), ("\"x\"", "the body must be a JSON object"),
    ("[{}]", "the body must be a JSON object"),

    (#"{"costs": 1}"#, "unknown member \"costs\"; known are domain, cost and attributes"),
    (#"{"Cost": 1}"#, "unknown member \"Cost\""), (#"{"": 1}"#, "unknown member \"\""),
    (#"{"policy": "a"}"#, "unknown member \"policy\""),
    (#"{"a\"b\\": 1}"#, #"unknown member "a"b\""#),

    (#"{"cost": -1}"#, "cost must be a whole number from 0 to 1000000000"),
    (#"{"cost": 1000000001}"#, "cost must be a whole number from 0 to 1000000000"),
    (#"{"cost": 9223372036854775807}"#, "cost must be"), (#"{"cost": -9223372036854775808}"#, "cost must be"),
    (#"{"cost": 99999999999999999999999}"#, "too big integer"),
    (#"{"cost": 1.0}"#, "cost must be"), (#"{"cost": 1.5}"#, "cost must be"), (#"{"cost": 1e3}"#, "cost must be"),
    (#"{"cost": 1e999}"#, "malformed JSON"), (#"{"cost": "1"}"#, "cost must be"), (#"{"cost": true}"#, "cost must be"),
    (#"{"cost": null}"#, "cost must be"), (#"{"cost": [1]}"#, "cost must be"), (#"{"cost": {}}"#, "cost must be"),

    (#"{"domain": 1}"#, "domain must be a string"), (#"{"domain": null}"#, "domain must be a string"),
    (#"{"domain": ["a"]}"#, "domain must be a string"),
    (#"{"domain": ""}"#, "domain must be [a-z0-9]"), (#"{"domain": "No"}"#, "domain must be [a-z0-9]"),
    (#"{"domain": ".a"}"#, "domain must be [a-z0-9]"), (#"{"domain": "a b"}"#, "domain must be [a-z0-9]"),
    (#"{"domain": "a\u0000"}"#, "domain must be [a-z0-9]"),
    (#"{"domain": "\#(String(repeating: "d", count: 65))"}"#, "at most 64 bytes"),

    (#"{"attributes": []}"#, "attributes must be an object of strings"),
    (#"{"attributes": "x"}"#, "attributes must be an object of strings"),
    (#"{"attributes": null}"#, "attributes must be an object of strings"),
    (#"{"attributes": {"plan": 1}}"#, "attributes.plan must be a string"),
    (#"{"attributes": {"plan": null}}"#, "attributes.plan must be a string"),
    (#"{"attributes": {"plan": ["a"]}}"#, "attributes.plan must be a string"),
    (#"{"attributes": {"ok": "a", "header.x": {}}}"#, "attributes.header.x must be a string"),
    (#"{"attributes": {"Plan": "a"}}"#, "unknown attribute \"Plan\"; use method, path, host, ip, header.NAME"),
    (#"{"attributes": {"": "a"}}"#, "unknown attribute \"\""),
    (#"{"attributes": {"1a": "a"}}"#, "unknown attribute \"1a\""),
    (#"{"attributes": {"a.b": "a"}}"#, "unknown attribute"),
    (#"{"attributes": {"h\u00e9": "a"}}"#, "unknown attribute"),
    (#"{"attributes": {"header.": "a"}}"#, "unknown attribute"),
    (#"{"attributes": {"query.": "a"}}"#, "unknown attribute"),
    (#"{"attributes": {"path.": "a"}}"#, "unknown attribute"),
    (#"{"attributes": {"path.1": "a"}}"#, "unknown attribute"),
    (#"{"attributes": {"header.a b": "a"}}"#, "unknown attribute \"header.a b\""),
    (#"{"attributes": {"Header.a": "a"}}"#, "unknown attribute"),
    (#"{"attributes": {"Method": "a"}}"#, "unknown attribute"),
    (#"{"attributes": {"ip": "nonsense"}}"#, "attributes.ip \"nonsense\" is no IP address"),
    (#"{"attributes": {"ip": ""}}"#, "attributes.ip \"\" is no IP address"),
    (#"{"attributes": {"ip": "192.0.2.1, 192.0.2.2"}}"#, "is no IP address"),
    (#"{"attributes": {"ip": "10.0.0.0/8"}}"#, "is no IP address"),
    (#"{"attributes": {"ip": " ::1"}}"#, "is no IP address"),
  ]

  @Test("what is no check is a 400 whose detail says what and where", arguments: refused)
  func refusal(body: String, detail: String) throws {
    let refusal = try #require(Self.read(body).refusal, "\(body.prefix(80))")
    #expect(refusal.status == 400)
    #expect(refusal.detail.contains(detail), "\(body.prefix(80)): \(refusal.detail.prefix(200))")
    let answer = try parsed(written { ErrorAnswer.write(refusal, isHead: false, after: .keep, to: &$0) })
    #expect(answer.json?["detail"]?.string == refusal.detail)
  }

  @Test("a body that is no UTF-8 is refused, in values, in names and outside")
  func notUTF8() {
    for (before, after) in [
      (#"{"attributes": {"plan": ""#, #""}}"#), (#"{"attributes": {"pl"#, #"": "a"}}"#), ("", "{}"), ("{}", ""),
    ] {
      for bytes: [UInt8] in [
        [0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82], [0x80],
      ] {
        let body = Array(before.utf8) + bytes + Array(after.utf8)
        let refusal = Self.read(body).refusal
        #expect(refusal?.status == 400, "\(body)")
        #expect(refusal?.detail.contains("malformed JSON") == true, "\(body)")
      }
    }
  }

  // MARK: Anything at all

  static let seeds: [[UInt8]] = [
    #"{"domain": "api", "cost": 1, "attributes": {"ip": "203.0.113.9", "plan": "pro"}}"#,
    #"{"attributes": {"path": "/a/../b%2f?x", "host": "H.:80", "header.X-Plan": "\"a, b", "query.q": ",,"}, "cost": 0}"#,
    #"{"attributes":{"method":"G","path.x":"\u0000\ud83c\udf0a","plan":"é"},"domain":"default","cost":1000000000}"#,
    #"{"attributes": {"ip": "[2001:db8::1]:443", "header.x-plan": "a\\\"b", "path": "http://h/%"}}"#,
  ].map { Array($0.utf8) }

  @Test("no mutation of a body does more than be a check or a 400", arguments: [11, 12, 13, 14] as [UInt64])
  func mutations(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var accepted = 0
    let bodies = Seeds.of(0..<4_000)
    for _ in bodies {
      let body = Self.mutated(random.pick(Self.seeds), &random)
      var check = Check()
      do throws(Refusal) {
        let domain = try JSONCheck.fill(&check, body.span, Self.set)
        accepted += 1
        #expect(PolicyName.isValid(domain.utf8), "seed \(seed): \(body)")
        #expect(Limiting.Bounds.checkCost.contains(check.cost), "seed \(seed): \(body)")
        #expect(JSON(String(decoding: body, as: UTF8.self)) != nil, "seed \(seed): \(body)")
        _ = Self.set.asked(&check)
      } catch {
        #expect(error.status == 400 && !error.detail.isEmpty, "seed \(seed): \(body)")
        let answer = written { ErrorAnswer.write(error, isHead: false, after: .keep, to: &$0) }
        #expect((try? parsed(answer))?.json?["status"]?.int == 400, "seed \(seed): \(body)")
      }
    }
    #expect(accepted > bodies.count / 80, "some mutations are still checks")
  }

  private static func mutated(_ body: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
    var body = body
    for _ in 0..<random.pick([1, 1, 1, 2, 3, 8]) {
      let place = Int.random(in: 0..<max(1, body.count), using: &random)
      switch Int.random(in: 0..<7, using: &random) {
      case 0 where !body.isEmpty: body[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      case 1 where !body.isEmpty: body.remove(at: place)
      case 2: body.insert(UInt8.random(in: 0...255, using: &random), at: min(place, body.count))
      case 3: body.insert(random.pick(Array("{}[]\",:0123456789eE+-.\\u tfn".utf8)), at: min(place, body.count))
      case 4: body.removeLast(Int.random(in: 0...min(body.count, 20), using: &random))
      case 5:
        let other = random.pick(seeds)
        let start = Int.random(in: 0..<other.count, using: &random)
        body.insert(contentsOf: other[start..<min(other.count, start + 20)], at: min(place, body.count))
      default:
        let end = min(body.count, place + Int.random(in: 0...12, using: &random))
        body.insert(contentsOf: body[min(place, end)..<end], at: min(place, body.count))
      }
    }
    return body
  }
}
