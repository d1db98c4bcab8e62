// OnePageATurnTests.swift: a server of pages: who asks for many in one go waits, and nobody else.

import EventLoop
import TestKit
import Testing

@testable import Sidecar

@Suite struct OnePageATurnTests {
  private static func requests(_ targets: some Sequence<String>) -> String {
    targets.map { "GET \($0) HTTP/1.1\r\n\r\n" }.joined()
  }

  @Test("another connection's page comes after at most two of those that one asks for in one go")
  func fair() throws {
    let rig = try ServerRig(givesOnePageATurn: true)
    let greedy = try rig.connect()
    let other = try rig.connect()
    rig.responder.onTarget = { target in
      if target == "/20" { other.send(Self.requests(["/second"])) }
    }
    greedy.send(Self.requests((0..<50).map { "/\($0)" }))
    other.send(Self.requests(["/first"]))
    for number in 0..<50 { #expect(try rig.answer(greedy).text == "GET /\(number)") }
    #expect(try rig.answer(other).text == "GET /first")
    #expect(try rig.answer(other).text == "GET /second")
    let targets = rig.responder.targets
    #expect(try #require(targets.firstIndex(of: "/first")) <= 2)
    let asked = try #require(targets.firstIndex(of: "/20"))
    #expect(try #require(targets.firstIndex(of: "/second")) <= asked + 3)
    #expect(rig.connections.allSatisfy { $0.stream.keptInput == 0 } && rig.server.claims == 0)
  }

  @Test("two that ask for many take turns")
  func takeTurns() throws {
    let rig = try ServerRig(givesOnePageATurn: true)
    let peers = [try rig.connect(), try rig.connect()]
    for (name, peer) in zip(["a", "b"], peers) { peer.send(Self.requests((0..<50).map { "/\(name)\($0)" })) }
    for (name, peer) in zip(["a", "b"], peers) {
      for number in 0..<50 { #expect(try rig.answer(peer).text == "GET /\(name)\(number)") }
    }
    var lead = 0
    for target in rig.responder.targets {
      lead += target.hasPrefix("/a") ? 1 : -1
      #expect(abs(lead) <= 2)
    }
  }

  @Test("an answer that comes later leaves at once, and what is behind it is looked at in the next turn")
  func later() throws {
    let rig = try ServerRig(givesOnePageATurn: true)
    let peer = try rig.connect()
    peer.send(Self.requests(["/later/1", "/later/2", "/3"]))
    for number in 1...2 {
      #expect(LaterAnswerTests.postponed(rig, 1))
      let before = peer.bytes.count
      rig.responder.complete()
      #expect(rig.responder.targets.count == number)
      peer.receive()
      #expect(peer.bytes.count > before)
      #expect(try rig.answer(peer).text == "GET /later/\(number)")
    }
    #expect(try rig.answer(peer).text == "GET /3")
  }

  @Test("bodies in pieces, a peer that reads slowly, and one that has ended its sending get all their pages")
  func others() throws {
    let rig = try ServerRig(givesOnePageATurn: true)
    let dripping = try rig.connect()
    for byte in "POST /1 HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /2 HTTP/1.1\r\n\r\n".utf8 {
      dripping.send([byte])
      rig.test.run(turns: 1)
    }
    #expect(try rig.answer(dripping).text == "body abc")
    #expect(try rig.answer(dripping).text == "GET /2")
    rig.responder.bigCount = 900_000
    let slow = try rig.connect(receiveBuffer: 4_096)
    slow.send(Self.requests((0..<12).map { "/big\($0)" }))
    slow.endSending()
    for number in 0..<12 { #expect(try rig.answer(slow).text.hasPrefix("GET /big\(number)b")) }
    #expect(rig.ends(slow))
  }

  @Test("a drain ends a connection with its next page, and drops what is behind it")
  func drain() throws {
    let rig = try ServerRig(givesOnePageATurn: true)
    let peer = try rig.connect()
    rig.responder.onTarget = { [unowned rig] target in
      if target == "/5" { rig.server.drain {} }
    }
    peer.send(Self.requests((0..<50).map { "/\($0)" }))
    for number in 0...5 { #expect(try rig.answer(peer)["Connection"] == nil, "page \(number)") }
    #expect(try rig.answer(peer)["Connection"] == "close")
    #expect(rig.ends(peer))
    #expect(rig.responder.targets.count == 7)
  }
}
