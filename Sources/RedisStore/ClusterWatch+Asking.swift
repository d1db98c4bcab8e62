// ClusterWatch+Asking.swift: the talk with one node after the other: a connection of its own for each, its deadlines,
// and what its answer is worth.

import EventLoop

extension ClusterWatch {
  func askNext() {
    hangUp()
    guard let next = round?.nextNode() else { return nobodyBelieved() }
    node = next
    var target = login
    target.place = next.place
    target.database = 0
    let link = Link(
      loop: loop, target: target, breaker: SharedBreaker(), scripts: [], trial: { RedisCommand.bytes("PING") },
      observer: NodeObserver(self), handler: self, deadlines: deadlines)
    self.link = link
    stage = .connecting
    link.start()
  }

  func hangUp() {
    stepTimer.stop()
    stage = .idle
    let last = link.take()
    last?.stop()
  }

  /// The node of the moment gives no map: the next one is asked, in a turn of its own, since the link is still at work.
  fileprivate func failed(_ failure: RedisFailure, detail: String) {
    guard stage != .idle else { return }
    stage = .idle
    doubtful.insert(node)
    observer.clusterNodeFailed(node, failure, detail: detail)
    stepTimer.start(afterNanoseconds: 0)
  }

  func stepTimerFired() {
    guard round != nil else { return }
    if stage == .asking {
      failed(.timeout, detail: "\(node): it does not tell its map within 1 s; \(RedisFailure.timeout.advice)")
    } else {
      askNext()
    }
  }

  // MARK: Answers

  private func heard(_ answer: ClusterConversation.Step) {
    switch answer {
    case .wait: return
    case .say(let bytes):
      if link?.write(bytes.span) != true { failed(.disconnected, detail: "\(node): it takes nothing") }
    case .failed(let failure): failed(failure.failure, detail: "\(node): \(failure.detail)")
    case .told(let map, let health): told(map, health)
    }
  }

  private func told(_ map: SlotMap, _ health: ClusterHealth) {
    switch round?.heard(map, health) {
    case nil: return
    case .believed: take(map, health)
    case .notOK:
      let text = "cluster_state is fail: it does not reach most masters, or slots are not served; see CLUSTER INFO"
      failed(.cluster, detail: "\(node): \(text)")
    case .old:
      failed(.cluster, detail: "\(node): it has not heard of the newest changes of its cluster; another node is asked")
    case .empty:
      let plain = "it knows of no slots; has the node joined its cluster?"
      let secure = "it tells no port for TLS of any node with slots; before Redis 7.2 that takes tls-cluster yes"
      failed(.cluster, detail: "\(node): \(login.tls == nil ? plain : secure)")
    }
  }
}

extension ClusterWatch: LinkHandler {
  func linkReady(_ link: Link, trialReply: Reply) {
    guard link === self.link else { return }
    conversation = ClusterConversation(asked: node, hasTLS: login.tls != nil)
    stage = .asking
    stepTimer.start(afterNanoseconds: Bounds.clusterAnswer)
    heard(conversation.begin())
  }

  // NodeObserver hears of it, with the reason.
  func linkLost(_ link: Link, _ failure: RedisFailure) {}

  func received(_ link: Link, _ reply: Reply) {
    guard link === self.link, stage == .asking else { return }
    heard(conversation.received(reply))
  }
}

/// Hears why the node of the moment is not reached (a link that was stopped tells nothing more). Nothing of it counts as
/// a connection that serves checks.
@safe private final class NodeObserver: RedisObserver {
  /// SAFETY: touched only on the loop's thread, where links tell of failures.
  private nonisolated(unsafe) weak var watch: ClusterWatch?

  init(_ watch: ClusterWatch) { unsafe self.watch = watch }

  func redisConnected() {}
  func redisDisconnected() {}
  func redisCalled(nanoseconds: Int64, checks: Int) {}
  func redisRemembered() {}

  func redisFailed(_ failure: RedisFailure, detail: String) {
    guard let watch = unsafe watch else { return }
    watch.failed(failure, detail: detail)
  }
}
