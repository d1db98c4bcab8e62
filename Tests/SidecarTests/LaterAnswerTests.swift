// LaterAnswerTests.swift: answers that come after their request was read: their order, what waits behind them, and what
// may happen to the connection meanwhile.

import CheckAPI
import EventLoop
import HTTP1
import Telemetry
import TestKit
import Testing

@testable import Sidecar

@Suite struct LaterAnswerTests {
  /// Waits until the responder has postponed `count` requests.
  static func postponed(_ rig: ServerRig, _ count: Int) -> Bool {
    rig.test.run { rig.responder.postponed.count == count }
  }

  /// Sends `text` and waits until the server has read it.
  static func deliver(_ text: String, _ peer: Peer, _ rig: ServerRig, _ connection: HTTPConnection) -> Bool {
    let before = connection.stream.keptInput
    let count = text.utf8.count
    peer.send(text)
    return rig.test.run { connection.stream.keptInput == before + count }
  }

  /// The next `count` answers, where whatever is postponed is completed as soon as it can be.
  static func collect(_ count: Int, _ peer: Peer, _ rig: ServerRig) -> [String] {
    var texts: [String] = []
    let came = rig.test.run {
      if !rig.responder.postponed.isEmpty { rig.responder.complete() }
      while texts.count < count, let response = try? peer.next() { texts.append(response.text) }
      return texts.count == count
    }
    #expect(came, "\(texts.count) of \(count) answers came")
    return texts
  }

  // MARK: Order

  @Test("connections are answered in any order, each with its own answer")
  func order() throws {
    let rig = try ServerRig()
    var random = SeededGenerator(seed: 3)
    var waiting: [(peer: Peer, text: String)] = []
    var completions = 0
    for number in 0..<200 {
      if waiting.count < 12 {
        let peer = try rig.connect()
        let asksByPost = Bool.random(using: &random)
        let text = asksByPost ? "body later \(number)" : "GET /later/\(number)"
        let body = "later \(number)"
        peer.send(
          asksByPost
            ? "POST /a HTTP/1.1\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)" : "\(text) HTTP/1.1\r\n\r\n")
        waiting.append((peer, text))
        #expect(Self.postponed(rig, waiting.count))
      } else {
        // Several in one go, as one reply of a store decides them.
        for _ in 0..<Int.random(in: 1...12, using: &random) {
          let completed = rig.responder.complete(Int.random(in: waiting.indices, using: &random))
          completions += 1
          let index = try #require(waiting.firstIndex { $0.text == completed })
          let response = try rig.answer(waiting.remove(at: index).peer)
          #expect(response.text == completed && response["Connection"] == nil)
        }
      }
    }
    #expect(rig.counters.count(.dataResponses2xx) == completions && completions > 100)
  }

  @Test("requests behind a later answer wait for it, and all answers come in order")
  func pipelined() throws {
    let rig = try ServerRig()
    let peer = try rig.connect()
    peer.send(
      "GET /1 HTTP/1.1\r\n\r\nGET /later/2 HTTP/1.1\r\n\r\nPOST /3 HTTP/1.1\r\nContent-Length: 7\r\n\r\nlater 3"
        + "GET /4 HTTP/1.1\r\n\r\nHEAD /later/5 HTTP/1.1\r\n\r\nGET /6 HTTP/1.1\r\n\r\n")
    #expect(try rig.answer(peer).text == "GET /1")
    for (expected, number) in [("GET /later/2", 1), ("body later 3", 2)] {
      rig.test.run(turns: 3)
      #expect(rig.responder.postponed.count == 1, "one check of a connection at a time")
      #expect(rig.responder.peers.count == number + (number == 1 ? 1 : 0))
      #expect(rig.responder.complete() == expected)
      #expect(try rig.answer(peer).text == expected)
    }
    #expect(try rig.answer(peer).text == "GET /4")
    #expect(Self.postponed(rig, 1))
    rig.responder.complete()
    #expect(try rig.answer(peer, toHead: true).int("Content-Length") == "HEAD /later/5".utf8.count)
    #expect(try rig.answer(peer).text == "GET /6")
    #expect(rig.counters.count(.dataResponses2xx) == 6)
    #expect(rig.connections[0].stream.keptInput == 0)
  }

