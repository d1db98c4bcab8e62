// SentinelContact.swift: one sentinel: the connection on which it is asked, and the one on which it announces.
//
// A question is two commands in one write: SENTINEL MASTER for the epoch, then SENTINEL GET-MASTER-ADDR-BY-NAME for the
// address, which in the middle of a failover names the new master before the former does. A word of it is taken back
// when it does not answer.

import EventLoop

/// A sentinel of a list.
final class SentinelContact {
  /// Called when the sentinel announces that the master has changed.
  var heardOfFailover: () -> Void = {}

  private let number: Int
  private let directory: MasterDirectory
  private let name: [UInt8]
  private var asking: Link?
  private var listening: Link?
  /// Replies that are awaited, and for how many ticks the oldest.
  private var awaited = 0
  private var pings = 0
  private var ticks = 0
  private var pingTicks = 0
  /// From the first reply of a question.
  private var epoch: Int64?
  private var isRefused = false

  init(_ number: Int, loop: Loop, directory: MasterDirectory) {
    self.number = number
    self.directory = directory
    name = Array(directory.target.masterName.utf8)
    let target = directory.target.sentinelLogin.at(directory.target.sentinels[number])
    let master = RedisCommand.bytes([Array("SENTINEL".utf8), Array("MASTER".utf8), name])
    asking = Link(
      loop: loop, target: target, breaker: SharedBreaker(opens: false), scripts: [], trial: { master },
      observer: SentinelObserver(number, directory), handler: self)
    let subscription = RedisCommand.bytes("SUBSCRIBE", SentinelReply.channel)
    listening = Link(
      loop: loop, target: target, breaker: SharedBreaker(opens: false), scripts: [], trial: { subscription },
      observer: SentinelObserver(nil, directory), handler: self)
  }

  func start() {
    asking?.start()
    listening?.start()
  }

  func stop() {
    asking?.stop()
    listening?.stop()
  }

  /// Asks, unless it has not answered the last question yet.
  func ask() {
    guard let asking, asking.isReady, awaited == 0 else { return }
    let question =
      RedisCommand.bytes([Array("SENTINEL".utf8), Array("MASTER".utf8), name])
      + RedisCommand.bytes([Array("SENTINEL".utf8), Array("GET-MASTER-ADDR-BY-NAME".utf8), name])
    ticks = 0
    (epoch, isRefused) = (nil, false)
    if asking.write(question.span) {
      awaited = 2
    } else {
      asking.fail(.disconnected, detail: "the sentinel does not take what is sent to it")
    }
  }

  /// Every `Bounds.sentinelInterval`: asks, and gives up what has not answered since the last time but one.
  func tick() {
    ticks += 1
    if awaited > 0, ticks > 1 { asking?.fail(.timeout, detail: "the sentinel does not answer; is it stopped?") }
    ask()
    guard let listening, listening.isReady else { return }
    pingTicks += 1
    if pings > 0, pingTicks > 1 { return listening.fail(.timeout, detail: "the sentinel does not answer") }
    guard pings == 0 else { return }
    pingTicks = 0
    let ping = RedisCommand.bytes("PING")
    if listening.write(ping.span) { pings = 1 } else { listening.fail(.disconnected, detail: "it takes nothing") }
  }

  private func answered(_ link: Link, _ reply: Reply) {
    guard awaited > 0 else { return link.fail(.protocolError, detail: "a reply came that nothing was asked for") }
    awaited -= 1
    if reply.isError { return refused(link, reply) }
    guard awaited == 0 else {
      epoch = SentinelReply.epoch(reply)
      return
    }
    guard !isRefused else { return }
    guard let epoch, let address = SentinelReply.address(reply) else { return refused(link, reply) }
    directory.heard(MasterChoice.Word(address: address, epoch: epoch), from: number)
  }

  /// The sentinel is there, but of no use: the connection stays, and it is asked again.
  private func refused(_ link: Link, _ reply: Reply) {
    guard !isRefused else { return }
    isRefused = true
    let failure: LinkFailure
    if reply.isError {
      let error = reply.withBytes { ErrorReply($0) }
      failure = LinkFailure(error.failure, "\(link.place): \(error.text); \(error.advice)")
    } else {
      failure = LinkFailure(
        .protocolError, "\(link.place): what it says of the master makes no sense; is it a sentinel?")
    }
    directory.failed(number, failure)
  }
}

extension SentinelContact: LinkHandler {
  func linkReady(_ link: Link, trialReply: Reply) {
    if link === asking {
      ask()
    } else {
      pings = 0
      pingTicks = 0
    }
  }

  func linkLost(_ link: Link, _ failure: RedisFailure) {
    if link === asking { awaited = 0 }
  }

  func received(_ link: Link, _ reply: Reply) {
    guard link === listening else { return answered(link, reply) }
    if SentinelReply.announces(reply, name) { heardOfFailover() }
    if !SentinelReply.isMessage(reply) { pings = 0 }
  }
}

/// Hears why a sentinel is not reached. Of the connection that listens nothing is told: a sentinel that is away is told
/// of by the other one, and one that refuses SUBSCRIBE is asked every second all the same.
private final class SentinelObserver: RedisObserver {
  private let number: Int?
  private let directory: MasterDirectory

  init(_ number: Int?, _ directory: MasterDirectory) {
    self.number = number
    self.directory = directory
  }

  func redisConnected() {}
  func redisDisconnected() {}
  func redisCalled(nanoseconds: Int64, checks: Int) {}
  func redisRemembered() {}

  func redisFailed(_ failure: RedisFailure, detail: String) {
    if let number { directory.failed(number, LinkFailure(failure, detail)) }
  }
}
