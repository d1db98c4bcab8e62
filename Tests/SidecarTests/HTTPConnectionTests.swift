// HTTPConnectionTests.swift: one connection over a real socket: requests in any pieces, answers in order, and what ends
// a connection.

import CheckAPI
import EventLoop
import HTTP1
import Telemetry
import TestKit
import Testing

@testable import Sidecar

@Suite struct HTTPConnectionTests {
  // MARK: Requests and their order

  @Test("pipelined requests of any kind are answered in order, in one batch")
  func pipelining() throws {
    let rig = try ServerRig()
    let peer = try rig.connect()
    peer.send(
      "GET /1 HTTP/1.1\r\n\r\nPOST /2 HTTP/1.1\r\nContent-Length: 3\r\n\r\ntwoGET /3 HTTP/1.1\r\nContent-Length: 4\r\n\r\n"
        + "skipPOST /4 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nfo\r\n2\r\nur\r\n0\r\n\r\n"
        + "\r\nHEAD /5 HTTP/1.1\r\n\r\nPUT /6 HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /7 HTTP/1.1\r\n\r\n")
    for expected in ["GET /1", "body two", "GET /3", "body four"] { #expect(try rig.answer(peer).text == expected) }
    #expect(try rig.answer(peer, toHead: true)["Content-Length"] == "7")
    let six = try rig.answer(peer)
    #expect(six.text == "PUT /6")
    #expect(six["Connection"] == "keep-alive")
    let seven = try rig.answer(peer)
    #expect(seven.text == "GET /7")
    #expect(seven["Connection"] == nil)
    #expect(rig.responder.batches == 1)
    #expect(rig.responder.peers.allSatisfy { $0 == .v4(0x7f00_0001) })
    #expect(rig.counters.count(.dataResponses2xx) == 7)
  }

  @Test("a request that comes in two pieces, cut anywhere, is answered as a whole one, and so is what follows")
  func cutAnywhere() throws {
    let rig = try ServerRig()
    let peer = try rig.connect()
    let texts = [
      "GET /a HTTP/1.1\r\nX: y\r\n\r\n", "POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
      "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nT: u\r\n\r\n",
    ]
    for (number, text) in texts.enumerated() {
      let bytes = Array(text.utf8)
      for cut in 1..<bytes.count {
        let batches = rig.responder.batches
        peer.send(bytes[..<cut])
        #expect(rig.test.run { rig.responder.batches > batches })
        peer.send(bytes[cut...] + Array("GET /next HTTP/1.1\r\n\r\n".utf8))
        #expect(try rig.answer(peer).text == (number == 0 ? "GET /a" : "body hello"), "cut at \(cut)")
        #expect(try rig.answer(peer).text == "GET /next", "cut at \(cut)")
      }
    }
  }

  @Test("a request that drips byte by byte is answered once, and the time it has does not grow")
  func dripping() throws {
    let rig = try ServerRig()
    let peer = try rig.connect()
    let connection = rig.connections[0]
    var deadlines: Set<Int64> = []
    for byte in "POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\n".utf8.dropLast() {
      let batches = rig.responder.batches
      peer.send([byte])
      #expect(rig.test.run { rig.responder.batches > batches })
      deadlines.insert(connection.deadline)
    }
    #expect(deadlines.count == 1)
    peer.send("\n")
    var body: Set<Int64> = []
    for byte in "abc".utf8 {
      let batches = rig.responder.batches
      peer.send([byte])
      #expect(rig.test.run { rig.responder.batches > batches })
      if byte != UInt8(ascii: "c") { body.insert(connection.deadline) }
    }
    #expect(body.count == 1)
    #expect(try rig.answer(peer).text == "body abc")
  }

  // MARK: Bodies

  @Test("Expect gets its 100 where a body is awaited and nothing of it has come, and nowhere else")
  func expectation() throws {
    let rig = try ServerRig()
    let peer = try rig.connect()
    let expect = "Expect: 100-continue\r\n\r\n"
    peer.send("POST /a HTTP/1.1\r\nContent-Length: 2\r\n" + expect)
    let interim = try rig.answer(peer)
    #expect(interim.status == 100 && interim.headers.isEmpty)
    peer.send("ok")
    #expect(try rig.answer(peer).text == "body ok")
    peer.send("POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + expect)
    #expect(try rig.answer(peer).status == 100)
    peer.send("2\r\nok\r\n0\r\n\r\n")
    #expect(try rig.answer(peer).text == "body ok")
    for (start, answer) in [
      ("POST /a HTTP/1.1\r\nContent-Length: 2\r\n\(expect)ok", "body ok"),
      ("POST /a HTTP/1.1\r\nContent-Length: 0\r\n\(expect)", "body "), ("POST /a HTTP/1.1\r\n\(expect)", "body "),
      ("GET /a HTTP/1.1\r\n\(expect)", "GET /a"),
    ] {
      peer.send(start)
      #expect(try rig.answer(peer).text == answer, "\(start)")
    }
    peer.send("GET /a HTTP/1.1\r\nContent-Length: 2\r\n" + expect)
    let last = try rig.answer(peer)
    #expect(last.text == "GET /a" && last.closes)
  }

  @Test("a body that nobody needs is dropped; one that has not come is not waited for, and ends the connection")
  func unneededBody() throws {
    let rig = try ServerRig()
    for (announced, body) in [
      ("Content-Length: 3", "ab"), ("Content-Length: 3", ""), ("Content-Length: 99999999", ""),
      ("Transfer-Encoding: chunked", ""), ("Transfer-Encoding: chunked", "3\r\nabc\r\n"),
      ("Transfer-Encoding: chunked", "zz\r\n"),
    ] {
      let peer = try rig.connect()
      peer.send("GET /first HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc")
      #expect(!(try rig.answer(peer).closes))
      peer.send("GET /a HTTP/1.1\r\n\(announced)\r\n\r\n\(body)")
      let response = try rig.answer(peer)
      #expect(response.status == 200 && response.text == "GET /a" && response["Connection"] == "close", "\(announced)")
      #expect(rig.ends(peer))
      // The rest is dropped; a client that is slow to notice is not reset before it has read its answer.
      peer.send("GET /late HTTP/1.1\r\n\r\n")
      rig.test.run(turns: 3)
      #expect(!rig.responder.peers.isEmpty && rig.counters.count(.dataResponses4xx) == 0)
    }
  }

  @Test("the largest body is read, and one byte more is a 413, whether announced or chunked")
  func largest() throws {
    let rig = try ServerRig()
    let most = JSONCheck.maximumBody
    let body = String(repeating: "x", count: most)
    for start in [
      "POST /a HTTP/1.1\r\nContent-Length: \(most)\r\n\r\n\(body)",
      "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n8000\r\n\(body.prefix(0x8000))\r\n"
        + "8000\r\n\(body.prefix(0x8000))\r\n0\r\n\r\n",
    ] {
      let peer = try rig.connect()
      peer.send(start)
      #expect(try rig.answer(peer).body.count == most + 5)
    }
    for start in [
      "POST /a HTTP/1.1\r\nContent-Length: \(most + 1)\r\n\r\n",
      "POST /a HTTP/1.1\r\nContent-Length: \(most + 1)\r\nExpect: 100-continue\r\n\r\n",
      "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n10001\r\n\(body)x\r\n0\r\n\r\n",
    ] {
      let peer = try rig.connect()
      peer.send(start)
      let response = try rig.answer(peer)
      #expect(response.status == 413 && response.closes)
      #expect(rig.ends(peer))
    }
    #expect(rig.counters.count(.rejectedBody) == 3)
  }

  // MARK: What is malformed

  @Test("a request that is none is refused with its status, and the connection half-closes behind the answer")
  func malformed() throws {
    let rig = try ServerRig()
    let long = String(repeating: "x", count: 66_000)
    for (start, status) in [
      ("nonsense\r\n\r\n", 400), ("GET /a HTTP/1.1\nX: y\n\n", 400), ("GET /a HTTP/2.0\r\n\r\n", 505),
      ("GET /\(long) HTTP/1.1\r\n\r\n", 414), ("GET / HTTP/1.1\r\nX: \(long)\r\n\r\n", 431),
      ("POST /a HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
      ("POST /a HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
      ("POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    ] {
      let peer = try rig.connect()
      peer.send("GET /before HTTP/1.1\r\n\r\n" + start)
      #expect(try rig.answer(peer).text == "GET /before")
      let response = try rig.answer(peer)
      #expect(response.status == status && response.closes, "\(start.prefix(60))")
      #expect(response.json?["status"]?.int == status)
      #expect(rig.ends(peer), "\(start.prefix(60))")
    }
  }

  // MARK: Time

  @Test("a head or a body that does not come in time is a 408, and an idle connection just ends")
  func timeOuts() throws {
    let rig = try ServerRig()
    for (start, counter) in [
      ("GET /a HTT", WorkerCounter.timeoutHead), ("GET /1 HTTP/1.1\r\n\r\nGET ", .timeoutHead),
      ("POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nab", .timeoutBody),
      ("POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n", .timeoutBody),
    ] {
      let peer = try rig.connect()
      let connection = rig.connections.last!
      let before = rig.counters.count(counter)
      let batches = rig.responder.batches
      peer.send(start)
      #expect(rig.test.run { rig.responder.batches > batches })
      let left = connection.deadline - Loop.monotonicNow()
      #expect(left <= Bounds.requestTime && left > 0)
      connection.timedOut()
      if start.hasPrefix("GET /1") { #expect(try rig.answer(peer).text == "GET /1") }
      let response = try rig.answer(peer)
      #expect(response.status == 408 && response.closes && response.json?["status"]?.int == 408)
      #expect(rig.counters.count(counter) == before + 1)
      #expect(rig.ends(peer))
      connection.timedOut()
    }
    #expect(rig.isEmpty())

    let idle = try rig.connect()
    let connection = rig.connections.last!
    #expect(connection.deadline - Loop.monotonicNow() > Bounds.idleTime - 60 * Bounds.second)
    idle.send("GET /a HTTP/1.1\r\n\r\n")
    #expect(try rig.answer(idle).status == 200)
    #expect(connection.deadline - Loop.monotonicNow() > Bounds.idleTime - 60 * Bounds.second)
    connection.timedOut()
    #expect(rig.ends(idle))
    #expect(rig.counters.count(.timeoutIdle) == 1)
    #expect(rig.isEmpty())
  }

  @Test("a listener's own idle time holds from the first moment on, after each answer and after each slow reader")
  func shortIdleTime() throws {
    let rig = try ServerRig(idleTime: Bounds.adminIdleTime)
    let peer = try rig.connect(receiveBuffer: 4_096)
    let connection = rig.connections[0]
    func left() -> Int64 { connection.deadline - Loop.monotonicNow() }
    #expect(left() > 0 && left() <= Bounds.adminIdleTime)
    peer.send("GET /a HTTP/1.1\r\n\r\n")
    #expect(try rig.answer(peer).status == 200)
    #expect(connection.wait == .request && left() > 0 && left() <= Bounds.adminIdleTime)
    rig.responder.bigCount = 8_000_000
    peer.send("GET /big HTTP/1.1\r\n\r\n")
    #expect(rig.test.run { connection.wait == .output })
    #expect(try rig.answer(peer).status == 200)
    #expect(rig.test.run { connection.wait == .request })
    #expect(left() > 0 && left() <= Bounds.adminIdleTime)
  }

  // MARK: Endings

  @Test("a last answer says so, the server half-closes, and drops what still comes", arguments: [true, false])
  func lastAnswer(byClient: Bool) throws {
    let rig = try ServerRig()
    let peer = try rig.connect()
    rig.responder.isStopping = !byClient
    peer.send("GET /a HTTP/1.1\r\n\(byClient ? "Connection: close\r\n" : "")\r\nGET /b HTTP/1.1\r\n\r\n")
    let response = try rig.answer(peer)
    #expect(response.text == "GET /a" && response["Connection"] == "close")
    #expect(rig.ends(peer))
    peer.send("GET /c HTTP/1.1\r\n\r\n")
    rig.test.run(turns: 3)
    #expect(rig.responder.peers.count == 1)
    let left = rig.connections[0].deadline - Loop.monotonicNow()
    #expect(left <= Bounds.lingerTime)
    peer.endSending()
    #expect(rig.isEmpty())
  }

  @Test("HTTP/1.0 closes unless it asks to be kept")
  func oldVersion() throws {
    let rig = try ServerRig()
    let peer = try rig.connect()
    peer.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    #expect(try rig.answer(peer)["Connection"] == "keep-alive")
    peer.send("GET /a HTTP/1.0\r\n\r\n")
    #expect(try rig.answer(peer)["Connection"] == "close")
    #expect(rig.ends(peer))
  }

  @Test("a peer that ends its sending still gets its answers; one in the middle of a request is told so")
  func halfClosed() throws {
    let rig = try ServerRig()
    let peer = try rig.connect()
    peer.send("GET /a HTTP/1.1\r\n\r\nPOST /b HTTP/1.1\r\nContent-Length: 1\r\n\r\nb")
    peer.endSending()
    #expect(try rig.answer(peer).text == "GET /a")
    #expect(try rig.answer(peer).text == "body b")
    #expect(rig.ends(peer))
    for start in ["", "GET", "POST /b HTTP/1.1\r\nContent-Length: 5\r\n\r\nb"] {
      let peer = try rig.connect()
      peer.send(start)
      peer.endSending()
      if !start.isEmpty { #expect(try rig.answer(peer).status == 400, "\(start)") }
      #expect(rig.ends(peer), "\(start)")
    }
    #expect(rig.isEmpty())
  }

  @Test("a peer that breaks off, wherever, is forgotten")
  func brokenOff() throws {
    let rig = try ServerRig()
    for start in ["", "GET", "GET /a HTTP/1.1\r\n\r\n", "POST /b HTTP/1.1\r\nContent-Length: 5\r\n\r\nb"] {
      let peer = try rig.connect()
      peer.send(start)
      rig.test.run(turns: 2)
      peer.reset()
      #expect(rig.isEmpty(), "\(start)")
    }
    #expect(rig.counters.count(.connectionsOpened) == 4)
    #expect(rig.counters.count(.connectionsClosed) == 4)
  }

  // MARK: Peers that do not read

  @Test("a peer that does not read stops being read, and gets every answer in order once it reads")
  func slowReader() throws {
    let rig = try ServerRig()
    let peer = try rig.connect(receiveBuffer: 131_072)
    let stream = rig.connections[0].stream
    var sent = 0
    var mostPending = 0
    // As many as both kernels and the server take: each answer is far larger than its request.
    let isFull = rig.test.run(seconds: 30) {
      mostPending = max(mostPending, stream.pendingOutput)
      guard sent < 400 else { return true }
      let text = "GET /big/\(sent) HTTP/1.1\r\n\r\n"
      if peer.send(text) == text.utf8.count { sent += 1 }
      return false
    }
    #expect(isFull)
    #expect(stream.pendingOutput > 0)
    #expect(mostPending <= Bounds.gatheredOutput + rig.responder.bigCount + 1_000)
    #expect(stream.keptInput <= Bounds.input)
    #expect(rig.responder.peers.count < sent)
    #expect(rig.connections[0].deadline - Loop.monotonicNow() <= Bounds.outputTime)
    for number in 0..<sent {
      let response = try rig.answer(peer)
      #expect(response.body.count == rig.responder.bigCount)
      #expect(response.text.hasPrefix("GET /big/\(number)b"))
    }
    #expect(rig.test.run { stream.pendingOutput == 0 })
    peer.send("GET /after HTTP/1.1\r\n\r\n")
    #expect(try rig.answer(peer).text == "GET /after")
  }

  @Test("one that never reads is closed when its time is over, and one that half-closed gets its answers first")
  func neverReads() throws {
    let rig = try ServerRig()
    rig.responder.bigCount = 8_000_000
    let peer = try rig.connect(receiveBuffer: 4_096)
    let connection = rig.connections[0]
    peer.send("GET /big HTTP/1.1\r\n\r\n")
    #expect(rig.test.run { connection.stream.pendingOutput > 0 })
    connection.timedOut()
    #expect(rig.isEmpty())
    #expect(rig.counters.count(.timeoutOutput) == 1)

    let half = try rig.connect(receiveBuffer: 4_096)
    half.send("GET /big HTTP/1.1\r\n\r\n")
    half.endSending()
    #expect(rig.test.run { rig.connections[1].stream.pendingOutput > 0 })
    #expect(try rig.answer(half).body.count == 8_000_000)
    #expect(rig.ends(half))
    #expect(rig.isEmpty())
  }
}
