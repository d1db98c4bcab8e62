// ConformanceTests.swift: runs the table of cases against the real binary: each case whole, and again cut in two. What was
// answered is one half of it; the other is that nothing else was taken for a request, which the counters of the case's
// own check and of the one hidden in it say, and a request behind it that has to be answered next.

import Foundation
import Glibc
import TestKit
import Testing

@Suite struct ConformanceTests {
  /// The limits tell whose answer one is.
  private static let policies = fingerprints([
    ("match: {path: /own/**}, key: [path]", 1_000), ("match: {path: /hidden/**}, key: [path]", 2_000),
    ("match: {path: /probe}", 3_000_000),
  ])

  @Test(
    "what a client sends is answered as RFC 9112 says, or refused, and hides no request",
    arguments: ConformanceGroup.all)
  func conforms(group: ConformanceGroup) throws {
    let given = ProcessInfo.processInfo.environment["WEIR_CONFORMANCE_SEED"].flatMap { UInt64($0) }
    let seed = given ?? UInt64.random(in: 0 ... .max)
    var random = SeededGenerator(seed: seed)
    let directory = try TemporaryDirectory()
    let weir = try WeirProcess(
      Self.policies, listen: ["127.0.0.1:0", "unix:\(directory.file("s"))"], arguments: ["--metrics", "127.0.0.1:0"])
    let counts = try weir.client()
    let before = try #require(try weir.metric("process_resident_memory_bytes"))
    for item in group.cases {
      try Self.run(item, item.pieces, weir, counts, "seed \(seed)")
      guard let cut = item.cut else { continue }
      let place = Int.random(in: cut, using: &random)
      let halves = [Array(item.pieces[0][..<place]), Array(item.pieces[0][place...])]
      try Self.run(item, halves, weir, counts, "cut at \(place), seed \(seed)")
    }
    // One connection asks for the counts, one for the metrics.
    try eventually("no connection of a case is left") { try weir.metric("weir_connections") ?? 0 <= 2 }
    if !Sanitizer.hidesMemory {
      #expect(try weir.metric("process_resident_memory_bytes") ?? .infinity < before + 16_777_216)
    }
    #expect(weir.poll() == nil)
  }

  @Test("docs/conformance.md counts the cases as they are, and each has a name of its own")
  func page() throws {
    let ids = ConformanceGroup.all.flatMap { $0.cases.map(\.id) }
    #expect(Set(ids).count == ids.count)
    let text = try String(contentsOfFile: WeirProcess.repository + "/docs/conformance.md", encoding: .utf8)
    #expect(text.contains(" \(ids.count) cases "))
    var counted = 0
    for line in text.split(separator: "\n") where line.hasPrefix("| `") {
      let cells = line.split(separator: "|")
      guard cells.count == 3, let count = Int(cells[1].filter(\.isNumber)) else { continue }
      let prefixes = String(cells[0]).split(separator: "`").filter { $0.count == 2 }
      #expect(ids.count { id in prefixes.contains { id.hasPrefix(String($0)) } } == count, "\(cells[0])")
      counted += count
    }
    #expect(counted == ids.count)
  }

  private static func run(
    _ item: ConformanceCase, _ pieces: [[UInt8]], _ weir: WeirProcess, _ counts: HTTPClient, _ how: String
  ) throws {
    let name = "\(item.id), \(item.rule), \(how)"
    let owned = try spent("own/\(item.id)", of: 1_000, counts)
    let hidden = try spent("hidden/\(item.id)", of: 2_000, counts)
    do {
      let client = try HTTPClient(address(item.listener, weir), timeout: 60, of: weir)
      var answers: [HTTPResponse] = []
      for (number, piece) in pieces.enumerated() {
        if item.answeredBefore.contains(number) {
          answers.append(try client.response(toHead: item.isHead && answers.isEmpty))
        } else if number > 0 {
          usleep(2_000)
        }
        // A server that has refused the beginning need not take the rest.
        try? client.send(piece)
      }
      if item.finishes { client.finishSending() }
      while answers.count < item.statuses.count {
        answers.append(try client.response(toHead: item.isHead && answers.isEmpty))
      }
      #expect(answers.map(\.status) == item.statuses, "\(name)")
      if item.end == .closes {
        #expect(try client.isClosedByServer(), "\(name)")
        if let last = answers.last, !item.finishes { #expect(last.closes, "\(name)") }
      } else {
        #expect(try isInStep(client, item.listener), "\(name): the next request is answered next")
      }
    } catch {
      Issue.record("\(name): \(error)")
    }
    #expect(try spent("own/\(item.id)", of: 1_000, counts) == owned + item.own, "\(name)")
    #expect(try spent("hidden/\(item.id)", of: 2_000, counts) == hidden + item.hidden, "\(name)")
  }

  private static func address(_ listener: ConformanceCase.Listener, _ weir: WeirProcess) throws -> Address {
    switch listener {
    case .data: weir.listen[0]
    case .unix: weir.listen[1]
    case .admin: try #require(weir.admin)
    case .metrics: try #require(weir.metrics)
    }
  }

  /// Whether the answer that comes next is that to a request sent now.
  private static func isInStep(_ client: HTTPClient, _ listener: ConformanceCase.Listener) throws -> Bool {
    switch listener {
    case .data, .unix: try client.request("GET", "/check/probe").int("X-RateLimit-Limit") == 3_000_000
    case .admin, .metrics: try client.request("GET", "/readyz", [("Host", "localhost")]).status == 200
    }
  }

  /// Checks counted under a path.
  private static func spent(_ path: String, of limit: Int, _ client: HTTPClient) throws -> Int {
    let answer = try client.request(
      "POST", "/json/check", [("Content-Type", "application/json")],
      body: #"{"cost": 0, "attributes": {"path": "/\#(path)"}}"#)
    return try limit - #require(answer.json?["remaining"]?.int)
  }
}
