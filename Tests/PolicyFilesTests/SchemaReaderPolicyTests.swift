// SchemaReaderPolicyTests.swift: the members of a policy: names, words, numbers, keys and costs.

import Limiting
import Policies
import PolicyFiles
import Testing

@Suite struct SchemaReaderPolicyTests {
  @Test("a policy needs a name, a limit and a period")
  func required() {
    #expect(
      diagnostics("policies:\n  - {}\n  -\n  - a\n") == [
        "2:5: a policy needs \"name\"", "2:5: a policy needs \"limit\"", "2:5: a policy needs \"period\"",
        "3:4: a policy: must be a mapping, not empty", "4:5: a policy: must be a mapping, not \"a\"",
      ])
  }

  @Test(
    "words are known, and the nearest is named",
    arguments: [
      ("mode: off", "3:11: mode \"off\": unknown; use enforce or shadow"),
      ("mode: Shadow", "3:11: mode \"Shadow\": unknown; did you mean \"shadow\"? use enforce or shadow"),
      ("missing: shar", "3:14: missing \"shar\": unknown; did you mean \"share\"? use skip or share"),
      (
        "algorithm: tokenbucket",
        "3:16: algorithm \"tokenbucket\": unknown; did you mean \"token-bucket\"? "
          + "use token-bucket, fixed-window, sliding-window or sliding-log"
      ),
      (
        "algorithm: [a]",
        "3:16: algorithm: must be token-bucket, fixed-window, sliding-window or sliding-log, not a list"
      ),
      ("store: redi", "3:12: store \"redi\": unknown; did you mean \"redis\"? use memory or redis"),
      ("store: redis", "3:12: store \"redis\": no Redis is given; start with --redis URL, or use memory"),
      (
        "on_store_failure: dney",
        "3:23: on_store_failure \"dney\": unknown; did you mean \"deny\"? use allow, deny or memory"
      ),
      ("description: [a]", "3:18: description: must be a text, not a list"),
    ])
  func words(lines: String, diagnostic: String) {
    #expect(diagnostics(policy(lines)) == [diagnostic])
  }

  @Test(
    "numbers are whole and in range, and the message says which range",
    arguments: [
      ("limit: 0, period: 1s", "4:12: limit \"0\": must be a whole number from 1 to 1000000000"),
      ("limit: 1000000001, period: 1s", "4:12: limit \"1000000001\": must be a whole number from 1 to 1000000000"),
      (
        "limit: 99999999999999999999, period: 1s",
        "4:12: limit \"99999999999999999999\": must be a whole number from 1 to 1000000000"
      ),
      ("limit: -1, period: 1s", "4:12: limit \"-1\": must be a whole number from 1 to 1000000000, in digits alone"),
      ("limit: 1.5, period: 1s", "4:12: limit \"1.5\": must be a whole number from 1 to 1000000000, in digits alone"),
      ("limit: 1e3, period: 1s", "4:12: limit \"1e3\": must be a whole number from 1 to 1000000000, in digits alone"),
      ("limit: \"\", period: 1s", "4:12: limit \"\": must be a whole number from 1 to 1000000000"),
      (
        "limit: 010, period: 1s",
        "4:12: limit \"010\": must be a whole number from 1 to 1000000000, without a leading zero"
      ),
      ("limit: {}, period: 1s", "4:12: limit: must be a whole number from 1 to 1000000000, not a mapping"),
      ("limit: 1, period: 0s", "5:13: period \"0s\": must be from 1ms to 366d"),
      ("limit: 1, period: 366d1ms", "5:13: period \"366d1ms\": must be from 1ms to 366d"),
      ("limit: 1, period: 10/fortnight", "5:13: period \"10/fortnight\": unknown unit; use ms, s, m, h or d"),
      ("limit: 1, period: 60", "5:13: period \"60\": needs a unit after 60; use ms, s, m, h or d"),
      ("limit: 1, period: [1s]", "5:13: period: must be a duration such as 10s or 1h30m, not a list"),
      ("limit: 1, period: 1s, burst: 0", "6:12: burst \"0\": must be a whole number from 1 to 1000000000"),
      (
        "algorithm: sliding-log, limit: 100001, period: 1s",
        "5:12: limit \"100001\": must be a whole number from 1 to 100000 for sliding-log"
      ),
      (
        "algorithm: fixed-window, limit: 1, period: 1s, burst: 2",
        "7:5: burst: only token-bucket has one, fixed-window does not; leave it out"
      ),
    ])
  func numbers(numbers: String, diagnostic: String) {
    #expect(diagnostics(policy("", numbers: numbers)) == [diagnostic])
  }

  @Test("every number may stand at the ends of its range")
  func maxima() throws {
    let most = read(policy("cost: 1000000", numbers: "limit: 1000000000, period: 366d, burst: 1000000000"))
    #expect(most.diagnostics == [])
    let limit = try #require(most.policies.first).limit
    #expect(limit == Limit(algorithm: .tokenBucket, limit: 1_000_000_000, period: 31_622_400_000_000_000))
    let least = read(policy("", numbers: "limit: 1, period: 1ms, burst: 1"))
    #expect(try #require(least.policies.first).limit == Limit(algorithm: .tokenBucket, limit: 1, period: 1_000_000))
    let log = read(policy("algorithm: sliding-log", numbers: "limit: 100000, period: 1s"))
    #expect(log.policies.first?.limit.limit == 100_000)
  }

  @Test(
    "names are typed by the schema, not by YAML's guesses",
    arguments: ["n", "7", "no", "null", "1.5", "0x1f", "2001-01-01", "a.b_c-d", String(repeating: "z", count: 64)])
  func names(name: String) {
    let result = read("policies: [{name: \(name), limit: 1, period: 1s}]")
    #expect(result.diagnostics == [])
    #expect(result.policies.map(\.name) == [name])
  }

  @Test(
    "a name that is none says what is one",
    arguments: ["-a", "A", "a b", "a/b", "é", "\"\"", String(repeating: "z", count: 65), "~"])
  func badNames(name: String) {
    let shown = name == "\"\"" ? "" : name
    #expect(
      diagnostics("policies: [{name: \(name), limit: 1, period: 1s}]") == [
        "1:19: name \"\(shown)\": must be a-z or 0-9, then a-z, 0-9, \".\", \"_\" or \"-\", at most 64 characters"
      ])
  }

  private static let attributeForms =
    "use method, path, host, ip, header.NAME, query.NAME, path.NAME or a name of your own "
    + "(a-z, then a-z, 0-9, \"_\" or \"-\")"

  @Test(
    "a key names attributes, each once, and captures that every path has",
    arguments: [
      ("key: IP", ["3:10: key \"IP\": no attribute; did you mean \"ip\"? \(attributeForms)"]),
      ("key: headers.x-a", ["3:10: key \"headers.x-a\": no attribute; did you mean \"header.x-a\"? \(attributeForms)"]),
      (
        "key: [host.x, \"\"]",
        ["3:11: key \"host.x\": no attribute; \(attributeForms)", "3:19: key \"\": no attribute; \(attributeForms)"]
      ),
      ("key: [ip, ip]", ["3:15: key \"ip\": is in the key already"]),
      ("key: [header.A, header.a]\nmissing: share", ["3:21: key \"header.a\": is in the key already"]),
      ("key: {ip: 1}", ["3:10: key: must be a text or a list of texts, not a mapping"]),
      ("key: path.id", ["3:10: key \"path.id\": nothing captures it; match.path must contain {id}"]),
      (
        "match: {path: [\"/u/{id}\", /v]}\nkey: path.id",
        ["4:10: key \"path.id\": match.path \"/v\" must contain {id}, as all must"]
      ),
      ("match: {path: u}\nkey: path.id", ["3:19: path pattern \"u\" must begin with \"/\""]),
      ("match: {path: [\"/u/{id}\", \"/v/{id}/**\"]}\nkey: path.id", []),
      (
        "key: header\nmissing: share",
        ["3:10: warning: key \"header\" names an attribute that only programs can set; did you mean \"header.NAME\"?"]
      ),
      (
        "key: null",
        ["3:10: warning: key \"null\" names an attribute called null; leave key out if there is none"]
      ),
    ])
  func keys(lines: String, expected: [String]) {
    #expect(diagnostics(policy(lines)) == expected)
  }

  @Test(
    "a cost is a number, or an attribute with a default between its bounds",
    arguments: [
      ("0", "3:11: cost \"0\": must be a whole number from 1 to 1000000"),
      ("1000001", "3:11: cost \"1000001\": must be a whole number from 1 to 1000000"),
      ("[1]", "3:11: cost: must be a whole number from 1 to 1000000 or {attribute: NAME, …}, not a list"),
      ("{}", "3:11: cost: needs \"attribute\", whose value is the cost"),
      ("{attribute: x, default: 5, max: 4}", "3:26: cost.default \"5\": must be from cost.min to cost.max, 1 to 4"),
      (
        "{attribute: x, default: 1, min: 2}",
        "3:26: cost.default \"1\": must be from cost.min to cost.max, 2 to 1000000"
      ),
      ("{attribute: x, min: 5, max: 4}", "3:26: cost.min \"5\": must be at most cost.max, which is 4"),
      ("{attribute: x, min: 0}", "3:31: cost.min \"0\": must be a whole number from 1 to 1000000"),
      ("{attribute: path.id}", "3:23: cost.attribute \"path.id\": nothing captures it; match.path must contain {id}"),
      ("{attribute: x, maximum: 3}", "3:26: unknown key \"maximum\" in cost; use attribute, default, min or max"),
      ("{attribute: [x]}", "3:23: cost.attribute: must be a text, not a list"),
    ])
  func costs(cost: String, diagnostic: String) {
    #expect(diagnostics(policy("cost: " + cost)) == [diagnostic])
  }

  @Test(
    "what a cost leaves out has defaults",
    arguments: [
      ("{attribute: x}", .attribute(.custom("x"), default: 1, min: 1, max: 1_000_000)),
      ("{attribute: header.X-Cost, max: 9}", .attribute(.header("x-cost"), default: 1, min: 1, max: 9)),
      ("{attribute: x, min: 3}", .attribute(.custom("x"), default: 3, min: 3, max: 1_000_000)),
      ("3", .fixed(3)),
    ] as [(String, Policy.Cost)])
  func costDefaults(cost: String, expected: Policy.Cost) {
    #expect(read(policy("cost: " + cost)).policies.map(\.cost) == [expected])
  }

  @Test("what a policy leaves out has defaults; Redis is the store where there is one")
  func defaults() throws {
    let plain = try #require(read(policy("")).policies.first)
    #expect(
      plain.domain == "default" && plain.description == nil && plain.source == SourceLine(file: "p.yaml", line: 2))
    #expect(plain.match.isEmpty && plain.except == nil && plain.key.isEmpty && plain.overrides.isEmpty)
    #expect(plain.missing == .skip && plain.cost == .fixed(1) && plain.store == .memory)
    #expect(plain.onStoreFailure == .memory && plain.mode == .enforce)
    #expect(plain.limit == Limit(algorithm: .tokenBucket, limit: 10, period: 60_000_000_000, burst: 10))
    #expect(read(policy(""), redis: true).policies.map(\.store) == [.redis])
    #expect(read(policy("store: memory"), redis: true).policies.map(\.store) == [.memory])
  }

  @Test("every member of the schema reaches the policy")
  func everything() throws {
    let result = read(
      """
      domain: api
      policies:
        - name: per-client
          description: "7"
          match:
            methods: [GET, POST]
            path: /v1/{id}/**
            host: "*.Example.com"
            ip: [10.0.0.1/8, "::1"]
            headers: { X-Plan: free, x-a: { present: false } }
            attributes: { plan: [free, "7"], query.q: { prefix: [a, b] } }
          except: { ip: 192.0.2.0/24 }
          key: [ip, path.id]
          missing: share
          algorithm: token-bucket
          limit: "100"
          period: 1m
          burst: 20
          cost: { attribute: header.x-cost, default: 2, min: 2, max: 100 }
          store: redis
          on_store_failure: deny
          mode: shadow
          overrides:
            - { key: ["203.0.113.7", "*"], limit: 1000 }
            - { key: ["*", x], block: true }
      """, redis: true)
    #expect(result.diagnostics == [])
    let policy = try #require(result.policies.first)
    #expect(policy.domain == "api" && policy.name == "per-client" && policy.description == "7")
    #expect(policy.source == SourceLine(file: "p.yaml", line: 3))
    #expect(policy.match.methods == ["GET", "POST"])
    #expect(policy.match.paths == [try PathPattern("/v1/{id}/**")])
    #expect(policy.match.hosts == [try HostPattern("*.example.com")])
    #expect(policy.match.networks == ["10.0.0.0/8", "::1"].compactMap { IPNetwork($0) })
    #expect(
      policy.match.attributes == [
        AttributeCondition(name: .header("x-plan"), test: .oneOf(["free"])),
        AttributeCondition(name: .header("x-a"), test: .present(false)),
        AttributeCondition(name: .custom("plan"), test: .oneOf(["free", "7"])),
        AttributeCondition(name: .query("q"), test: .prefix(["a", "b"])),
      ])
    #expect(policy.except?.networks == ["192.0.2.0/24"].compactMap { IPNetwork($0) })
    #expect(policy.key == [.ip, .capture("id")] && policy.missing == .share)
    #expect(policy.limit == Limit(algorithm: .tokenBucket, limit: 100, period: 60_000_000_000, burst: 20))
    #expect(policy.cost == .attribute(.header("x-cost"), default: 2, min: 2, max: 100))
    #expect(policy.store == .redis && policy.onStoreFailure == .deny && policy.mode == .shadow)
    #expect(
      policy.overrides == [
        Policy.Override(
          key: ["203.0.113.7", nil],
          effect: .limit(Limit(algorithm: .tokenBucket, limit: 1000, period: 60_000_000_000, burst: 20))),
        Policy.Override(key: [nil, "x"], effect: .block),
      ])
  }
}
