// StreamTests.swift: reading, writing and ending of connections, over real sockets on loopback.

import Glibc
import TestKit
import Testing

@testable import EventLoop

@Suite struct StreamReadingTests {
  @Test(
    "bytes that are written come back",
    arguments: [SocketAddress.v4(0x7f00_0001, port: 0), .unix(path: temporaryPath("echo"))])
  func echo(address: SocketAddress) throws {
    let pair = try Pair(address)
    pair.recorder.consume = { stream, bytes in
      let isTaken = stream.write(bytes)
      #expect(isTaken)
      return bytes.count
    }
    pair.client.send("hello")
    var answer: [UInt8] = []
    #expect(
      pair.run {
        answer += pair.client.receive() ?? []
        return answer.count >= 5
      })
    #expect(String(decoding: answer, as: UTF8.self) == "hello")
    #expect(pair.recorder.events == [.received("hello")])
    #expect(pair.stream.keptInput == 0 && pair.stream.pendingOutput == 0)
  }

  @Test("what a handler leaves comes again before what is new")
  func splitReads() throws {
    let pair = try Pair()
    // Lines: consumes up to the last newline.
    pair.recorder.consume = { _, bytes in
      var end = 0
      for index in bytes.indices where bytes[index] == UInt8(ascii: "\n") { end = index + 1 }
      return end
    }
    for (piece, offered) in [("ab", "ab"), ("c", "abc"), ("d\nef", "abcd\nef"), ("\n", "ef\n"), ("x\n", "x\n")] {
      let before = pair.recorder.events.count
      pair.client.send(piece)
      #expect(pair.run { pair.recorder.events.count > before })
      #expect(pair.recorder.events.last == .received(offered))
    }
    #expect(pair.recorder.text == "abcd\nef\nx\n")
    #expect(pair.stream.keptInput == 0)
  }

  @Test("what was left can be dropped, but not from inside the call that is looking at it")
  func discarding() throws {
    let pair = try Pair()
    pair.recorder.consume = { stream, bytes in
      stream.discardInput()
      return 0
    }
    for (piece, offered) in [("ab", "ab"), ("cd", "abcd")] {
      let before = pair.recorder.events.count
      pair.client.send(piece)
      #expect(pair.run { pair.recorder.events.count > before })
      #expect(pair.recorder.events.last == .received(offered))
    }
    #expect(pair.stream.keptInput == 4 && pair.stream.inputMemory(keeping: 4) >= 4)
    pair.stream.discardInput()
    #expect(pair.stream.keptInput == 0 && pair.stream.inputMemory(keeping: 0) == 0)
    pair.client.send("ef")
    #expect(pair.run { pair.recorder.events.last == .received("ef") })
  }

  @Test("any split of the input and any consumption give the same bytes", arguments: 0..<8)
  func randomSplits(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let pair = try Pair(maximumInput: 5000)
    let input = (0..<50_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
    var consumption = SeededGenerator(seed: seed &+ 1000)
    pair.recorder.consume = { stream, bytes in
      // Never nothing of a full stream, or it would rest.
      bytes.count >= stream.maximumInput ? bytes.count : Int.random(in: 0...bytes.count, using: &consumption)
    }
    var sent = 0
    let done = pair.run {
      if sent < input.count {
        let size = min(Int.random(in: 1...10_000, using: &random), input.count - sent)
        sent += max(0, pair.client.send(Array(input[sent..<sent + size])))
      } else if pair.stream.keptInput > 0, pair.recorder.bytes.count < input.count {
        pair.recorder.consume = { _, bytes in bytes.count }
        pair.stream.pauseReading()
        pair.stream.resumeReading()
      }
      return pair.recorder.bytes.count >= input.count
    }
    #expect(done, "seed \(seed): \(pair.recorder.bytes.count) of \(input.count)")
    #expect(pair.recorder.bytes == input, "seed \(seed)")
  }

  @Test("what was left is offered again at the turn's end where the handler asks for it, however often, paused or not")
  func offeredAgain() throws {
    let pair = try Pair(maximumInput: 4)
    pair.recorder.consume = { _, _ in 0 }
    pair.client.send("ab")
    #expect(pair.run { pair.recorder.events == [.received("ab")] })
    pair.recorder.consume = { _, _ in 1 }
    pair.stream.offerAgain()
    pair.stream.offerAgain()
    #expect(pair.recorder.events.count == 1, "not from inside the call")
    #expect(pair.run { pair.recorder.events.count == 2 })
    pair.test.run(turns: 3)
    #expect(pair.recorder.events == [.received("ab"), .received("ab")])
    #expect(pair.recorder.text == "a" && pair.stream.keptInput == 1)

    // A stream that is full rests, and reads on once there is room.
    pair.recorder.consume = { _, _ in 0 }
    pair.client.send("cdefg")
    #expect(pair.run { pair.stream.keptInput == 4 })
    #expect(pair.recorder.events.last == .received("bcde"))
    pair.recorder.consume = { _, bytes in bytes.count }
    pair.stream.offerAgain()
    #expect(pair.run { pair.recorder.text == "abcdefg" })

    // With nothing left, and after the peer has ended, there is nothing to offer.
    pair.client.send("h")
    pair.recorder.consume = { _, _ in 0 }
    #expect(pair.run { pair.recorder.events.last == .received("h") })
    pair.client.endSending()
    #expect(pair.run { pair.recorder.hasEnded })
    pair.recorder.consume = { _, bytes in bytes.count }
    pair.stream.offerAgain()
    #expect(pair.run { pair.recorder.text == "abcdefgh" })
    let events = pair.recorder.events.count
    pair.stream.offerAgain()
    pair.test.run(turns: 3)
    #expect(pair.recorder.events.count == events)
    pair.stream.close()
    pair.stream.offerAgain()
    #expect(pair.run { pair.recorder.isClosed })
  }

  @Test("a peer whose bytes are not consumed is read up to the bound and no further")
  func inputIsBounded() throws {
    let pair = try Pair(maximumInput: 10_000)
    var largest = 0
    pair.recorder.consume = { _, bytes in
      largest = max(largest, bytes.count)
      return 0
    }
    let block = [UInt8](repeating: 7, count: 65_536)
    var sent = 0
    _ = pair.run {
      sent += max(0, pair.client.send(block))
      return pair.stream.keptInput == 10_000
    }
    #expect(pair.stream.keptInput == 10_000)
    let events = pair.recorder.events.count
    pair.test.run(turns: 20)
    #expect(pair.recorder.events.count == events, "a full stream rests")
    #expect(largest == 10_000)

    pair.recorder.consume = { _, bytes in bytes.count }
    pair.stream.resumeReading()
    #expect(pair.run { pair.recorder.bytes.count == sent })
    #expect(pair.stream.keptInput == 0)
  }

  @Test("a paused stream tells nothing; resumed, it offers what was left, not from inside the call")
  func pauseAndResume() throws {
    let pair = try Pair()
    pair.recorder.consume = { stream, bytes in
      stream.pauseReading()
      return 1
    }
    pair.client.send("abc")
    #expect(pair.run { pair.recorder.events.count == 1 })
    pair.client.send("d")
    pair.test.run(turns: 10)
    #expect(pair.recorder.events == [.received("abc")])
    pair.recorder.consume = { stream, bytes in
      // From inside: must wait until this call is over.
      stream.pauseReading()
      stream.resumeReading()
      return 1
    }
    pair.stream.resumeReading()
    #expect(pair.recorder.events.count == 1, "not from inside `resumeReading`")
    #expect(pair.run { pair.recorder.text == "abcd" })
    #expect(!pair.recorder.wasReentered)
  }

  @Test("a stream that is closed after `resumeReading` gets nothing more")
  func closeBeforeRedelivery() throws {
    let pair = try Pair()
    pair.recorder.consume = { stream, _ in
      stream.pauseReading()
      return 0
    }
    pair.client.send("abc")
    #expect(pair.run { pair.recorder.events.count == 1 })
    pair.stream.resumeReading()
    pair.stream.close()
    #expect(pair.run { pair.recorder.isClosed })
    #expect(pair.recorder.events == [.received("abc"), .closed(nil)])
  }

  @Test("the end of the peer's data is told after the data, and what was left can still be had")
  func halfClose() throws {
    let pair = try Pair()
    pair.recorder.consume = { _, _ in 0 }
    pair.recorder.onEnded = { [unowned recorder = pair.recorder] stream in
      recorder.consume = { _, bytes in bytes.count }
      stream.pauseReading()
      stream.resumeReading()
    }
    pair.client.send("tail")
    pair.client.endSending()
    #expect(pair.run { pair.recorder.text == "tail" })
    #expect(pair.recorder.hasEnded && pair.stream.hasEnded)
    #expect(!pair.recorder.isClosed, "nothing closes by itself")
    // The other direction still works.
    #expect(write(Array("bye".utf8), to: pair.stream))
    var answer: [UInt8]?
    #expect(
      pair.run {
        answer = pair.client.receive()
        return answer != nil
      })
    #expect(answer == Array("bye".utf8))
    pair.stream.close()
    #expect(pair.run { pair.recorder.isClosed })
    #expect(pair.recorder.closings == [nil])
  }

  @Test("a handler that closes in the middle of `received` gets `closed` once and no more bytes")
  func closeInside() throws {
    let pair = try Pair(maximumInput: 100)
    pair.recorder.consume = { stream, bytes in
      stream.close()
      stream.close()
      let isTaken = stream.write(bytes)
      #expect(!isTaken, "a closing stream takes nothing")
      return 0
    }
    pair.client.send([UInt8](repeating: 65, count: 1000))
    #expect(pair.run { pair.recorder.isClosed })
    pair.test.run(turns: 5)
    #expect(pair.recorder.events.count == 2)
    #expect(pair.recorder.closings == [nil])
    #expect(!pair.recorder.wasReentered)
  }

  @Test("a peer that resets the connection closes it, with an error that is nothing to log")
  func reset() throws {
    var pair: Pair? = try Pair()
    let recorder = try #require(pair).recorder
    pair?.client.resetOnClose()
    weak let stream = pair?.stream
    let test = try #require(pair).test
    let acceptor = try #require(pair).acceptor
    pair = nil  // closes the client
    #expect(test.run { recorder.isClosed })
    #expect(recorder.closings == [.connectionReset])
    #expect(UVError.connectionReset.isPeerGone)
    acceptor.streams = []
    #expect(stream == nil, "a closed stream is let go")
  }
}

