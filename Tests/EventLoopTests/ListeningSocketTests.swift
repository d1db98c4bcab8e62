// ListeningSocketTests.swift: who may listen where, and what a Unix socket's file is like.

import Glibc
import Synchronization
import TestKit
import Testing

@testable import EventLoop

private let loopback = SocketAddress.v4(0x7f00_0001, port: 0)

@Suite struct TCPListeningTests {
  @Test("connections land on every socket of a group, and none is lost")
  func groupWorks() throws {
    let test = try TestLoop()
    let sockets = try ListeningSocket.open(loopback, count: 4)
    #expect(Set(sockets.map(\.boundAddress)).count == 1)
    #expect(sockets[0].boundAddress.port != 0)
    let acceptors = sockets.map { _ in Acceptor() }
    let listeners = try zip(sockets, acceptors).map {
      try Listener(loop: test.loop, socket: $0, maximumInput: 10, maximumOutput: 10, handler: $1)
    }
    let clients = (0..<200).compactMap { _ in RawSocket(sockets[0].boundAddress) }
    #expect(clients.count == 200)
    #expect(test.run { acceptors.map(\.streams.count).reduce(0, +) == 200 })
    // A hash of the ports spreads them; that one socket of four gets none of 200 has probability 10^-25.
    #expect(acceptors.allSatisfy { !$0.streams.isEmpty }, "\(acceptors.map(\.streams.count))")
    #expect(listeners.allSatisfy { $0.address == sockets[0].boundAddress })
  }

  @Test("a port that somebody listens on is an error", arguments: [1, 4], [1, 4])
  func conflict(first: Int, second: Int) throws {
    let holders = try ListeningSocket.open(loopback, count: first)
    let error = #expect(throws: ListenError.self) {
      try ListeningSocket.open(holders[0].boundAddress, count: second)
    }
    #expect(error?.cause == .addressInUse)
    let text = error?.description ?? ""
    #expect(text.hasPrefix("cannot listen on \(holders[0].boundAddress): "), "\(text)")
    #expect(text.contains("EADDRINUSE") && text.contains("choose another port"))
    // And after a failed attempt the first group still gets its connections.
    #expect(RawSocket(holders[0].boundAddress) != nil)
  }

  @Test("a listener of somebody else who would share the port is an error all the same", arguments: [1, 3])
  func conflictWithReusePort(count: Int) throws {
    let other = try Platform.openSocket(for: loopback)
    defer { Platform.closeDescriptor(other) }
    try Platform.set(.reusePort, true, on: other)
    try Platform.set(.reuseAddress, true, on: other)
    try Platform.bindSocket(other, to: loopback)
    try Platform.listenSocket(other, backlog: 10)
    let address = try #require(try Platform.localAddress(of: other))
    let error = #expect(throws: ListenError.self) { try ListeningSocket.open(address, count: count) }
    #expect(error?.cause == .addressInUse)
  }

  @Test("all interfaces conflict with one interface, in both directions and both IP versions")
  func wildcardConflict() throws {
    let one = try ListeningSocket.open(loopback, count: 2)
    let port = try #require(one[0].boundAddress.port)
    #expect(throws: ListenError.self) { try ListeningSocket.open(.v4(0, port: port), count: 2) }
    #expect(throws: ListenError.self) { try ListeningSocket.open(.v6(high: 0, low: 0, port: port), count: 2) }
    let all = try ListeningSocket.open(.v6(high: 0, low: 0, port: 0), count: 2)
    let allPort = try #require(all[0].boundAddress.port)
    #expect(throws: ListenError.self) { try ListeningSocket.open(.v4(0x7f00_0001, port: allPort), count: 1) }
  }

  @Test("[::] takes IPv4 too, whose peers are IPv4; [::1] does not")
  func dualStack() throws {
    let test = try TestLoop()
    let acceptor = Acceptor()
    let socket = try ListeningSocket.open(.v6(high: 0, low: 0, port: 0), count: 1)[0]
    let port = try #require(socket.boundAddress.port)
    let listener = try Listener(
      loop: test.loop, socket: socket, maximumInput: 10, maximumOutput: 10, handler: acceptor)
    let four = RawSocket(.v4(0x7f00_0001, port: port))
    let six = RawSocket(.v6(high: 0, low: 1, port: port))
    #expect(four != nil && six != nil)
    #expect(test.run { acceptor.streams.count == 2 })
    #expect(Set(acceptor.streams.map(\.peer)) == [.v4(0x7f00_0001), .v6(high: 0, low: 1)])
    #expect(Set(acceptor.streams.map(\.peer.description)) == ["127.0.0.1", "::1"])
    listener.close()

    let only = try ListeningSocket.open(.v6(high: 0, low: 1, port: 0), count: 1)[0]
    #expect(RawSocket(.v4(0x7f00_0001, port: try #require(only.boundAddress.port))) == nil)
  }

  @Test("of two that start at once on one port, at most one listens")
  func race() throws {
    var winners = 0
    for _ in 0..<100 {
      let port = try #require(try ListeningSocket.open(loopback, count: 1)[0].boundAddress.port)  // free again
      let opened = try openAtOnce(.v4(0x7f00_0001, port: port))
      #expect(opened <= 1)
      winners += opened
    }
    #expect(winners > 50, "mostly somebody wins")
  }

  @Test("a socket that is closed or let go frees its port")
  func closes() throws {
    var sockets = try ListeningSocket.open(loopback, count: 3)
    let address = sockets[0].boundAddress
    sockets[0].close()
    sockets[0].close()
    #expect(throws: ListenError.self) { try ListeningSocket.open(address, count: 1) }
    sockets = []
    #expect(throws: Never.self) { try ListeningSocket.open(address, count: 2) }
  }

  @Test("an address of another machine is an error that says so")
  func foreignAddress() throws {
    let error = #expect(throws: ListenError.self) {
      try ListeningSocket.open(.v4(0xc000_0201, port: 0), count: 1)  // 192.0.2.1, for documentation
    }
    #expect(error?.cause?.name == "EADDRNOTAVAIL")
    #expect(error?.address == "192.0.2.1:0")
  }

  @Test("a restart does not wait for old connections to be forgotten")
  func restart() throws {
    let test = try TestLoop()
    let acceptor = Acceptor()
    let listener = try Listener(
      loop: test.loop, socket: ListeningSocket.open(loopback, count: 1)[0], maximumInput: 10, maximumOutput: 10,
      handler: acceptor)
    let client = RawSocket(listener.address)
    #expect(test.run { acceptor.streams.count == 1 })
    // The server closes first, so its end lingers in TIME_WAIT.
    acceptor.streams[0].close()
    listener.close()
    test.run(turns: 2)
    _ = client?.receive()
    #expect(throws: Never.self) { try ListeningSocket.open(listener.address, count: 2) }
  }
}

