// NamedKeyTests.swift: keys as whoever asks names them: a text counts as a check's attribute does, bytes as they stand.

import Limiting
import TestKit
import Testing

@testable import Policies

extension NamedKey {
  /// A text a part.
  fileprivate static func of(_ parts: String...) -> NamedKey {
    NamedKey(parts: parts.map { .value(.text(Array($0.utf8))) })
  }

  /// A list of texts, as the only part.
  fileprivate static func list(_ values: String...) -> NamedKey {
    NamedKey(parts: [.values(values.map { .text(Array($0.utf8)) })])
  }
}

struct NamedKeyTests {
  private static func bytes(_ key: NamedKey, _ name: String, prefix: Int = 64) throws -> [UInt8] {
    try key.bytes(for: .with(key: [name]), ipv6Prefix: prefix)
  }

  private static func mismatch(_ key: NamedKey, _ policy: Policy, prefix: Int = 64) -> KeyMismatch? {
    do throws(KeyMismatch) {
      _ = try key.bytes(for: policy, ipv6Prefix: prefix)
      return nil
    } catch {
      return error
    }
  }

  /// The key of a check with this header.
  private static func key(header line: String) -> [UInt8]? {
    PolicySet([.with(key: ["header.h"])]).key(Facts(target: "/", headers: [("h", line)]))
  }

  /// What the key of one attribute is shown as.
  private static func shown(_ bytes: [UInt8], _ name: String) -> NamedKey? {
    let names = [AttributeName(name)!]
    return KeyText(bytes.span, of: names, ipv6Prefix: 64).map { NamedKey($0, of: names) }
  }

  // MARK: Texts

  @Test(
    "a text names the key under which a check with this attribute counts, whatever it holds",
    arguments: Seeds.of(1...20 as ClosedRange<UInt64>))
  func asInChecks(seed: UInt64) throws {
    var random = Seeded(seed)
    let pieces = [
      "a", "b", "A", ",", ", ", " ", "\t", "\"", "\\", "/", "//", ".", "..", "%41", "%2c", "%", "?", "#", ":", "é",
    ]
    for _ in 0..<300 {
      let text = (0..<random.below(7)).map { _ in random.pick(pieces) }.joined()
      let bytes = Array(text.utf8)
      for name in ["header.h", "query.q", "path", "host", "method", "plan"] {
        let policy = Policy.with(key: [name])
        let set = PolicySet([policy])
        var check = Check()
        check.fill(Facts(), set)
        switch name {
        case "path": check.setPath(bytes.span)
        case "host": check.setHost(bytes.span)
        case "method": check.setMethod(bytes.span)
        case "plan": check.setCustom(set.list(named: name), to: bytes.span)
        default: check.addLine(bytes.span, to: set.list(named: name))
        }
        set.match(&check)
        let key = try #require(check.outcomes.first?.key, "seed \(seed): \(name) \(text)")
        #expect(try NamedKey.of(text).bytes(for: policy, ipv6Prefix: 64) == key, "seed \(seed): \(name) \(text)")
        // And what is shown of that key names it again.
        let again = try #require(try Self.shown(key, name)?.bytes(for: policy, ipv6Prefix: 64))
        #expect(again == key, "seed \(seed): \(name) \(text)")
      }
    }
  }

  @Test("a header is trimmed and, where it lists several values, a set: sorted, each once, empty ones left out")
  func headers() throws {
    for (text, line) in [
      (" x ", "x"), ("b, a", "a,b"), ("b,a , b,", "b, a"), (",, ", ""), ("\"a, b\" , c", "c,\"a,b\""),
    ] {
      let key = try #require(Self.key(header: line))
      #expect(try Self.bytes(.of(text), "header.h") == key, "\(text)")
      #expect(try Self.bytes(.of(text), "query.q") == key, "\(text)")
      #expect(try Self.bytes(.list(text), "header.h") == key, "\(text)")
    }
    #expect(try Self.bytes(.of(" x "), "plan") != Self.bytes(.of("x"), "plan"), "a custom attribute is taken as it is")
    #expect(try Self.bytes(.of("b, a"), "method") != Self.bytes(.of("a, b"), "method"))
  }

  @Test("the values of a list count as the lines of a header do; an empty one does not count beside others")
  func lists() throws {
    let two = try #require(Self.key(header: "b, a"))
    for list in [
      NamedKey.list("b", "a", "b"), .list(" a", "b "), .list("a,b"), .list("b, a", "", "a"), .list("", "a", "b"),
    ] {
      #expect(try Self.bytes(list, "header.h") == two, "\(list)")
    }
    #expect(try Self.bytes(.list("a", "a"), "header.h") == Self.bytes(.of("a"), "header.h"))
    #expect(try Self.bytes(.list("", " "), "header.h") == Self.key(header: ""))
    // Of more values than a check sorts, the order counts.
    let many = (0..<CheckBounds.sortedValues + 1).map { "\($0 * 7 % 1025)" }.joined(separator: ", ")
    #expect(try Self.bytes(.of(many), "header.h") == Self.key(header: many))
  }

