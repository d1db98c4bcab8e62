// ListenerTests.swift: accepting, draining, and running out of descriptors.

import CUV
import Glibc
import TestKit
import Testing

@testable import EventLoop

@Suite struct ListenerTests {
  private func listen(
    _ test: TestLoop, _ acceptor: Acceptor, _ address: SocketAddress = .v4(0x7f00_0001, port: 0)
  ) throws -> Listener {
    try Listener(
      loop: test.loop, socket: ListeningSocket.open(address, count: 1)[0], maximumInput: 100, maximumOutput: 100,
      handler: acceptor)
  }

  @Test(
    "a drain accepts at once everything that waits",
    arguments: [SocketAddress.v4(0x7f00_0001, port: 0), .unix(path: temporaryPath("drain"))])
  func drain(address: SocketAddress) throws {
    let test = try TestLoop()
    let acceptor = Acceptor()
    let listener = try listen(test, acceptor, address)
    let clients = (0..<300).compactMap { _ in RawSocket(listener.address) }
    #expect(clients.count == 300)
    for client in clients { client.send("x") }
    #expect(listener.acceptBacklog() == 300)
    #expect(acceptor.streams.count == 300)
    #expect(listener.acceptBacklog() == 0)
    listener.close()
    listener.close()
    #expect(RawSocket(listener.address) == nil)
    // What was accepted goes on.
    let recorders = acceptor.streams.compactMap { $0.handler as? Recorder }
    #expect(test.run { recorders.allSatisfy { $0.text == "x" } })
    #expect(recorders.count == 300)
  }

  @Test("a Unix socket that drains cannot be found any more")
  func drainWithdraws() throws {
    let test = try TestLoop()
    let listener = try listen(test, Acceptor(), .unix(path: temporaryPath("gone")))
    #expect(RawSocket(listener.address) != nil)
    listener.acceptBacklog()
    #expect(RawSocket(listener.address) == nil)
  }

  @Test("a stream without a handler is closed")
  func withoutHandler() throws {
    let test = try TestLoop()
    let acceptor = Acceptor()
    acceptor.makeHandler = { _ in nil }
    let client = RawSocket(try listen(test, acceptor).address)
    var answer: [UInt8]?
    #expect(
      test.run {
        answer = client?.receive()
        return answer != nil
      })
    #expect(answer == [])
  }

  @Test("a handler may close the listener, and the stream, while it accepts")
  func closeInside() throws {
    let test = try TestLoop()
    let acceptor = Acceptor()
    acceptor.onAccepted = { listener, stream in
      listener.close()
      stream.close()
    }
    let listener = try listen(test, acceptor)
    let clients = (0..<3).compactMap { _ in RawSocket(listener.address) }
    #expect(clients.count == 3)
    #expect(test.run { (acceptor.streams.first?.isClosing ?? false) })
    test.run(turns: 3)
    #expect(acceptor.streams.count == 1)
  }

  @Test("an answer is sent at once (TCP_NODELAY)")
  func noDelay() throws {
    let pair = try Pair()
    var descriptor: Int32 = -1
    unsafe uv_fileno(base(pair.stream.handle), &descriptor)
    var value: Int32 = 0
    var length = socklen_t(4)
    #expect(unsafe getsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &value, &length) == 0)
    #expect(value == 1)
  }

  @Test("a socket has one listener")
  func takenOnce() throws {
    let test = try TestLoop()
    let socket = try ListeningSocket.open(.v4(0x7f00_0001, port: 0), count: 1)[0]
    let first = try Listener(loop: test.loop, socket: socket, maximumInput: 1, maximumOutput: 1, handler: Acceptor())
    let error = #expect(throws: UVError.self) {
      try Listener(loop: test.loop, socket: socket, maximumInput: 1, maximumOutput: 1, handler: Acceptor())
    }
    #expect(error?.name == "EBADF")
    first.close()
  }

  @Test("out of descriptors it reports, does not spin, and accepts once there are some again")
  func outOfDescriptors() async {
    // The limit holds for a process, so this test has one of its own.
    await #expect(processExitsWith: .success) {
      let test = try TestLoop()
      let acceptor = Acceptor()
      let listener = try Listener(
        loop: test.loop, socket: ListeningSocket.open(.v4(0x7f00_0001, port: 0), count: 1)[0], maximumInput: 100,
        maximumOutput: 100, handler: acceptor)
      // The first stream of a loop makes libuv open a descriptor of its own.
      let first = RawSocket(listener.address)
      #expect(test.run { acceptor.streams.count == 1 })
      acceptor.streams = []
      var clients = (0..<8).compactMap { _ in RawSocket(listener.address) }
      #expect(clients.count == 8)
      var limit = rlimit(rlim_cur: 200, rlim_max: 200)
      #expect(unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
      // All descriptors are in use but three.
      var spare: [Int32] = []
      while case let copy = dup(0), copy >= 0 { spare.append(copy) }
      for descriptor in spare.suffix(3) { close(descriptor) }

      let begin = Machine.cpuSeconds()
      #expect(test.run { acceptor.failures.count >= 5 })
      #expect(acceptor.streams.count == 3, "\(acceptor.streams.count)")
      #expect(Set(acceptor.failures) == [.tooManyOpenFiles])
      // Five pauses are half a second; a loop that spins would use all of it.
      #expect(Machine.cpuSeconds() - begin < 0.25)

      for stream in acceptor.streams { stream.close() }
      #expect(test.run { acceptor.streams.count == 6 })
      for stream in acceptor.streams { stream.close() }
      #expect(test.run { acceptor.streams.count == 8 })
      clients = []
      #expect(first != nil)
    }
  }
}
