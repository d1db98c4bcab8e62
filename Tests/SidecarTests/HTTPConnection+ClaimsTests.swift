// HTTPConnection+ClaimsTests.swift: what connections make the server hold is known, bounded, and given back.

import EventLoop
import HTTP1
import Telemetry
import TestKit
import Testing

@testable import Sidecar

@Suite struct HTTPConnectionClaimsTests {
  private static let head = "GET /a HTTP/1.1\r\n"

  /// Sends `text` as one connection's next bytes, and waits until the server has read them.
  private static func send(_ text: String, _ peer: Peer, _ rig: ServerRig) {
    let batches = rig.responder.batches
    peer.send(text)
    #expect(rig.test.run { rig.responder.batches > batches })
  }

  /// A peer that has sent the beginning of a head, of `count` bytes.
  private static func halfHead(_ count: Int, _ rig: ServerRig) throws -> Peer {
    let peer = try rig.connect()
    send(head + "X: " + String(repeating: "v", count: count - 20), peer, rig)
    return peer
  }

  @Test("what is half a request is claimed, what is answered is not, and the metrics say how much")
  func halfRequests() throws {
    let rig = try ServerRig()
    func held() -> Int {
      #expect(rig.counters.count(.connectionBytes) == UInt64(rig.server.claims))
      return rig.server.claims
    }
    let peer = try rig.connect()
    peer.send("GET /a HTTP/1.1\r\n\r\n")
    #expect(try rig.answer(peer).status == 200)
    #expect(held() == 0)
    for (half, rest, least) in [
      (Self.head + "X: " + String(repeating: "v", count: 20_000), "\r\n\r\n", 20_000),
      ("POST /b HTTP/1.1\r\nContent-Length: 20000\r\n\r\n" + String(repeating: "b", count: 10_000), nil, 10_000),
      ("POST /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4e20\r\n", nil, 0),
    ] {
      Self.send(half, peer, rig)
      #expect(held() >= least && held() <= 4 * least, "\(half.prefix(60))")
      let missing = half.hasPrefix("POST") ? (least == 0 ? 20_000 : 10_000) : 0
      let tail = rest ?? String(repeating: "b", count: missing) + (least == 0 ? "\r\n0\r\n\r\n" : "")
      peer.send(tail)
      #expect(try rig.answer(peer).status == 200, "\(half.prefix(60))")
      #expect(held() == 0, "\(half.prefix(60))")
    }
    #expect(rig.counters.count(.connectionsShed) == 0)
  }

  @Test("a body that is only announced costs nothing")
  func announced() throws {
    let rig = try ServerRig()
    let peer = try rig.connect()
    Self.send("POST /b HTTP/1.1\r\nContent-Length: 65536\r\n\r\n", peer, rig)
    #expect(rig.server.claims < 1_000)
  }

  @Test("short headers are claimed with the memory that they take, which is more than their bytes")
  func shortHeaders() throws {
    let rig = try ServerRig()
    let peer = try rig.connect()
    let lines = 10_000
    Self.send(Self.head + String(repeating: "a:\r\n", count: lines), peer, rig)
    #expect(rig.server.claims >= lines * (4 + 12))
    peer.send("\r\n")
    #expect(try rig.answer(peer).status == 200)
    #expect(rig.server.claims == 0)
  }

  @Test("whoever leaves, breaks off or runs out of time claims nothing any more")
  func gone() throws {
    let rig = try ServerRig()
    let peers = [try Self.halfHead(9_000, rig), try Self.halfHead(9_000, rig), try Self.halfHead(9_000, rig)]
    #expect(rig.server.claims >= 27_000)
    peers[0].reset()
    peers[1].endSending()
    rig.connections[2].timedOut()
    #expect(try rig.answer(peers[1]).status == 400)
    #expect(try rig.answer(peers[2]).status == 408)
    #expect(rig.ends(peers[1]) && rig.ends(peers[2]))
    peers[2].endSending()
    #expect(rig.isEmpty())
    #expect(rig.server.claims == 0 && rig.counters.count(.connectionBytes) == 0)
  }

  /// Makes what `connection` waits for so many milliseconds old, as if the loop had run for that long.
  private static func age(_ connection: HTTPConnection, _ milliseconds: Int64) {
    connection.expect(connection.wait, within: Bounds.requestTime - milliseconds * Bounds.millisecond)
  }