  @Test("a path is decoded once, collapsed, and without query, last slash and origin; a captured segment is decoded")
  func paths() throws {
    let path = try Self.bytes(.of("/a b/c"), "path")
    for text in ["/a%20b/c", "//a%20b/./c/", "/x/../a b/c?q=1", "https://h/a b/c", "a b/c#top"] {
      #expect(try Self.bytes(.of(text), "path") == path, "\(text)")
    }
    let policy = Policy.with(match: Conditions(paths: [try PathPattern("/u/{id}")]), key: ["path.id"])
    let key = try #require(PolicySet([policy]).key(Facts(target: "/u/a%20b")))
    for text in ["a b", "a%20b"] { #expect(try NamedKey.of(text).bytes(for: policy, ipv6Prefix: 64) == key, "\(text)") }
    for text in ["", "..", "a/b"] {
      #expect(try Self.bytes(.of(text), "path.id") == Self.bytes(.of(text), "plan"), "no segment: \(text)")
    }
  }

  @Test("an operator's spelling of an address or a host counts as a check's")
  func spellings() throws {
    let six = try #require(PolicySet([.with(key: ["ip"])]).key(Facts(target: "/", ip: "2001:db8::7")))
    for text in ["2001:db8::/64", "2001:DB8:0:0:1::9"] { #expect(try Self.bytes(.of(text), "ip") == six) }
    let four = try #require(PolicySet([.with(key: ["ip"])]).key(Facts(target: "/", ip: "203.0.113.9")))
    for text in ["203.0.113.9", "::ffff:203.0.113.9"] { #expect(try Self.bytes(.of(text), "ip") == four) }
    #expect(try Self.bytes(.of("API.example.com.:8443"), "host") == Self.bytes(.of("api.example.com"), "host"))
    let shared = Policy.with(key: ["plan"], missing: .share)
    #expect(try NamedKey.shared.bytes(for: shared, ipv6Prefix: 64) == [0])
    #expect(try NamedKey(parts: []).bytes(for: .with(), ipv6Prefix: 64) == [])
  }

  // MARK: Bytes

  @Test("bytes are what the key holds, as they stand; of an address they are its text")
  func exactly() throws {
    for name in ["header.h", "query.q", "path", "host", "method", "plan", "path.x"] {
      let value = Array(" A%41,/?\" ".utf8) + [0xff, 0]
      let key = NamedKey(parts: [.value(.bytes(value))])
      #expect(try Self.bytes(key, name) == [1, 0, 0, 0, UInt8(value.count)] + value, "\(name)")
    }
    let address = NamedKey(parts: [.value(.bytes(Array("203.0.113.9".utf8)))])
    #expect(try Self.bytes(address, "ip") == Self.bytes(.of("203.0.113.9"), "ip"))
    let mixed = NamedKey(parts: [.values([.bytes([0xff]), .text(Array("b, a".utf8))])])
    #expect(try Self.bytes(mixed, "header.h") == [2, 0, 0, 0, 3, 0, 0, 0, 1, 0x61, 0, 0, 0, 1, 0x62, 0, 0, 0, 1, 0xff])
  }

  @Test("a key is named by texts, and by bytes only where a text would name another")
  func naming() throws {
    func named(_ value: String, _ name: String) -> NamedKey.Value? {
      let key = NamedKey(KeyText(parts: [.value(Array(value.utf8))]), of: [AttributeName(name)!])
      guard case .value(let value)? = key.parts?.first else { return nil }
      return value
    }
    for (value, name) in [
      ("x", "header.h"), ("\"a,b\"", "header.h"), ("", "query.q"), ("/a b", "path"), ("/", "path"), ("/100%", "path"),
      ("a.example", "host"), ("{\"hex\":\"ff\"}", "header.h"), (" a,b ", "plan"), ("/%41", "method"), ("a b", "path.x"),
      ("203.0.113.9", "ip"), ("2001:db8::/64", "ip"),
    ] {
      #expect(named(value, name) == .text(Array(value.utf8)), "\(name) \(value)")
    }
    for (value, name) in [
      ("/%41", "path"), ("/a?b", "path"), ("/#", "path"), ("%41", "path.x"), ("a,b", "header.h"), (" x", "query.q"),
      ("A", "host"),
    ] {
      #expect(named(value, name) == .bytes(Array(value.utf8)), "\(name) \(value)")
    }
    // Of a beginning nothing is named: it is there to be read.
    let cut = KeyText(parts: [.value(Array("/%41".utf8)), .value(Array("a,".utf8))], isCut: true)
    #expect(
      NamedKey(cut, of: [.path, .header("h")]).parts
        == [.value(.bytes(Array("/%41".utf8))), .value(.text(Array("a,".utf8)))])
    #expect(NamedKey(.shared, of: [.path]) == .shared)
  }

  @Test("parts that name no counter of the policy are refused, and said why")
  func mismatches() {
    let address = Policy.with(key: ["ip", "method"])
    #expect(Self.mismatch(.of("1.2.3.4"), address) == .count(expected: 2, given: 1))
    #expect(Self.mismatch(.of("1.2.3.4", "GET", "x"), address) == .count(expected: 2, given: 3))
    #expect(Self.mismatch(NamedKey(parts: []), address) == .count(expected: 2, given: 0))
    #expect(Self.mismatch(.of("x"), .with()) == .count(expected: 0, given: 1))
    for wrong in ["", "x", "1.2.3", "1.2.3.0/24", "2001:db8::/63", "2001:db8::/128", "[::1]", "1.2.3.4:80", "*"] {
      #expect(Self.mismatch(.of(wrong, "GET"), address) == .address(part: 0), "\(wrong)")
    }
    #expect(Self.mismatch(.of("2001:db8::/64", "GET"), address) == nil)
    #expect(Self.mismatch(.of("1.2.3.4/32", "GET"), address) == nil)
    #expect(Self.mismatch(.shared, address) == .notShared)
    #expect(Self.mismatch(.shared, .with(missing: .share)) == .notShared)
    for name in ["ip", "method", "path", "host", "plan", "path.x"] {
      #expect(Self.mismatch(.list("A", "B"), .with(key: [name])) == .single(part: 0))
    }
    #expect(Self.mismatch(NamedKey(parts: [.values([])]), .with(key: ["query.q"])) == .empty(part: 0))
  }
}
