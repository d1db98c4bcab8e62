// SlotNotesTests.swift: which policies are said to need two steps in a Redis cluster, and which cannot meet.

import Policies
import PolicyFiles
import Testing

@Suite struct SlotNotesTests {
  private func notes(_ policies: String...) -> [String] {
    let rows = policies.map { "  - {\($0), limit: 10, period: 1m}\n" }.joined()
    let result = read("domain: api\npolicies:\n" + rows, redis: true)
    #expect(result.isValid, "\(result.diagnostics.map(\.text))")
    return SlotNotes.notes(result.policies)
  }

  private func two(_ first: String, _ second: String) -> String {
    "domain api: in a Redis cluster a check that matches \(first) and \(second) is decided in two steps, "
      + "since their counters may live in different slots"
  }

  @Test("policies of one domain whose key lists differ are told, in the order of the file")
  func differ() {
    #expect(
      notes("name: global", "name: per-client, key: ip", "name: per-plan, key: [plan, ip]") == [
        two("\"global\" (no key)", "\"per-client\" (key: ip)"),
        two("\"global\" (no key)", "\"per-plan\" (key: plan, ip)"),
        two("\"per-client\" (key: ip)", "\"per-plan\" (key: plan, ip)"),
      ])
  }

  @Test("the order of a key list counts, since it is the order of the bytes that choose the slot")
  func order() {
    #expect(notes("name: a, key: [ip, plan]", "name: b, key: [plan, ip]").count == 1)
  }

  @Test("policies with the same key list share a slot, and those in memory have none")
  func nothingToSay() {
    #expect(notes("name: a, key: ip", "name: b, key: ip, algorithm: sliding-log").isEmpty)
    #expect(notes("name: a", "name: b").isEmpty)
    #expect(notes("name: a", "name: b, key: ip, store: memory").isEmpty)
    #expect(SlotNotes.notes([]).isEmpty)
  }

  @Test("shadow policies count in Redis, too")
  func shadow() {
    #expect(notes("name: a", "name: b, key: ip, mode: shadow").count == 1)
  }

  @Test("policies of different domains never meet")
  func domains() {
    var first = read("policies: [{name: a, limit: 1, period: 1m}]", redis: true).policies
    first += read("domain: web\npolicies: [{name: b, key: ip, limit: 1, period: 1m}]", redis: true).policies
    #expect(SlotNotes.notes(first).isEmpty)
  }

  @Test("a line names the policies of each list that do meet, four at most")
  func names() {
    #expect(
      notes(
        "name: a, match: {path: /a}", "name: b, match: {path: /b}", "name: c, match: {path: /c}",
        "name: k, key: ip, match: {path: [/a, /c]}") == [
          two("\"a\" or \"c\" (no key)", "\"k\" (key: ip)")
        ])
    #expect(
      notes("name: a", "name: b", "name: c", "name: d", "name: e", "name: k, key: ip") == [
        two("\"a\", \"b\", \"c\" or 2 others (no key)", "\"k\" (key: ip)")
      ])
  }

  @Test("of very many pairs of key lists only the first are shown, and the rest counted")
  func many() {
    let policies = (0..<8).map { "name: p\($0), key: a\($0)" }
    let rows = policies.map { "  - {\($0), limit: 10, period: 1m}\n" }.joined()
    let found = SlotNotes.notes(read("domain: api\npolicies:\n" + rows, redis: true).policies)
    #expect(found.count == 21 && found.last == "domain api: 8 more pairs of key lists not shown")
  }

  @Test(
    "policies that no check meets together are left out",
    arguments: [
      ("match: {methods: GET}", "match: {methods: [PUT, POST]}"), ("match: {path: /a}", "match: {path: /b}"),
      ("match: {path: /a/b}", "match: {path: \"/a/*/c\"}"), ("match: {path: /a/**}", "match: {path: [/b/**, /]}"),
      ("match: {path: \"/a/*\"}", "match: {path: /a}"), ("match: {host: a.b}", "match: {host: \"*.a.b\"}"),
      ("match: {host: a.b}", "match: {host: [b.c, \"*.c\"]}"), ("match: {ip: 10.0.0.0/8}", "match: {ip: 192.0.2.0/24}"),
      ("match: {ip: 10.0.0.0/8}", "match: {ip: \"::/0\"}"),
      ("match: {headers: {x: a}}", "match: {headers: {x: {present: false}}}"),
      ("match: {attributes: {plan: free}}", "match: {attributes: {plan: [paid, trial]}}"),
      ("match: {attributes: {plan: free}}", "match: {attributes: {plan: {prefix: [p, t]}}}"),
      ("match: {path: /a}", "except: {path: /**}"), ("match: {methods: GET}", "except: {methods: [GET, HEAD]}"),
      ("match: {headers: {user: {present: false}}}", "match: {path: /a}, key: header.user"),
    ])
  func disjoint(first: String, second: String) {
    let key = second.contains("key:") ? "" : ", key: ip"
    #expect(notes("name: a, " + first, "name: b\(key), " + second).isEmpty)
    #expect(notes("name: b\(key), " + second, "name: a, " + first).isEmpty)
  }

  @Test(
    "policies that one check can meet are told, however little they share",
    arguments: [
      ("match: {methods: [GET, PUT]}", "match: {methods: [PUT, POST]}"), ("match: {path: /a/**}", "match: {path: /a}"),
      ("match: {path: \"/a/*/c\"}", "match: {path: \"/*/b/{x}\"}"), ("match: {path: /**}", "match: {path: /a/b/c}"),
      ("match: {host: x.a.b}", "match: {host: \"*.a.b\"}"), ("match: {host: \"*.b\"}", "match: {host: \"*.a.b\"}"),
      ("match: {ip: 10.1.2.3}", "match: {ip: 10.0.0.0/8}"),
      // A header or a parameter may have both values.
      ("match: {headers: {x: a}}", "match: {headers: {x: b}}"),
      ("match: {attributes: {query.x: a}}", "match: {attributes: {query.x: b}}"),
      ("match: {attributes: {plan: free}}", "match: {attributes: {plan: {prefix: [f]}}}"),
      ("match: {attributes: {plan: free}}", "match: {attributes: {tier: paid}}"),
      ("match: {path: /a}", "except: {path: /a/b}"), ("match: {path: /**}", "except: {path: /a}"),
      // Each policy's path captures for itself.
      (
        "match: {path: \"/{x}/*\", attributes: {path.x: b}}",
        "match: {path: \"/*/{x}\"}, except: {attributes: {path.x: b}}"
      ),
      ("match: {headers: {user: {present: false}}}", "match: {path: /a}, key: header.user, missing: share"),
    ])
  func overlapping(first: String, second: String) {
    let key = second.contains("key:") ? "" : ", key: ip"
    #expect(notes("name: a, " + first, "name: b\(key), " + second).count == 1)
    #expect(notes("name: b\(key), " + second, "name: a, " + first).count == 1)
  }
}
