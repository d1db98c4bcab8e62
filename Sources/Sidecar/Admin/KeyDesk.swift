// KeyDesk.swift: one key at a time: its state, forgetting what it spent, and orders for it. Every change is logged, with
// who asked and what for.
//
// Keys of policies in memory are this process's own. Those in Redis are asked and changed there, through a worker.

import CheckAPI
import EventLoop
import Limiting
import Policies
import PolicyFiles
import RedisStore
import Stores
import Telemetry

/// Lives on the main loop.
final class KeyDesk {
  private let state: ProcessState
  private let loop: Loop
  private let store: MemoryStore
  private let reloader: Reloader
  private let book: OrderBook
  private let settling: OrderSettling
  private let shared: (any SharedKeys)?
  /// With whom limits are shared while Redis is away; nil where there is none.
  private let live: LiveWeirs?
  private let display: KeyDisplay
  private let ipv6Prefix: Int
  private let logger: EventLogger

  /// - Parameter shared: The way to Redis; nil where there is none.
  init(
    state: ProcessState, loop: Loop, store: MemoryStore, reloader: Reloader, book: OrderBook, settling: OrderSettling,
    shared: (any SharedKeys)?, live: LiveWeirs?,
    display: KeyDisplay, ipv6Prefix: Int, logger: EventLogger
  ) {
    self.state = state
    self.loop = loop
    self.store = store
    self.reloader = reloader
    self.book = book
    self.settling = settling
    self.shared = shared
    self.live = live
    self.display = display
    self.ipv6Prefix = ipv6Prefix
    self.logger = logger
  }

  /// A key of a policy in force.
  private struct Place {
    var policy: Policy
    /// In the set in force.
    var number: Int
    var key: KeyText
    var bytes: [UInt8]
    var isShared: Bool { policy.store == .redis }
  }

  /// In force here.
  var orders: Orders { book.orders }

  /// The order for a key of a set's policy, as JSON; `null` where there is none.
  func orderText(policy: Int, key: [UInt8], _ rules: Rules) -> String {
    let policy = rules.set.policies[policy]
    let order = try? book.order(domain: policy.domain, policy: policy.name, key: key, now: now.unix)
    return order.flatMap { $0 }.map(describe) ?? "null"
  }

  var now: Now { state.clock.now(at: loop.now) }

  // MARK: GET /keys

  func show(_ request: AdminRequest, _ reply: @escaping (AdminReply) -> Void) throws(Refusal) {
    try request.refuseUnknownParameters(["domain", "policy", "key", "shared"])
    var call = KeyCall()
    call.domain = try request.parameter("domain") ?? call.domain
    guard let policy = try request.parameter("policy") else { throw Refusal(400, "parameter policy is missing") }
    call.policy = policy
    let parts = request.values("key")
    switch try request.parameter("shared") {
    case nil, "false"?: call.key = try KeyCall.key(query: parts)
    case "true"? where parts.isEmpty: call.key = .shared
    case "true"?: throw Refusal(400, "give key, or shared=true")
    default: throw Refusal(400, "shared must be true or false")
    }
    let place = try place(of: call)
    let now = self.now
    guard let charge = charge(of: place, at: now) else {
      throw Refusal(400, "this is no key of policy \(place.policy.name)")
    }
    guard place.isShared, charge.effect == .limit, let shared else {
      let here = store.state(slot: charge.slot, key: place.bytes.span, limit: charge.limit, now: now)
      return reply(.json(describe(place, charge, here.decision, place.policy.store.rawValue, here.place, at: now)))
    }
    shared.look(charge, place.bytes) { [self] answer in
      switch answer {
      case .success(let there):
        let now = Now(monotonic: self.now.monotonic, unix: there.unixNow)
        reply(.json(describe(place, charge, there.decision, "redis", nil, at: now)))
      case .failure(let refusal): reply(fallback(place, charge).map { .json($0) } ?? .refused(refusal))
      }
    }
  }

  /// What holds here while Redis does not answer; nil where the policy does not count then.
  private func fallback(_ place: Place, _ charge: Charge) -> String? {
    guard charge.onStoreFailure == .memory else { return nil }
    var divided = [charge]
    _ = Decider.leaveRedis(&divided, reloader.inForce.set, live)
    let here = store.state(slot: charge.slot, key: place.bytes.span, limit: divided[0].limit, now: now)
    return describe(place, divided[0], here.decision, "fallback", here.place, at: now)
  }

