// CheckTargetTests.swift: what a target names, in whatever way it is written.

import Limiting
import TestKit
import Testing

@testable import Policies

struct CheckTargetTests {
  @Test(
    "a path is decoded once, then slashes collapse, then dot segments go",
    arguments: [
      ("/", "/"), ("", "/"), ("//", "/"), ("/a", "/a"), ("/a/", "/a"), ("/a//", "/a"), ("a", "/a"), ("a/b", "/a/b"),
      ("/a/b/c", "/a/b/c"), ("//a///b//", "/a/b"), ("/.", "/"), ("/..", "/"), ("/./a", "/a"), ("/a/.", "/a"),
      ("/a/..", "/"), ("/a/../b", "/b"), ("/a/b/../../c", "/c"), ("/../../a", "/a"), ("/a/../../b", "/b"),
      ("/a//../b", "/b"), ("/a/./../b", "/b"), ("/...", "/..."), ("/.a/..b/c..", "/.a/..b/c.."),
      ("/%61", "/a"), ("/%41%5a", "/AZ"), ("/a%2Fb", "/a/b"), ("/a%2f%2Fb", "/a/b"), ("/a/%2e%2E/b", "/b"),
      ("/a/%2e", "/a"), ("/a/.%2e/b", "/b"), ("%2fa", "/a"), ("/%2e%2e%2fa", "/a"), ("/%252e%252e/a", "/%2e%2e/a"),
      ("/%2525", "/%25"), ("/a%20b", "/a b"), ("/a+b", "/a+b"), ("/%3Fa%23b", "/?a#b"), ("/%E2%82%AC", "/€"),
      ("/€", "/€"),
      // What is no escape stays as it stands.
      ("/%", "/%"), ("/%4", "/%4"), ("/%zz", "/%zz"), ("/%4g", "/%4g"), ("/%%41", "/%A"), ("/%00", "/%00"),
      ("/a%00b", "/a%00b"), ("/%1f", "/\u{1f}"), ("/%2", "/%2"), ("/a%2", "/a%2"),
      // Query and fragment end the path.
      ("/a?b", "/a"), ("/a?", "/a"), ("?a=b", "/"), ("/a#b", "/a"), ("/a#b?c", "/a"), ("#", "/"), ("/a?b#c", "/a"),
      ("/a/..?/b", "/"), ("/a?/../b", "/a"),
      // An absolute URL.
      ("http://h/a", "/a"), ("https://h:80/a/b?c", "/a/b"), ("HTTP://H/A", "/A"), ("http://h", "/"), ("http://h/", "/"),
      ("http://h?a=/b", "/"), ("http://h#a/b", "/"), ("http://", "/"), ("http:///a", "/a"), ("http://u@h/a", "/a"),
      ("x+y-z.1://h/a", "/a"),
      // And what only looks like one.
      ("http:/h/a", "/http:/h/a"), ("http:", "/http:"), ("http:/", "/http:"), ("://h/a", "/:/h/a"),
      ("1http://h/a", "/1http:/h/a"), ("/http://h/a", "/http:/h/a"), ("//h/a", "/h/a"), ("ht_tp://h/a", "/ht_tp:/h/a"),
      ("*", "/*"), ("h:443", "/h:443"),
    ] as [(String, String)])
  func path(target: String, expected: String) {
    let set = PolicySet([])
    var check = Check()
    check.fill(Facts(target: target), set)
    #expect(check.values(of: Check.List.path) == [expected])
    let segments = check.segments.map { String(decoding: check.bytes[Int($0.start)..<$0.end], as: UTF8.self) }
    #expect("/" + segments.joined(separator: "/") == expected, "the segments are those of the path")
  }

  @Test("bytes that are no UTF-8 stay as they are")
  func invalidUTF8() {
    let set = PolicySet([.with(key: ["path"])])
    let target: [UInt8] = Array("/".utf8) + [0xff, 0xc0] + Array("%80%fe/x".utf8)
    var check = Check()
    check.fill(Facts(), set)
    check.setTarget(target.span, in: set)
    set.match(&check)
    #expect(check.outcomes[0].key == [1, 0, 0, 0, 7, 0x2f, 0xff, 0xc0, 0x80, 0xfe, 0x2f, 0x78])
  }

