// CheckListsTests.swift: a list is the same however a gateway rewrote its lines.

import Limiting
import TestKit
import Testing

@testable import Policies

struct CheckListsTests {
  @Test(
    "lines split at commas outside quotes",
    arguments: [
      (["a"], ["a"]), (["a,b"], ["a", "b"]), (["a , b\t,\tc"], ["a", "b", "c"]), (["a", "b"], ["a", "b"]),
      (["b", "a"], ["b", "a"]), (["a,a", "a"], ["a", "a", "a"]), (["  a b  "], ["a b"]),
      // Empty elements count only where there is nothing else.
      ([""], [""]), (["", ""], [""]), ([","], [""]), ([" , ,"], [""]), (["a,"], ["a"]), ([",a"], ["a"]),
      (["a,,b"], ["a", "b"]), (["", "a"], ["a"]), (["a", ""], ["a"]), ([",", "a", ","], ["a"]),
      // Quotes hide commas, within a line and across lines.
      (["\"a,b\""], ["\"a,b\""]), (["\"a,b\",c"], ["\"a,b\"", "c"]), (["x=\"a,b\";y, c"], ["x=\"a,b\";y", "c"]),
      (["\"a", "b\""], ["\"a,b\""]), (["\"a, b\""], ["\"a,b\""]), (["\"a  b\""], ["\"a  b\""]),
      (["\"a \t, b\""], ["\"a,b\""]), (["a", "\"b,c\"", "d"], ["a", "\"b,c\"", "d"]),
      (["\"a\\\",b\",c"], ["\"a\\\",b\"", "c"]), (["\"a\\\\\",b"], ["\"a\\\\\"", "b"]), (["\"\""], ["\"\""]),
      (["\"a,b\"\"c,d\""], ["\"a,b\"\"c,d\""]), (["\\\"a,b\""], ["\\\"a,b\""]),
      // A quote that is never closed hides nothing.
      (["\"a,b"], ["\"a", "b"]), (["a\",b"], ["a\"", "b"]), (["\""], ["\""]), (["\"", "a,b"], ["\"", "a", "b"]),
      (["\"a,b\\"], ["\"a", "b\\"]), (["\"a,b\\\""], ["\"a", "b\\\""]), (["\"a\",\"b,c"], ["\"a\"", "\"b", "c"]),
      (["a,b", "\"c"], ["a", "b", "\"c"]), (["", "\"a,b\""], ["\"a,b\""]), (["\"a,b\"", "", ","], ["\"a,b\""]),
    ] as [([String], [String])])
  func splits(lines: [String], expected: [String]) {
    let set = PolicySet([.with(key: ["header.h"])])
    var check = Check()
    check.fill(Facts(headers: lines.map { ("h", $0) }), set)
    check.finishLists()
    #expect(check.values(of: set.list(named: "header.h")) == expected)
  }

  @Test("a header that is not sent is absent")
  func absent() {
    let set = PolicySet([.with(key: ["header.h"])])
    var check = Check()
    check.fill(Facts(headers: [("other", "a")]), set)
    #expect(check.values(of: set.list(named: "header.h")) == nil)
  }

  @Test("lists with quotes do not disturb each other")
  func severalLists() {
    let set = PolicySet([.with(key: ["header.a", "header.b", "header.c"])])
    var check = Check()
    check.fill(
      Facts(headers: [("a", "\"1"), ("b", "2"), ("c", "\"3,4\""), ("a", "5\""), ("b", "6,7"), ("c", "8")]), set)
    check.finishLists()
    #expect(check.values(of: set.list(named: "header.a")) == ["\"1,5\""])
    #expect(check.values(of: set.list(named: "header.b")) == ["2", "6", "7"])
    #expect(check.values(of: set.list(named: "header.c")) == ["\"3,4\"", "8"])
  }

  @Test(
    "lines joined with commas in any grouping give equal keys, conditions and costs",
    arguments: Seeds.of(1...60 as ClosedRange<UInt64>))
  func joining(seed: UInt64) {
    var random = Seeded(seed)
    let set = Self.asks(of: "header.h")
    for _ in 0..<60 {
      let lines = (0..<1 + random.below(5)).map { _ in Self.line(&random) }
      let expected = set.outcomes(Facts(headers: lines.map { ("h", $0) }))
      for _ in 0..<4 {
        let joined = Self.joinSome(lines, &random)
        let outcomes = set.outcomes(Facts(headers: joined.map { ("h", $0) }))
        #expect(outcomes == expected, "seed \(seed): \(lines) joined as \(joined)")
      }
    }
  }

  @Test("order and repetition of values do not count in a key", arguments: Seeds.of(1...20 as ClosedRange<UInt64>))
  func order(seed: UInt64) {
    var random = Seeded(seed)
    let set = PolicySet([.with(key: ["header.h"])])
    for _ in 0..<100 {
      let values = (0..<1 + random.below(6)).map { _ in random.pick(["a", "b", "ab", "\"a,b\"", "c=\"1\"", "é"]) }
      let again = (values + random.some(random.below(4), of: values)).shuffled(using: &random)
      let first = set.key(Facts(headers: values.map { ("h", $0) }))
      #expect(first == set.key(Facts(headers: again.map { ("h", $0) })), "seed \(seed): \(values) and \(again)")
      #expect(first != set.key(Facts(headers: (values + ["z"]).map { ("h", $0) })), "seed \(seed): \(values)")
    }
  }

  /// A set whose outcomes tell apart whatever can be told apart about a list.
  private static func asks(of name: String) -> PolicySet {
    let values = ["a", "b", "", "7", "\"a,b\"", "\"a", "b\"", "\"", "\"\""]
    return PolicySet(
      [.with("key", key: [name]), .with("cost", cost: .attribute(AttributeName(name)!, default: 5, min: 1, max: 100))]
        + values.map { .with("is \($0)", match: .when([.of(name, .oneOf([$0]))])) }
        + values.map { .with("begins \($0)", match: .when([.of(name, .prefix([$0]))])) }
        + [.with("absent", match: .when([.of(name, .present(false))]))])
  }

  /// A line as a parser gives it: no space at its ends.
  private static func line(_ random: inout Seeded) -> String {
    let parts = ["a", "b", "7", "42", "\"", "\\", ",", ", ", " ,", " ", "\t", "\"a,b\"", "\"a, b\""]
    let text = (0..<random.below(6)).map { _ in random.pick(parts) }.joined()
    let trimmed = text.drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed()
    return String(trimmed)
  }

  private static func joinSome(_ lines: [String], _ random: inout Seeded) -> [String] {
    var joined = [lines[0]]
    for line in lines.dropFirst() {
      if random.oneIn(3) {
        joined.append(line)
      } else {
        joined[joined.count - 1] += random.pick([",", ", "]) + line
      }
    }
    return joined
  }
}
