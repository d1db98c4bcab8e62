// ReadingCostTests.swift: what a client sends costs what a pass over it costs: eight times as much of it about eight
// times as much, whatever it is made of.
//
// All the way from bytes to charges is measured: the head's parse, the look-up of headers, the walk over forwarded
// addresses, lists, the path's normal form, the query, the JSON body, conditions and keys.

import HTTP1
import Policies
import TestKit
import Testing

@testable import CheckAPI

@Suite struct ReadingCostTests {
  /// Bytes of the shorter input.
  static let shorter = 3_000
  /// Between the 8 of one pass, with something for caches and sorting, and the 64 of a pass for each part.
  static let most = 24.0

  /// A text that repeats one part up to a length.
  struct Made: Sendable, CustomTestStringConvertible {
    var start: String
    var part: String
    var end: String

    init(_ start: String, _ part: String, _ end: String = "") { (self.start, self.part, self.end) = (start, part, end) }

    var testDescription: String { "\(start)\(part)…\(end)".debugDescription }

    func text(_ count: Int) -> String { start + String(repeating: part, count: count / part.utf8.count) + end }
  }

  // MARK: The gateway form

  static let heads: [Made] = [
    // Addresses, all of them trusted proxies'; one that is none, and is long.
    Made("X-Forwarded-For: ", "10.0.0.2, "), Made("X-Forwarded-For: ", ","), Made("", "X-Forwarded-For: ::1\r\n"),
    Made("X-Forwarded-For: [", "1"),
    // Lists of values: bare, empty, quoted, with quotes that are never closed, in many lines; and long ones, sorted.
    Made("X-Plan: ", "a,"), Made("X-Plan: ", ","), Made("X-Plan: ", "\"a,b\","), Made("X-Plan: \"", "\\\""),
    Made("X-Plan: ", "\" , "), Made("X-Plan: \"", ", "), Made("", "X-Plan: a\r\n"), Made("", "X-Plan: \"\r\n"),
    Made("X-Plan: ", String(repeating: "v", count: 99) + ","), Made("Connection: ", "a, "),
    // Targets: segments, empty and dotted ones, escapes, queries.
    Made("X-Forwarded-Uri: ", "/a"), Made("X-Forwarded-Uri: ", "//"), Made("X-Forwarded-Uri: ", "/a/.."),
    Made("X-Forwarded-Uri: /", "%2f"), Made("X-Forwarded-Uri: /", "%"), Made("X-Forwarded-Uri: a://", "b"),
    Made("X-Forwarded-Uri: /?", "q=a&"), Made("X-Forwarded-Uri: /?", "&"), Made("X-Forwarded-Uri: /?q=", "%22+"),
    // Hosts, and headers that mean nothing.
    Made("X-Forwarded-Host: ", "a."), Made("X-Forwarded-Host: ", "."), Made("", "a:\r\n"), Made("", "a", ":"),
  ]

  @Test("eight times as much of a head costs no more than a pass over it does", arguments: heads)
  func head(_ made: Made) {
    let growth = costGrowth(from: Self.shorter, most: Self.most, of: { Self.bytes(of: made, $0) }, Self.readHead)
    #expect(growth < Self.most)
  }

  private static func bytes(of made: Made, _ count: Int) -> [UInt8] {
    Array("GET /check HTTP/1.1\r\n\(made.text(count))\r\n\r\n".utf8)
  }

  private static let settings = ClientAddressTests.settings(ClientAddressTests.proxies)
  private static let table = HeaderTable(settings, JSONCheckTests.set)

  private static func readHead(_ bytes: [UInt8]) {
    var parser = RequestParser()
    guard parser.parse(bytes.span) == .head,
      case .gateway(let route) = Router.route(parser.head, bytes.span, settings)
    else {
      Issue.record("no check in the gateway form")
      return
    }
    var check = Check()
    GatewayCheck.fill(
      &check, route, parser.head, bytes.span, peer: IPAddress("10.0.0.1"), settings, table, JSONCheckTests.set)
    JSONCheckTests.set.match(&check)
  }

  // MARK: The JSON form

  static let bodies: [Made] = [
    Made(#"{"attributes": {"header.x-plan": ""#, "a,", #""}}"#),
    Made(#"{"attributes": {"header.x-plan": ""#, #"\","#, #""}}"#),
    Made(#"{"attributes": {"path": ""#, "/a/..", #""}}"#), Made(#"{"attributes": {"path": ""#, #"\u002f"#, #""}}"#),
    Made(#"{"attributes": {"plan": ""#, "a", #""}}"#), Made(#"{"attributes": {""#, "a", #"": ""}}"#),
    Made(#"{"attributes": {"plan": "#, "[", ""), Made(#"{"cost": "#, "1", "}"), Made("{", " ", "}"),
  ]

  @Test("eight times as much of a JSON body costs no more than a pass over it does", arguments: bodies)
  func body(_ made: Made) {
    let growth = costGrowth(from: Self.shorter, most: Self.most, of: { Array(made.text($0).utf8) }, Self.readBody)
    #expect(growth < Self.most)
  }

  @Test("eight times as many members of a JSON body cost no more than a pass over them does")
  func members() {
    let growth = costGrowth(from: 150, most: Self.most, of: Self.bytes(members:), Self.readBody)
    #expect(growth < Self.most)
  }

  private static func bytes(members count: Int) -> [UInt8] {
    let members = (0..<count).map { "\"a\($0)\": \"\"" }
    return Array("{\"attributes\": {\(members.joined(separator: ","))}}".utf8)
  }

  /// Reads a body, which is a check or is refused, and matches what there is of it.
  private static func readBody(_ bytes: [UInt8]) {
    var check = Check()
    _ = try? JSONCheck.fill(&check, bytes.span, JSONCheckTests.set)
    JSONCheckTests.set.match(&check)
  }
}
