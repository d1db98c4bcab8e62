// NodeStore+Replies.swift: what Redis says, matched with what was asked, in order.

import EventLoop
import Policies

extension NodeStore: LinkHandler {
  func linkReady(_ link: Link, trialReply: Reply) {
    opened()
    owner?.connected(self, trialReply: trialReply)
    if !gathered.isEmpty { loop.callAtTurnEnd(self) }
  }

  /// An attempt to connect has failed; no other is waited for.
  func linkFailed(_ link: Link) {
    opened()
    if !gathered.isEmpty { failAll() }
  }

  /// A connection that nobody waited on may end for reasons that say nothing of Redis: an idle one, closed on the way.
  func linkLost(_ link: Link, _ failure: RedisFailure) {
    if calls.waiting > 0, failure != .timeout, !link.hasMoved {
      _ = breaker.failed(at: loop.now, isQuick: failure.isQuick)
    }
    failAll()
  }

  func received(_ link: Link, _ reply: Reply) {
    guard !calls.isEmpty else {
      return link.fail(.protocolError, detail: "a reply came that nothing was asked for")
    }
    let call = calls.removeFirst()
    if call.kind == .charges || call.kind == .settlement {
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
    case .charges, .settlement:
      let isSound = decode(reply, call)
      redeemTickets(of: call)
      guard isSound else {
        redeem(.failed)
        return link.fail(.protocolError, detail: "the script's reply is malformed; are these keys another program's?")
      }
      breaker.succeeded()
      redeem(nil)
    case .question:
      breaker.succeeded()
      call.question.take()?.answer(.success(reply))
    case .load, .asking:
      return
    }
  }

  /// Fills in what the reply says; false, and nothing done, where it is none of the script's.
  private func decode(_ reply: Reply, _ call: Call) -> Bool {
    reply.withBytes { bytes in
      do throws(ChargeReply.Malformed) {
        if call.kind == .settlement {
          try SettleCall.decode(bytes, into: call.tickets)
        } else {
          try decoder.decode(bytes, into: call.tickets, holds: setup.layout == .hashes)
          observe(call)
        }
        return true
      } catch {
        return false
      }
    }
  }

  /// Remembers what denied; of what is held, the ticket keeps it, until the whole check is decided.
  private func observe(_ call: Call) {
    var next = 0
    for ticket in call.tickets {
      defer { next += ticket.redisCharges }
      if ticket.work == .hold, ticket.isAllowed {
        keep(next..<next + ticket.redisCharges, of: ticket, call)
        continue
      }
      guard ticket.outcome == .decided else { continue }
      guard !ticket.isAllowed || ticket.onlyLooks else {
        // Read anew for this reply, which may have come since the turn began.
        observed.admitted(ticket, at: loop.now)
        continue
      }
      var place = next
      for index in ticket.charges.indices where ticket.charges[index].isForRedis {
        if !decoder.countsHolds[place] {
          observed.note(ticket, index, decoder.states[place], askedAt: call.sentAt, at: loop.now)
        }
        place += 1
      }
    }
  }

  private func keep(_ places: Range<Int>, of ticket: Ticket, _ call: Call) {
    ticket.shown.removeAll(keepingCapacity: true)
    ticket.isShownSound = true
    for place in places {
      ticket.shown.append(decoder.states[place])
      if decoder.countsHolds[place] { ticket.isShownSound = false }
    }
    ticket.askedAt = call.sentAt
  }

  /// An error reply: nothing was counted. Some say that another node is to be asked; some that this connection leads to
  /// a server that cannot serve, where a new one may lead to one that can.
  private func refused(_ call: Call, _ reply: Reply) {
    let error = reply.withBytes { ErrorReply($0) }
    if error.word == "NOSCRIPT", call.kind != .load, !call.isRepeated { return sendAgain(call) }
    if setup.layout == .hashes, ["MOVED", "ASK", "TRYAGAIN"].contains(error.word) { return redirect(call, reply) }
    redeemTickets(of: call)
    let detail = "\(error.text); \(error.advice)"
    defer {
      call.question.take()?.answer(.failure(WordFailure(error.failure, detail, mayBeDone: false)))
    }
    if error.needsNewConnection {
      redeem(.failed)
      link.fail(error.failure, detail: detail)
    } else if call.kind == .question, error.failure == .permission {
      // Checks need other commands: they may be well, and keep the breaker closed by themselves.
      observer.redisFailed(error.failure, detail: detail)
    } else if setup.layout == .hashes, error.failure == .cluster {
      // The cluster does not serve the key; the node is well, and says so at once when it does.
      observer.redisFailed(error.failure, detail: detail)
      redeem(.failed)
    } else {
      failed(error.failure, detail)
      redeem(.failed)
    }
  }

  /// Hands on what this node has refused unread.
  private func redirect(_ call: Call, _ reply: Reply) {
    breaker.succeeded()
    guard let owner, let address = setup.address else { return }
    let redirection = reply.withBytes { Redirection($0, from: address) }
    let tickets = call.tickets
    for ticket in tickets where ticket.holder != nil { owner.redirected(ticket, redirection, by: self) }
    if let question = call.question.take() { owner.redirected(question, redirection, by: self) }
  }
}