  /// What a check of cost 1 with this key would ask, orders included.
  private func charge(of place: Place, at now: Now) -> Charge? {
    guard var charge = reloader.inForce.set.charge(policy: place.number, key: place.bytes).map({ [$0] }) else {
      return nil
    }
    book.orders.apply(to: &charge, keys: place.bytes.span, at: now.unix)
    return charge[0]
  }

  private func describe(
    _ place: Place, _ charge: Charge, _ decision: Decision, _ home: String, _ cell: KeyState.Place?, at now: Now
  ) -> String {
    var members = head(of: place)
    members += [
      ("algorithm", JSONText.quoted("\(place.policy.limit.algorithm.name)")),
      ("period", JSONText.quoted(DurationText.text(charge.limit.period))),
    ]
    members += KeyNumbers(charge, decision, at: now).members
    members += [
      ("store", JSONText.quoted(home)), ("cell", place.isShared && home != "fallback" ? "null" : Self.word(cell)),
      ("mode", JSONText.quoted(place.policy.mode.rawValue)),
      ("order", orderText(policy: place.number, key: place.bytes, reloader.inForce)),
    ]
    return JSONText.object(members)
  }

  private static func word(_ cell: KeyState.Place?) -> String {
    switch cell {
    case .own?: "\"own\""
    case .overflow?: "\"overflow\""
    case .some(.none): "\"none\""
    case nil: "null"
    }
  }

  private func describe(_ booked: BookedOrder) -> String {
    var members: [(String, String)]
    switch booked.order.kind {
    case .grant(let amount): members = [("kind", "\"grant\""), ("amount", "\(amount)")]
    case .block: members = [("kind", "\"block\"")]
    }
    members += [("until", "\(UnixSeconds.roundedUp(booked.order.until))"), ("by", JSONText.quoted(booked.by))]
    return JSONText.object(members)
  }

  private func head(of place: Place) -> [(String, String)] {
    let key =
      display.isHashed
      ? ("hash", JSONText.quoted(display.hashText(place.bytes.span))) : ("key", KeyJSON.text(place.key))
    return [("domain", JSONText.quoted(place.policy.domain)), ("policy", JSONText.quoted(place.policy.name)), key]
  }

  // MARK: POST /keys/…

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

  /// Answers what is done once every worker obeys.
  private func settle(_ place: Place, _ number: Int64?, _ answer: AdminReply, _ reply: @escaping (AdminReply) -> Void) {
    settling.settle(domain: place.policy.domain, number: number) { isObeyed in
      let late = Refusal(503, "it is done, but not every worker has taken it within a second; look at the key")
      reply(isObeyed ? answer : .refused(late))
    }
  }

  // MARK: Reading calls

  private func place(of call: KeyCall) throws(Refusal) -> Place {
    let set = reloader.inForce.set
    guard let number = set.policies.firstIndex(where: { $0.domain == call.domain && $0.name == call.policy }) else {
      let refusal = OrderRefusal.unknownPolicy(domain: call.domain, policy: call.policy)
      throw Refusal(refusal.status, refusal.detail)
    }
    let policy = set.policies[number]
    do throws(KeyMismatch) {
      let bytes = try call.key.bytes(for: policy, ipv6Prefix: ipv6Prefix)
      // As it counts: an address by its prefix, a host in lower case.
      let key = KeyText(bytes.span, of: policy.key, ipv6Prefix: ipv6Prefix) ?? call.key
      return Place(policy: policy, number: number, key: key, bytes: bytes)
    } catch {
      throw Refusal(400, error.detail(policy))
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
}

extension KeyMismatch {
  /// What is wrong with a key for `policy`, and what would be right.
  func detail(_ policy: Policy) -> String {
    let names = policy.key.map(\.text)
    return switch self {
    case .count(let expected, let given):
      "key has \(given) part\(given == 1 ? "" : "s"); policy \(policy.name) has a key of \(expected): "
        + (names.isEmpty ? "give []" : names.joined(separator: ", "))
    case .notShared: "policy \(policy.name) has no counter that checks without an attribute share"
    case .address(let part): "part \(part + 1) of key (\(names[part])) must be an IP address"
    case .single(let part): "part \(part + 1) of key (\(names[part])) has one value: give a string"
    case .empty(let part): "part \(part + 1) of key (\(names[part])) is an empty list"
    case .cut: "only the beginning of the key is known"
    }
  }
}
