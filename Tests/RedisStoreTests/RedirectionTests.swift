// RedirectionTests.swift: what MOVED and ASK say, and what is neither.

import TestKit
import Testing

@testable import RedisStore

@Suite struct RedirectionTests {
  private static let asked = NodeAddress(host: "redis.internal", port: 7000)

  private static func read(_ text: String) -> Redirection? { Redirection(Array(text.utf8).span, from: asked) }

  @Test("MOVED and ASK tell a slot and a node")
  func known() {
    #expect(
      Self.read("MOVED 3999 127.0.0.1:6381")
        == Redirection(.moved, slot: 3999, node: NodeAddress(host: "127.0.0.1", port: 6381)))
    #expect(
      Self.read("ASK 16383 node-b.internal:6379")
        == Redirection(.ask, slot: 16383, node: NodeAddress(host: "node-b.internal", port: 6379)))
    #expect(Self.read("MOVED 0 fd00::1:6379")?.node == NodeAddress(host: "fd00::1", port: 6379))
  }

  @Test("an empty host is the one that was asked")
  func sameHost() {
    #expect(Self.read("MOVED 5 :6381")?.node == NodeAddress(host: "redis.internal", port: 6381))
  }

  @Test(
    "a node without a usable address is not made up",
    arguments: [
      "?:6381", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:-1", "a/b:1", "[fd00::1]:6379", "a\u{7f}b:1", "ä:1",
      "user@host:1",
    ])
  func unusable(place: String) {
    #expect(Self.read("MOVED 5 \(place)") == Redirection(.moved, slot: 5, node: nil))
  }

  @Test(
    "anything else is no redirection",
    arguments: [
      "", "MOVED", "MOVED 1", "MOVED 1 a", "MOVED 16384 a:1", "MOVED -1 a:1", "MOVED x a:1", "MOVED 1 a:",
      "MOVED 1 a:b",
      "MOVED 1 a:1 more", "MOVED  1 a:1", "moved 1 a:1", "TRYAGAIN Multiple keys request during rehashing of slot",
      "ERR Error running script: MOVED 1 a:1", "MOVED 99999999999999999999 a:1", "ASK 1 a:99999999999999999999",
    ])
  func others(text: String) { #expect(Self.read(text) == nil) }

  @Test("neither is one that is longer than any, nor what is no UTF-8")
  func bounds() {
    let longest = String(repeating: "a", count: 255)
    #expect(Self.read("MOVED 1 \(longest):6379")?.node?.host == longest)
    #expect(Self.read("MOVED 1 a\(longest):6379")?.node == nil, "no host has 256 bytes")
    #expect(Self.read("MOVED 1 \(longest)\(longest):6379") == nil)
    #expect(Redirection((Array("MOVED 1 ".utf8) + [0xff] + Array(":1".utf8)).span, from: Self.asked) == nil)
  }

  @Test("any bytes are read without a fault", arguments: 0..<20)
  func random(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let pieces = ["MOVED", "ASK", " ", "1", "16383", ":", "a", "?", "\u{0}", "-", "::", "9"]
    for _ in 0..<500 {
      let text = (0..<Int.random(in: 0..<9, using: &generator)).map { _ in generator.pick(pieces) }.joined()
      if let read = Self.read(text) { #expect(read.slot < 16_384 && read.node?.port != 0, "seed \(seed): \(text)") }
    }
  }
}
