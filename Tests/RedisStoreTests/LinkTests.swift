// LinkTests.swift: how a link comes up, what it makes of every failure on the way, and how it ends.

import EventLoop
import Synchronization
import TestKit
import Testing

@testable import RedisStore

@Suite struct LinkGreetingTests {
  @Test("a link greets, is ready once, and then replies come in the order of the commands")
  func ready() throws {
    let test = try TestLoop()
    let server = try FakeRedis(test.loop)
    var target = server.target
    target.user = "u"
    target.password = "p"
    target.database = 2
    let rig = LinkRig(test, target)
    #expect(!rig.link.isReady && !rig.send("PING"))
    rig.link.start()
    #expect(test.run { rig.link.isReady })
    #expect(
      server.commands == [
        ["AUTH", "u", "p"], ["SELECT", "2"], ["CLIENT", "SETNAME", "weir"], ["SCRIPT", "LOAD", "return 1"],
        ["EVALSHA", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db", "0"],
      ])
    for number in 0..<50 { #expect(rig.send("ECHO", "\(number)")) }
    #expect(test.run { rig.recorder.replies.count == 50 })
    #expect(rig.recorder.replies == (0..<50).map { .text("\($0)") })
    #expect(rig.recorder.trialReplies == [.integer(1)])
    #expect(rig.recorder.events.first == .ready && rig.recorder.readies == 1)
    #expect(rig.observer.connects == 1 && rig.observer.failures.isEmpty)
  }

  @Test("a link works over a Unix socket")
  func unix() throws {
    let test = try TestLoop()
    let directory = try TemporaryDirectory()
    let server = try FakeRedis(test.loop, at: .unix(path: directory.file("r")))
    let rig = LinkRig(test, server.target)
    rig.link.start()
    #expect(test.run { rig.link.isReady })
    #expect(rig.send("PING"))
    #expect(test.run { rig.recorder.replies == [.status("PONG")] })
  }

  @Test(
    "whatever goes wrong in the greeting is one failure of its kind, and the link comes up once it is repaired",
    arguments: [
      ("CLIENT", FakeAnswer.say("-NOAUTH Authentication required."), RedisFailure.other, ""),
      ("SCRIPT", .say("-NOAUTH Authentication required."), .auth, "wants a password"),
      ("AUTH", .say("-WRONGPASS invalid"), .auth, "refused (WRONGPASS)"),
      ("SELECT", .say("-ERR DB index is out of range"), .other, "DB index"),
      ("SCRIPT", .say("-NOPERM no permission to run 'script|load'"), .permission, "script|load"),
      ("SCRIPT", .say("-LOADING Redis is loading"), .loading, "until it is ready"),
      ("EVALSHA", .say("-READONLY You can't write"), .readOnly, "replica"),
      ("EVALSHA", .say("-OOM command not allowed"), .outOfMemory, "maxmemory"),
      ("EVALSHA", .say("-MOVED 1 10.0.0.1:6379"), .cluster, "cluster"),
      ("EVALSHA", .say("-BUSY Redis is busy"), .busy, "SCRIPT KILL"),
      ("EVALSHA", .say("-MASTERDOWN Link with MASTER is down"), .other, "MASTERDOWN"),
      ("AUTH", .say("HTTP/1.1 400 Bad Request"), .protocolError, "no reply of Redis"),
      ("AUTH", .say("\u{15}\u{3}\u{3}\0\u{2}\u{2}F"), .protocolError, "rediss://"),
      ("AUTH", .close, .disconnected, "during the greeting"), ("EVALSHA", .close, .disconnected, "during the greeting"),
      ("AUTH", .last("-ERR max number of clients reached"), .auth, "refused (ERR)"),
      ("EVALSHA", .last("$10\r\nabc\0"), .disconnected, "during the greeting"),
    ] as [(String, FakeAnswer, RedisFailure, String)])
  func failures(command: String, answer: FakeAnswer, kind: RedisFailure, words: String) throws {
    guard kind != .other || !words.isEmpty else { return }  // a refused name is no failure
    let test = try TestLoop()
    let server = try FakeRedis(test.loop)
    server.answer = { words, connection in
      words.first == command && connection == 0 ? answer : FakeRedis.healthy(words)
    }
    var target = server.target
    target.password = "s3cret"
    target.database = 1
    if words == "wants a password" { target.password = nil }
    let rig = LinkRig(test, target)
    rig.link.start()
    #expect(test.run { rig.link.isReady })
    #expect(rig.observer.kinds == [kind])
    let detail = rig.observer.failures.first?.detail ?? ""
    #expect(detail.hasPrefix("\(server.address): ") && detail.contains(words), "\(detail)")
    #expect(!detail.contains("s3cret"))
    #expect(rig.recorder.events == [.ready])
    #expect(server.connections.count == 2 && server.open == 1)
    #expect(rig.breaker.isClosed)
    #expect(rig.send("PING"))
    #expect(test.run { rig.recorder.replies == [.status("PONG")] })
  }

  @Test("a server that does not answer the greeting is a time-out")
  func silence() throws {
    let test = try TestLoop()
    let server = try FakeRedis(test.loop)
    server.answer = { command, connection in connection == 0 ? .nothing : FakeRedis.healthy(command) }
    let rig = LinkRig(test, server.target, deadlines: LinkRig.short)
    rig.link.start()
    #expect(test.run { rig.observer.failures.count >= 1 })
    #expect(rig.observer.kinds.first == .timeout)
    #expect(test.run { rig.link.isReady })
  }

  @Test("a reason that a server gives before it closes is told, though nothing was asked yet")
  func protectedMode() throws {
    let test = try TestLoop()
    let server = try FakeRedis(test.loop)
    server.welcome = .last("-DENIED Redis is running in protected mode")
    let rig = LinkRig(test, server.target)
    rig.link.start()
    #expect(test.run { rig.observer.failures.count >= 1 })
    #expect(rig.observer.kinds.first == .auth)
    #expect(rig.observer.failures.first?.detail.contains("protected mode") == true)
  }

  @Test("nobody who listens is a connection refused, and a missing socket says so")
  func refused() throws {
    let test = try TestLoop()
    let server = try FakeRedis(test.loop)
    let target = server.target
    server.close()
    let rig = LinkRig(test, target)
    rig.link.start()
    let lost = LinkRig(test, RedisTarget(place: .unix(path: "/nowhere/r.sock")))
    lost.link.start()
    #expect(test.run { !rig.observer.failures.isEmpty && !lost.observer.failures.isEmpty })
    #expect(rig.observer.failures[0].failure == .disconnected)
    #expect(rig.observer.failures[0].detail.contains("connection refused"))
    #expect(lost.observer.failures[0].failure == .disconnected)
    #expect(lost.observer.failures[0].detail.contains("no such socket"))
  }
}

@Suite struct LinkAddressTests {
  /// An address that refuses.
  private func nobody(_ test: TestLoop) throws -> SocketAddress {
    let server = try FakeRedis(test.loop)
    defer { server.close() }
    return server.address
  }