  @Test(
    "beyond the bound the largest of one age go, with an answer that denies, until a quarter is free; small ones stay")
  func largestHeads() throws {
    let rig = try ServerRig(claimLimit: 100_000)
    let small = try Self.halfHead(500, rig)
    let middle = try Self.halfHead(20_000, rig)
    let large = try (0..<2).map { _ in try Self.halfHead(30_000, rig) }
    for connection in rig.connections { Self.age(connection, 9_000) }
    let last = try Self.halfHead(30_000, rig)
    for peer in large {
      let response = try rig.answer(peer)
      #expect(response.status == 431 && response.closes && response.json?["status"]?.int == 431)
      #expect(rig.ends(peer))
    }
    #expect(rig.counters.count(.connectionsShed) == 2)
    #expect(rig.server.claims <= 75_000)
    for peer in [small, middle, last] {
      peer.send("\r\n\r\n")
      #expect(try rig.answer(peer).text == "GET /a")
    }
  }

  @Test("heads that drip go before a larger one, or a body, that has just begun, however many they are")
  func dripping() throws {
    let rig = try ServerRig(claimLimit: 200_000)
    let dripping = try (0..<26).map { _ in try Self.halfHead(6_500, rig) }
    for connection in rig.connections { Self.age(connection, 5_000) }
    let honest = try Self.halfHead(15_000, rig)
    let body = try rig.connect()
    Self.send(
      "POST /b HTTP/1.1\r\nContent-Length: 30001\r\n\r\n" + String(repeating: "b", count: 30_000), body, rig)
    let shed = rig.counters.count(.connectionsShed)
    #expect(shed >= 6 && shed < 26 && rig.server.claims <= 150_000)
    honest.send("\r\n\r\n")
    #expect(try rig.answer(honest).text == "GET /a")
    body.send("b")
    #expect(try rig.answer(body).text.hasPrefix("body b"))
    var refused = 0
    for peer in dripping {
      guard let response = try peer.next() else { continue }
      #expect(response.status == 431)
      refused += 1
    }
    #expect(refused == shed)
  }

  @Test("a body that holds most is a 413, one that nobody reads the answers of is closed")
  func others() throws {
    let rig = try ServerRig(claimLimit: 300_000)
    let honest = try rig.connect()
    Self.send("POST /b HTTP/1.1\r\nContent-Length: 3\r\n\r\nab", honest, rig)
    let large = try rig.connect()
    let before = rig.server.claims
    // In pieces, so that the memory has grown by doubling.
    Self.send("POST /b HTTP/1.1\r\nContent-Length: 65536\r\n\r\n", large, rig)
    for _ in 0..<5 { Self.send(String(repeating: "b", count: 10_000), large, rig) }
    #expect(rig.server.claims >= before + 50_000)
    // As if it had just begun, however long the machine stalls: what it costs is its size.
    Self.age(rig.connections[1], -60_000)
    let deaf = try rig.connect(receiveBuffer: 4_096)
    let stream = try #require(rig.connections.last).stream
    rig.responder.bigCount = 8_000_000
    deaf.send("GET /big HTTP/1.1\r\n\r\n")
    #expect(rig.test.run { stream.isClosing })
    #expect(rig.counters.count(.connectionsShed) == 1)
    #expect(rig.server.claims < 300_000)
    // Now nothing but the body is large, and old.
    Self.age(rig.connections[1], 9_000)
    let more = try (0..<7).map { _ in try Self.halfHead(40_000, rig) }
    #expect(try rig.answer(large).status == 413)
    #expect(rig.ends(large))
    honest.send("c")
    #expect(try rig.answer(honest).text == "body abc")
    _ = more
  }

  @Test("what is sent behind a request that is answered later is claimed, and given back with the answer")
  func behindALaterAnswer() throws {
    let rig = try ServerRig()
    let peer = try rig.connect()
    Self.send("GET /later HTTP/1.1\r\n\r\n", peer, rig)
    #expect(rig.server.claims == 0)
    peer.send(Self.head + "X: " + String(repeating: "v", count: 30_000) + "\r\n\r\n")
    #expect(rig.test.run { rig.server.claims >= 30_000 })
    rig.responder.complete()
    #expect(try rig.answer(peer).text == "GET /later")
    #expect(try rig.answer(peer).text == "GET /a")
    #expect(rig.server.claims == 0)
  }

