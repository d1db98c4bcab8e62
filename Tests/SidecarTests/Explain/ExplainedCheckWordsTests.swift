// ExplainedCheckWordsTests.swift: which policy binds and why, as a sentence, and the text for a terminal.

import Limiting
import Policies
import TestKit
import Testing

@testable import Sidecar

@Suite struct ExplainedCheckWordsTests {
  private func reason(_ policies: [Policy], _ body: String = "{}", after times: Int = 0) throws -> String {
    let rig = ExplainRig(policies)
    for _ in 0..<times { try rig.decide("{}") }
    return try rig.explain(body).reason
  }

  @Test("the sentence says what binds, and why")
  func reasons() throws {
    let five = ExplainRig.policy("five")
    let three = ExplainRig.policy("three", limit: 3)
    #expect(try reason([five]) == "five is the only policy that limits it, and has 4 left after this check")
    #expect(try reason([five, three]) == "three has the least left of 2 policies: 2 after this check")
    #expect(
      try reason([ExplainRig.policy("dear", cost: .fixed(4)), three])
        == "dear has the least left of 2 policies: 1 after this check", "what is left after it, not before")
    #expect(try reason([five, three], after: 3).hasPrefix("three denies for "))
    #expect(try !reason([five, three], after: 3).contains("longest"))
    let bucket = ExplainRig.policy("bucket", .tokenBucket, limit: 3, period: 3_600_000_000_000)
    #expect(try reason([three, bucket], after: 3) == "bucket denies for 1200 s, the longest of 2 policies that deny")
    #expect(
      try reason([five], #"{"cost":6}"#) == "five never lets 6 pass at once, since its capacity is 5")
    let block = Policy.Override(key: [nil], effect: .block)
    #expect(
      try reason([ExplainRig.policy("shut", key: ["plan"], overrides: [block])], #"{"attributes":{"plan":"a"}}"#)
        == "shut blocks this key")
  }

  @Test("where nothing binds, the sentence says why not")
  func unbound() throws {
    #expect(try reason([ExplainRig.policy("a", match: ExplainRig.plan("x"))]) == "no policy applies")
    #expect(
      try reason([ExplainRig.policy("a", mode: .shadow)])
        == "no policy that applies limits it: they are shadow, unlimited, or let it through without Redis")
    #expect(
      try reason([ExplainRig.policy("a")], #"{"domain":"other"}"#)
        == "domain other has no policies; those that have are default")
    #expect(try reason([]) == "domain default has no policies")
  }

  @Test("the text has a block a policy, and ends in what binds")
  func text() throws {
    let rig = ExplainRig([
      ExplainRig.policy(
        "per-client", .tokenBucket, key: ["header.x-client"], missing: .share,
        overrides: [Policy.Override(key: ["ann"], effect: .unlimited)]),
      ExplainRig.policy("other", match: ExplainRig.plan("x")),
      ExplainRig.policy("watch", limit: 1, cost: .fixed(2), mode: .shadow),
    ])
    #expect(
      try rig.explain("{}").text == """
        per-client (a.yaml:3)
          applies: it has no conditions; the check has no header.x-client, and missing is share
          key: the counter of checks that lack it
          limit: 5 per 1m, token-bucket, in memory
          this check: costs 1 of 5 left, passes

        other (a.yaml:3)
          does not apply: attribute plan is absent

        watch (a.yaml:3)
          applies: it has no conditions
          key: none, one counter for all
          limit: 1 per 1m, fixed-window, in memory
          this check: costs 2 of 1 left, never passes
          mode: shadow, so that it denies nothing

        Allowed: per-client is the only policy that limits it, and has 4 left after this check.

        """)
    let ann = try rig.explain(#"{"attributes":{"header.x-client":"ann,\u001b[31m"}}"#).text
    #expect(ann.contains("  key: {\"\\u001b[31m\", \"ann\"}\n  numbers: of override 1, key \"ann\"\n  limit: none\n"))
    #expect(!ann.contains("\u{1b}"))
  }
}
