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

  @Test("beyond the bound the largest go, with an answer that denies, until a quarter is free; small ones stay")
  func largestHeads() throws {
    let rig = try ServerRig(claimLimit: 100_000)
    let small = try Self.halfHead(500, rig)
    let middle = try Self.halfHead(20_000, rig)
    let large = try (0..<3).map { _ in try Self.halfHead(30_000, rig) }
    var refused = 0
    for peer in large {
      rig.test.run(turns: 3)
      guard let response = try peer.next() else { continue }
      #expect(response.status == 431 && response.closes && response.json?["status"]?.int == 431)
      #expect(rig.ends(peer))
      refused += 1
    }
    #expect(refused == 2)
    #expect(rig.counters.count(.connectionsShed) == 2)
    #expect(rig.server.claims <= 75_000)
    for peer in [small, middle] {
      peer.send("\r\n\r\n")
      #expect(try rig.answer(peer).text == "GET /a")
    }
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
    let deaf = try rig.connect(receiveBuffer: 4_096)
    let stream = try #require(rig.connections.last).stream
    rig.responder.bigCount = 8_000_000
    deaf.send("GET /big HTTP/1.1\r\n\r\n")
    #expect(rig.test.run { stream.isClosing })
    #expect(rig.counters.count(.connectionsShed) == 1)
    #expect(rig.server.claims < 300_000)
    // Now nothing but the body is large.
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
