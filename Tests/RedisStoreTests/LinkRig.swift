// LinkRig.swift: a link with somebody who listens.

import EventLoop
import TestKit

@testable import RedisStore

/// Remembers what a link tells.
final class LinkRecorder: LinkHandler {
  enum Event: Equatable {
    case ready
    case lost(RedisFailure)
    case reply(Value)
  }

  private(set) var events: [Event] = []
  private(set) var trialReplies: [Value] = []
  var onReady: (Link) -> Void = { _ in }
  var onReply: (Link) -> Void = { _ in }
  var onLost: (Link) -> Void = { _ in }

  var replies: [Value] { events.compactMap { if case .reply(let value) = $0 { value } else { nil } } }
  var losses: [RedisFailure] { events.compactMap { if case .lost(let failure) = $0 { failure } else { nil } } }
  var readies: Int { events.count { $0 == .ready } }

  func linkReady(_ link: Link, trialReply: Reply) {
    events.append(.ready)
    trialReplies.append(Value(trialReply))
    onReady(link)
  }

  func linkLost(_ link: Link, _ failure: RedisFailure) {
    events.append(.lost(failure))
    onLost(link)
  }

  func received(_ link: Link, _ reply: Reply) {
    events.append(.reply(Value(reply)))
    onReply(link)
  }
}

/// A link on a test's loop.
final class LinkRig {
  static let script = Array("return 1".utf8)
  static let trial = RedisCommand.bytes("EVALSHA", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db", "0")

  let observer = RecordingObserver()
  let recorder = LinkRecorder()
  let breaker: SharedBreaker
  let link: Link

  /// Short deadlines: what has to time out does so soon, on a loaded machine perhaps even what should not, so they are
  /// only given where a time-out is the point.
  static let short = Link.Deadlines(preparation: 10_000_000_000, connect: 100_000_000, greeting: 100_000_000)

  init(
    _ test: TestLoop, _ target: RedisTarget, breaker: SharedBreaker? = nil,
    deadlines: Link.Deadlines = Link.Deadlines(
      preparation: 10_000_000_000, connect: 10_000_000_000, greeting: 10_000_000_000),
    prepare: (@Sendable () -> Result<Preparation, LinkFailure>)? = nil
  ) {
    self.breaker = breaker ?? SharedBreaker(observer: observer)
    link = Link(
      loop: test.loop, target: target, breaker: self.breaker, scripts: [Self.script], trial: { Self.trial },
      observer: observer, handler: recorder, deadlines: deadlines, prepare: prepare)
  }

  deinit { link.stop() }

  /// Writes a command.
  func send(_ words: String...) -> Bool {
    let bytes = RedisCommand.bytes(words.map { Array($0.utf8) })
    return link.write(bytes.span)
  }
}
