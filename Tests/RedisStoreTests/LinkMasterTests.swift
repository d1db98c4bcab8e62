// LinkMasterTests.swift: a link whose server sentinels name: where it connects, and that it follows.

import EventLoop
import TestKit
import Testing

@testable import RedisStore

private final class Rig {
  let masters: MasterDirectory
  let observer = RecordingObserver()
  let recorder = LinkRecorder()
  let breaker: SharedBreaker
  let link: Link

  init(_ test: TestLoop) {
    breaker = SharedBreaker(observer: observer)
    let login = RedisTarget(place: .host("unused", port: 1))
    masters = MasterDirectory(
      SentinelTarget(
        sentinels: [NodeAddress(host: "s", port: 1)], masterName: "m", login: login, sentinelLogin: login),
      breaker: breaker)
    link = Link(
      loop: test.loop, target: login, masters: masters, breaker: breaker, scripts: [], trial: { LinkRig.trial },
      observer: observer, handler: recorder)
  }

  deinit { link.stop() }

  func name(_ server: FakeRedis, epoch: Int64) {
    masters.heard(
      MasterChoice.Word(address: NodeAddress(host: "127.0.0.1", port: server.address.port ?? 0), epoch: epoch), from: 0)
  }
}

@Suite struct LinkMasterTests {
  /// A server that says what its role is.
  private func server(_ test: TestLoop, role: @escaping () -> String = { "master" }) throws -> FakeRedis {
    let server = try FakeRedis(test.loop)
    server.answer = { words, _ in
      words == ["ROLE"] ? .say(FakeSentinel.array([role(), "0"])) : FakeRedis.healthy(words)
    }
    return server
  }

  @Test("until a master is named the link waits, counts nothing, and connects as soon as one is")
  func waits() throws {
    let test = try TestLoop()
    let server = try server(test)
    let rig = Rig(test)
    rig.link.start()
    test.run(turns: 200)
    #expect(rig.observer.failures.isEmpty && server.connections.isEmpty)
    rig.masters.failed(0, LinkFailure(.disconnected, "s:1: connection refused"))
    #expect(test.run { rig.observer.failures.count > Breaker.threshold })
    #expect(rig.observer.kinds.allSatisfy { $0 == .resolve })
    #expect(rig.observer.failures[0].detail == "no sentinel says where the master \"m\" is: s:1: connection refused")
    #expect(rig.breaker.isClosed)
    rig.name(server, epoch: 0)
    #expect(test.run { rig.link.isReady })
  }

  @Test("another master takes the connection at once, and no failure is counted or told")
  func follows() throws {
    let test = try TestLoop()
    let (old, new) = (try server(test), try server(test))
    let rig = Rig(test)
    rig.name(old, epoch: 0)
    rig.link.start()
    #expect(test.run { rig.link.isReady } && !rig.link.hasMoved)
    rig.name(new, epoch: 1)
    #expect(rig.link.hasMoved)
    rig.link.follow()
    rig.link.follow()
    #expect(!rig.link.isReady)
    #expect(test.run { rig.link.isReady })
    #expect(new.open == 1 && old.open == 0 && !rig.link.hasMoved)
    #expect(rig.recorder.events == [.ready, .lost(.disconnected), .ready])
    #expect(rig.observer.failures.isEmpty && rig.observer.connects == 2 && rig.observer.disconnects == 1)
  }

  @Test("without anybody who asks, it follows all the same")
  func followsByItself() throws {
    let test = try TestLoop()
    let (old, new) = (try server(test), try server(test))
    let rig = Rig(test)
    rig.name(old, epoch: 0)
    rig.link.start()
    #expect(test.run { rig.link.isReady })
    rig.name(new, epoch: 1)
    #expect(test.run { new.open == 1 && rig.link.isReady })
  }

  @Test("a link that waits for an open breaker, or for a master that does not greet, goes to the new one at once")
  func leavesAttempts() throws {
    let test = try TestLoop()
    let (old, new) = (try server(test), try server(test))
    old.answer = { _, _ in .close }
    let rig = Rig(test)
    rig.name(old, epoch: 0)
    rig.link.start()
    #expect(test.run { rig.breaker.state == .open })
    rig.name(new, epoch: 1)
    #expect(rig.breaker.isClosed)
    #expect(test.run { rig.link.isReady })
    #expect(new.open == 1)

    new.answer = { _, _ in .nothing }
    let other = Rig(test)
    other.name(new, epoch: 0)
    other.link.start()
    #expect(test.run { other.link.phase == .greeting })
    old.answer = { words, _ in
      words == ["ROLE"] ? .say(FakeSentinel.array(["master"])) : FakeRedis.healthy(words)
    }
    other.name(old, epoch: 1)
    other.link.follow()
    #expect(test.run { other.link.isReady })
    #expect(other.observer.failures.isEmpty)
  }

  @Test("a server that is no master is refused, until it is one")
  func role() throws {
    let test = try TestLoop()
    var role = "slave"
    let server = try server(test, role: { role })
    let rig = Rig(test)
    rig.name(server, epoch: 0)
    rig.link.start()
    try #require(test.run { !rig.observer.failures.isEmpty })
    #expect(rig.observer.kinds[0] == .readOnly && rig.observer.failures[0].detail.contains("its role is slave"))
    #expect(!rig.link.isReady)
    role = "master"
    #expect(test.run { rig.link.isReady })
  }

  @Test("the same address in a later epoch is no other master")
  func sameAddress() throws {
    let test = try TestLoop()
    let server = try server(test)
    let rig = Rig(test)
    rig.name(server, epoch: 0)
    rig.link.start()
    #expect(test.run { rig.link.isReady })
    rig.name(server, epoch: 1)
    #expect(!rig.link.hasMoved && rig.masters.generation == 1)
  }
}