  @Test("the addresses of a name are tried in order, and one that is well is enough")
  func order() throws {
    let test = try TestLoop()
    let nobody = try nobody(test)
    let loading = try FakeRedis(test.loop)
    loading.answer = { _, _ in .say("-LOADING x") }
    let well = try FakeRedis(test.loop)
    let addresses = [nobody, loading.address, well.address]
    let rig = LinkRig(
      test, RedisTarget(place: .host("redis.test", port: 1)),
      prepare: { .success(Preparation(addresses: addresses, password: nil)) })
    rig.link.start()
    #expect(test.run { rig.link.isReady })
    #expect(loading.connections.count == 1 && well.open == 1)
    #expect(rig.observer.failures.isEmpty)
  }

  @Test("where all fail, that is one failure: the one that came furthest")
  func furthest() throws {
    let test = try TestLoop()
    let nobody = try nobody(test)
    let loading = try FakeRedis(test.loop)
    loading.answer = { _, _ in .say("-LOADING x") }
    for addresses in [[nobody, loading.address], [loading.address, nobody]] {
      let rig = LinkRig(
        test, RedisTarget(place: .host("redis.test", port: 1)),
        prepare: { .success(Preparation(addresses: addresses, password: nil)) })
      rig.link.start()
      #expect(test.run { !rig.observer.failures.isEmpty })
      #expect(rig.observer.failures[0].failure == .loading)
      #expect(rig.observer.failures[0].detail.hasPrefix("redis.test:1 (\(loading.address)): "))
    }
  }

