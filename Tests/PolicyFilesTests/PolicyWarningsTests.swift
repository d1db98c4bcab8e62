// PolicyWarningsTests.swift: what is allowed but surely not meant, and what only looks like it.

import PolicyFiles
import Testing

@Suite struct PolicyWarningsTests {
  @Test(
    "a key that a client can leave out is warned of",
    arguments: [
      (
        "key: header.x-a",
        [
          "3:10: warning: key \"header.x-a\" with missing: skip: leaving the header out escapes the limit; "
            + "use missing: share"
        ]
      ),
      (
        "key: [ip, query.q]",
        [
          "3:15: warning: key \"query.q\" with missing: skip: leaving the query parameter out escapes the limit; "
            + "use missing: share"
        ]
      ),
      ("key: header.x-a\nmissing: share", []), ("key: [ip, plan]", []),
    ])
  func escapes(lines: String, expected: [String]) {
    #expect(diagnostics(policy(lines)) == expected)
  }

  @Test(
    "a policy whose except always holds never applies",
    arguments: [
      ("{methods: [GET]}", "{methods: [GET, POST]}"), ("{path: /a/b}", "{path: /a/b}"),
      ("{path: /a/b}", "{path: \"/a/*\"}"),
      ("{path: \"/a/{x}\"}", "{path: \"/*/{y}\"}"), ("{path: /a/**}", "{path: /**}"),
      ("{path: /a/b/**}", "{path: [/c, /a/**]}"),
      ("{host: a.b.c}", "{host: \"*.b.c\"}"), ("{host: \"*.a.b.c\"}", "{host: \"*.b.c\"}"),
      ("{host: A.b}", "{host: a.B}"),
      ("{ip: 10.1.0.0/16}", "{ip: 10.0.0.0/8}"), ("{ip: \"2001:db8::1\"}", "{ip: [192.0.2.1, \"2001:db8::/32\"]}"),
      ("{headers: {x: a}}", "{headers: {x: [a, b]}}"), ("{headers: {x: ab}}", "{headers: {x: {prefix: a}}}"),
      ("{headers: {x: a}}", "{headers: {x: {present: true}}}"),
      ("{headers: {x: {present: false}}}", "{headers: {x: {present: false}}}"),
      ("{headers: {x: {prefix: [ab, ac]}}}", "{headers: {x: {prefix: a}}}"),
      ("{path: /a, ip: 10.0.0.0/8}", "{path: /a}"),
      ("{ip: 10.0.0.0/8}", "{attributes: {ip: {present: true}}}"),
      ("{path: \"/{x}\"}", "{attributes: {path.x: {present: true}}}"),
    ])
  func excepted(match: String, except: String) {
    #expect(
      diagnostics(policy("match: \(match)\nexcept: \(except)")) == [
        "4:5: warning: policy \"a\" never applies: except holds whenever match does"
      ])
  }

  @Test(
    "an except that leaves something is not warned of",
    arguments: [
      ("{}", "{methods: GET}"), ("{methods: [GET, PUT]}", "{methods: [GET]}"), ("{path: /a/**}", "{path: /a/b/**}"),
      ("{path: /a/**}", "{path: /a}"), ("{path: \"/a/*\"}", "{path: /a/b}"), ("{path: /a/**}", "{path: \"/a/*\"}"),
      ("{path: /a}", "{path: \"/a/*\"}"), ("{host: b.c}", "{host: \"*.b.c\"}"), ("{host: xb.c}", "{host: \"*.b.c\"}"),
      ("{host: \"*.b.c\"}", "{host: a.b.c}"), ("{ip: 10.0.0.0/8}", "{ip: 10.1.0.0/16}"),
      ("{ip: 0.0.0.0/0}", "{ip: \"::/0\"}"),
      ("{headers: {x: {present: true}}}", "{headers: {x: a}}"),
      ("{headers: {x: {prefix: a}}}", "{headers: {x: {prefix: ab}}}"),
      ("{path: /a}", "{path: /a, ip: 10.0.0.0/8}"), ("{headers: {x: [a, b]}}", "{headers: {x: a}}"),
    ])
  func notExcepted(match: String, except: String) {
    #expect(diagnostics(policy("match: \(match)\nexcept: \(except)")) == [])
  }

  @Test("an except that the key's own presence makes hold is warned of, unless missing keys share")
  func exceptedKey() {
    let lines = "key: plan\nexcept: {attributes: {plan: {present: true}}}"
    #expect(
      diagnostics(policy(lines)) == ["4:5: warning: policy \"a\" never applies: except holds whenever match does"])
    #expect(diagnostics(policy(lines + "\nmissing: share")) == [])
  }

  @Test(
    "conditions that cannot hold together are warned of",
    arguments: [
      ("match: {ip: 10.0.0.0/8, attributes: {ip: {present: false}}}", "ip"),
      ("match: {path: \"/{x}\", attributes: {path.x: {present: false}}}", "path.x"),
      ("match: {attributes: {plan: {present: false}}}\nkey: plan", "plan"),
    ])
  func contradictions(lines: String, name: String) {
    #expect(
      diagnostics(policy(lines)) == [
        "3:5: warning: policy \"a\" never applies: it needs \(name) both absent and present"
      ])
  }

  @Test("a check without the attribute that a sharing key names is still limited")
  func sharedAbsence() {
    #expect(diagnostics(policy("match: {attributes: {plan: {present: false}}}\nkey: plan\nmissing: share")) == [])
  }

  @Test(
    "numbers that deny everything, or surprise, are warned of",
    arguments: [
      ("cost: 11", "limit: 10, period: 1m", ["3:11: warning: cost 11 is above the burst 10: every check is denied"]),
      (
        "cost: 11", "limit: 10, period: 1m, algorithm: fixed-window",
        ["3:11: warning: cost 11 is above the limit 10: every check is denied"]
      ),
      (
        "cost: {attribute: x, min: 11}", "limit: 10, period: 1m",
        ["3:11: warning: cost 11 is above the burst 10: every check is denied"]
      ),
      ("cost: 10", "limit: 10, period: 1m", []), ("cost: 11", "limit: 10, period: 1m, burst: 11", []),
      ("cost: 11\nkey: ip\noverrides: [{key: 192.0.2.1, limit: 11}]", "limit: 10, period: 1m", []),
      (
        "", "limit: 1, period: 1m, algorithm: sliding-window",
        [
          "4:12: warning: limit 1 with sliding-window: under steady load only every second window lets one pass; "
            + "use sliding-log"
        ]
      ),
      ("", "limit: 2, period: 1m, algorithm: sliding-window", []),
    ])
  func numbers(lines: String, numbers: String, expected: [String]) {
    #expect(diagnostics(policy(lines, numbers: numbers)) == expected)
  }

  @Test("an override that an earlier one hides is warned of")
  func hidden() {
    let lines = """
      key: [ip, plan]
      overrides:
      - {key: [192.0.2.1, a], block: true}
      - {key: ["*", b], block: true}
      - {key: [192.0.2.1, b], limit: 3}
      - {key: [192.0.2.1, a], limit: 3}
      - {key: [192.0.2.1, "*"], limit: 3}
      """
    #expect(
      diagnostics(policy(lines)) == [
        "7:7: warning: this override is never reached: the one at line 6 comes first and matches its keys",
        "8:7: warning: this override is never reached: the one at line 5 comes first and matches its keys",
      ])
  }

  @Test("two policies with the same match and key, however written, are warned of")
  func twins() {
    let text = """
      policies:
        - { name: a, limit: 1, period: 1s, match: { methods: [GET, PUT], path: /a/ }, key: [ip, plan] }
        - { name: b, limit: 9, period: 1m, match: { path: /a, methods: [PUT, GET] }, key: [plan, ip] }
        - { name: c, limit: 1, period: 1s, match: { path: /a, methods: [PUT, GET] }, key: [ip] }
        - { name: d, limit: 1, period: 1s, match: { path: /b, methods: [PUT, GET] }, key: [ip, plan] }
        - { name: e, limit: 1, period: 1s, match: { path: /a, methods: [PUT, GET] }, except: { host: a }, key: [ip, plan] }
      """
    #expect(diagnostics(text) == ["3:13: warning: policy \"b\" has the same match and key as the one at p.yaml:2"])
  }
}
