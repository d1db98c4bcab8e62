// AdminPages+Explain.swift: why a check would pass or not. What Redis counts is looked at through the first worker.

import CheckAPI
import EventLoop
import Policies
import RedisStore

extension AdminPages {
  /// `POST /explain`.
  func explain(_ request: AdminRequest, _ reply: @escaping (AdminReply) -> Void) throws(Refusal) {
    try request.refuseUnknownParameters([])
    let body = request.body
    var check = try Explainer(reloader.inForce, settings).read(body.span)
    check.obey(desk.orders, at: desk.now)
    for charge in check.charges {
      check.orders[Int(charge.policy)] = desk.orderText(
        policy: Int(charge.policy), key: check.key(of: charge), check.rules)
    }
    guard check.needsRedis else { return reply(tell(check)) }
    let asked = check
    errands.ask(onlyFirst: true) { view, answer in
      SharedLook.ask(asked, of: view, answer)
    } then: { [self] (result: Result<[ExplainedCheck.RedisAnswer], Errands.Missing>) in
      // Nobody asked Redis, so nothing can be said of it.
      if case .failure(.refused) = result { return reply(.refused(Refusal(.refused))) }
      var check = asked
      check.take((try? result.get())?.first ?? .failed, live: redis?.live)
      reply(tell(check))
    }
  }

  private func tell(_ check: ExplainedCheck) -> AdminReply {
    var check = check
    let now = desk.now
    check.look(in: store, at: now)
    do throws(Refusal) {
      return .page(type: "application/json", body: try check.json(at: now))
    } catch {
      return .refused(error)
    }
  }
}

/// A look at a check's counters in Redis, on a worker's thread.
private final class SharedLook: TicketHolder {
  private let answer: @Sendable (ExplainedCheck.RedisAnswer) -> Void

  private init(_ answer: @escaping @Sendable (ExplainedCheck.RedisAnswer) -> Void) { self.answer = answer }

  static func ask(
    _ check: ExplainedCheck, of view: WorkerView, _ answer: @escaping @Sendable (ExplainedCheck.RedisAnswer) -> Void
  ) {
    guard let redis = view.redis else { return answer(.failed) }
    let ticket = Ticket()
    check.fill(ticket, arrival: Loop.monotonicNow())
    // What a server that is away counts is not asked for; the rest is.
    for index in ticket.charges.indices where ticket.charges[index].isForRedis && !redis.canAsk(ticket, index) {
      ticket.charges[index].place = .nowhere
    }
    guard Decider.needsRedis(ticket.charges) else { return answer(.failed) }
    let look = SharedLook(answer)
    ticket.holder = look
    if redis.ask(ticket, believes: false) { look.redeemed(ticket) }
  }

  func redeemed(_ ticket: Ticket) {
    ticket.holder = nil
    answer(ticket.outcome == .decided ? .decided(ticket.charges, unixNow: ticket.unixNow) : .failed)
  }
}
