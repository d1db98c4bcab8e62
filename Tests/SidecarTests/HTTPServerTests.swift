// HTTPServerTests.swift: many connections: their bound, their places, and the drain.

import EventLoop
import Telemetry
import TestKit
import Testing

@testable import Sidecar

@Suite struct HTTPServerTests {
  @Test("a connection above the bound gets a 503 and goes, counted; one that leaves makes room")
  func bound() throws {
    let rig = try ServerRig(connections: 2)
    let first = try rig.connect()
    let second = try rig.connect()
    for _ in 0..<3 {
      let third = try rig.connect()
      let response = try rig.answer(third)
      #expect(response.status == 503 && response.closes && response["Retry-After"] == "1")
      #expect(response.json?["status"]?.int == 503)
      #expect(rig.ends(third))
    }
    #expect(rig.counters.count(.connectionsRefused) == 3)
    #expect(rig.counters.count(.connectionsOpened) == 2)
    #expect(rig.budget.count == 2)
    for peer in [first, second] {
      peer.send("GET /a HTTP/1.1\r\n\r\n")
      #expect(try rig.answer(peer).status == 200)
    }
    first.endSending()
    #expect(rig.ends(first))
    #expect(rig.test.run { rig.budget.count == 1 })
    let fourth = try rig.connect()
    fourth.send("GET /a HTTP/1.1\r\n\r\n")
    #expect(try rig.answer(fourth).status == 200)
  }

  @Test("no more than some refused connections linger; the rest are closed unanswered, and all are counted")
  func refusedBound() throws {
    let rig = try ServerRig(connections: 0)
    var peers: [Peer] = []
    for number in 1...Bounds.refusedLingering + 10 {
      peers.append(Peer(rig.address))
      #expect(rig.test.run { rig.counters.count(.connectionsRefused) == number })
    }
    let answered = try peers.count { peer in
      let ended = rig.test.run {
        peer.receive()
        return peer.isAtEnd
      }
      return try ended && peer.next()?.status == 503
    }
    // Time may have ended some that lingered meanwhile.
    #expect(answered >= Bounds.refusedLingering && answered <= peers.count)
    #expect(rig.budget.count == 0)
  }

  @Test("a budget never gives more than it has")
  func budget() {
    let budget = ConnectionBudget(limit: 2)
    #expect(budget.take() && budget.take() && !budget.take() && !budget.take())
    #expect(budget.count == 2)
    budget.giveBack()
    #expect(budget.take() && !budget.take())
  }

  @Test("connections that come and go in any order keep their own places")
  func places() throws {
    let rig = try ServerRig()
    var random = SeededGenerator(seed: 7)
    var peers: [Peer] = []
    for round in 0..<60 {
      if peers.isEmpty || Int.random(in: 0..<3, using: &random) > 0 {
        peers.append(try rig.connect())
      } else {
        let peer = peers.remove(at: Int.random(in: 0..<peers.count, using: &random))
        peer.endSending()
        #expect(rig.ends(peer))
      }
      let count = peers.count
      #expect(rig.test.run { rig.budget.count == count })
      guard let peer = peers.randomElement(using: &random) else { continue }
      peer.send("GET /\(round) HTTP/1.1\r\n\r\n")
      #expect(try rig.answer(peer).text == "GET /\(round)")
    }
    rig.server.stop()
    #expect(rig.isEmpty())
  }

  @Test("the sweep ends a connection whose deadline has passed, by itself")
  func sweep() throws {
    let rig = try ServerRig()
    let peer = try rig.connect()
    peer.send("GET /a HTTP/1.1\r\nConnection: close\r\n\r\n")
    #expect(try rig.answer(peer).status == 200)
    // The peer keeps its half open: the server lets go after the linger time.
    #expect(rig.isEmpty())
  }

  // MARK: Drain

  @Test("what waits in the backlog is accepted and answered before the listener closes")
  func backlog() throws {
    let rig = try ServerRig(listensItself: true)
    let peers = (0..<20).map { _ in Peer(rig.address) }
    for peer in peers { peer.send("GET /a HTTP/1.1\r\n\r\n") }
    var isDrained = false
    rig.server.drain { isDrained = true }
    for peer in peers {
      let response = try rig.answer(peer)
      #expect(response.text == "GET /a" && response["Connection"] == "close")
      #expect(rig.ends(peer))
      peer.endSending()
    }
    #expect(rig.test.run { isDrained })
    #expect(rig.budget.count == 0)
  }

  @Test("a drain ends a connection after one more answer, an idle one after a second, and a request in flight finishes")
  func drain() throws {
    let rig = try ServerRig()
    let asking = try rig.connect()
    let idle = try rig.connect()
    let sending = try rig.connect()
    let batches = rig.responder.batches
    sending.send("POST /a HTTP/1.1\r\nContent-Length: 4\r\n\r\nbo")
    #expect(rig.test.run { rig.responder.batches > batches })
    var drained = 0
    rig.server.drain { drained += 1 }
    for index in 0..<2 { #expect(rig.connections[index].deadline - Loop.monotonicNow() <= Bounds.drainIdleTime) }
    #expect(rig.connections[2].deadline - Loop.monotonicNow() > Bounds.drainIdleTime)
    asking.send("GET /last HTTP/1.1\r\n\r\n")
    let last = try rig.answer(asking)
    #expect(last.text == "GET /last" && last["Connection"] == "close")
    #expect(rig.ends(asking))
    asking.endSending()
    rig.connections[1].timedOut()
    #expect(rig.ends(idle))
    #expect(rig.counters.count(.timeoutIdle) == 0)
    #expect(drained == 0)
    sending.send("dy")
    let finished = try rig.answer(sending)
    #expect(finished.text == "body body" && finished["Connection"] == "close")
    sending.endSending()
    #expect(rig.test.run { drained > 0 })
    #expect(drained == 1)
  }

  @Test("a drain without connections is over at once")
  func emptyDrain() throws {
    let rig = try ServerRig(listensItself: true)
    var isDrained = false
    rig.server.drain { isDrained = true }
    #expect(isDrained)
  }
}
