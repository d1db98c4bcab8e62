// KeyTests.swift: different facts have different counters, and the same facts the same one, however they are written.

import TestKit
import Testing

@Suite struct KeyTests {
  static let pair = "policies: [{name: a, key: [a, b], algorithm: token-bucket, limit: 9, period: \(forever)}]"

  @Test("keys of different values never collide")
  func injective() throws {
    let weir = try WeirProcess(Self.pair)
    let pairs = [
      ("a", "b_c"), ("a_b", "c"), ("", "ab"), ("ab", ""), ("a", "b"), ("a:b", ""), ("a", ":b"), ("", "a:b"),
      (#"a\u0000"#, "b"), ("a", #"\u0000b"#), (#"a\u0000b"#, ""), ("a,b", "c"), ("a", "b,c"), ("1:a", "b"),
      ("1", "a:b"), ("*", "b"), ("A", "b"), (" a", "b"), ("a", " b"), ("a b", ""), (#"\u0001a"#, "b"), ("b", "a"),
      ("b_c", "a"), ("c", "a_b"),
    ]
    for (first, second) in pairs {
      let response = try weir.json(#"{"attributes": {"a": "\#(first)", "b": "\#(second)"}}"#)
      #expect(response.json?["remaining"]?.int == 8, "(\(first), \(second))")
    }
  }

  @Test("policies and domains have counters of their own under equal keys")
  func ownCounters() throws {
    let directory = try TemporaryDirectory()
    let rest = "key: [a], algorithm: token-bucket, limit: 5, period: \(forever)"
    try directory.write(
      "a.yaml", "policies: [{name: x, match: {path: /x}, \(rest)}, {name: y, match: {path: /y}, \(rest)}]")
    try directory.write("b.yaml", "domain: api\npolicies: [{name: x, match: {path: /x}, \(rest)}]")
    let weir = try WeirProcess(directory: directory)
    for (domain, path) in [("default", "/x"), ("default", "/y"), ("api", "/x")] {
      let body = #"{"domain": "\#(domain)", "attributes": {"a": "1", "path": "\#(path)"}}"#
      #expect(try weir.json(body).json?["remaining"]?.int == 4)
    }
  }

  @Test("a header given several times counts as the same set of values however it was re-written")
  func headerSets() throws {
    let weir = try WeirProcess(
      "policies: [{name: a, key: [header.x-k], algorithm: token-bucket, limit: 100, period: \(forever)}]")
    let same: [[(String, String)]] = [
      [("X-K", "a, b")], [("X-K", "b,a")], [("X-K", "a"), ("X-K", "b")], [("x-k", "b"), ("X-K", "a")],
      [("X-K", "a,b,a")], [("X-K", " a ,\tb ")],
    ]
    for (index, headers) in same.enumerated() {
      let response = try weir.request("GET", "/check/a", headers)
      #expect(response.int("X-RateLimit-Remaining") == 99 - index, "\(headers)")
    }
    let others: [[(String, String)]] = [[("X-K", "a")], [("X-K", "b")], [("X-K", "\"a,b\"")], [("X-K", "a b")]]
    for headers in others {
      #expect(try weir.request("GET", "/check/a", headers).int("X-RateLimit-Remaining") == 99, "\(headers)")
    }
  }

  @Test("a path has one key however it is written, and so has a query parameter")
  func spelling() throws {
    let weir = try WeirProcess(
      """
      policies:
        - {name: p, match: {path: /p/**}, key: [path], algorithm: token-bucket, limit: 100, period: \(forever)}
        - {name: q, match: {path: /q}, key: [query.k], algorithm: token-bucket, limit: 100, period: \(forever)}
      """)
    let spellings = ["/p/a", "/p//a", "/p/./a", "/p/x/../a", "/p/%61", "/p/a/", "/p/a?x=1", "/%70/a"]
    for (index, path) in spellings.enumerated() {
      #expect(try weir.exact(path).int("X-RateLimit-Remaining") == 99 - index, "\(path)")
    }
    for path in ["/p/A", "/p/%2561", "/p/b"] {
      #expect(try weir.exact(path).int("X-RateLimit-Remaining") == 99, "\(path)")
    }
    for (index, query) in ["k=a+b", "k=a%20b", "%6B=a+b", "x=1&k=a+b", "k=a+b&k=a+b"].enumerated() {
      #expect(try weir.exact("/q?" + query).int("X-RateLimit-Remaining") == 99 - index, "\(query)")
    }
    for query in ["k=a%2Bb", "k=", "K=a+b&k=x"] {
      #expect(try weir.exact("/q?" + query).int("X-RateLimit-Remaining") == 99, "\(query)")
    }
    #expect(try weir.exact("/q?K=a+b")["X-RateLimit-Limit"] == nil)
  }
}
