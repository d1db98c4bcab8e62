// RedisStore+Replies.swift: what Redis says, matched with what was asked, in order.

import Limiting

extension RedisStore: LinkHandler {
  func linkReady(_ link: Link, trialReply: Reply) {
    shared.live.connected(now: loop.now)
    heard(trialReply)
  }

  func linkLost(_ link: Link, _ failure: RedisFailure) {
    failAll()
  }

  func received(_ link: Link, _ reply: Reply) {
    guard !calls.isEmpty else {
      return link.fail(.protocolError, detail: "a reply came that nothing was asked for")
    }
    let call = calls.removeFirst()
    switch call.kind {
    case .charges: receivedCharges(call, reply)
    case .announcement: receivedAnnouncement(call, reply)
    case .load:
      if let error = reply.error, !call.isExpired { failed(error, reply) }
    }
    calls.recycle(call)
    // What waited for a reply goes with what this turn brings.
    if !gathered.isEmpty { loop.callAtTurnEnd(self) }
  }

  private func receivedCharges(_ call: Call, _ reply: Reply) {
    let now = loop.freshNow()
    observer.redisCalled(nanoseconds: now - call.sentAt, checks: call.tickets.count)
    if let error = reply.error {
      guard !call.isExpired else { return }
      if reply.isMissingScript, !call.isRepeated { return sendAgain(call) }
      redeeming.append(contentsOf: call.tickets)
      failed(error, reply)
      return redeem(.failed)
    }
    // Its checks were decided when their time was over.
    guard !call.isExpired else { return }
    let isSound = reply.withBytes { bytes in
      do throws(MalformedReply) {
        try encoder.decode(bytes, into: call.tickets) { observed.note($0, at: now) }
        return true
      } catch {
        return false
      }
    }
    redeeming.append(contentsOf: call.tickets)
    guard isSound else {
      redeem(.failed)
      return link.fail(.protocolError, detail: "the reply of the script is malformed")
    }
    shared.breaker.succeeded()
    redeem(.decided)
  }

  /// An error reply. Some say that this connection leads to a server that cannot serve, and a new one may lead to one
  /// that can.
  func failed(_ failure: RedisFailure, _ reply: Reply) {
    switch failure {
    case .readOnly, .loading, .auth, .cluster:
      link.fail(failure, detail: reply.text)
    default:
      failed(failure, reply.text)
    }
  }
}
