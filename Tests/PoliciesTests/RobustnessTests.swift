// RobustnessTests.swift: the largest and oddest checks that a request can carry are answered, without a trap and
// without more state than the request has bytes.

import Limiting
import TestKit
import Testing

@testable import Policies

struct RobustnessTests {
  private static let set = PolicySet([
    .with(
      "all", match: .when(path: ["/{x}/**"]), key: ["host", "path", "header.h", "query.q", "path.x"],
      cost: .attribute(.header("h"), default: 1, min: 1, max: 1_000_000)),
    .with("deep", match: .when(path: ["/*/*/*/*/*/*/*/*/x"])), .with("host", match: .when(host: ["*.example.com"])),
    .with("header", match: .when([.of("header.h", .oneOf(["a", "b"]))]), key: ["header.h"]),
  ])

  private static func repeated(_ text: String, _ count: Int) -> String { String(repeating: text, count: count) }

  @Test("a host of 32 KB and 16 000 dots")
  func host() {
    let host = Self.repeated("a.", 16_000)
    #expect(Self.set.names(Facts(host: host + "example.com")) == ["host"])
    #expect(Self.set.names(Facts(host: host)) == [])
    #expect(Self.set.names(Facts(host: Self.repeated(":1", 16_000))) == [])
    #expect(Self.set.names(Facts(host: Self.repeated("1", 32_000))) == [])
    #expect(Self.set.names(Facts(host: Self.repeated(".", 32_000) + "example.com")) == ["host"])
  }

  @Test(
    "a path of 16 KiB, of short segments, of escapes, of dots",
    arguments: [("/a", 8_000), ("//", 8_000), ("/..", 5_000), ("/a/..", 3_000), ("%2f%61", 2_700), ("%", 16_000)])
  func path(part: String, count: Int) {
    var check = Check()
    check.fill(Facts(target: Self.repeated(part, count)), Self.set)
    Self.set.match(&check)
    #expect(check.bytes.count <= 16 * 1_024)
    #expect(check.segments.count <= count)
    #expect(check.charges.isEmpty)
  }

  @Test(
    "a query of 16 KiB, of pairs, of separators, of escapes",
    arguments: ["q=&", "&", "q=,&", "q=%22&", "%71=%", "="])
  func query(part: String) {
    let target = "/?" + Self.repeated(part, 16_000 / part.utf8.count)
    let facts = Facts(target: target, host: "h", headers: [("h", "1")])
    #expect(Self.set.names(facts) == [])
    #expect(Self.set.names(Facts(target: "/a" + target.dropFirst(), host: "h", headers: [("h", "1")])).count <= 1)
  }

  @Test(
    "a header of 64 KiB, of commas, of quotes, of values",
    arguments: [
      (",", 64_000, false), ("a,", 32_000, true), ("\"", 64_000, false), ("\",", 32_000, false),
      ("\"a,", 21_000, false), ("\\\"", 32_000, false), (" ", 64_000, false), ("\" , ", 16_000, false),
      ("1", 64_000, false), ("b,a,", 16_000, true),
    ])
  func header(part: String, count: Int, matches: Bool) {
    var check = Check()
    check.fill(Facts(target: "/a?q=1", host: "h", headers: [("h", Self.repeated(part, count))]), Self.set)
    Self.set.match(&check)
    let names = check.charges.map { Self.set.policies[Int($0.policy)].name }
    #expect(names == (matches ? ["all", "header"] : ["all"]))
    // Its bytes, once more where quotes were put off, and two keys with five bytes more a value.
    #expect(check.bytes.count < 2 * 64_000 + 2 * 5 * 64_000)
    #expect(check.charges.allSatisfy { $0.cost >= 1 && $0.cost <= 1_000_000 })
  }

  @Test("many lines of one header, with and without quotes", arguments: ["a", "", "\"", "\"a", ","])
  func lines(line: String) {
    let facts = Facts(
      target: "/a?q=1", host: "h", headers: Array(repeating: ("h", line), count: 8_000) + [("h", "a")])
    #expect(Self.set.names(facts).first == "all")
    #expect(Self.set.outcomes(facts) == Self.set.outcomes(facts))
  }

  @Test("random bytes in every attribute never trap", arguments: Seeds.of(1...30 as ClosedRange<UInt64>))
  func randomBytes(seed: UInt64) {
    var random = Seeded(seed)
    var check = Check()
    func bytes(_ random: inout Seeded) -> [UInt8] {
      let alphabet = Array("aA1./%?#&=+,\"\\:[]*{} \t".utf8) + [0, 0x7f, 0x80, 0xff]
      return (0..<random.below(40)).map { _ in random.pick(alphabet) }
    }
    for _ in 0..<1_000 {
      let (target, host, method, line) = (bytes(&random), bytes(&random), bytes(&random), bytes(&random))
      check.fill(Facts(), Self.set)
      check.setTarget(target.span, in: Self.set)
      check.setHost(host.span)
      check.setMethod(method.span)
      check.addLine(line.span, to: Self.set.list(named: "header.h"))
      check.addLine(host.span, to: Self.set.list(named: "header.h"))
      Self.set.match(&check)
      let isOrdered = zip(check.charges, check.charges.dropFirst()).allSatisfy { $0.policy < $1.policy }
      #expect(isOrdered, "seed \(seed)")
      #expect(check.charges.allSatisfy { Int($0.keyStart) + Int($0.keyCount) <= check.bytes.count }, "seed \(seed)")
    }
  }
}
