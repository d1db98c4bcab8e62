// LinkBreakerTests.swift: links and the breaker that they share.

import EventLoop
import TestKit
import Testing

@testable import RedisStore

@Suite struct LinkBreakerTests {
  @Test("failed attempts open the breaker; then nobody connects until one trial, after which everybody does")
  func opensAndHeals() throws {
    let test = try TestLoop()
    let server = try FakeRedis(test.loop)
    server.answer = { _, _ in .say("-LOADING x") }
    let observer = RecordingObserver()
    let breaker = SharedBreaker(observer: observer)
    let rigs = (0..<3).map { _ in LinkRig(test, server.target, breaker: breaker) }
    for rig in rigs { rig.link.start() }
    #expect(test.run { breaker.state == .open })
    #expect(test.run { server.open == 0 })
    let attempts = server.connections.count
    // Three links at a time, and what fails in one instant counts once.
    #expect((5...15).contains(attempts))
    // The first wait is half a second at least: nothing happens for a good part of it.
    let begin = Loop.monotonicNow()
    #expect(test.run { Loop.monotonicNow() - begin > 200_000_000 })
    #expect(server.connections.count == attempts)
    server.answer = { command, _ in command.first == "EVALSHA" ? .nothing : FakeRedis.healthy(command) }
    #expect(test.run { server.connections.count > attempts && server.commands.last?.first == "EVALSHA" })
    let trialBegan = Loop.monotonicNow()
    #expect(test.run { Loop.monotonicNow() - trialBegan > 300_000_000 })
    #expect(breaker.state == .halfOpen)
    #expect(server.connections.count == attempts + 1)
    server.answer = { command, _ in FakeRedis.healthy(command) }
    server.say(.say(":1"))
    #expect(test.run { rigs.allSatisfy(\.link.isReady) })
    #expect(breaker.isClosed)
    #expect(server.connections.count == attempts + 3)
    #expect(observer.states == [.open, .halfOpen, .closed])
  }

  @Test("a trial that fails opens the breaker again")
  func trialFails() throws {
    let test = try TestLoop()
    let server = try FakeRedis(test.loop)
    server.answer = { _, _ in .say("-LOADING x") }
    let rig = LinkRig(test, server.target)
    rig.link.start()
    #expect(test.run { rig.observer.states.count == 3 })
    #expect(rig.observer.states == [.open, .halfOpen, .open])
    #expect(rig.observer.failures.count == Breaker.threshold + 1)
    #expect(rig.recorder.events.isEmpty)
  }

  @Test("who sees that the breaker has opened ends a ready connection, without another failure")
  func breakerOpened() throws {
    let test = try TestLoop()
    let server = try FakeRedis(test.loop)
    let rig = LinkRig(test, server.target)
    rig.link.breakerOpened()
    rig.link.start()
    #expect(test.run { rig.link.isReady })
    rig.link.breakerOpened()
    #expect(rig.link.isReady, "it is closed")
    rig.breaker.open(at: test.loop.now)
    rig.link.breakerOpened()
    rig.link.breakerOpened()
    #expect(!rig.link.isReady && rig.recorder.losses.isEmpty)
    #expect(test.run { rig.recorder.losses == [.disconnected] })
    #expect(test.run { server.open == 0 })
    #expect(rig.observer.failures.isEmpty && rig.observer.disconnects == 1)
    #expect(server.connections.count == 1)
    #expect(test.run { rig.link.isReady })
    #expect(rig.breaker.isClosed)
  }

  @Test("an attempt under way when the breaker opens is given up, also if nobody tells the link")
  func attemptUnderWay() throws {
    for isTold in [true, false] {
      let test = try TestLoop()
      let server = try FakeRedis(test.loop)
      server.answer = { command, _ in command.first == "EVALSHA" ? .nothing : FakeRedis.healthy(command) }
      let rig = LinkRig(test, server.target)
      rig.link.start()
      #expect(test.run { server.commands.count == 3 })
      rig.breaker.open(at: test.loop.now)
      server.answer = { command, _ in FakeRedis.healthy(command) }
      if isTold { rig.link.breakerOpened() } else { server.say(.say(":1")) }
      #expect(test.run { server.open == 0 })
      #expect(rig.recorder.events.isEmpty && rig.observer.failures.isEmpty && rig.observer.connects == 0)
      #expect(test.run { rig.link.isReady })
    }
  }

  @Test("a trial whose link is stopped is another link's")
  func abandonedTrial() throws {
    let test = try TestLoop()
    let server = try FakeRedis(test.loop)
    let breaker = SharedBreaker()
    breaker.open(at: 0)
    server.answer = { _, connection in connection == 0 ? .nothing : .say("+OK") }
    let first = LinkRig(test, server.target, breaker: breaker)
    let second = LinkRig(test, server.target, breaker: breaker)
    first.link.start()
    #expect(test.run { server.commands.count == 3 })
    #expect(breaker.state == .halfOpen)
    second.link.start()
    test.run(turns: 20)
    #expect(server.connections.count == 1)
    first.link.stop()
    #expect(test.run { second.link.isReady })
    #expect(breaker.isClosed)
  }

  @Test("a connection that is lost right after it was made does not come back ever faster")
  func backoff() throws {
    let test = try TestLoop()
    let server = try FakeRedis(test.loop)
    let rig = LinkRig(test, server.target)
    rig.recorder.onReady = { [unowned rig] link in
      rig.breaker.succeeded()
      link.fail(.protocolError, detail: "x")
    }
    let begin = Loop.monotonicNow()
    rig.link.start()
    #expect(test.run { rig.recorder.readies == 4 })
    // The waits are at least 25, 50 and 100 ms.
    #expect(Loop.monotonicNow() - begin >= 175_000_000)
  }
}

extension SharedBreaker {
  /// Opens it by quick failures, the last of them at `now`.
  func open(at now: Int64) {
    for age in (0..<Int64(Breaker.threshold)).reversed() { _ = failed(at: now - age * Self.oneEvent, isQuick: true) }
  }
}
