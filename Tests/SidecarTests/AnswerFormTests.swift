// AnswerFormTests.swift: what was remembered of a request makes the answer that the request itself would have made.

import CheckAPI
import HTTP1
import Limiting
import Policies
import TestKit
import Testing

@testable import Sidecar
@testable import TestKit

@Suite struct AnswerFormTests {
  static let second: Int64 = 1_000_000_000
  static let now = Now(monotonic: 5 * second, unix: 1_700_000_000 * second)
  static let limit = Limit(algorithm: .fixedWindow, limit: 10, period: 60 * second)
  static let rules = Rules(
    PolicySet(
      [Policy(domain: "other", name: "o", limit: limit), Policy(domain: "shop", name: "p", limit: limit)],
      slots: [0, 1]), APISettings())

  static func written(
    _ form: AnswerForm.Form, _ outcome: CheckOutcome, after: Afterwards = .keep
  ) throws -> (status: Int, response: HTTPResponse) {
    var charge = Charge(
      policy: 1, slot: 1, keyStart: 0, keyCount: 0, effect: .limit, isShadow: false,
      place: outcome == .undecided ? .nowhere : .redis, onStoreFailure: .deny, limit: limit, cost: 1)
    charge.decision = Decision(
      outcome: outcome == .allowed ? .allow : .deny, limit: 10, remaining: 0, retryAfter: 30 * second,
      reset: 60 * second)
    var style = AnswerStyle()
    style.denyStatus = 401
    var out = ResponseBuffer()
    let status = AnswerForm(form: form, rules: rules).write(
      [charge], outcome, style, at: now, redisUnix: now.unix + 7 * second, after: after, to: &out)
    var reader = HTTPResponseReader()
    reader.bytes = out.withBytes { bytes in bytes.indices.map { bytes[$0] } }
    var isHead = false
    if case .gateway(_, let value) = form { isHead = value }
    return (status, try #require(try reader.next(toHead: isHead, atEnd: true)))
  }

  @Test("the gateway form has the status that the query asked for, else the setting's")
  func gateway() throws {
    for (denyStatus, expected) in [(nil, 401), (403, 403), (429, 429)] as [(Int?, Int)] {
      let (status, response) = try Self.written(.gateway(denyStatus: denyStatus, isHead: false), .denied)
      #expect(status == expected && response.status == expected)
      #expect(response.json?["domain"]?.string == "shop" && response.json?["policy"]?.string == "p")
      #expect(response.int("X-RateLimit-Reset") == 1_700_000_067)
      #expect(try Self.written(.gateway(denyStatus: denyStatus, isHead: false), .allowed).status == 200)
      #expect(try Self.written(.gateway(denyStatus: denyStatus, isHead: false), .undecided).status == 503)
    }
  }

  @Test("HEAD has no content")
  func head() throws {
    for outcome in [CheckOutcome.denied, .undecided] {
      let (_, response) = try Self.written(.gateway(denyStatus: nil, isHead: true), outcome)
      #expect(response.body.isEmpty && (response.int("Content-Length") ?? 0) > 0)
    }
  }

  @Test("the JSON form names the domain of the policies")
  func json() throws {
    for (outcome, expected) in [(CheckOutcome.allowed, 200), (.denied, 429), (.undecided, 503)] {
      let (status, response) = try Self.written(.json, outcome, after: .close)
      #expect(status == expected && response.status == expected && response.closes)
      #expect(response["Date"] == "Tue, 14 Nov 2023 22:13:20 GMT")
      #expect(response.json?["domain"]?.string == (outcome == .undecided ? nil : "shop"))
    }
  }
}