  @Test("a look-up that does not end is given up, its late answer ignored, and the next attempt looks up anew")
  func hangingLookUp() throws {
    let test = try TestLoop()
    let stale = try FakeRedis(test.loop)
    let fresh = try FakeRedis(test.loop)
    let gate = Mutex(0)
    let calls = Atomic(0)
    let addresses = [stale.address, fresh.address]
    let deadlines = Link.Deadlines(preparation: 100_000_000, connect: 10_000_000_000, greeting: 10_000_000_000)
    let rig = LinkRig(test, RedisTarget(place: .host("redis.test", port: 1)), deadlines: deadlines) {
      let call = calls.add(1, ordering: .relaxed).oldValue
      if call == 0 {
        while gate.withLock({ $0 }) == 0 { pause(seconds: 0.001) }
      }
      return .success(Preparation(addresses: [addresses[min(call, 1)]], password: nil))
    }
    rig.link.start()
    #expect(test.run { rig.observer.failures.count == 2 })
    #expect(rig.observer.kinds == [.resolve, .resolve])
    let callsSoFar = calls.load(ordering: .relaxed)
    #expect(callsSoFar == 1, "one look-up at a time")
    gate.withLock { $0 = 1 }
    #expect(test.run { rig.link.isReady })
    #expect(stale.connections.isEmpty && fresh.open == 1)
  }

  @Test("a loop closes while a look-up hangs")
  func closeWhileHanging() throws {
    let gate = Mutex(0)
    let isDone = Atomic(false)
    do {
      let test = try TestLoop()
      let rig = LinkRig(test, RedisTarget(place: .host("redis.test", port: 1)), deadlines: LinkRig.short) {
        while gate.withLock({ $0 }) == 0 { pause(seconds: 0.001) }
        isDone.store(true, ordering: .relaxed)
        return .failure(LinkFailure(.resolve, ""))
      }
      rig.link.start()
      test.run(turns: 3)
    }
    let isDoneEarly = isDone.load(ordering: .relaxed)
    #expect(!isDoneEarly)
    gate.withLock { $0 = 1 }
    try eventually("the thread ends") { isDone.load(ordering: .relaxed) }
  }

  @Test("a connection that takes too long is a time-out")
  func blackHole() throws {
    let test = try TestLoop()
    // TEST-NET-1 (RFC 5737): nobody is there, or the machine says so at once.
    let rig = LinkRig(test, RedisTarget(place: .host("192.0.2.1", port: 6379)), deadlines: LinkRig.short)
    rig.link.start()
    #expect(test.run { !rig.observer.failures.isEmpty })
    #expect([.timeout, .disconnected].contains(rig.observer.failures[0].failure))
    #expect(rig.observer.failures[0].detail.hasPrefix("192.0.2.1:6379: "))
  }
}

@Suite struct LinkLossTests {
  @Test(
    "a ready link that breaks tells it once, with its kind, and comes back; no reply is taken for another's",
    arguments: [
      (FakeAnswer.close, RedisFailure.disconnected), (.say("what?"), .protocolError),
      (.say(":1\r\n:2\r\n?"), .protocolError),
      (.last("$5\r\nab\0"), .disconnected),
    ])
  func losses(answer: FakeAnswer, kind: RedisFailure) throws {
    let test = try TestLoop()
    let server = try FakeRedis(test.loop)
    let rig = LinkRig(test, server.target)
    rig.link.start()
    #expect(test.run { rig.link.isReady })
    server.answer = { command, connection in
      switch command.first {
      case "HANG": .nothing
      case "BREAK": answer
      default: FakeRedis.healthy(command)
      }
    }
    #expect(rig.send("HANG") && rig.send("BREAK"))
    #expect(test.run { rig.recorder.losses == [kind] })
    let before = rig.recorder.replies.count
    #expect(before <= 2)
    #expect(!rig.link.isReady && !rig.send("PING"))
    #expect(test.run { rig.link.isReady })
    #expect(rig.send("PING"))
    #expect(test.run { rig.recorder.replies.count == before + 1 })
    #expect(rig.recorder.replies.last == .status("PONG"))
    #expect(rig.recorder.readies == 2 && rig.recorder.losses.count == 1)
    #expect(rig.observer.connects == 2 && rig.observer.disconnects == 1 && rig.observer.kinds == [kind])
  }

