// SentinelWatchTests.swift: what the watch makes of sentinels that answer, lie, freeze and come back.

import EventLoop
import TestKit
import Testing

@testable import RedisStore

/// Sentinels, the watch over them, and what comes of it.
private final class Rig {
  let test: TestLoop
  let sentinels: [FakeSentinel]
  let observer = RecordingMasters()
  let breakers = RecordingObserver()
  let directory: MasterDirectory
  let watch: SentinelWatch

  init(_ test: TestLoop, _ sentinels: [FakeSentinel], password: String? = nil) {
    self.test = test
    self.sentinels = sentinels
    var login = RedisTarget(place: .host("unused", port: 1))
    login.password = password
    let target = SentinelTarget(
      sentinels: sentinels.map(\.address), masterName: FakeSentinel.name, login: login, sentinelLogin: login)
    directory = MasterDirectory(target, breaker: SharedBreaker(observer: breakers), observer: observer)
    watch = SentinelWatch(loop: test.loop, directory: directory)
  }

  deinit { watch.stop() }

  var master: NodeAddress? { directory.look().address }
}

@Suite struct SentinelWatchTests {
  static let a = NodeAddress(host: "10.0.0.1", port: 1)
  static let b = NodeAddress(host: "10.0.0.2", port: 2)

  @Test("every sentinel is asked, and the address of the highest epoch is the master's; stale ones change nothing")
  func stale() throws {
    let test = try TestLoop()
    let epochs: [Int64] = [3, 5, 4]
    let sentinels = try epochs.map { try FakeSentinel(test.loop, master: $0 == 5 ? Self.b : Self.a, epoch: $0) }
    let rig = Rig(test, sentinels, password: "s")
    #expect(rig.directory.whyUnknown == nil && rig.directory.generation == 0)
    rig.watch.start()
    #expect(test.run { sentinels.allSatisfy { $0.questions > 0 } && rig.master == Self.b })
    let generation = rig.directory.generation
    test.run(turns: 20)
    sentinels[0].announce()
    let asked = sentinels.map(\.questions)
    #expect(test.run { zip(sentinels, asked).allSatisfy { $0.questions > $1 } })
    #expect(rig.master == Self.b && rig.directory.generation == generation)
    #expect(rig.observer.found.last == Self.b && rig.observer.failures.isEmpty)
    #expect(sentinels.allSatisfy { $0.server.commands.first == ["AUTH", "s"] })
  }

  @Test("an announcement makes all sentinels be asked at once; one of another master makes none")
  func announcement() throws {
    let test = try TestLoop()
    let sentinels = try (0..<3).map { _ in try FakeSentinel(test.loop, master: Self.a, epoch: 1) }
    let rig = Rig(test, sentinels)
    rig.watch.start()
    #expect(test.run { sentinels.allSatisfy { $0.questions > 0 && $0.server.open == 2 } && rig.master == Self.a })
    sentinels[2].master = Self.b
    sentinels[2].epoch = 2
    let begin = Loop.monotonicNow()
    sentinels[1].announce("other 1 1 1 1")
    test.run(turns: 20)
    sentinels[1].announce()
    #expect(test.run { rig.master == Self.b })
    // Not by the next question of the clock, unless the machine stands still.
    print("an announcement was followed within \((Loop.monotonicNow() - begin) / 1_000_000) ms")
    #expect(rig.directory.generation == 2 && rig.observer.found == [Self.a, Self.b])
  }

  @Test("a sentinel that freezes is passed over and told of once; when it answers again, that is told")
  func frozen() throws {
    let test = try TestLoop()
    let sentinels = try (0..<2).map { _ in try FakeSentinel(test.loop, master: Self.a, epoch: 1) }
    let rig = Rig(test, sentinels)
    rig.watch.start()
    #expect(test.run { sentinels.allSatisfy { $0.questions > 0 } })
    sentinels[0].answers = false
    #expect(test.run { rig.observer.failures.count == 1 })
    #expect(rig.observer.failures[0].contains("\(sentinels[0].address)"))
    #expect(rig.observer.failures[0].contains("does not answer"))
    let asked = sentinels[1].questions
    #expect(test.run { sentinels[1].questions > asked + 1 })
    #expect(rig.observer.failures.count == 1 && rig.master == Self.a)
    sentinels[0].answers = true
    #expect(test.run { rig.observer.events.contains(.answers(sentinels[0].address)) })
  }

  @Test("while no sentinel answers no address is known, and it is said why; the first that answers is enough")
  func unknown() throws {
    let test = try TestLoop()
    let sentinels = try (0..<2).map { _ in try FakeSentinel(test.loop, master: nil) }
    let rig = Rig(test, sentinels)
    rig.watch.start()
    #expect(test.run { rig.directory.whyUnknown != nil })
    let why = try #require(rig.directory.whyUnknown)
    #expect(why.failure == .resolve)
    #expect(why.detail.contains("\"mymaster\"") && why.detail.contains("name for it"))
    #expect(why.detail.hasSuffix("; and 1 more that failed"))
    sentinels[1].master = Self.a
    #expect(test.run { rig.master == Self.a })
  }

  @Test(
    "what makes no sense is no address, and is told",
    arguments: ["*2\r\n$4\r\nname\r\n$1\r\nm", "*0", ":1", "$-1"])
  func nonsense(text: String) throws {
    let test = try TestLoop()
    let sentinel = try FakeSentinel(test.loop, master: Self.a)
    sentinel.oddity = text
    let rig = Rig(test, [sentinel])
    rig.watch.start()
    #expect(test.run { !rig.observer.failures.isEmpty })
    #expect(rig.master == nil)
    #expect(rig.observer.failures[0].contains("is it a sentinel?"))
    sentinel.oddity = nil
    #expect(test.run { rig.master == Self.a })
  }

  @Test("another master forgets what the breaker knew of the old one")
  func breaker() throws {
    let test = try TestLoop()
    let sentinel = try FakeSentinel(test.loop, master: Self.a)
    let rig = Rig(test, [sentinel])
    rig.watch.start()
    #expect(test.run { rig.master == Self.a })
    for step in 0..<Int64(Breaker.threshold) {
      _ = rig.directory.breaker.failed(at: step * SharedBreaker.oneEvent, isQuick: false)
    }
    #expect(rig.directory.breaker.state == .open)
    sentinel.master = Self.b
    sentinel.epoch = 1
    sentinel.announce()
    #expect(test.run { rig.master == Self.b })
    #expect(rig.directory.breaker.state == .closed)
    #expect(rig.breakers.states == [.open, .closed])
  }

  @Test("after a stop nothing is asked any more")
  func stop() throws {
    let test = try TestLoop()
    let sentinel = try FakeSentinel(test.loop, master: Self.a)
    let rig = Rig(test, [sentinel])
    rig.watch.start()
    #expect(test.run { rig.master == Self.a })
    rig.watch.stop()
    rig.watch.stop()
    #expect(test.run { sentinel.server.open == 0 })
  }
}
