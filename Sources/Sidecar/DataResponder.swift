// DataResponder.swift: the data plane of one worker: a request becomes a check, the check a decision, the decision an
// answer. This is the path of a check; every step is a room of its own.

import CheckAPI
import EventLoop
import HTTP1
import Limiting
import Policies
import RedisStore
import Telemetry

final class DataResponder: Responder {
  private let loop: Loop
  private let settings: APISettings
  private let state: ProcessState
  private let decider: Decider
  let counters: WorkerCounters
  let decisions = DecisionCounters()
  /// Of checks that only policies in memory matched.
  let durations = Histogram()
  /// Of checks that a policy in Redis matched, whether it was asked or not.
  let sharedDurations = Histogram()
  let keys: KeyRecorder
  /// nil where denials are not logged.
  private let denials: DenialLog?
  private(set) var rules: Rules
  private(set) var orders = Orders.none
  /// Filled anew by every check.
  private var check = Check()
  /// What the request in hand asks for, between `bodyNeed` and `answer`.
  private var route = Route.healthz
  /// Decisions since the last read began: in memory, and with Redis in mind.
  private var batch = 0
  private var sharedBatch = 0
  private(set) var sparePending: [PendingCheck] = []

  init(
    loop: Loop, settings: APISettings, state: ProcessState, decider: Decider, counters: WorkerCounters,
    keys: KeyRecorder, denials: DenialLog? = nil, rules: Rules
  ) {
    self.loop = loop
    self.settings = settings
    self.state = state
    self.decider = decider
    self.counters = counters
    self.keys = keys
    self.denials = denials
    self.rules = rules
    adopt(rules)
  }

  /// Takes a new policy set, whole.
  func adopt(_ rules: Rules) {
    self.rules = rules
    let slots = Int(rules.set.slots.max() ?? 0) + 1
    decisions.reserve(slots: slots)
    keys.reserve(slots: slots)
  }

  /// Takes other orders, for the counters of the set in force.
  func obey(_ orders: Orders) { self.orders = orders }

  /// From the signal on, so that clients move away before the listeners close.
  var isStopping: Bool { state.isDraining }

  // MARK: Requests

  func bodyNeed(_ head: RequestHead, _ bytes: Span<UInt8>, from peer: PeerAddress) -> BodyNeed {
    route = Router.route(head, bytes, settings)
    return route == .json ? .whole() : .none()
  }

  func answer(
    _ head: RequestHead, _ bytes: Span<UInt8>, _ context: AnyObject?, from peer: PeerAddress, for asker: any Asker,
    after: Afterwards,
    to out: inout ResponseBuffer
  ) -> Answering {
    let isHead = Router.isHead(head, bytes)
    switch route {
    case .gateway(let route):
      return answer(route, head, bytes, peer, asker, isHead: isHead, after, to: &out)
    case .healthz:
      return .answered(status: HealthPage.write(state.liveness, isHead: isHead, after: after, to: &out))
    case .readyz:
      return .answered(status: HealthPage.write(state.readiness, isHead: isHead, after: after, to: &out))
    case .refused(let refusal):
      counters.add(.rejection(forPage: refusal.status))
      ErrorAnswer.write(refusal, isHead: isHead, after: after, to: &out)
      return .answered(status: refusal.status)
    case .json:
      preconditionFailure("the JSON form is answered with its body")
    }
  }

  // MARK: The gateway form

  private func answer(
    _ route: GatewayRoute, _ head: RequestHead, _ bytes: Span<UInt8>, _ peer: PeerAddress, _ asker: any Asker,
    isHead: Bool, _ after: Afterwards, to out: inout ResponseBuffer
  ) -> Answering {
    let rules = self.rules
    let set = rules.set
    let gaps = GatewayCheck.fill(
      &check, route, head, bytes, peer: peer.address, settings, rules.headers, rules.set)
    if gaps.lacksTarget { counters.add(.checksWithoutTarget) }
    counters.add(.gatewayChecks)
    let now = state.clock.now(at: loop.now)
    let form = AnswerForm(form: .gateway(denyStatus: route.denyStatus, isHead: isHead), rules: rules)
    match(set, at: now)
    if set.usesRedis, Decider.needsRedis(check.charges) { return share(form, asker, at: now, after, to: &out) }
    let outcome = decide(at: now)
    return .answered(status: form.write(check.charges, outcome, settings.style, at: now, after: after, to: &out))
  }

  // MARK: The JSON form

  func answer(
    body: Span<UInt8>, _ context: AnyObject?, for asker: any Asker, after: Afterwards, to out: inout ResponseBuffer
  ) -> Answering {
    let rules = self.rules
    let set = rules.set
    counters.add(.jsonChecks)
    do throws(Refusal) {
      let domain = try JSONCheck.fill(&check, body, rules.set)
      let now = state.clock.now(at: loop.now)
      match(set, at: now)
      if set.usesRedis, Decider.needsRedis(check.charges) {
        return share(AnswerForm(form: .json, rules: rules), asker, at: now, after, to: &out)
      }
      let outcome = decide(at: now)
      let answer = Answer(settings.style, rules.set, at: now, after: after)
      return .answered(status: answer.writeJSON(check.charges, outcome, domain: domain.utf8.span, to: &out))
    } catch {
      counters.add(.rejectedJSON)
      ErrorAnswer.write(error, isHead: false, after: after, to: &out)
      return .answered(status: error.status)
    }
  }