@Suite struct StreamWritingTests {
  @Test("a peer that never reads fills the bound, then writes are refused whole, and nothing is lost or doubled")
  func backPressure() throws {
    let pair = try Pair(maximumOutput: 100_000)
    var written: [UInt8] = []
    var refused = false
    var block = 0
    while !refused, block < 100_000 {
      let bytes = (0..<10_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ block) }
      if write(bytes, to: pair.stream) { written += bytes } else { refused = true }
      #expect(pair.stream.pendingOutput <= 100_000)
      block += 1
    }
    #expect(refused)
    #expect(!pair.recorder.isClosed && !pair.stream.isClosing, "a refused write breaks nothing")
    #expect(!write([UInt8](repeating: 0, count: 50_000), to: pair.stream))

    var read: [UInt8] = []
    #expect(
      pair.run {
        read += pair.client.receive(1 << 20) ?? []
        return read.count >= written.count
      })
    #expect(read == written)
    #expect(pair.run { pair.recorder.events.contains(.drained) })
    #expect(pair.recorder.events == [.drained], "once, when the last byte is gone")
    #expect(pair.stream.pendingOutput == 0)
    #expect(write([1], to: pair.stream))
  }

  @Test("one write larger than the bound is taken where nothing waits")
  func oneLargeWrite() throws {
    let pair = try Pair(maximumOutput: 1000)
    let block = (0..<65_521).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    var large: [UInt8] = []
    for _ in 0..<200 { large += block }
    #expect(write(large, to: pair.stream))
    #expect(pair.stream.pendingOutput > 1000)
    #expect(!write([1], to: pair.stream))
    var read: [UInt8] = []
    read.reserveCapacity(large.count)
    #expect(
      pair.run {
        while let bytes = pair.client.receive(1 << 20), !bytes.isEmpty { read += bytes }
        return read.count >= large.count
      })
    #expect(read == large)
  }

  @Test("`shutdown` ends the output after what waits, and reading goes on")
  func shutdownAfterPending() throws {
    let pair = try Pair(maximumOutput: 1000)
    let large = [UInt8](repeating: 9, count: 10_000_000)
    #expect(write(large, to: pair.stream))
    pair.stream.shutdown()
    pair.stream.shutdown()
    #expect(!write([1], to: pair.stream), "nothing may follow the end")
    var count = 0
    var isAtEnd = false
    #expect(
      pair.run {
        while let bytes = pair.client.receive(1 << 20) {
          count += bytes.count
          if bytes.isEmpty {
            isAtEnd = true
            break
          }
        }
        return isAtEnd
      })
    #expect(count == large.count)
    pair.client.send("still here")
    #expect(pair.run { pair.recorder.text == "still here" })
    pair.client.endSending()
    #expect(pair.run { pair.recorder.hasEnded })
    pair.stream.close()
    #expect(pair.run { pair.recorder.isClosed })
    #expect(pair.recorder.closings == [nil])
  }

  @Test("a handler may end the output from `drained`")
  func shutdownInDrained() throws {
    let pair = try Pair()
    pair.recorder.onDrained = { $0.shutdown() }
    #expect(write([UInt8](repeating: 9, count: 10_000_000), to: pair.stream))
    var isAtEnd = false
    #expect(
      pair.run {
        while let bytes = pair.client.receive(1 << 20) {
          isAtEnd = bytes.isEmpty
          if isAtEnd { break }
        }
        return isAtEnd
      })
    pair.client.send("on")
    #expect(pair.run { pair.recorder.text == "on" })
    #expect(pair.recorder.events == [.drained, .received("on")])
  }

  @Test("closing while output waits drops it and tells `closed` once")
  func closeWithPending() throws {
    let pair = try Pair(maximumOutput: 1000)
    #expect(write([UInt8](repeating: 9, count: 10_000_000), to: pair.stream))
    pair.stream.shutdown()
    pair.stream.close()
    #expect(pair.stream.isClosing)
    #expect(pair.run { pair.recorder.isClosed })
    #expect(pair.recorder.events == [.closed(nil)])
  }

  @Test("writing to a peer that is gone is an error of the stream, not a signal")
  func brokenPipe() throws {
    let pair = try Pair(.unix(path: temporaryPath("pipe")))
    pair.stream.pauseReading()
    Glibc.shutdown(pair.client.descriptor, Int32(SHUT_RD))
    #expect(!write([1], to: pair.stream))
    #expect(pair.run { pair.recorder.isClosed })
    #expect(pair.recorder.closings == [.brokenPipe])
    #expect(UVError.brokenPipe.isPeerGone)
  }

  @Test("a handler may close the stream from `drained`")
  func closeInDrained() throws {
    let pair = try Pair()
    pair.recorder.onDrained = { $0.close() }
    #expect(write([UInt8](repeating: 9, count: 10_000_000), to: pair.stream))
    pair.stream.shutdown()
    #expect(
      pair.run {
        while let bytes = pair.client.receive(1 << 20), !bytes.isEmpty {}
        return pair.recorder.isClosed
      })
    #expect(pair.recorder.events == [.drained, .closed(nil)])
  }
}

