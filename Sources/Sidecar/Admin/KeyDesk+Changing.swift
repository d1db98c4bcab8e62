// KeyDesk+Changing.swift: `POST /keys/…`: a key forgets what it spent, or gets an order. Every change is logged, with who
// asked and what for; one in Redis that was not confirmed too, as one that may have been made.

import CheckAPI
import EventLoop
import Limiting
import Policies
import PolicyFiles
import RedisStore
import Stores
import Telemetry

extension KeyDesk {
  func reset(_ request: AdminRequest, _ reply: @escaping (AdminReply) -> Void) throws(Refusal) {
    let body = request.body
    let call = try KeyCall(json: body.span, taking: [])
    let place = try place(of: call)
    guard place.isShared, let shared else {
      switch store.reset(slot: reloader.inForce.set.slots[place.number], key: place.bytes.span) {
      case .forgotten: finishReset(place, call, request, true, reply)
      case .nothing: finishReset(place, call, request, false, reply)
      case .overflow:
        throw Refusal(
          409,
          "the key has no counter of its own: --max-keys was reached, and it shares one with others; try again later")
      }
      return
    }
    shared.reset(CounterIdentity(place.policy), place.bytes) { [self] answer in
      switch answer {
      case .success(let said):
        finishReset(place, call, request, said.outcome) { answer in
          self.settle(place, said.number, answer, reply)
        }
      case .failure(let failure):
        if failure.mayBeDone { log("key reset", place, nil, call, request, isSure: false) }
        reply(.refused(failure.refusal))
      }
    }
  }

  private func finishReset(
    _ place: Place, _ call: KeyCall, _ request: AdminRequest, _ wasThere: Bool, _ reply: (AdminReply) -> Void
  ) {
    log("key reset", place, nil, call, request)
    reply(.json(JSONText.object(head(of: place) + [("reset", "\(wasThere)")])))
  }

  func grant(_ request: AdminRequest, _ reply: @escaping (AdminReply) -> Void) throws(Refusal) {
    let body = request.body
    let call = try KeyCall(json: body.span, taking: [.amount, .until, .lasting])
    guard let amount = call.amount else { throw Refusal(400, "amount is missing") }
    let until = try end(of: call)
    let granted = try place(of: call)
    if let charge = reloader.inForce.set.charge(policy: granted.number, key: granted.bytes), charge.effect != .limit {
      let word = charge.effect == .block ? "blocks" : "exempts"
      throw Refusal(409, "an override of the policy file \(word) this key: a grant would change nothing")
    }
    try order(call, request, "key granted", reply) { (place, by) throws(OrderRefusal) in
      try self.book.grant(
        domain: place.policy.domain, policy: place.policy.name, key: place.bytes, amount: amount, until: until, by: by,
        now: self.now.unix)
    }
  }

  func block(_ request: AdminRequest, _ reply: @escaping (AdminReply) -> Void) throws(Refusal) {
    let body = request.body
    let call = try KeyCall(json: body.span, taking: [.until, .lasting])
    let until = try end(of: call)
    try order(call, request, "key blocked", reply) { (place, by) throws(OrderRefusal) in
      try self.book.block(
        domain: place.policy.domain, policy: place.policy.name, key: place.bytes, until: until, by: by,
        now: self.now.unix)
    }
  }

  func unblock(_ request: AdminRequest, _ reply: @escaping (AdminReply) -> Void) throws(Refusal) {
    let body = request.body
    let call = try KeyCall(json: body.span, taking: [])
    try order(call, request, "key unblocked", reply) { (place, _) throws(OrderRefusal) in
      try self.book.unblock(
        domain: place.policy.domain, policy: place.policy.name, key: place.bytes, now: self.now.unix)
    }
  }

  /// Makes a change, here or in Redis, and says what is in force then.
  private func order(
    _ call: KeyCall, _ request: AdminRequest, _ event: String, _ reply: @escaping (AdminReply) -> Void,
    _ change: (Place, _ by: String) throws(OrderRefusal) -> OrderChange
  ) throws(Refusal) {
    let place = try place(of: call)
    let by = call.note.isEmpty ? "\(request.peer)" : "\(request.peer): \(call.note)"
    let changed: OrderChange
    do throws(OrderRefusal) {
      changed = try change(place, by)
    } catch {
      throw Refusal(error.status, error.detail)
    }
    let done = { [self] (number: Int64?) in
      log(event, place, changed.order?.order, call, request)
      let members = [
        ("order", changed.order.map(describe) ?? "null"), ("replaced", changed.replaced.map(describe) ?? "null"),
      ]
      settle(place, number, .json(JSONText.object(head(of: place) + members)), reply)
    }
    guard changed.isShared, let shared else { return done(nil) }
    shared.write(changed) { [self] answer in
      switch answer {
      case .success(let number): done(number)
      case .failure(let failure):
        if failure.mayBeDone { log(event, place, changed.order?.order, call, request, isSure: false) }
        reply(.refused(failure.refusal))
      }
    }
  }

  /// Nanoseconds since the Unix epoch.
  private func end(of call: KeyCall) throws(Refusal) -> Int64 {
    switch (call.until, call.lasting) {
    case (let until?, nil):
      let (nanoseconds, overflow) = until.multipliedReportingOverflow(by: Bounds.second)
      return overflow ? (until < 0 ? .min : .max) : nanoseconds
    case (nil, let text?):
      do throws(DurationText.Malformed) {
        let (end, overflow) = now.unix.addingReportingOverflow(try DurationText.parse(text))
        return overflow ? .max : end
      } catch {
        throw Refusal(400, "for \"\(text)\" \(error.message)")
      }
    case (nil, nil): throw Refusal(400, "until (Unix seconds) or for (as in 10m) is missing")
    default: throw Refusal(400, "give until or for, not both")
    }
  }

  // MARK: The log

  /// - Parameter isSure: Whether the change is known to have been made.
  private func log(
    _ event: String, _ place: Place, _ order: Order?, _ call: KeyCall, _ request: AdminRequest, isSure: Bool = true
  ) {
    var fields: [(name: String, value: LogValue)] = [
      (name: "by", value: .string("\(request.peer)")), (name: "domain", value: .string(place.policy.domain)),
      (name: "policy", value: .string(place.policy.name)),
      (
        name: "key",
        value: .string(display.isHashed ? display.hashText(place.bytes.span) : KeyJSON.text(place.key))
      ),
    ]
    if case .grant(let amount)? = order?.kind { fields.append((name: "amount", value: .integer(amount))) }
    if let order { fields.append((name: "until", value: .integer(UnixSeconds.roundedUp(order.until)))) }
    if !call.note.isEmpty { fields.append((name: "note", value: .string(call.note))) }
    if !isSure { fields.append((name: "outcome", value: "unknown")) }
    logger.logAlways(isSure ? .info : .warning, event, fields)
  }

  /// Answers what is done once every worker obeys.
  private func settle(_ place: Place, _ number: Int64?, _ answer: AdminReply, _ reply: @escaping (AdminReply) -> Void) {
    settling.settle(domain: place.policy.domain, number: number) { isObeyed in
      let late = Refusal(503, "it is done, but not every worker has taken it within a second; look at the key")
      reply(isObeyed ? answer : .refused(late))
    }
  }
}
