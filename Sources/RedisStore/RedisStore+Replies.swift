// RedisStore+Replies.swift: what Redis says, matched with what was asked, in order.

import EventLoop
import Policies

extension RedisStore: LinkHandler {
  func linkReady(_ link: Link, trialReply: Reply) {
    shared.live.connected(now: loop.now)
    heard(trialReply, trialNames)
    orders.doubt()
    readOrders()
  }

  /// A connection that nobody waited on may end for reasons that say nothing of Redis: an idle one, closed on the way.
  func linkLost(_ link: Link, _ failure: RedisFailure) {
    if calls.waiting > 0, failure != .timeout, !link.hasMoved {
      _ = shared.breaker.failed(at: loop.now, isQuick: failure.isQuick)
    }
    failAll()
  }

  func received(_ link: Link, _ reply: Reply) {
    guard !calls.isEmpty else {
      return link.fail(.protocolError, detail: "a reply came that nothing was asked for")
    }
    let call = calls.removeFirst()
    if call.kind == .charges || call.kind == .announcement {
      observer.redisCalled(nanoseconds: loop.freshNow() - call.sentAt, checks: call.tickets.count)
    }
    // What comes late is dropped: its checks were decided, and it was counted as a failure, when its time was over.
    if !call.isExpired {
      if reply.isError { refused(call, reply) } else { answered(call, reply) }
    }
    calls.recycle(call)
    // What waited for a reply goes with what this turn brings.
    if !gathered.isEmpty { loop.callAtTurnEnd(self) }
  }

  private func answered(_ call: Call, _ reply: Reply) {
    switch call.kind {
    case .charges:
      let isSound = decode(reply, call)
      redeemTickets(of: call)
      guard isSound else {
        redeem(.failed)
        return link.fail(.protocolError, detail: "the script's reply is malformed; are these keys another program's?")
      }
      shared.breaker.succeeded()
      redeem(.decided)
    case .announcement:
      shared.breaker.succeeded()
      heard(reply, call.names)
    case .question:
      shared.breaker.succeeded()
      call.question.take()?.answer(.success(reply))
    case .load:
      return
    }
  }

  /// Fills in what the reply says; false, and nothing done, where it is none of the script's.
  private func decode(_ reply: Reply, _ call: Call) -> Bool {
    let isSound = reply.withBytes { bytes in
      do throws(ChargeReply.Malformed) {
        try decoder.decode(bytes, into: call.tickets)
        return true
      } catch {
        return false
      }
    }
    if isSound { observe(call) }
    return isSound
  }

  /// Remembers what denied.
  private func observe(_ call: Call) {
    var next = 0
    for ticket in call.tickets {
      defer { next += ticket.redisCharges }
      guard !ticket.isAllowed || ticket.onlyLooks else { continue }
      var place = next
      for index in ticket.charges.indices where ticket.charges[index].isForRedis {
        observed.note(ticket, index, decoder.states[place], askedAt: call.sentAt, at: loop.now)
        place += 1
      }
    }
  }

  /// An error reply: nothing was counted. Some say that this connection leads to a server that cannot serve; a new one
  /// may lead to one that can.
  private func refused(_ call: Call, _ reply: Reply) {
    let error = reply.withBytes { ErrorReply($0) }
    if error.word == "NOSCRIPT", call.kind != .load, !call.isRepeated { return sendAgain(call) }
    redeemTickets(of: call)
    let detail = "\(error.text); \(error.advice)"
    defer {
      call.question.take()?.answer(.failure(WordFailure(error.failure, detail, mayBeDone: false)))
    }
    if error.needsNewConnection {
      redeem(.failed)
      link.fail(error.failure, detail: detail)
    } else {
      failed(error.failure, detail)
      redeem(.failed)
    }
  }
}
