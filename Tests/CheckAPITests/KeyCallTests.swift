// KeyCallTests.swift: what an operator says about one key: what each member means, and what is refused with which detail.

import HTTP1
import Policies
import TestKit
import Testing

@testable import CheckAPI

@Suite struct KeyCallTests {
  /// What reading a body came to.
  struct Reading: Equatable {
    var call: KeyCall?
    var refusal: Refusal?
  }

  static let all: [KeyCall.Member] = [.amount, .until, .lasting]

  static func read(_ body: [UInt8], _ members: [KeyCall.Member] = all) -> Reading {
    do throws(Refusal) {
      return Reading(call: try KeyCall(json: body.span, taking: members))
    } catch {
      return Reading(refusal: error)
    }
  }

  static func read(_ body: String, _ members: [KeyCall.Member] = all) -> Reading { read(Array(body.utf8), members) }

  /// A body with a policy and a key, and more.
  static func body(_ more: String) -> String { #"{"policy": "p", "key": [], \#(more)}"# }

  static func key(_ json: String) -> NamedKey? { read(#"{"policy": "p", "key": \#(json)}"#).call?.key }

  static func text(_ text: String) -> NamedKey.Value { .text(Array(text.utf8)) }

  static func value(_ text: String) -> NamedKey.Part { .value(Self.text(text)) }

  // MARK: What is a call

  @Test("every member is read, in any order")
  func members() {
    var call = KeyCall()
    call.domain = "api"
    call.policy = "per-plan"
    call.key = NamedKey(parts: [Self.value("203.0.113.9"), Self.value("GET")])
    call.amount = 100
    call.note = "launch"
    let front = #"{"domain": "api", "policy": "per-plan", "key": ["203.0.113.9", "GET"], "amount": 100, "#
    call.lasting = "10m"
    #expect(Self.read(front + #""for": "10m", "note": "launch"}"#) == Reading(call: call))
    call.lasting = nil
    call.until = 1_700_000_000
    #expect(Self.read(front + #""until": 1700000000, "note": "launch"}"#) == Reading(call: call))
    let turned = #""note": "launch", "key": ["203.0.113.9", "GET"], "policy": "per-plan", "domain": "api"}"#
    #expect(Self.read(#"{"until": 1700000000, "amount": 100, "# + turned) == Reading(call: call))
  }

  @Test("only policy and key are needed: domain default, and nothing else given")
  func defaults() throws {
    let call = try #require(Self.read(#"{"policy": "p", "key": []}"#, []).call)
    #expect(call.domain == "default" && call.policy == "p" && call.key == NamedKey(parts: []))
    #expect(call.amount == nil && call.until == nil && call.lasting == nil && call.note == "")
  }

  @Test("a part of a key is a value, several values, or bytes; null is the key of checks that lack an attribute")
  func keys() {
    #expect(Self.key("null") == .shared)
    #expect(Self.key("[]") == NamedKey(parts: []))
    #expect(Self.key(#"[""]"#) == NamedKey(parts: [Self.value("")]))
    #expect(Self.key(#"["a\u0000b", "\u00e9"]"#) == NamedKey(parts: [Self.value("a\u{0}b"), Self.value("\u{e9}")]))
    #expect(
      Self.key(#"[["b", "a", "b"], "c", []]"#)
        == NamedKey(
          parts: [
            .values([Self.text("b"), Self.text("a"), Self.text("b")]), Self.value("c"), .values([]),
          ]))
    #expect(
      Self.key(#"[{"hex": "00fFaB9c"}, {"hex": ""}]"#)
        == NamedKey(parts: [.value(.bytes([0, 255, 171, 156])), .value(.bytes([]))]))
    #expect(Self.key(#"[[{"hex": "ff"}, "a"]]"#) == NamedKey(parts: [.values([.bytes([255]), Self.text("a")])]))
    #expect(Self.key(#"["{\"hex\": \"ff\"}"]"#) == NamedKey(parts: [Self.value(#"{"hex": "ff"}"#)]), "a text is a text")
  }

  @Test("numbers are as large as they are given: what is too much is for the order book to say")
  func numbers() {
    for number in [Int64.min, -1, 0, 1, 1_000_000_001, .max] {
      #expect(Self.read(Self.body(#""amount": \#(number)"#)).call?.amount == number)
      #expect(Self.read(Self.body(#""until": \#(number)"#)).call?.until == number)
    }
  }

  @Test("a note is up to 200 characters, whatever bytes they take, and of combining marks each counts")
  func notes() {
    func isTaken(_ note: String) -> Bool {
      let reading = Self.read(Self.body(#""note": "\#(note)""#))
      if let call = reading.call { return call.note == note }
      #expect(reading.refusal?.detail == "note must be at most 200 characters, without control characters")
      return false
    }
    for character in ["n", "\u{e9}", "\u{1F30A}"] {
      #expect(isTaken(String(repeating: character, count: 200)), "\(character)")
      #expect(!isTaken(String(repeating: character, count: 201)), "\(character)")
    }
    #expect(isTaken("e" + String(repeating: "\u{301}", count: 199)))
    #expect(!isTaken("e" + String(repeating: "\u{301}", count: 200)))
    #expect(isTaken("") && isTaken(" ~\u{a0}"))
  }

  // MARK: What is refused

  static let hex = "a part of key must be a string, an array of strings, or {\"hex\": \"…\"}"
  static let array = "key must be an array with a part for each attribute of the policy's key, or null"
  static let control = "note must be at most 200 characters, without control characters"
  static let refused: [(String, String)] = [
    ("", "the body is empty"), ("{", "malformed JSON at line 1"), ("{}x", "end of file expected"),
    ("[]", "the body must be a JSON object"), ("null", "the body must be a JSON object"),
    (#""p""#, "the body must be a JSON object"),

    ("{}", "policy is missing"), (#"{"key": []}"#, "policy is missing"),
    (#"{"policy": "p"}"#, "key is missing: an array with a part for each attribute"),
    (#"{"policy": "p", "note": "n"}"#, "key is missing"),

    (body(#""Key": []"#), "unknown member \"Key\"; known are domain, policy, key, note, amount, until, for"),
    (body(#""lasting": "1m""#), "unknown member \"lasting\""), (body(#""": 1"#), "unknown member \"\""),
    (body(#""policy": "p""#), "duplicate object key"), (body(#""key": []"#), "duplicate object key"),
    (body(#""amount": 1, "amount": 1"#), "duplicate object key"), (body(#""for": "1m", "for": "1m""#), "duplicate"),
    (body(#""domain": "a", "d\u006fmain": "a""#), "duplicate object key"),
    (body(#""note": "a", "note": "a""#), "duplicate object key"), (body(#""until": 1, "until": 1"#), "duplicate"),

    (body(#""domain": 1"#), "domain must be a string"), (body(#""domain": null"#), "domain must be a string"),
    (body(#""domain": """#), "domain must be [a-z0-9]"), (body(#""domain": "A""#), "domain must be [a-z0-9]"),
    (#"{"policy": 1, "key": []}"#, "policy must be a string"),
    (#"{"policy": null, "key": []}"#, "policy must be a str"),
    (#"{"policy": ["p"], "key": []}"#, "policy must be a string"),
    (#"{"policy": "", "key": []}"#, "policy must be the name of a policy"),
    (#"{"policy": "P", "key": []}"#, "policy must be the name of a policy"),
    (#"{"policy": "p\u0000", "key": []}"#, "policy must be the name of a policy"),
    (#"{"policy": "\#(String(repeating: "p", count: 65))", "key": []}"#, "policy must be the name of a policy"),

    (#"{"policy": "p", "key": "a"}"#, array), (#"{"policy": "p", "key": 1}"#, array),
    (#"{"policy": "p", "key": {}}"#, array), (#"{"policy": "p", "key": {"hex": "ff"}}"#, array),
    (#"{"policy": "p", "key": false}"#, array),
    (#"{"policy": "p", "key": [1]}"#, hex), (#"{"policy": "p", "key": [null]}"#, hex),
    (#"{"policy": "p", "key": ["a", true]}"#, hex), (#"{"policy": "p", "key": [[["a"]]]}"#, hex),
    (#"{"policy": "p", "key": [["a", null]]}"#, hex), (#"{"policy": "p", "key": [[1]]}"#, hex),
    (#"{"policy": "p", "key": [{}]}"#, hex), (#"{"policy": "p", "key": [{"hex": 1}]}"#, hex),
    (#"{"policy": "p", "key": [{"hex": null}]}"#, hex), (#"{"policy": "p", "key": [{"hex": ["ff"]}]}"#, hex),
    (#"{"policy": "p", "key": [{"HEX": "ff"}]}"#, hex), (#"{"policy": "p", "key": [{"hex": "ff", "a": 1}]}"#, hex),
    (#"{"policy": "p", "key": [{"a": 1, "hex": "ff"}]}"#, hex), (#"{"policy": "p", "key": [{"hex": "f"}]}"#, hex),
    (#"{"policy": "p", "key": [{"hex": "fff"}]}"#, hex), (#"{"policy": "p", "key": [{"hex": "0x"}]}"#, hex),
    (#"{"policy": "p", "key": [{"hex": "fg"}]}"#, hex), (#"{"policy": "p", "key": [{"hex": " f"}]}"#, hex),
    (#"{"policy": "p", "key": [{"hex": "+f"}]}"#, hex), (#"{"policy": "p", "key": [{"hex": "-0"}]}"#, hex),
    (#"{"policy": "p", "key": [{"hex": "f+"}]}"#, hex), (#"{"policy": "p", "key": [{"hex": "\u00e9"}]}"#, hex),
    (#"{"policy": "p", "key": [{"hex": "ff", "hex": "ff"}]}"#, "duplicate object key"),

    (body(#""amount": "1""#), "amount must be a whole number"), (body(#""amount": 1.0"#), "amount must be a whole"),
    (body(#""amount": 1e3"#), "amount must be a whole number"), (body(#""amount": null"#), "amount must be a whole"),
    (body(#""amount": [1]"#), "amount must be a whole number"), (body(#""amount": true"#), "amount must be a whole"),
    (body(#""amount": 9223372036854775808"#), "too big integer"), (body(#""amount": 1e999"#), "malformed JSON"),
    (body(#""amount": -9223372036854775809"#), "too big negative integer"),
    (body(#""until": "1700000000""#), "until must be a whole number"),
    (body(#""until": 1.5"#), "until must be a whole"),
    (body(#""until": null"#), "until must be a whole number"), (body(#""until": 99999999999999999999"#), "too big"),
    (body(#""for": 600"#), "for must be a string"), (body(#""for": null"#), "for must be a string"),
    (body(#""for": ["10m"]"#), "for must be a string"),

    (body(#""note": 1"#), "note must be a string"), (body(#""note": null"#), "note must be a string"),
    (body(#""note": ["a"]"#), "note must be a string"),
    (body(#""note": "a\nb""#), control), (body(#""note": "\u0000""#), control),
    (body(#""note": "\u001b[2J""#), control),
    (body(#""note": "\u007f""#), control), (body(#""note": "\u0085""#), control),
    (body(#""note": "\u009b2J""#), control),
  ]

  @Test("what is no call is a 400 whose detail says what and where", arguments: refused)
  func refusal(body: String, detail: String) throws {
    let refusal = try #require(Self.read(body).refusal, "\(body)")
    #expect(refusal.status == 400)
    #expect(refusal.detail.contains(detail), "\(body): \(refusal.detail)")
    let answer = try parsed(written { ErrorAnswer.write(refusal, isHead: false, after: .keep, to: &$0) })
    #expect(answer.json?["detail"]?.string == refusal.detail)
  }

  @Test("a call takes only its own members: what another call takes is unknown to it")
  func notTaken() {
    let bodies: [(KeyCall.Member, String)] = [
      (.amount, #""amount": 1"#), (.until, #""until": 1"#), (.lasting, #""for": "1m""#),
    ]
    for (member, text) in bodies {
      #expect(Self.read(Self.body(text), [member]).call != nil, "\(member)")
      let others = Self.all.filter { $0 != member }
      let refusal = Self.read(Self.body(text), others).refusal
      let known = ["domain", "policy", "key", "note"] + others.map(\.rawValue)
      #expect(
        refusal?.detail == "unknown member \"\(member.rawValue)\"; known are \(known.joined(separator: ", "))")
      #expect(Self.read(Self.body(text), []).refusal?.status == 400)
    }
  }

  @Test("a body that is no UTF-8 is refused")
  func notUTF8() {
    for bytes: [UInt8] in [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x82]] {
      let body = Array(#"{"policy": "p", "key": [""#.utf8) + bytes + Array(#""]}"#.utf8)
      #expect(Self.read(body).refusal?.detail.contains("malformed JSON") == true, "\(bytes)")
    }
  }

  @Test("no mutation of a body does more than be a call or a 400", arguments: [21, 22] as [UInt64])
  func mutations(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let seeds = [
      #"{"domain":"api","policy":"p-1","key":["a",["b","c"],{"hex":"00ff"}],"amount":100,"for":"10m","note":"é\u0020"}"#,
      #"{"policy":"p","key":null,"until":1700000000}"#,
    ].map { Array($0.utf8) }
    var accepted = 0
    for _ in 0..<2_000 {
      var body = random.pick(seeds)
      for _ in 0..<random.pick([1, 1, 2, 4]) {
        let place = Int.random(in: 0..<body.count, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: body[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 1 where body.count > 1: body.remove(at: place)
        default: body.insert(random.pick(Array("{}[]\",:019eE+-.\\u hex".utf8)), at: place)
        }
      }
      let reading = Self.read(body)
      if let call = reading.call {
        accepted += 1
        #expect(PolicyName.isValid(call.policy.utf8) && PolicyName.isValid(call.domain.utf8), "seed \(seed): \(body)")
        #expect(JSON(String(decoding: body, as: UTF8.self)) != nil, "seed \(seed): \(body)")
      } else {
        #expect(reading.refusal?.status == 400 && reading.refusal?.detail.isEmpty == false, "seed \(seed): \(body)")
      }
    }
    #expect(accepted > 50, "some mutations are still calls")
  }
}
