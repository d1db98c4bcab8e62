// AdminRequestTests.swift: what is taken out of an operator's request: path, query and headers.

import CheckAPI
import EventLoop
import TestKit
import Testing

@testable import Sidecar

@Suite struct AdminRequestTests {
  /// A query as `name=value` texts, decoded.
  static func query(_ target: String) -> [String] {
    AdminRequest("GET", target).query.map { "\($0.name)=\($0.value)" }
  }

  /// What reading came to: a value, or a refusal's detail.
  static func outcome<Value>(_ body: () throws(Refusal) -> Value) -> (value: Value?, refusal: Refusal?) {
    do throws(Refusal) {
      return (try body(), nil)
    } catch {
      return (nil, error)
    }
  }

  @Test("method, path and peer are as they were sent; the path is raw and ends at the first question mark")
  func line() {
    let request = AdminRequest("PURGE", "/keys%2f/../%zz?a=1?b=2", from: .v6(high: 1, low: 2))
    #expect(request.method == "PURGE" && !request.isHead && request.body == [])
    #expect(request.path == "/keys%2f/../%zz")
    #expect(request.query.map(\.value) == ["1?b=2"])
    #expect(request.peer == .v6(high: 1, low: 2))
    #expect(AdminRequest("HEAD").isHead && !AdminRequest("head").isHead)
    for target in ["/keys", "/keys?", "/keys?&&", "?"] {
      #expect(Self.query(target) == [], "\(target)")
      #expect(AdminRequest("GET", target).path == (target == "?" ? "" : "/keys"))
    }
  }

  @Test(
    "names and values are decoded once, in the order sent",
    arguments: [
      ("a=1&b=2&a=3", ["a=1", "b=2", "a=3"]), ("a", ["a="]), ("a=", ["a="]), ("=a", ["=a"]), ("=", ["="]),
      ("a=b=c", ["a=b=c"]), ("&a=1&&b=2&", ["a=1", "b=2"]), ("a+b=c+d%20e", ["a b=c d e"]), ("a%2Bb=%2b", ["a+b=+"]),
      ("%61=%41%2f%2F", ["a=A//"]), ("a=%2541", ["a=%41"]), ("a%3db=c%26d", ["a=b=c&d"]), ("a=%C3%A9", ["a=\u{e9}"]),
      ("a=\u{e9}", ["a=\u{e9}"]), ("a=%00b", ["a=\u{0}b"]), ("%00=", ["\u{0}="]),
      // What is no escape stays.
      ("a=%", ["a=%"]), ("a=%4", ["a=%4"]), ("a=%zz", ["a=%zz"]), ("a=%4g", ["a=%4g"]), ("a=%%41", ["a=%A"]),
      ("a=%+1", ["a=% 1"]), ("a=%-1", ["a=%-1"]), ("a=%u0041", ["a=%u0041"]), ("a;b=1", ["a;b=1"]),
    ])
  func decoding(query: String, items: [String]) {
    #expect(Self.query("/keys?" + query) == items)
  }

  @Test("bytes that are no UTF-8 are kept, so that they name their own key; texts show them as U+FFFD")
  func notUTF8() {
    let escaped = AdminRequest("GET", "/keys?key=%ff%00&key=%FE&key=ok&k%ff=1")
    #expect(escaped.query.map(\.value) == ["\u{fffd}\u{0}", "\u{fffd}", "ok", "1"])
    #expect(escaped.values("key") == [[255, 0], [254], Array("ok".utf8)])
    #expect(escaped.values("k\u{fffd}") == [Array("1".utf8)] && escaped.values("k") == [])
    let raw = AdminRequest("GET", Array("/keys?key=".utf8) + [0xc3, 0x28, 0x80])
    #expect(raw.values("key") == [[0xc3, 0x28, 0x80]])
    #expect(AdminRequest("GET", Array("/\u{e9}".utf8) + [0xff]).path == "/\u{e9}\u{fffd}")
  }

  @Test("a parameter that may be given once is refused where it is given twice, equal or not, empty or not")
  func once() {
    let request = AdminRequest("GET", "/keys?a=1&b=&c=1&c=1&d=&d&%61b=2")
    #expect(Self.outcome { () throws(Refusal) in try request.parameter("a") }.value == "1")
    #expect(Self.outcome { () throws(Refusal) in try request.parameter("b") }.value == "")
    #expect(Self.outcome { () throws(Refusal) in try request.parameter("ab") }.value == "2")
    #expect(Self.outcome { () throws(Refusal) in try request.parameter("none") }.value == .some(nil))
    for name in ["c", "d"] {
      let refusal = Self.outcome { () throws(Refusal) in try request.parameter(name) }.refusal
      #expect(refusal?.status == 400 && refusal?.detail == "parameter \(name) is given 2 times")
    }
  }

  @Test("a parameter that a page does not know is refused, and the page says what it knows")
  func unknown() {
    func refusal(_ target: String, _ known: [String]) -> Refusal? {
      Self.outcome { () throws(Refusal) in try AdminRequest("GET", target).refuseUnknownParameters(known) }.refusal
    }
    #expect(refusal("/keys", []) == nil && refusal("/keys?", []) == nil && refusal("/keys?b=1&a&b", ["a", "b"]) == nil)
    let wrong = refusal("/keys?a=1&A=1", ["a", "b"])
    #expect(wrong?.status == 400 && wrong?.detail == "unknown parameter \"A\"; known are a, b")
    #expect(refusal("/keys?x", [])?.detail == "unknown parameter \"x\"; it takes none")
    #expect(refusal("/keys?=1", ["a"])?.detail == "unknown parameter \"\"; known are a")
    #expect(refusal("/keys?a%00=1", ["a"])?.status == 400)
  }

  @Test("headers are found by their lower-case name; lines of one name are one value")
  func headers() {
    let request = AdminRequest("GET", "/", [("HOST", "a"), ("X-A", " b \t"), ("x-a", "c"), ("X-Empty", "")])
    #expect(request.header("host") == "a" && request.header("x-a") == "b, c" && request.header("x-empty") == "")
    #expect(request.header("HOST") == nil && request.header("x-none") == nil)
  }
}
