// SchemaReaderConditionsTests.swift: match and except, their forms, and what is wrong with them.

import Policies
import PolicyFiles
import Testing

@Suite struct SchemaReaderConditionsTests {
  @Test(
    "each condition says what it takes",
    arguments: [
      ("match: a", ["3:12: match: must be a mapping, not \"a\""]),
      ("match: {method: GET}", ["3:13: unknown key \"method\" in match; did you mean \"methods\"?"]),
      (
        "match: {methods: []}",
        ["3:22: match.methods: an empty list matches nothing; leave it out, or give a value"]
      ),
      (
        "match: {methods: [a b, {}]}",
        [
          "3:23: match.methods \"a b\": no HTTP method; use a word such as GET",
          "3:28: a value of match.methods: must be a text, not a mapping",
        ]
      ),
      (
        "match: {methods: [get, PURGE, x-Y]}",
        [
          "3:23: warning: match.methods \"get\": methods are case-sensitive; did you mean \"GET\"?",
          "3:35: warning: match.methods \"x-Y\": methods are case-sensitive; did you mean \"X-Y\"?",
        ]
      ),
      (
        "match: {path: [u, /a//b, /../c]}",
        [
          "3:20: path pattern \"u\" must begin with \"/\"",
          "3:23: path pattern \"/a//b\" has an empty segment; paths match with \"//\" collapsed",
          "3:30: path pattern \"/../c\" has a dot segment; paths are matched with these removed",
        ]
      ),
      (
        "match: {path: [\"/**/b\", \"/{a}/{a}\", \"/a{b}\"]}",
        [
          "3:20: path pattern \"/**/b\": \"**\" stands only at the end; use \"*\" for one segment",
          "3:29: path pattern \"/{a}/{a}\" captures \"a\" twice",
          "3:41: path pattern \"/a{b}\": segment \"a{b}\" mixes text with a wildcard; "
            + "use \"*\", \"{name}\" or text for a whole segment",
        ]
      ),
      (
        "match: {path: [/a?b, /a%20b, /50%]}",
        [
          "3:20: warning: match.path \"/a?b\": paths are matched without their query; use attributes: {query.NAME: …}",
          "3:26: warning: match.path \"/a%20b\": paths are matched after percent-decoding; write the character itself",
        ]
      ),
      (
        "match: {host: [a/b, \"a.*\", \"\"]}",
        [
          "3:20: host pattern \"a/b\" is no host name; give the name without scheme or path",
          "3:25: host pattern \"a.*\": \"*\" stands only first, as in \"*.example.com\"",
          "3:32: host pattern \"\": \"*\" stands only first, as in \"*.example.com\"",
        ]
      ),
      ("match: {headers: a}", ["3:22: match.headers: must be a mapping, not \"a\""]),
      ("match: {headers: {\u{212a}: c}}", ["3:23: match.headers: \"\u{212a}\" is no header name"]),
      ("match: {headers: {a b: c}}", ["3:23: match.headers: \"a b\" is no header name"]),
      ("match: {headers: {X-A: b, x-a: c}}", ["3:31: duplicate key \"x-a\" in match.headers; the first is at line 3"]),
      (
        "match: {attributes: {PLAN: a, plan: b}}",
        [
          "3:26: match.attributes \"PLAN\": no attribute; did you mean \"plan\"? use method, path, host, ip, header.NAME, "
            + "query.NAME, path.NAME or a name of your own (a-z, then a-z, 0-9, \"_\" or \"-\")"
        ]
      ),
      (
        "match: {attributes: {header: a}}",
        [
          "3:26: warning: match.attributes \"header\" names an attribute that only programs can set; "
            + "did you mean \"header.NAME\"?"
        ]
      ),
      (
        "match: {attributes: {path.id: a}}",
        ["3:26: attributes \"path.id\": nothing captures it; match.path must contain {id}"]
      ),
      (
        "match: {path: \"/{id}\"}\nexcept: {attributes: {path.id: a, path.x: b}}",
        ["4:39: attributes \"path.x\": match.path \"/{id}\" must contain {x}, as all must"]
      ),
      ("except: {}", ["3:13: except: needs a condition; without one it always holds, and the policy never applies"]),
      (
        "except: {headers: {}}",
        ["3:13: except: needs a condition; without one it always holds, and the policy never applies"]
      ),
      (
        "except: {ip: x}",
        ["3:18: except.ip \"x\": no address; use one such as 192.0.2.1, 10.0.0.0/8 or 2001:db8::/32"]
      ),
      ("match: {}", []), ("match: {headers: {}}", []), ("match: {headers: {a: \"\"}}", []),
    ])
  func conditions(lines: String, expected: [String]) {
    #expect(diagnostics(policy(lines)) == expected)
  }

