// SchemaReaderOverridesTests.swift: other numbers for particular keys.

import Limiting
import Policies
import PolicyFiles
import Testing

@Suite struct SchemaReaderOverridesTests {
  @Test(
    "an override names one key and says one thing about it",
    arguments: [
      (
        "{key: [192.0.2.1, 5], limit: 3}",
        ["5:13: override key: must have one entry for each part of the policy's key (ip), 1 in all, not 2"]
      ),
      ("{limit: 3}", ["5:7: an override needs \"key\""]),
      (
        "{key: 192.0.2.1}",
        ["5:7: an override needs exactly one of numbers (limit, period, burst), unlimited: true and block: true"]
      ),
      (
        "{key: 192.0.2.1, limit: 3, block: true}",
        ["5:7: an override needs exactly one of numbers (limit, period, burst), unlimited: true and block: true"]
      ),
      (
        "{key: 192.0.2.1, unlimited: true, block: true}",
        ["5:7: an override needs exactly one of numbers (limit, period, burst), unlimited: true and block: true"]
      ),
      (
        "{key: 192.0.2.1, unlimited: false}",
        ["5:35: unlimited: can only be true, not \"false\"; leave it out otherwise"]
      ),
      ("{key: 192.0.2.1, block: yes}", ["5:31: block: can only be true, not \"yes\"; leave it out otherwise"]),
      (
        "{key: nope, block: true}",
        ["5:13: override key \"nope\": no address; use one such as 192.0.2.1 or 2001:db8::/64, or \"*\""]
      ),
      (
        "{key: 10.0.0.0/8, block: true}",
        ["5:13: override key \"10.0.0.0/8\": no address; use one such as 192.0.2.1 or 2001:db8::/64, or \"*\""]
      ),
      (
        "{key: 192.0.2.1, limits: 3, block: true}",
        ["5:24: unknown key \"limits\" in an override; did you mean \"limit\"?"]
      ),
      (
        "{key: 192.0.2.1, period: 3}",
        ["5:32: override period \"3\": needs a unit after 3; use ms, s, m, h or d"]
      ),
      ("{key: 192.0.2.1, limit: 0}", ["5:31: override limit \"0\": must be a whole number from 1 to 1000000000"]),
      (
        "{key: 192.0.2.1, burst: 1000000001}",
        ["5:31: override burst \"1000000001\": must be a whole number from 1 to 1000000000"]
      ),
      ("a", ["5:7: an override: must be a mapping, not \"a\""]),
      ("{key: \"2001:db8::/64\", block: true}", []), ("{key: \"2001:db8::1\", block: true}", []),
      ("{key: \"*\", block: true}", []), ("{key: 192.0.2.1/32, block: true}", []),
    ])
  func diagnosed(override: String, expected: [String]) {
    #expect(diagnostics(policy("key: ip\noverrides:\n- " + override)) == expected)
  }

  @Test("overrides are a list and need a policy with a key")
  func shape() {
    #expect(diagnostics(policy("key: ip\noverrides: {key: a}")) == ["4:16: overrides: must be a list, not a mapping"])
    #expect(
      diagnostics(policy("overrides: [{key: a, limit: 3}]")) == [
        "3:17: overrides: need a policy with a key, since they are for particular keys"
      ])
    #expect(diagnostics(policy("overrides: []")) == [])
  }

  @Test("the algorithm's bounds hold for overrides, too")
  func algorithms() {
    #expect(
      diagnostics(
        policy(
          "key: ip\nalgorithm: sliding-log\noverrides:\n"
            + "- {key: 192.0.2.1, limit: 100001}\n- {key: 192.0.2.2, burst: 4}")) == [
          "6:31: override limit \"100001\": must be a whole number from 1 to 100000 for sliding-log",
          "7:24: override burst: only token-bucket has one, sliding-log does not; leave it out",
        ])
  }

  @Test(
    "an override takes the policy's numbers where it gives none; a burst that neither gives is its limit",
    arguments: [
      ("limit: 7", "", Limit(algorithm: .tokenBucket, limit: 7, period: 60_000_000_000, burst: 7)),
      ("limit: 7", ", burst: 5", Limit(algorithm: .tokenBucket, limit: 7, period: 60_000_000_000, burst: 5)),
      ("limit: 7, burst: 9", ", burst: 5", Limit(algorithm: .tokenBucket, limit: 7, period: 60_000_000_000, burst: 9)),
      ("period: 1s", "", Limit(algorithm: .tokenBucket, limit: 10, period: 1_000_000_000, burst: 10)),
      ("burst: 9", "", Limit(algorithm: .tokenBucket, limit: 10, period: 60_000_000_000, burst: 9)),
      ("limit: 7", ", algorithm: fixed-window", Limit(algorithm: .fixedWindow, limit: 7, period: 60_000_000_000)),
    ])
  func numbers(override: String, rest: String, expected: Limit) throws {
    let text = policy("key: ip\noverrides: [{key: 192.0.2.1, \(override)}]", numbers: "limit: 10, period: 1m" + rest)
    let result = read(text)
    #expect(result.diagnostics == [])
    #expect(try #require(result.policies.first).overrides.map(\.effect) == [.limit(expected)])
  }
}