  @Test(
    "a query parameter is decoded once, and a plus is a space",
    arguments: [
      ("/?q=1", ["1"]), ("/?q=", [""]), ("/?q", [""]), ("/?q&", [""]), ("/?&&q=1&&", ["1"]), ("/?a=1&q=2", ["2"]),
      ("/?q=1&q=2", ["1", "2"]), ("/?q=1,2", ["1", "2"]), ("/?q=1%2C2", ["1", "2"]), ("/?q=1&q=2,3", ["1", "2", "3"]),
      ("/?q=a+b", ["a b"]), ("/?q=a%2Bb", ["a+b"]), ("/?q=a%20b", ["a b"]), ("/?q=+a+", ["a"]), ("/?q=%2541", ["%41"]),
      ("/?q=%", ["%"]), ("/?q=%4", ["%4"]), ("/?q=%00", ["%00"]), ("/?q=a=b", ["a=b"]), ("/?q=a?b", ["a?b"]),
      ("/?q=a%26b", ["a&b"]), ("/?q=a#&q=b", ["a"]), ("/?%71=1", ["1"]), ("/?%2571=1", nil), ("/?Q=1", nil),
      ("/?qq=1", nil), ("/?=q", nil), ("/?", nil), ("/", nil), ("/#?q=1", nil), ("/?q%3D1", nil), ("/?a?q=1", nil),
      ("?q=1", ["1"]), ("http://h?q=1", ["1"]), ("/?q=1&q=", ["1"]), ("/?q=&q=1", ["1"]), ("/?q=&q=", [""]),
      ("/?q=,", [""]), ("/?q=%22a,b%22", ["\"a,b\""]), ("/?q=%22a&q=b%22", ["\"a,b\""]), ("/?q=€", ["€"]),
    ] as [(String, [String]?)])
  func query(target: String, expected: [String]?) {
    let set = PolicySet([.with(key: ["query.q"])])
    var check = Check()
    check.fill(Facts(target: target), set)
    check.finishLists()
    #expect(check.values(of: set.list(named: "query.q")) == expected)
  }

  @Test("names of query parameters are decoded and compared byte for byte")
  func queryNames() {
    let set = PolicySet([.with(key: ["query.a b", "query.é", "query.X"])])
    var check = Check()
    check.fill(Facts(target: "/?a+b=1&a%20b=2&%C3%A9=3&x=4&%58=5&c=6"), set)
    #expect(check.values(of: set.list(named: "query.a b")) == ["1", "2"])
    #expect(check.values(of: set.list(named: "query.é")) == ["3"])
    #expect(check.values(of: set.list(named: "query.X")) == ["5"])
    #expect(set.list(named: "query.c") == -1)
  }

  @Test("a query that no policy asks for leaves nothing behind")
  func noQueryWanted() {
    let set = PolicySet([.with(key: ["header.q"])])
    #expect(!set.uses.contains(.query))
    var check = Check()
    check.fill(Facts(target: "/?q=1&header.q=2"), set)
    #expect(check.values.count == 1)
  }

  @Test("every spelling of a path gives the same path", arguments: Seeds.of(1...20 as ClosedRange<UInt64>))
  func spellings(seed: UInt64) {
    var random = Seeded(seed)
    let set = PolicySet([])
    for _ in 0..<100 {
      let segments = (0..<random.below(5)).map { _ in
        (0..<1 + random.below(3)).map { _ in random.pick(["a", "B", "7", "%", "é", "+", "...", "~"]) }.joined()
      }
      let target = Self.spell(segments, &random)
      var check = Check()
      check.fill(Facts(target: target), set)
      let expected = "/" + segments.joined(separator: "/")
      #expect(check.values(of: Check.List.path) == [expected], "seed \(seed): \(target)")
    }
  }

  /// Any target for the segments: escapes, slashes and dot segments that do not count, a query.
  private static func spell(_ segments: [String], _ random: inout Seeded) -> String {
    func noise(_ random: inout Seeded) -> String {
      switch random.below(8) {
      case 0: "/"
      case 1: "%2f"
      case 2: "/."
      case 3: "/%2e"
      case 4: "/gone/.."
      case 5: "/go/ne/%2E./.."
      default: ""
      }
    }
    var target = random.oneIn(5) ? "http://h" : ""
    for segment in segments {
      target += noise(&random) + "/"
      for byte in segment.utf8 {
        let mustEscape = byte == UInt8(ascii: "%") || byte > 0x7f
        if mustEscape || random.oneIn(3) {
          target += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: random.oneIn(2))
        } else {
          target += String(UnicodeScalar(byte))
        }
      }
    }
    target += noise(&random)
    return target + random.pick(["", "/", "?x=/a/../b", "#/a", "?"])
  }
}