  @Test(
    "what is no network is refused",
    arguments: ["x", "10.0.0.0/33", "10.0.0.0/-0", "10.0.0.0/+8", "10.0.0.0/", "::1/129", "10.0.0", "fe80::1%eth0"])
  func badNetworks(text: String) {
    #expect(
      diagnostics(policy("match: {ip: \"\(text)\"}")) == [
        "3:17: match.ip \"\(text)\": no address; use one such as 192.0.2.1, 10.0.0.0/8 or 2001:db8::/32"
      ])
  }

  @Test("bits past a network's prefix do not count")
  func hostBits() throws {
    let networks = try #require(read(policy("match: {ip: [10.1.2.3/8, \"2001:db8::1/32\"]}")).policies.first).match
      .networks
    #expect(networks == ["10.0.0.0/8", "2001:db8::/32"].compactMap { IPNetwork($0) })
    #expect(networks.count == 2)
  }

  @Test(
    "a value is a text, a list, {present: …} or {prefix: …}",
    arguments: [
      ("{x: }", ["3:26: match.headers.x: must be a value, a list, {present: true} or {prefix: …}, not empty"]),
      ("{x: {}}", ["3:26: match.headers.x: must be one of {present: true}, {present: false} and {prefix: …}"]),
      (
        "{x: {present: true, prefix: a}}",
        ["3:26: match.headers.x: must be one of {present: true}, {present: false} and {prefix: …}"]
      ),
      ("{x: {prsent: true}}", ["3:27: unknown key \"prsent\" in match.headers.x; did you mean \"present\"?"]),
      ("{x: {present: yes}}", ["3:36: match.headers.x.present \"yes\": unknown; use true or false"]),
      (
        "{x: {prefix: \"\"}}",
        ["3:35: match.headers.x.prefix: an empty prefix holds for any value; use {present: true}"]
      ),
      ("{x: [a, [b]]}", ["3:30: a value of match.headers.x: must be a text, not a list"]),
      (
        "{x: \"a, b\"}",
        [
          "3:26: warning: match.headers.x \"a, b\": headers are split at commas, so no value holds one; "
            + "this never matches"
        ]
      ),
      (
        "{x: \"a \"}",
        [
          "3:26: warning: match.headers.x \"a \": headers are trimmed, so no value begins or ends blank; "
            + "this never matches"
        ]
      ),
      ("{x: {prefix: \"a \"}}", []), ("{x: '\"a, b\"'}", []),
    ])
  func forms(headers: String, expected: [String]) {
    #expect(diagnostics(policy("match: {headers: \(headers)}")) == expected)
  }

  @Test("under attributes, values of method, path, host and ip mean what they mean in their own place")
  func typedAttributes() throws {
    let lines = """
      match:
        attributes:
          method: GET
          path: "/a/{x}"
          host: "*.a.b"
          ip: 10.0.0.0/8
          path.x: q
      key: path.x
      """
    let result = read(policy(lines))
    #expect(result.diagnostics == [])
    let match = try #require(result.policies.first).match
    #expect(match.methods == ["GET"])
    #expect(match.paths == [try PathPattern("/a/{x}")])
    #expect(match.hosts == [try HostPattern("*.a.b")])
    #expect(match.networks == ["10.0.0.0/8"].compactMap { IPNetwork($0) })
    #expect(match.attributes == [AttributeCondition(name: .capture("x"), test: .oneOf(["q"]))])
  }

  @Test("other forms of method, path, host and ip are conditions of their own")
  func typedForms() throws {
    let lines = "match: {path: /a/**, attributes: {path: {prefix: /a/b}, host: {prefix: API.}, ip: {present: false}}}"
    let result = read(policy(lines))
    #expect(result.diagnostics == [])
    #expect(
      try #require(result.policies.first).match.attributes == [
        AttributeCondition(name: .path, test: .prefix(["/a/b"])),
        AttributeCondition(name: .host, test: .prefix(["api."])),
        AttributeCondition(name: .ip, test: .present(false)),
      ])
    #expect(
      diagnostics(policy("match: {attributes: {ip: {prefix: \"10.\"}}}")) == [
        "3:30: match.attributes.ip: has no prefix form; use a network such as 10.0.0.0/8"
      ])
  }

  @Test("an attribute is given in one place")
  func twice() {
    #expect(
      diagnostics(policy("match: {path: /a, headers: {x: a}, attributes: {path: /b, header.X: b}}")) == [
        "3:53: match.attributes.path: path is given already, at line 3; give it once",
        "3:63: match.attributes.header.x: the header is given already, at line 3; give it once",
      ])
  }
}