@Suite struct UnixListeningTests {
  private func mode(of path: String) -> UInt32 {
    var facts = stat()
    return unsafe lstat(path, &facts) == 0 ? facts.st_mode : 0
  }

  @Test(
    "the file has the mode that was asked for, whatever the umask", arguments: [0o660, 0o600, 0o777, 0o666] as [UInt16])
  func modes(mode wanted: UInt16) throws {
    let path = temporaryPath("mode")
    let sockets = try ListeningSocket.open(.unix(path: path), count: 1, unixMode: wanted)
    #expect(mode(of: path) == S_IFSOCK | UInt32(wanted))
    #expect(sockets[0].boundAddress == .unix(path: path))
  }

  @Test("the file has the group that was asked for, by name or number")
  func groups() throws {
    let path = temporaryPath("group")
    var facts = stat()
    for (group, number) in [("daemon", 1), ("2", 2)] as [(String, UInt32)] where getuid() == 0 {
      let sockets = try ListeningSocket.open(.unix(path: path), count: 1, unixGroup: group)
      #expect(unsafe lstat(path, &facts) == 0)
      #expect(facts.st_gid == number)
      sockets[0].close()
    }
    let error = #expect(throws: ListenError.self) {
      try ListeningSocket.open(.unix(path: path), count: 1, unixGroup: "no such group")
    }
    #expect(error?.problem == "there is no group \"no such group\"")
    #expect(mode(of: path) == 0, "a failed attempt leaves no file")
  }

  @Test("a socket file that nobody answers on is replaced")
  func stale() throws {
    let path = temporaryPath("stale")
    let old = try Platform.openSocket(for: .unix(path: path))
    try Platform.bindSocket(old, to: .unix(path: path))
    Platform.closeDescriptor(old)
    let sockets = try ListeningSocket.open(.unix(path: path), count: 2)
    #expect(RawSocket(.unix(path: path)) != nil)
    for socket in sockets { socket.close() }
    #expect(mode(of: path) == 0, "the owner removes its file")
  }

  @Test("a socket that somebody answers on is an error and stays, even with a full backlog", arguments: [false, true])
  func live(isFull: Bool) throws {
    let path = temporaryPath("live")
    let address = SocketAddress.unix(path: path)
    let other = try Platform.openSocket(for: address)
    defer {
      Platform.closeDescriptor(other)
      unsafe unlink(path)
    }
    try Platform.bindSocket(other, to: address)
    try Platform.listenSocket(other, backlog: isFull ? 0 : 10)
    let filler = isFull ? RawSocket(address) : nil
    let error = #expect(throws: ListenError.self) { try ListeningSocket.open(address, count: 1) }
    #expect(error?.cause == .addressInUse)
    #expect(mode(of: path) != 0)
    #expect((filler != nil) == isFull)
  }

  @Test("a file that is no socket is an error and is never deleted", arguments: ["file", "directory", "link"])
  func notASocket(kind: String) throws {
    let path = temporaryPath("plain")
    switch kind {
    case "file": unsafe close(creat(path, 0o600))
    case "directory": unsafe mkdir(path, 0o700)
    default: unsafe symlink("/nowhere", path)
    }
    defer { _ = unsafe kind == "directory" ? rmdir(path) : unlink(path) }
    let error = #expect(throws: ListenError.self) { try ListeningSocket.open(.unix(path: path), count: 1) }
    #expect(error?.problem == "\(path) exists and is no socket")
    #expect(mode(of: path) != 0)
  }

  @Test("of two that find the same stale file, one listens and keeps its file")
  func race() throws {
    let directory = temporaryPath("race")
    unsafe mkdir(directory, 0o700)
    defer { unsafe rmdir(directory) }
    let address = SocketAddress.unix(path: directory + "/socket")
    for _ in 0..<50 {
      let old = try Platform.openSocket(for: address)
      try Platform.bindSocket(old, to: address)
      Platform.closeDescriptor(old)
      var isReachable = false
      let opened = try openAtOnce(address) { isReachable = RawSocket(address) != nil }
      #expect(opened == 1 && isReachable)
    }
  }

  @Test("a file that took the place of ours is left alone")
  func notOurs() throws {
    let path = temporaryPath("replaced")
    let first = try ListeningSocket.open(.unix(path: path), count: 1)
    unsafe unlink(path)
    let second = try ListeningSocket.open(.unix(path: path), count: 1)
    first[0].close()
    #expect(RawSocket(.unix(path: path)) != nil)
    second[0].close()
    #expect(mode(of: path) == 0)
  }

  @Test("a path that is too long or leads nowhere is an error that says what to do")
  func badPaths() {
    let long = #expect(throws: ListenError.self) {
      try ListeningSocket.open(.unix(path: "/tmp/" + String(repeating: "x", count: 200)), count: 1)
    }
    #expect(long?.advice == "choose a path of 1 to 103 bytes")
    let path = temporaryPath("missing") + "/x.sock"
    let missing = #expect(throws: ListenError.self) { try ListeningSocket.open(.unix(path: path), count: 1) }
    #expect(missing?.cause == .noSuchFile)
    #expect(missing?.advice == "create the directory of \(path)")
  }
}

/// How many of two threads can listen on `address` with two sockets; `check` runs while the sockets are open.
private func openAtOnce(_ address: SocketAddress, check: () -> Void = {}) throws -> Int {
  let opened = Mutex<[ListeningSocket]>([])
  let gate = Atomic(0)
  let threads = try (0..<2).map { _ in
    try Thread.start(name: "opener") {
      gate.add(1, ordering: .relaxed)
      while gate.load(ordering: .relaxed) < 2 {}
      if let sockets = try? ListeningSocket.open(address, count: 2) { opened.withLock { $0 += sockets } }
    }
  }
  for thread in threads { thread.join() }
  check()
  return opened.withLock { $0.count / 2 }
}