  @Test("a user may fail the link from inside a reply: nothing more is received, and `linkLost` follows later")
  func failInside() throws {
    let test = try TestLoop()
    let server = try FakeRedis(test.loop)
    let rig = LinkRig(test, server.target)
    rig.link.start()
    #expect(test.run { rig.link.isReady })
    rig.recorder.onReply = { [unowned rig] link in
      link.fail(.readOnly, detail: "READONLY; what to do")
      link.fail(.timeout, detail: "again")
      #expect(!link.isReady && rig.recorder.losses.isEmpty)
    }
    #expect(rig.send("PING") && rig.send("PING") && rig.send("PING"))
    #expect(test.run { rig.recorder.readies == 2 })
    #expect(rig.recorder.events == [.ready, .reply(.status("PONG")), .lost(.readOnly), .ready])
    #expect(rig.observer.failures == [LinkFailure(.readOnly, "\(server.address): READONLY; what to do")])
  }

  @Test("a write that finds too much waiting is refused, not kept")
  func full() throws {
    let test = try TestLoop()
    let server = try FakeRedis(test.loop)
    let rig = LinkRig(test, server.target)
    rig.link.start()
    #expect(test.run { rig.link.isReady && server.open == 1 })
    server.connections[0].stream.pauseReading()
    let chunk = [UInt8](repeating: 32, count: 1 << 20)
    var taken = 0
    while taken < 200, rig.link.write(chunk.span) { taken += 1 }
    #expect((16..<100).contains(taken))
    #expect(rig.link.isReady)
  }

  @Test("a link that is stopped is silent from then on, in whatever it was doing", arguments: 0..<5)
  func stop(phase: Int) throws {
    let test = try TestLoop()
    let server = try FakeRedis(test.loop)
    if phase == 1 { server.answer = { _, _ in .nothing } }
    if phase == 2 { server.answer = { _, _ in .say("-LOADING x") } }
    let rig = LinkRig(test, server.target)
    if phase == 0 { rig.link.stop() } else { rig.link.start() }
    switch phase {
    case 1: #expect(test.run { server.commands.count == 3 })
    case 2: #expect(test.run { rig.observer.failures.count == 1 })
    case 3: #expect(test.run { rig.link.isReady })
    default: break
    }
    rig.link.stop()
    rig.link.stop()
    #expect(!rig.link.isReady && !rig.send("PING"))
    let heard = rig.observer.failures.count
    #expect(test.run { server.open == 0 })
    test.run(turns: 100)
    #expect(rig.recorder.events == (phase == 3 ? [.ready, .lost(.disconnected)] : []))
    #expect(rig.observer.failures.count == heard)
    #expect(rig.observer.disconnects == (phase == 3 ? 1 : 0))
    #expect(server.open == 0)
  }

  @Test("a handler may stop the link from each of its events")
  func stopInside() throws {
    let test = try TestLoop()
    let server = try FakeRedis(test.loop)
    for event in 0..<3 {
      let rig = LinkRig(test, server.target)
      if event == 0 { rig.recorder.onReady = { $0.stop() } }
      if event == 1 { rig.recorder.onReply = { $0.stop() } }
      if event == 2 { rig.recorder.onLost = { $0.stop() } }
      rig.link.start()
      #expect(test.run { rig.recorder.readies == 1 })
      if event > 0 { #expect(rig.send("PING")) }
      if event == 2 { rig.link.fail(.timeout, detail: "x") }
      #expect(test.run { rig.recorder.losses.count == 1 && server.open == 0 })
      test.run(turns: 100)
      #expect(rig.recorder.readies == 1 && server.open == 0)
    }
  }

  @Test("a loop that closes ends its links, which are let go")
  func loopCloses() throws {
    weak let link: Link?
    let recorder: LinkRecorder
    do {
      let test = try TestLoop()
      let server = try FakeRedis(test.loop)
      let rig = LinkRig(test, server.target)
      link = rig.link
      recorder = rig.recorder
      rig.link.start()
      #expect(test.run { rig.link.isReady })
      test.loop.close()
      #expect(rig.observer.failures.isEmpty && rig.observer.disconnects == 1)
    }
    #expect(recorder.events == [.ready, .lost(.disconnected)])
    #expect(link == nil)
  }
}