  @Test(
    "what a request that is answered later holds behind it is dropped beyond the bound: its answer comes, as the last",
    arguments: ["one send", "two sends", "filled", "another's"])
  func shedBehindALaterAnswer(how: String) throws {
    let rig = try ServerRig(claimLimit: 50_000)
    let peer = try rig.connect()
    let later = "GET /later HTTP/1.1\r\n\r\n"
    let next = "GET /next HTTP/1.1\r\n\r\n"
    func behind(_ count: Int) -> String { String(repeating: next, count: count / next.utf8.count) }
    if how == "one send" {
      peer.send(later + behind(60_000))
    } else {
      Self.send(later, peer, rig)
      peer.send(behind(how == "filled" ? 400_000 : how == "two sends" ? 60_000 : 30_000))
    }
    let connection = rig.connections[0]
    if how == "another's" {
      #expect(rig.test.run { rig.server.claims >= 29_000 })
      let other = try Self.halfHead(30_000, rig)
      other.send("\r\n\r\n")
      #expect(try rig.answer(other).text == "GET /a")
    }
    #expect(rig.test.run { rig.counters.count(.connectionsShed) == 1 })
    rig.test.run(turns: 5)
    #expect(!connection.stream.isClosing && rig.server.claims == 0 && connection.stream.keptInput == 0)
    #expect(rig.responder.postponed.count == 1)
    rig.responder.complete()
    let response = try rig.answer(peer)
    #expect(response.text == "GET /later" && response.closes)
    #expect(rig.ends(peer))
    #expect(rig.responder.peers.count == (how == "another's" ? 2 : 1), "nothing behind it was looked at")
    peer.endSending()
    #expect(rig.isEmpty())
    #expect(rig.counters.count(.connectionsShed) == 1)
  }

  @Test(
    "an answer that is there and waits for those behind it is sent before its connection is ended for what it holds")
  func shedWithAHeldAnswer() throws {
    let rig = try ServerRig(claimLimit: 50_000)
    let peer = try rig.connect()
    Self.send("GET /later HTTP/1.1\r\n\r\n", peer, rig)
    peer.send(Self.head + "X: " + String(repeating: "v", count: 30_000) + "\r\n\r\n")
    #expect(rig.test.run { rig.server.claims >= 30_000 })
    rig.responder.complete()
    #expect(rig.connections[0].held != nil)
    // What another connection claims in the same turn.
    rig.server.changeClaims(by: 40_000)
    #expect(rig.counters.count(.connectionsShed) == 1)
    #expect(rig.connections[0].held == nil && rig.server.claims == 40_000)
    rig.server.changeClaims(by: -40_000)
    #expect(try rig.answer(peer).text == "GET /later")
    #expect(rig.ends(peer))
    #expect(rig.responder.peers.count == 1 && rig.counters.count(.dataResponses2xx) == 1)
    peer.endSending()
    #expect(rig.isEmpty())
  }

  @Test("a server keeps few spare parsers, however many heads come in pieces")
  func spares() throws {
    let rig = try ServerRig(connections: 200)
    let peers = try (0..<Bounds.spares + 20).map { _ in try Self.halfHead(100, rig) }
    for peer in peers {
      peer.send("\r\n\r\n")
      #expect(try rig.answer(peer).status == 200)
    }
    #expect(rig.server.spareParsers.count == Bounds.spares)
  }

  @Test(
    "a worker's share of the bound is the less the more there are, and never less than a dozen of the largest heads")
  func share() {
    #expect(Bounds.claims(workers: 1) == Bounds.claims)
    #expect(Bounds.claims(workers: 2) == Bounds.claims / 2)
    // The text, in memory that has grown by doubling, and as many of the shortest headers.
    let largest = 2 * HTTP1Bounds.head + 2 * (HTTP1Bounds.head / 4) * MemoryLayout<Header>.stride
    #expect(Bounds.claims(workers: 10_000) >= 12 * largest)
  }
}