@Suite struct StreamConnectingTests {
  @Test(
    "a client stream connects and talks",
    arguments: [
      SocketAddress.v4(0x7f00_0001, port: 0), .v6(high: 0, low: 1, port: 0), .unix(path: temporaryPath("connect")),
    ])
  func connects(address: SocketAddress) throws {
    let test = try TestLoop()
    let acceptor = Acceptor()
    let server = Recorder()
    server.consume = { stream, bytes in
      let isTaken = stream.write(bytes)
      #expect(isTaken)
      return bytes.count
    }
    acceptor.makeHandler = { _ in server }
    let listener = try Listener(
      loop: test.loop, socket: ListeningSocket.open(address, count: 1)[0], maximumInput: 1000, maximumOutput: 1000,
      handler: acceptor)
    let client = Recorder()
    let stream = Stream.connect(
      loop: test.loop, to: listener.address, timeoutNanoseconds: 10_000_000_000, maximumInput: 1000,
      maximumOutput: 1000,
      handler: client)
    #expect(write(Array("early".utf8), to: stream), "what is written before `connected` follows it")
    #expect(test.run { client.text == "early" })
    #expect(client.events.first == .connected)
    #expect(stream.peer == listener.address.peer)
    stream.close()
    #expect(test.run { server.hasEnded && client.isClosed })
    #expect(client.closings == [nil])
  }

