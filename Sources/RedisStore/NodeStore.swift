// NodeStore.swift: one worker's half of one Redis server: tickets in, script calls out, replies back to tickets.
//
// The checks of one turn of the loop are gathered and travel in one write, in as few calls as their number (in a
// cluster: as their keys) allows; each keeps its own all or nothing. A lone check is sent at the end of its turn. While
// two calls are on their way, further checks wait, a fraction of their time at most, for a reply and share the next
// call. A ticket's time is over one time-out after its check arrived, sent or not; it is then redeemed as failed, and
// whatever Redis says later is dropped. Nothing is sent twice but what a server has refused unread: for want of the
// script, or because another node holds the key.
//
// Files: +Sending, +Replies, +Questions; the rest is in objects of their own: Link (the connection), SharedBreaker
// (whether to ask at all), ObservedStates (denials that need no asking).

import EventLoop
import Limiting

/// Whoever has stores. Called on the loop's thread.
protocol NodeStoreOwner: AnyObject {
  /// The greeting is done.
  func connected(_ node: NodeStore, trialReply: Reply)

  /// Another node of the cluster is to be asked, or (nil) this one again a little later: nothing was done. The ticket
  /// waits, and is the owner's from now on.
  func redirected(_ ticket: Ticket, _ redirection: Redirection?, by node: NodeStore)

  /// The same of a question.
  func redirected(_ question: Question, _ redirection: Redirection?, by node: NodeStore)
}

/// The tickets and questions of one worker that go to one server.
final class NodeStore {
  /// What all servers of a store share.
  struct Setup {
    var loop: Loop
    /// Nanoseconds from a check's arrival to the end of its wait.
    var timeout: Int64
    var layout: CounterLayout
    /// Of a node of a cluster.
    var address: NodeAddress?
    /// Makes the command that ends a greeting: it proves that the server can serve us.
    var trial: () -> [UInt8]
    var observed: ObservedStates
  }

  let setup: Setup
  let breaker: SharedBreaker
  let observer: any RedisObserver
  var loop: Loop { setup.loop }
  var timeout: Int64 { setup.timeout }
  var observed: ObservedStates { setup.observed }
  weak var owner: (any NodeStoreOwner)?
  private var connection: Link?
  var link: Link { connection ?? { preconditionFailure("the link lives as long as its store") }() }

  /// Tickets to be sent, how many charges they hold, and when the oldest of their checks arrived.
  var gathered: [Ticket] = []
  var gatheredCharges = 0
  var oldestArrival = Int64.max
  var calls = CallQueue()
  var encoder = ChargeCall()
  var holder = HoldCall()
  var settler = SettleCall()
  var decoder = ChargeReply()
  var tags = TagQueues()
  var out: [UInt8] = []
  /// Tickets that are being redeemed, while nothing else is under way.
  var redeeming: [Ticket] = []
  /// Until the first attempt to connect has ended, tickets may wait for it.
  private(set) var isOpening = false
  var earlyQuestions: [Question] = []
  /// When the time of the first of them is over.
  var earlyDeadline = Int64.max
  private var timer: Timer?
  /// When it fires; `Int64.max` where it is not set.
  private var wakesAt = Int64.max
  private var isStopped = false

  /// - Parameters:
  ///   - masters: Says where the target is, in place of its own place.
  ///   - observer: Kept, told of everything that happens.
  init(
    _ setup: Setup, target: RedisTarget, masters: MasterDirectory? = nil, breaker: SharedBreaker,
    observer: any RedisObserver,
    owner: any NodeStoreOwner
  ) {
    self.setup = setup
    self.breaker = breaker
    self.observer = observer
    self.owner = owner
    timer = Timer(loop: setup.loop) { [unowned self] _ in
      wakesAt = .max
      expire()
    }
    connection = Link(
      loop: setup.loop, target: target, masters: masters, checksRole: setup.layout == .hashes, breaker: breaker,
      scripts: setup.layout.scripts.map(\.text), trial: setup.trial, observer: observer, handler: self)
  }

  /// Connects for the first time. Tickets that come meanwhile wait for it, within their time, if `takesEarly`.
  func start(takesEarly: Bool) {
    isOpening = takesEarly
    link.start()
  }

  /// Whether a check would be asked of this server now.
  var isReady: Bool { link.isReady && breaker.isClosed }

  /// Whether nothing waits here.
  var isIdle: Bool { gathered.isEmpty && earlyQuestions.isEmpty && calls.waiting == 0 }

  /// Whether to ask at all. A connection that finds the breaker opened by another worker ends here; one that is not ready
  /// looks at the breaker by itself.
  func canAsk() -> Bool {
    if link.isReady, !breaker.isClosed { link.breakerOpened() }
    if link.hasMoved { link.follow() }
    return !isStopped && (isReady || (isOpening && breaker.isClosed))
  }

  /// Asks the server for the `.redis` charges of a ticket.
  ///
  /// - Returns: False where the server is away: the ticket has failed. Else its holder is told later, exactly once, at
  ///   the latest when its time is over.
  func ask(_ ticket: Ticket) -> Bool {
    guard canAsk(), gathered.count < Bounds.tickets else {
      ticket.outcome = .failed
      return false
    }
    gathered.append(ticket)
    gatheredCharges += ticket.redisCharges
    oldestArrival = min(oldestArrival, ticket.arrival)
    loop.callAtTurnEnd(self)
    setTimer()
    return true
  }

