// KeyCallsTests.swift: one key at a time, as an operator sees and steers it: its state, what it has spent forgotten, more
// granted, blocked and let in again; and that every change is in the log.

import TestKit
import Testing

@Suite struct KeyCallsTests {
  /// A policy by user, that regains nothing during a test.
  static func policies(_ algorithm: String = "token-bucket", limit: Int = 3, more: String = "") -> String {
    "policies: [{name: per-user, key: [header.user], algorithm: \(algorithm), limit: \(limit), period: \(forever)\(more)}]\n"
  }

  static let ann = #"{"header.user": "ann"}"#
  static let bob = #"{"header.user": "bob"}"#
  static let annKey = #""policy": "per-user", "key": ["ann"]"#
  static let annQuery = "policy=per-user&key=ann"

  /// Lets ann pass until she is denied, and says how often.
  private func exhaust(_ weir: WeirProcess) throws -> Int {
    var passed = 0
    while passed < 100, try weir.passes(Self.ann) { passed += 1 }
    return passed
  }

  @Test("a key's state, its reset and a grant, with each algorithm", arguments: algorithms)
  func life(algorithm: String) throws {
    let weir = try WeirProcess(Self.policies(algorithm))
    #expect(try weir.passes(Self.ann) && weir.passes(Self.ann))
    let some = try weir.state(Self.annQuery)
    #expect(some.status == 200 && some["Content-Type"] == "application/json" && some["Cache-Control"] == "no-store")
    let state = try #require(some.json)
    #expect(
      state.names == [
        "domain", "policy", "key", "algorithm", "period", "limit", "remaining", "reset", "retry_after", "store", "cell",
        "mode",
        "order",
      ])
    #expect(state["domain"]?.string == "default" && state["policy"]?.string == "per-user")
    #expect(state["key"] == .array([.string("ann")]) && state["algorithm"]?.string == algorithm)
    #expect(state["limit"]?.int == 3 && state["remaining"]?.int == 1 && state["period"]?.string == forever)
    #expect((state["reset"]?.int ?? 0) > unixSeconds() && state["retry_after"]?.int == 0)
    #expect(state["store"]?.string == "memory" && state["mode"]?.string == "enforce" && state["order"] == .null)