  @Test("a later answer and those that waited for it leave in one write")
  func oneWrite() throws {
    let rig = try ServerRig()
    let peer = try rig.connect()
    peer.send("GET /later/1 HTTP/1.1\r\n\r\n")
    #expect(Self.postponed(rig, 1))
    #expect(Self.deliver("GET /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\n\r\n", peer, rig, rig.connections[0]))
    rig.responder.complete()
    // Not one byte before the turn's end.
    peer.receive()
    #expect(peer.bytes.isEmpty)
    for text in ["GET /later/1", "GET /2", "GET /3"] { #expect(try rig.answer(peer).text == text) }
    #expect(rig.server.spareHeld.count == 1 && rig.server.spareHeld[0].bytes.isEmpty)
    // A lone one leaves at once.
    peer.send("GET /later/4 HTTP/1.1\r\n\r\n")
    #expect(Self.postponed(rig, 1))
    let before = peer.bytes.count
    rig.responder.complete()
    peer.receive()
    #expect(peer.bytes.count > before)
  }

  @Test("requests that drip byte by byte around a later answer are all answered, wherever it comes in between")
  func dripping() throws {
    let rig = try ServerRig()
    let text =
      "GET /later/1 HTTP/1.1\r\n\r\nPOST /2 HTTP/1.1\r\nContent-Length: 7\r\n\r\nlater 2"
      + "POST /3 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nlater 3\r\n0\r\n\r\nGET /4 HTTP/1.1\r\n\r\n"
    for seed in 1...6 as ClosedRange<UInt64> {
      var random = SeededGenerator(seed: seed)
      let peer = try rig.connect()
      for byte in text.utf8 {
        peer.send([byte])
        rig.test.run(turns: 1)
        if rig.responder.postponed.count == 1, Int.random(in: 0..<40, using: &random) == 0 { rig.responder.complete() }
      }
      #expect(Self.collect(4, peer, rig) == ["GET /later/1", "body later 2", "body later 3", "GET /4"], "seed \(seed)")
      #expect(rig.connections.last?.stream.keptInput == 0)
    }
  }

  // MARK: What follows the answer

  @Test("a request after which the connection ends ends it when it is answered, and what came behind is dropped")
  func lastRequest() throws {
    let rig = try ServerRig()
    for start in [
      "GET /later HTTP/1.1\r\nConnection: close\r\n\r\n", "GET /later HTTP/1.0\r\n\r\n",
      "GET /later HTTP/1.1\r\nContent-Length: 999\r\n\r\nab",
    ] {
      let peer = try rig.connect()
      let asked = rig.responder.peers.count
      peer.send(start + "GET /next HTTP/1.1\r\n\r\n")
      #expect(Self.postponed(rig, 1))
      peer.send("GET /more HTTP/1.1\r\n\r\n")
      let stream = rig.connections.last!.stream
      #expect(rig.test.run { stream.keptInput == 0 }, "not even kept")
      rig.responder.complete()
      let response = try rig.answer(peer)
      #expect(response.text == "GET /later" && response["Connection"] == "close", "\(start)")
      #expect(rig.ends(peer))
      #expect(rig.responder.peers.count == asked + 1)
      #expect(rig.connections.last?.stream.keptInput == 0)
      peer.endSending()
      #expect(rig.isEmpty())
    }
    let kept = try rig.connect()
    kept.send("GET /later HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /next HTTP/1.1\r\n\r\n")
    #expect(Self.postponed(rig, 1))
    rig.responder.complete()
    #expect(try rig.answer(kept)["Connection"] == "keep-alive")
    #expect(try rig.answer(kept).text == "GET /next")
  }

  @Test("a flood behind a later answer waits within the bound, and is answered when it comes")
  func flood() throws {
    let rig = try ServerRig()
    let peer = try rig.connect()
    let stream = rig.connections[0].stream
    peer.send("GET /later HTTP/1.1\r\n\r\n")
    #expect(Self.postponed(rig, 1))
    let request = Array("GET /next HTTP/1.1\r\n\r\n".utf8)
    var sent = 0
    var requests = 0
    var rest: ArraySlice<UInt8> = []
    let isFull = rig.test.run {
      while true {
        if rest.isEmpty {
          guard sent < 2 * Bounds.input else { break }
          rest = request[...]
          requests += 1
        }
        let count = peer.send(rest)
        guard count > 0 else { break }
        sent += count
        rest = rest.dropFirst(count)
      }
      return stream.keptInput == Bounds.input
    }
    #expect(isFull)
    rig.test.run(turns: 5)
    #expect(stream.keptInput == Bounds.input && rig.responder.peers.count == 1)
    rig.responder.complete()
    #expect(try rig.answer(peer).text == "GET /later")
    for _ in 1...requests {
      if !rest.isEmpty { rest = rest.dropFirst(max(0, peer.send(rest))) }
      #expect(try rig.answer(peer).text == "GET /next")
    }
    #expect(stream.keptInput == 0)
  }

  @Test("behind answers that the peer does not take, a later answer keeps its place and reading stops")
  func slowReader() throws {
    let rig = try ServerRig()
    rig.responder.bigCount = Bounds.gatheredOutput - 1_000
    let peer = try rig.connect(receiveBuffer: 4_096)
    let connection = rig.connections[0]
    var asked = 0
    // Until an answer is pending while earlier ones are not taken.
    let isStuck = rig.test.run {
      guard rig.responder.postponed.isEmpty else {
        if connection.stream.pendingOutput > 0 { return true }
        rig.responder.complete()
        return false
      }
      if connection.stream.pendingOutput == 0 {
        peer.send("GET /big HTTP/1.1\r\n\r\nGET /later HTTP/1.1\r\n\r\nGET /next HTTP/1.1\r\n\r\n")
        asked += 1
      }
      return false
    }
    #expect(isStuck)
    connection.timedOut()
    #expect(!connection.stream.isClosing)
    rig.responder.complete()
    #expect(connection.wait == .output)
    #expect(connection.deadline - Loop.monotonicNow() <= Bounds.outputTime)
    let texts = Self.collect(3 * asked, peer, rig).map { String($0.prefix(10)) }
    #expect(texts == (0..<asked).flatMap { _ in ["GET /bigbb", "GET /later", "GET /next"] })
  }

  // MARK: Ends

  @Test("a peer that ends its sending meanwhile gets its answer, and those to what it had sent before")
  func halfClosed() throws {
    let rig = try ServerRig()
    for (rest, answers, isBroken) in [
      ("", [], false), ("GET /2 HTTP/1.1\r\n\r\n", ["GET /2"], false),
      ("GET /later/2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\n\r\n", ["GET /later/2", "GET /3"], false),
      ("GET /2 HTTP/1.1\r\n\r\nGET /brok", ["GET /2"], true),
      ("POST /2 HTTP/1.1\r\nContent-Length: 5\r\n\r\nab", [], true),
    ] as [(String, [String], Bool)] {
      let peer = try rig.connect()
      let connection = rig.connections.last!
      peer.send("GET /later/1 HTTP/1.1\r\n\r\n" + rest)
      peer.endSending()
      #expect(rig.test.run { connection.stream.hasEnded })
      #expect(rig.responder.complete() == "GET /later/1")
      #expect(try rig.answer(peer).text == "GET /later/1")
      for answer in answers {
        if answer.hasPrefix("GET /later") {
          #expect(Self.postponed(rig, 1))
          rig.responder.complete()
        }
        #expect(try rig.answer(peer).text == answer, "\(rest)")
      }
      if isBroken { #expect(try rig.answer(peer).status == 400, "\(rest)") }
      #expect(rig.ends(peer), "\(rest)")
      #expect(rig.isEmpty(), "\(rest)")
    }
  }

  @Test("a peer that ended its sending and is slow to read gets every answer before the connection ends")
  func halfClosedSlowReader() throws {
    let rig = try ServerRig()
    rig.responder.bigCount = 8_000_000
    let peer = try rig.connect(receiveBuffer: 4_096)
    let stream = rig.connections[0].stream
    peer.send("GET /later HTTP/1.1\r\n\r\nGET /big HTTP/1.1\r\n\r\nGET /last HTTP/1.1\r\n\r\n")
    peer.endSending()
    #expect(rig.test.run { stream.hasEnded })
    rig.responder.complete()
    #expect(rig.test.run { stream.pendingOutput > 0 })
    #expect(stream.keptInput > 0)
    #expect(try rig.answer(peer).text == "GET /later")
    #expect(try rig.answer(peer).body.count == 8_000_000)
    #expect(try rig.answer(peer).text == "GET /last")
    #expect(rig.ends(peer))
    #expect(rig.isEmpty())
  }

  @Test("the end of sending between an answer and what waits behind it loses nothing")
  func endsInBetween() throws {
    let rig = try ServerRig()
    let peer = try rig.connect()
    let connection = rig.connections[0]
    peer.send("GET /later/1 HTTP/1.1\r\n\r\n")
    #expect(Self.postponed(rig, 1))
    #expect(Self.deliver("GET /2 HTTP/1.1\r\n\r\n", peer, rig, connection))
    rig.responder.complete()
    connection.ended(connection.stream)
    #expect(try rig.answer(peer).text == "GET /later/1")
    #expect(try rig.answer(peer).text == "GET /2")
  }

  @Test("a connection that breaks off meanwhile drops its answer, and nothing is left of it")
  func brokenOff() throws {
    let rig = try ServerRig(listensItself: true)
    final class Asked { weak var connection: HTTPConnection? }
    let asked = Asked()
    let peer = try rig.connect()
    peer.send("GET /later HTTP/1.1\r\n\r\nGET /next HTTP/1.1\r\n\r\n")
    #expect(Self.postponed(rig, 1))
    asked.connection = rig.responder.postponed[0].asker as? HTTPConnection
    peer.reset()
    #expect(rig.isEmpty())
    #expect(asked.connection != nil)
    rig.responder.complete()
    #expect(asked.connection == nil)
    #expect(rig.counters.count(.dataResponses2xx) == 0 && rig.server.out.isEmpty)
  }

  @Test("a server that is stopped meanwhile drops the answer")
  func stopped() throws {
    let rig = try ServerRig()
    let peer = try rig.connect()
    peer.send("GET /later HTTP/1.1\r\n\r\n")
    #expect(Self.postponed(rig, 1))
    rig.server.stop()
    rig.responder.complete()
    #expect(rig.ends(peer))
    #expect(rig.counters.count(.dataResponses2xx) == 0)
  }

  // MARK: Time and drain

  @Test("while an answer is to come, no time-out of the connection's own applies; after it, that of an idle one")
  func timeOut() throws {
    let rig = try ServerRig()
    let peer = try rig.connect()
    let connection = rig.connections[0]
    peer.send("POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nlater")
    #expect(Self.postponed(rig, 1))
    #expect(connection.deadline == .max)
    connection.timedOut()
    rig.responder.complete()
    #expect(try rig.answer(peer).text == "body later")
    let left = connection.deadline - Loop.monotonicNow()
    #expect(left > Bounds.idleTime - 60 * Bounds.second && left <= Bounds.idleTime)
    connection.timedOut()
    #expect(rig.ends(peer))
    #expect(rig.counters.count(.timeoutIdle) == 1)
  }

  @Test("a drain that begins meanwhile waits for the answer, which says that it is the last")
  func drain() throws {
    let rig = try ServerRig()
    let peers = try (0..<3).map { _ in try rig.connect() }
    for peer in peers { peer.send("GET /later HTTP/1.1\r\n\r\nGET /next HTTP/1.1\r\n\r\n") }
    #expect(Self.postponed(rig, 3))
    var isDrained = false
    rig.server.drain { isDrained = true }
    rig.test.run(turns: 3)
    #expect(!isDrained && rig.connections.allSatisfy { $0.deadline == .max })
    for _ in peers { rig.responder.complete() }
    for peer in peers {
      let response = try rig.answer(peer)
      #expect(response.text == "GET /later" && response["Connection"] == "close")
      #expect(rig.ends(peer))
      peer.endSending()
    }
    #expect(rig.test.run { isDrained })
    #expect(rig.isEmpty())
  }

  @Test("a process that begins to stop meanwhile says so in the answer")
  func stopping() throws {
    let rig = try ServerRig()
    let peer = try rig.connect()
    peer.send("GET /later HTTP/1.1\r\n\r\n")
    #expect(Self.postponed(rig, 1))
    rig.responder.isStopping = true
    rig.responder.complete()
    #expect(try rig.answer(peer)["Connection"] == "close")
    #expect(rig.ends(peer))
  }
}