  /// Closes; tickets that wait fail at once.
  ///
  /// - Parameter lastWord: Sent before, if there is a connection.
  func stop(lastWord: [UInt8] = []) {
    isStopped = true
    failAll()
    opened()
    if !lastWord.isEmpty, link.isReady { _ = link.write(lastWord.span) }
    timer?.close()
    link.stop()
  }

  /// The first attempt to connect has ended: what waited for it goes, or fails.
  func opened() {
    isOpening = false
    let questions = earlyQuestions
    earlyQuestions = []
    earlyDeadline = .max
    ask(questions)
  }

  // MARK: Time

  /// Wakes up when the time of the oldest ticket is over, or when one that gathers has waited long enough for others.
  func setTimer() {
    // Without a connection they wait for one; in a cluster nothing gathers.
    let patience = link.isReady && setup.layout == .strings ? Bounds.gatheringTime(timeout) : timeout
    let gathered = gathered.isEmpty ? .max : oldestArrival + patience
    let next = min(calls.nextDeadline, gathered, earlyDeadline)
    guard next < wakesAt else { return }
    wakesAt = next
    timer?.start(afterNanoseconds: max(0, next - loop.now))
  }

  /// Redeems what has waited too long, each ticket when its own time is over.
  private func expire() {
    let now = loop.freshNow()
    for call in calls.due(at: now) { expire(call, now) }
    if !gathered.isEmpty, oldestArrival + timeout <= now { expireGathered(now) }
    if earlyDeadline <= now { stopOpening() }
    // Other workers may be well, so that the breaker stays closed: then it is this connection that is dead.
    if let oldest = calls.first, now - oldest.sentAt > max(Bounds.silence, 4 * timeout) {
      link.fail(.timeout, detail: "a call is unanswered for too long; \(RedisFailure.timeout.advice)")
    }
    redeem(.failed)
    if !gathered.isEmpty { loop.callAtTurnEnd(self) }
    setTimer()
  }

  /// The server does not let us connect in time: what comes from now on does not wait for it.
  private func stopOpening() {
    guard isOpening else { return }
    opened()
    failed(.timeout, "no connection within \(timeout / 1_000_000) ms; \(RedisFailure.timeout.advice)")
  }

  private func expireGathered(_ now: Int64) {
    stopOpening()
    var waiting: [Ticket] = []
    gatheredCharges = 0
    oldestArrival = .max
    for ticket in gathered {
      if ticket.arrival + timeout <= now {
        redeeming.append(ticket)
      } else {
        waiting.append(ticket)
        gatheredCharges += ticket.redisCharges
        oldestArrival = min(oldestArrival, ticket.arrival)
      }
    }
    gathered = waiting
  }

  private func expire(_ call: Call, _ now: Int64) {
    var next = Int64.max
    for index in call.tickets.indices where call.tickets[index].outcome == .pending {
      let ticket = call.tickets[index]
      if ticket.arrival + timeout <= now {
        call.tickets[index] = ticket.husk()
        call.tickets[index].outcome = .failed
        redeeming.append(ticket)
      } else {
        next = min(next, ticket.arrival + timeout)
      }
    }
    call.deadline = next
    if next == .max { calls.expire(call) }
    if !call.hasTimedOut {
      call.hasTimedOut = true
      failed(.timeout, timeoutText)
    }
    giveUp(call.question.take(), .timeout, timeoutText)
  }

  var timeoutText: String {
    "no reply within \(timeout / 1_000_000) ms; \(RedisFailure.timeout.advice)"
  }

  /// Gives up everything that waits.
  func failAll() {
    var questions: [Question] = []
    redeeming.append(contentsOf: gathered)
    gathered.removeAll(keepingCapacity: true)
    gatheredCharges = 0
    oldestArrival = .max
    while !calls.isEmpty {
      let call = calls.removeFirst()
      redeemTickets(of: call)
      if let question = call.question { questions.append(question) }
      calls.recycle(call)
    }
    redeem(.failed)
    for question in questions { giveUp(question, .disconnected, "the connection to Redis ended before its reply") }
  }

  // MARK: Redeeming

  /// Puts the tickets of a call that still wait into `redeeming`.
  func redeemTickets(of call: Call) {
    for ticket in call.tickets where ticket.holder != nil { redeeming.append(ticket) }
  }

  /// Tells the holders of `redeeming`. They may ask again from inside.
  ///
  /// - Parameter outcome: Of all of them; nil where each has its own.
  func redeem(_ outcome: Ticket.Outcome?) {
    guard !redeeming.isEmpty else { return }
    var tickets: [Ticket] = []
    swap(&tickets, &redeeming)
    for ticket in tickets {
      if let outcome { ticket.outcome = outcome }
      ticket.holder?.redeemed(ticket)
    }
    tickets.removeAll(keepingCapacity: true)
    if redeeming.isEmpty { swap(&tickets, &redeeming) }
  }

  /// A call has failed. If that opened the breaker, the connection goes, and with it all that waits.
  func failed(_ failure: RedisFailure, _ detail: String) {
    observer.redisFailed(failure, detail: setup.address.map { "\($0): \(detail)" } ?? detail)
    if breaker.failed(at: loop.now, isQuick: failure.isQuick) { link.breakerOpened() }
  }
}
