// SchemaReaderTests.swift: the file as a whole, and mappings with known keys.

import PolicyFiles
import Testing

@Suite struct SchemaReaderTests {
  @Test(
    "a file must say which policies it has, if any",
    arguments: [
      ("", "1:1: the file is empty; write policies: [] for none"),
      ("# only\n", "1:1: the file is empty; write policies: [] for none"),
      ("---\n", "1:1: the file is empty; write policies: [] for none"),
      ("domain: api\n", "1:1: a policy file needs \"policies\"; write policies: [] for none"),
      ("{}", "1:1: a policy file needs \"policies\"; write policies: [] for none"),
      ("policies:\n", "1:10: policies: must be a list, not empty; write policies: [] for none"),
      ("policies: {}\n", "1:11: policies: must be a list, not a mapping; write policies: [] for none"),
      ("policies: none\n", "1:11: policies: must be a list, not \"none\"; write policies: [] for none"),
      ("policies: null\n", "1:11: policies: must be a list, not \"null\"; write policies: [] for none"),
      ("- a\n", "1:1: a policy file: must be a mapping, not a list"),
      ("7", "1:1: a policy file: must be a mapping, not \"7\""),
      (
        "domain: A b\npolicies: []",
        "1:9: domain \"A b\": must be a-z or 0-9, then a-z, 0-9, \".\", \"_\" or \"-\", at most 64 characters"
      ),
      ("domain: [a]\npolicies: []", "1:9: domain: must be a text, not a list"),
      ("domain:\npolicies: []", "1:8: domain: must be a text, not empty"),
      ("policies: []\ndomian: x", "2:1: unknown key \"domian\" in a policy file; did you mean \"domain\"?"),
      ("policies: []\nversion: 1", "2:1: unknown key \"version\" in a policy file; use domain or policies"),
      ("policies: []\npolicies: []", "2:1: duplicate key \"policies\" in a policy file; the first is at line 1"),
    ])
  func file(text: String, diagnostic: String) {
    #expect(diagnostics(text) == [diagnostic])
  }

  @Test("no policies, said so, is a valid file of the default domain")
  func none() {
    let result = read("policies: []")
    #expect(result.isValid)
    #expect(result.policies.isEmpty)
    #expect(result.domains == ["default"])
  }

  @Test(
    "keys are words, known, and given once",
    arguments: [
      ("limits: 3", "3:5: unknown key \"limits\" in a policy; did you mean \"limit\"?"),
      (
        "on-store-failure: deny",
        "3:5: unknown key \"on-store-failure\" in a policy; did you mean \"on_store_failure\"?"
      ),
      (
        "rate: 3",
        "3:5: unknown key \"rate\" in a policy; use name, description, match, except, key, missing, algorithm, limit, "
          + "period, burst, cost, store, on_store_failure, mode or overrides"
      ),
      ("name: b", "3:5: duplicate key \"name\" in a policy; the first is at line 2"),
      ("<<: {limit: 3}", "3:5: unknown key \"<<\" in a policy; merge keys are not supported"),
      ("? [a]\n: b", "3:7: a policy: a key must be a word, not a list"),
      ("\"nam\\ne\": a", "3:5: unknown key \"nam\\ne\" in a policy; did you mean \"name\"?"),
      (
        String(repeating: "k", count: 100) + ": 1",
        "3:5: unknown key \"" + String(repeating: "k", count: 80)
          + "…\" in a policy; use name, description, match, except, key, missing, algorithm, limit, "
          + "period, burst, cost, store, on_store_failure, mode or overrides"
      ),
    ])
  func keys(lines: String, diagnostic: String) {
    #expect(diagnostics(policy(lines)) == [diagnostic])
  }

  @Test("a key with nothing after it is an error wherever a value is needed")
  func nothing() {
    let keys = [
      "name", "limit", "period", "match", "except", "key", "cost", "store", "overrides", "algorithm", "missing", "mode",
      "on_store_failure", "burst",
    ]
    let text = "policies:\n  - " + keys.map { $0 + ":" }.joined(separator: "\n    ")
    let found = read(text).diagnostics
    #expect(found.map(\.line) == Array(2..<2 + keys.count))
    for (diagnostic, key) in zip(found, keys) {
      #expect(diagnostic.message.hasPrefix("\(key): must be ") && diagnostic.message.hasSuffix(", not empty"))
      #expect(diagnostic.column == 5 + key.count + 1)
    }
  }

  @Test("a file above 8 MiB is not parsed")
  func size() {
    let bytes = [UInt8](repeating: UInt8(ascii: "#"), count: 8 << 20) + [10]
    let result = PolicyParser.parse([SourceFile(name: "p.yaml", bytes: bytes)])
    #expect(result.diagnostics.map(\.text) == ["p.yaml:1:1: the file has more than 8388608 bytes"])
  }
}