    #expect(try exhaust(weir) == 1)
    let spent = try #require(try weir.state(Self.annQuery).json)
    #expect(spent["remaining"]?.int == 0 && (spent["retry_after"]?.int ?? 0) > 1_000)
    for _ in 0..<3 { #expect(try weir.state(Self.annQuery).json?["remaining"]?.int == 0, "looking spends nothing") }

    let reset = try weir.call("reset", "{\(Self.annKey)}")
    #expect(reset.text == #"{"domain":"default","policy":"per-user","key":["ann"],"reset":true}"# + "\n")
    #expect(try weir.state(Self.annQuery).json?["remaining"]?.int == 3)
    #expect(try exhaust(weir) == 3)

    let start = unixSeconds()
    let granted = try weir.call("grant", #"{\#(Self.annKey), "amount": 2, "for": "10m"}"#)
    #expect(granted.status == 200 && granted.json?["replaced"] == .null)
    let order = granted.json?["order"]
    #expect(order?["kind"]?.string == "grant" && order?["amount"]?.int == 2 && order?["by"]?.string == "127.0.0.1")
    #expect((start + 600...unixSeconds() + 601).contains(order?["until"]?.int ?? 0))
    let more = try #require(try weir.state(Self.annQuery).json)
    #expect(more["limit"]?.int == 5 && more["remaining"]?.int == 2 && more["order"] == order)
    #expect(try exhaust(weir) == 2)
    let ended = try weir.call("unblock", "{\(Self.annKey)}")
    #expect(ended.json?["order"] == .null && ended.json?["replaced"] == order)
    let after = try #require(try weir.state(Self.annQuery).json)
    #expect(after["limit"]?.int == 3 && after["remaining"]?.int == 0 && after["order"] == .null)
    #expect(try weir.passes(Self.bob), "nobody else was touched")
  }

  @Test("a key that has spent nothing has nothing to reset, and a look at it leaves nothing behind")
  func unused() throws {
    let weir = try WeirProcess(Self.policies())
    let state = try #require(try weir.state(Self.annQuery).json)
    #expect(state["remaining"]?.int == 3 && state["retry_after"]?.int == 0)
    #expect(try weir.call("reset", "{\(Self.annKey)}").json?["reset"]?.bool == false)
    #expect(try weir.call("unblock", "{\(Self.annKey)}").json?["replaced"] == .null)
    #expect(try weir.metric("weir_keys") == 0)
  }

  @Test("a state says whether the key has a counter of its own, shares the overflow cell, or has none")
  func cell() throws {
    let weir = try WeirProcess(Self.policies(), arguments: ["--max-keys", "1"])
    #expect(try weir.state(Self.annQuery).json?["cell"]?.string == "none")
    #expect(try weir.passes(Self.ann))
    #expect(try weir.state(Self.annQuery).json?["cell"]?.string == "own")
    #expect(try weir.passes(Self.bob))
    let bob = try weir.state("policy=per-user&key=bob").json
    #expect(bob?["cell"]?.string == "overflow" && bob?["remaining"]?.int == 2)
    #expect(try weir.call("reset", #"{"policy": "per-user", "key": ["bob"]}"#).status == 409)
  }

  @Test("a block denies with the wait until it ends, and ends by itself")
  func blockEnds() throws {
    let weir = try WeirProcess(Self.policies())
    #expect(try weir.passes(Self.ann))
    let until = unixSeconds() + 3
    let blocked = try weir.call("block", #"{\#(Self.annKey), "until": \#(until)}"#)
    #expect(blocked.status == 200 && blocked.json?["order"]?["until"]?.int == until)
    let state = try #require(try weir.state(Self.annQuery).json)
    #expect(state["limit"]?.int == 0 && state["remaining"]?.int == 0 && state["reset"]?.int == until)
    #expect((1...3).contains(state["retry_after"]?.int ?? 0) && state["order"]?["kind"]?.string == "block")
    let denied = try weir.json(#"{"attributes": \#(Self.ann)}"#)
    #expect(denied.status == 429 && (1...3).contains(denied.int("Retry-After") ?? 0))
    #expect(denied.int("X-RateLimit-Limit") == 0 && denied.int("X-RateLimit-Reset") == until)
    #expect(try weir.passes(Self.bob))
    try eventually("the block ends") { try weir.passes(Self.ann) }
    #expect(unixSeconds() >= until)
    let after = try #require(try weir.state(Self.annQuery).json)
    #expect(after["limit"]?.int == 3 && after["remaining"]?.int == 1 && after["order"] == .null)
  }

  @Test("a key has one order: a later one takes the place of an earlier one")
  func replaced() throws {
    let weir = try WeirProcess(Self.policies())
    try weir.call("grant", #"{\#(Self.annKey), "amount": 2, "for": "1h"}"#)
    let blocked = try weir.call("block", #"{\#(Self.annKey), "for": "1h", "note": "noisy"}"#).json
    #expect(blocked?["replaced"]?["kind"]?.string == "grant" && blocked?["order"]?["kind"]?.string == "block")
    #expect(blocked?["order"]?["by"]?.string == "127.0.0.1: noisy")
    #expect(try !weir.passes(Self.ann))
    let unblocked = try weir.call("unblock", "{\(Self.annKey)}").json
    #expect(unblocked?["replaced"]?["kind"]?.string == "block" && unblocked?["order"] == .null)
    #expect(try exhaust(weir) == 3, "no grant is left, and nothing was spent meanwhile")
  }

  @Test("an order outlives reloads, also one that removes its policy for a while")
  func reloads() throws {
    let weir = try WeirProcess(Self.policies())
    try weir.call("grant", #"{\#(Self.annKey), "amount": 2, "for": "1h"}"#)
    #expect(try weir.passes(Self.ann))
    try weir.policies.replace("test.yaml", Self.policies(limit: 7))
    try weir.waitForLimit(9, Self.ann)
    #expect(try weir.state(Self.annQuery).json?["remaining"]?.int == 8)
    #expect(try weir.look(Self.bob) == 7)

    try weir.policies.replace("test.yaml", "policies: [{name: other, limit: 100, period: 1h}]\n")
    try weir.waitForLimit(100, Self.ann)
    #expect(try weir.state(Self.annQuery).status == 404)
    #expect(try weir.call("unblock", "{\(Self.annKey)}").status == 404)
    try weir.policies.replace("test.yaml", Self.policies(limit: 4))
    try weir.waitForLimit(6, Self.ann)
    #expect(try weir.order(Self.annQuery)?["amount"]?.int == 2)
    #expect(try weir.look(Self.bob) == 4)
  }

  // MARK: Who did what

  @Test("every change is in the log, with who and what; looking and refused calls are not")
  func log() throws {
    let weir = try WeirProcess(Self.policies())
    let until = unixSeconds() + 600
    try weir.call("grant", #"{\#(Self.annKey), "amount": 2, "until": \#(until), "note": "launch \"day\""}"#)
    let granted = try weir.event("key granted")
    #expect(granted["by"]?.string == "127.0.0.1" && granted["level"]?.string == "info")
    #expect(granted["domain"]?.string == "default" && granted["policy"]?.string == "per-user")
    #expect(granted["key"]?.string == #"["ann"]"# && granted["note"]?.string == #"launch "day""#)
    #expect(granted["amount"]?.int == 2 && granted["until"]?.int == until)
    try weir.call("block", #"{\#(Self.annKey), "until": \#(until)}"#)
    let blocked = try weir.event("key blocked")
    #expect(blocked["until"]?.int == until && blocked["amount"] == nil && blocked["note"] == nil)
    try weir.call("unblock", "{\(Self.annKey)}")
    #expect(try weir.event("key unblocked")["key"]?.string == #"["ann"]"#)
    try weir.call("reset", "{\(Self.annKey)}")
    #expect(try weir.event("key reset")["until"] == nil)

    #expect(try weir.state(Self.annQuery).status == 200)
    #expect(try weir.call("block", "{\(Self.annKey)}").status == 400)
    #expect(try weir.call("reset", #"{"policy": "none", "key": []}"#).status == 404)
    try weir.call("reset", #"{\#(Self.annKey), "note": "the last"}"#)
    _ = try weir.event("key reset", count: 2)
    #expect(weir.events.count { $0["event"]?.string?.hasPrefix("key ") == true } == 5)
  }

  @Test("with --hash-keys answers and log have one hash for a key, and never the key")
  func hashed() throws {
    let weir = try WeirProcess(Self.policies(), arguments: ["--hash-keys"])
    #expect(try weir.passes(Self.ann))
    let state = try weir.state(Self.annQuery)
    let hash = try #require(state.json?["hash"]?.string)
    #expect(hash.hasPrefix("k:") && state.json?["remaining"]?.int == 2)
    var answers = [state]
    answers.append(try weir.call("block", #"{\#(Self.annKey), "for": "1h"}"#))
    answers.append(try weir.call("unblock", "{\(Self.annKey)}"))
    answers.append(try weir.call("grant", #"{\#(Self.annKey), "amount": 1, "for": "1h"}"#))
    answers.append(try weir.call("reset", "{\(Self.annKey)}"))
    for answer in answers {
      #expect(answer.status == 200 && answer.json?["hash"]?.string == hash, "\(answer.text)")
      #expect(!answer.text.contains("ann") && answer.json?["key"] == nil, "\(answer.text)")
    }
    #expect(try weir.event("key blocked")["key"]?.string == hash)
    #expect(try weir.event("key reset")["key"]?.string == hash)
    #expect(!weir.standardError.contains("ann\""))
    #expect(try weir.state("policy=per-user&key=bob").json?["hash"]?.string != hash)
  }
}