  @Test("a stream may be paused, resumed and shut down before and while it connects", arguments: [false, true])
  func earlyCalls(writes: Bool) throws {
    let test = try TestLoop()
    let acceptor = Acceptor()
    let server = Recorder()
    acceptor.makeHandler = { _ in server }
    server.onEnded = { stream in
      write(Array("answer".utf8), to: stream)
      stream.shutdown()
    }
    let listener = try Listener(
      loop: test.loop, socket: ListeningSocket.open(.v4(0x7f00_0001, port: 0), count: 1)[0], maximumInput: 1000,
      maximumOutput: 1000, handler: acceptor)
    let client = Recorder()
    client.onConnected = { $0.shutdown() }
    let stream = Stream.connect(
      loop: test.loop, to: listener.address, timeoutNanoseconds: 10_000_000_000, maximumInput: 1000,
      maximumOutput: 1000, handler: client)
    stream.pauseReading()
    stream.resumeReading()
    if writes { write(Array("question".utf8), to: stream) } else { stream.shutdown() }
    #expect(test.run { client.hasEnded })
    #expect(server.text == (writes ? "question" : ""))
    #expect(client.text == "answer")
    #expect(!client.isClosed)
  }

  @Test("a refused connection is told by `closed`")
  func refused() throws {
    let test = try TestLoop()
    let socket = try ListeningSocket.open(.v4(0x7f00_0001, port: 0), count: 1)[0]
    let address = socket.boundAddress
    socket.close()
    let client = Recorder()
    for target in [address, .unix(path: temporaryPath("nobody"))] {
      let before = client.closings.count
      _ = Stream.connect(
        loop: test.loop, to: target, timeoutNanoseconds: 10_000_000_000, maximumInput: 10, maximumOutput: 10,
        handler: client)
      #expect(client.closings.count == before, "not from inside `connect`")
      #expect(test.run { client.closings.count == before + 1 })
    }
    #expect(client.closings == [.connectionRefused, .noSuchFile])
  }

  @Test("an attempt that takes too long ends with a time-out")
  func timeOut() throws {
    let test = try TestLoop()
    // A listener whose backlog is full answers no more: the kernel drops the handshake.
    let descriptor = try Platform.openSocket(for: .v4(0, port: 0))
    defer { Platform.closeDescriptor(descriptor) }
    try Platform.bindSocket(descriptor, to: .v4(0x7f00_0001, port: 0))
    try Platform.listenSocket(descriptor, backlog: 0)
    let address = try #require(try Platform.localAddress(of: descriptor))
    let filler = RawSocket(address)
    let client = Recorder()
    let begin = Loop.monotonicNow()
    _ = Stream.connect(
      loop: test.loop, to: address, timeoutNanoseconds: 50_000_000, maximumInput: 10, maximumOutput: 10, handler: client
    )
    #expect(test.run { client.isClosed })
    #expect(client.events == [.closed(.timedOut)])
    #expect(Loop.monotonicNow() - begin >= 50_000_000)
    #expect(filler != nil)
  }
}
