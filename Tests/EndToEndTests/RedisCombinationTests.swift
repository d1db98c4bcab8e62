// RedisCombinationTests.swift: several policies are one decision and one script call, also where some count in Redis and
// some in memory.

import TestKit
import Testing

@Suite struct RedisCombinationTests {
  static let combined = """
    policies:
      - {name: first, algorithm: fixed-window, limit: 100, period: \(forever)}
      - {name: small, key: [v], algorithm: token-bucket, limit: 1, period: \(forever)}
      - {name: log, algorithm: sliding-log, limit: 100, period: \(forever)}
      - {name: window, algorithm: sliding-window, limit: 100, period: \(forever)}
      - {name: observed, algorithm: token-bucket, limit: 100, period: \(forever), mode: shadow}
    """

  @Test("a denied check consumes from no policy in Redis, shadow ones included")
  func allOrNothing() throws {
    let redis = try RedisServer()
    let weirs = try WeirProcess.fleet(2, Self.combined, redis: redis.url)
    try concurrently(4) { thread in
      // Another key each time, so that every denial is Redis's own and not a remembered one.
      for index in 0..<5 {
        let body = #"{"attributes": {"v": "\#(thread)-\#(index)"}}"#
        let answers = try (0..<3).map { try weirs[(thread + $0) % 2].json(body).status }
        guard answers == [200, 429, 429] else { throw MalformedResponse(description: "\(answers)") }
      }
    }
    for weir in weirs { #expect(try weir.look() == 80) }
    let rest = try weirs[0].json(#"{"cost": 80}"#)
    #expect(rest.status == 200)
    #expect(rest.json?["shadow_denied"] == nil)
    #expect(try weirs[1].json("{}").status == 429)
  }

  @Test("a shadow policy in Redis counts, reports and never denies")
  func shadow() throws {
    let redis = try RedisServer()
    let weirs = try WeirProcess.fleet(
      2,
      """
      policies:
        - {name: real, algorithm: token-bucket, limit: 5, period: \(forever)}
        - {name: observed, algorithm: token-bucket, limit: 1, period: \(forever), mode: shadow}
      """, redis: redis.url)
    #expect(try weirs[0].json("{}").json?["shadow_denied"] == nil)
    let second = try weirs[1].json("{}")
    #expect(second.status == 200)
    #expect(second.json?["shadow_denied"] == .array([.string("observed")]))
    #expect(second.json?["policy"]?.string == "real")
    #expect(second.int("X-RateLimit-Remaining") == 3)
  }

  @Test("a check with five matching policies is one script call, allowed or denied, and so is a lone one's")
  func oneCall() throws {
    let redis = try RedisServer()
    let directory = try TemporaryDirectory()
    try directory.write(
      "lone.yaml", "{domain: lone, policies: [{name: l, algorithm: sliding-log, limit: 5, period: 1h}]}")
    let weir = try WeirProcess(
      Self.combined, directory: directory, arguments: ["--redis", redis.url] + patient)
    try weir.waitForHealth("healthy")
    // What clients, and not scripts, ask of Redis about the counters of a domain, for one check.
    func calls(_ domain: String, _ body: String, status: Int) throws -> [String] {
      var answered: Int?
      let lines = try redis.monitor { answered = try weir.json(body).status }
      #expect(answered == status)
      return lines.filter { $0.contains(":\(domain):") && !$0.contains(" lua]") }
    }
    for status in [200, 429] {
      let lines = try calls("default", #"{"attributes": {"v": "a"}}"#, status: status)
      #expect(lines.count == 1, "\(lines)")
      #expect(lines.allSatisfy { $0.uppercased().contains("\"EVALSHA\"") })
      for name in ["first", "small", "log", "window", "observed"] {
        #expect(lines.allSatisfy { $0.contains(":default:\(name):") }, "\(name)")
      }
    }
    #expect(try calls("lone", #"{"domain": "lone"}"#, status: 200).count == 1)
  }

  @Test("what memory was charged is given back where Redis denies, and Redis is not charged where memory denies")
  func memoryAndRedis() throws {
    let redis = try RedisServer()
    let weir = try WeirProcess(
      """
      policies:
        - {name: local, key: [m], store: memory, algorithm: token-bucket, limit: 20, period: \(forever)}
        - {name: shared, key: [r], algorithm: token-bucket, limit: 5, period: \(forever)}
      """, redis: redis.url)
    try weir.waitForHealth("healthy")
    func ask(_ attributes: String, cost: Int = 1) throws -> Int {
      try weir.json(#"{"cost": \#(cost), "attributes": {\#(attributes)}}"#).status
    }
    let allowed = try (0..<30).count { _ in try ask(#""m": "1", "r": "1""#) == 200 }
    #expect(allowed == 5)
    #expect(try weir.look(#"{"m": "1"}"#) == 15)
    // And the other way round.
    #expect(try ask(#""m": "2""#, cost: 20) == 200)
    for _ in 0..<3 { #expect(try ask(#""m": "2", "r": "2""#) == 429) }
    #expect(try weir.look(#"{"r": "2"}"#) == 5)
    let denied = try weir.json(#"{"attributes": {"m": "2", "r": "1"}}"#)
    #expect(Set((denied.json?["violated-policies"]?.array ?? []).compactMap(\.string)) == ["local", "shared"])
  }

  @Test("a key's bytes never choose its place: braces in them stay outside the hash tag, and keys do not collide")
  func hostileKeys() throws {
    let redis = try RedisServer()
    let weir = try WeirProcess(
      "policies: [{name: a, key: [k, l], missing: share, algorithm: token-bucket, limit: 1, period: \(forever)}]",
      redis: redis.url)
    try weir.waitForHealth("healthy")
    let pairs = [("{x}", "y"), ("{x", "}y"), ("{x}y", ""), ("", "{x}y"), ("a:b", "c"), ("a", "b:c"), ("}{", "{}")]
    for (first, second) in pairs {
      let body = #"{"attributes": {"k": "\#(first)", "l": "\#(second)"}}"#
      #expect(try weir.json(body).status == 200, "\(body)")
      #expect(try weir.json(body).status == 429, "\(body)")
    }
    let keys = try redis.keys("weir:*:default:a:*")
    #expect(keys.count == pairs.count)
    for key in keys { #expect(key.count { $0 == "{" || $0 == "}" } == 2, "\(key)") }
  }

  @Test("a policy in memory counts in each weir, one in Redis in all of them together")
  func stores() throws {
    let redis = try RedisServer()
    let weirs = try WeirProcess.fleet(
      2,
      """
      policies:
        - {name: local, match: {path: /m}, store: memory, algorithm: token-bucket, limit: 3, period: \(forever)}
        - {name: shared, match: {path: /r}, algorithm: token-bucket, limit: 3, period: \(forever)}
      """, redis: redis.url)
    for weir in weirs { #expect(try statuses(weir, 4, "/check/m") == [200, 200, 200, 429]) }
    #expect(try statuses(weirs[0], 2, "/check/r") == [200, 200])
    #expect(try statuses(weirs[1], 2, "/check/r") == [200, 429])
    #expect(try redis.keys("weir:*:default:local:*") == [])
  }
}