  // MARK: Deciding

  /// Finds what the check in hand asks of the stores, orders included.
  private func match(_ set: PolicySet, at now: Now) {
    set.match(&check)
    if !orders.isEmpty { orders.apply(to: &check, at: now.unix) }
  }

  /// Decides the check in hand in memory.
  private func decide(at now: Now) -> CheckOutcome {
    batch += 1
    guard !check.charges.isEmpty else {
      counters.add(.checksUnmatched)
      return .allowed
    }
    let isAllowed = decider.decide(&check, at: now)
    check.withCharges { record($0, keys: $1, at: now) }
    guard !isAllowed else { return .allowed }
    if let denials {
      let ip = check.ip
      check.withCharges { denials.note($0, keys: $1, ip: ip, rules.set, at: now) }
    }
    return .denied
  }

  /// Decides the check in hand with Redis: at once where that is possible, else when its ticket is redeemed.
  private func share(
    _ form: AnswerForm, _ asker: any Asker, at now: Now, _ after: Afterwards, to out: inout ResponseBuffer
  ) -> Answering {
    let pending = sparePending.popLast() ?? PendingCheck(self)
    if denials != nil { pending.ip = check.ip }
    pending.ticket.fill(check.charges, keys: check.bytes.span, names: form.rules.names, arrival: now.monotonic)
    guard let outcome = decider.begin(pending.ticket, form.rules.set, at: now) else {
      pending.wait(for: asker, form, since: now)
      return .later
    }
    sharedBatch += 1
    record(pending, outcome, form.rules.set, at: now)
    let status = write(pending.ticket, outcome, form, at: now, after, to: &out)
    keep(pending)
    return .answered(status: status)
  }

  /// A ticket is redeemed: its check is decided, and its request answered.
  func redeemed(_ pending: PendingCheck, _ form: AnswerForm, _ asker: any Asker, since: Now) {
    let now = state.clock.now(at: loop.now)
    let outcome = decider.conclude(pending.ticket, form.rules.set, chargedAt: since, at: now)
    record(pending, outcome, form.rules.set, at: now)
    asker.complete { after, out in write(pending.ticket, outcome, form, at: now, after, to: &out) }
    #if !WEIR_WITHOUT_TELEMETRY
      sharedDurations.observe(nanoseconds: Loop.monotonicNow() - since.monotonic)
    #endif
    keep(pending)
  }

  /// Keeps what a check needed for another one.
  func keep(_ pending: PendingCheck) {
    guard sparePending.count < Bounds.sparePending else { return }
    pending.ticket.trim()
    sparePending.append(pending)
  }

  private func write(
    _ ticket: Ticket, _ outcome: CheckOutcome, _ form: AnswerForm, at now: Now, _ after: Afterwards,
    to out: inout ResponseBuffer
  ) -> Int {
    form.write(
      ticket.charges, outcome, settings.style, at: now,
      redisUnix: ticket.outcome == .decided ? ticket.unixNow : nil, after: after, to: &out)
  }

  /// Counts what was decided, whether or not anybody still waits for the answer.
  private func record(_ pending: PendingCheck, _ outcome: CheckOutcome, _ set: PolicySet, at now: Now) {
    guard outcome != .undecided else { return counters.add(.checksUndecided) }
    pending.ticket.withCharges { record($0, keys: $1, at: now) }
    guard outcome == .denied, let denials else { return }
    pending.ticket.withCharges { denials.note($0, keys: $1, ip: pending.ip, set, at: now) }
  }

  private func record(_ charges: borrowing [Charge], keys: Span<UInt8>, at now: Now) {
    #if !WEIR_WITHOUT_TELEMETRY
      for index in charges.indices { record(charges[index], keys: keys, at: now) }
    #endif
  }

  private func record(_ charge: Charge, keys: Span<UInt8>, at now: Now) {
    // What it would have said is not known, and it changed nothing.
    guard charge.effect != .limit || charge.place != .unasked else { return }
    let isDegraded = charge.effect == .limit && (charge.place == .fallback || charge.place == .nowhere)
    if isDegraded { decisions.recordDegraded(slot: Int(charge.slot)) }
    let isAllowed = charge.effect == .unlimited || charge.decision.isAllowed
    let outcome: DecisionCounters.Outcome = isAllowed ? .allowed : charge.isShadow ? .shadowDenied : .denied
    decisions.record(outcome, slot: Int(charge.slot))
    self.keys.record(outcome == .denied ? .denied : .allowed, charge, keys: keys, at: now.monotonic)
  }

  /// A decision's duration counts from the turn's beginning, so that what it waited for its neighbours is in it.
  func finishedBatch() {
    #if !WEIR_WITHOUT_TELEMETRY
      guard batch > 0 || sharedBatch > 0 else { return }
      let elapsed = Loop.monotonicNow() - loop.now
      if batch > 0 { durations.observe(nanoseconds: elapsed, times: batch) }
      if sharedBatch > 0 { sharedDurations.observe(nanoseconds: elapsed, times: sharedBatch) }
      batch = 0
      sharedBatch = 0
    #endif
  }
}

extension PeerAddress {
  /// The address as policies know it; nil for a Unix socket.
  var address: IPAddress? {
    switch self {
    case .unix: nil
    case .v4(let number): IPAddress(v4: number)
    case .v6(let high, let low): IPAddress(high: high, low: low)
    }
  }
}
