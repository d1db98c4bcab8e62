// RedisStore.swift: one worker's half of a shared store: tickets in, script calls out, replies back to tickets.
//
// The checks of one turn of the loop are gathered and travel in one write, in as few calls as their number allows; each
// keeps its own all or nothing (charge.lua). A lone check is sent at the end of its turn. While two calls are on their
// way, further checks wait, a fraction of their time at most, for a reply and share the next call. A ticket's time is over
// one time-out after its check arrived, sent or not; it is then redeemed as failed, and whatever Redis says later is
// dropped. Nothing is sent twice but a call that found its script missing, which has done nothing.
//
// Files: +Sending, +Replies, +Announcing, +Questions, +Orders, +Looking; the rest is in objects of their own: Link (the
// connection), SharedBreaker (whether to ask at all), ObservedStates (denials that need no asking).

public import EventLoop
import Limiting

/// The store over one Redis, for one worker. Used only on its loop's thread.
public final class RedisStore {
  /// What all workers of a process share.
  public struct Shared: Sendable {
    public let breaker: SharedBreaker
    public let live: LiveWeirs
    /// Names this process among the live weirs.
    public let id: String

    public init(breaker: SharedBreaker, live: LiveWeirs, id: String) {
      self.breaker = breaker
      self.live = live
      self.id = id
    }
  }

  let loop: Loop
  let shared: Shared
  let observer: any RedisObserver
  /// Nanoseconds from a check's arrival to the end of its wait.
  let timeout: Int64
  /// Whether this worker says for all that the process lives.
  let announces: Bool
  var names: KeyNames
  /// Those of the connection's greeting.
  var trialNames = KeyNames.none
  var connection: Link?
  var link: Link { connection ?? { preconditionFailure("the link lives as long as its store") }() }

  /// Tickets to be sent, in the order of their arrival, and how many charges they hold.
  var gathered: [Ticket] = []
  var gatheredCharges = 0
  var calls = CallQueue()
  var encoder = ChargeCall()
  var decoder = ChargeReply()
  var observed = ObservedStates()
  var out: [UInt8] = []
  /// Where the worker that reads orders for its process hands them over; nil for the others.
  let takeOrders: (@Sendable (OrderPage) -> Bool)?
  var orders = OrderReader()
  var isReadingOrders = false
  /// Tickets that are being redeemed, while nothing else is under way.
  var redeeming: [Ticket] = []
  private var timer: Timer?
  private var isTimerSet = false
  private var announcer: Timer?
  private var orderTimer: Timer?

  /// - Parameters:
  ///   - masters: Says where the target is, in place of its own place.
  ///   - timeout: Nanoseconds, from a check's arrival.
  ///   - announces: Whether this store sends the process's signs of life; one of a process does.
  ///   - observer: Kept, told of everything that happens.
  ///   - takeOrders: Called with what others have ordered, on the loop's thread; nil where another worker reads that. A
  ///     page that it does not take (false) is read again.
  public init(
    loop: Loop, target: RedisTarget, masters: MasterDirectory? = nil, timeout: Int64, shared: Shared, announces: Bool,
    names: KeyNames,
    observer: any RedisObserver, takeOrders: (@Sendable (OrderPage) -> Bool)? = nil
  ) {
    self.loop = loop
    self.timeout = timeout
    self.shared = shared
    self.announces = announces
    self.names = names
    self.observer = observer
    self.takeOrders = takeOrders
    orders.adopt(names.domains)
    timer = Timer(loop: loop) { [unowned self] _ in
      isTimerSet = false
      expire()
    }
    connection = Link(
      loop: loop, target: target, masters: masters, breaker: shared.breaker, scripts: Script.all.map(\.text),
      trial: { [unowned self] in
        trialNames = self.names
        return announcement(isLast: false)
      }, observer: observer, handler: self)
    if announces {
      announcer = Timer(loop: loop) { [unowned self] _ in announce() }
      announcer?.start(afterNanoseconds: Bounds.announceInterval, every: Bounds.announceInterval)
    }
    if takeOrders != nil {
      orderTimer = Timer(loop: loop) { [unowned self] _ in readOrders() }
      orderTimer?.start(afterNanoseconds: Bounds.orderInterval, every: Bounds.orderInterval)
    }
  }

  /// Connects for the first time.
  public func start() { link.start() }

  /// Whether a check would be asked of Redis now.
  public var isReady: Bool { link.isReady && shared.breaker.isClosed }

  /// Whether to ask at all. A connection that finds the breaker opened by another worker ends here; one that is not ready
  /// looks at the breaker by itself.
  public func canAsk() -> Bool {
    if link.isReady, !shared.breaker.isClosed { link.breakerOpened() }
    if link.hasMoved { link.follow() }
    return isReady
  }

  /// Takes the names of a new policy set.
  public func adopt(_ names: KeyNames) {
    self.names = names
    orders.adopt(names.domains)
    if announces { announce() }
  }

  /// Denies a ticket, or tells the numbers of one that only looks, if that needs no asking: by states seen at denials a
  /// moment ago.
  public func remembers(_ ticket: Ticket) -> Bool {
    guard observed.deny(ticket, at: loop.now) else { return false }
    if !ticket.onlyLooks { observer.redisRemembered() }
    return true
  }

  /// Asks Redis for the `.redis` charges of a ticket.
  ///
  /// - Returns: Whether it is settled at once: denied by a state seen a moment ago, or failed since Redis is away. Else
  ///   its holder is told later, exactly once, at the latest when its time is over.
  public func ask(_ ticket: Ticket) -> Bool {
    if remembers(ticket) { return true }
    guard canAsk(), gathered.count < Bounds.tickets else {
      ticket.outcome = .failed
      return true
    }
    gathered.append(ticket)
    gatheredCharges += ticket.redisCharges
    loop.callAtTurnEnd(self)
    setTimer()
    return false
  }

  /// Says goodbye and closes; tickets that wait fail at once.
  public func stop() {
    failAll()
    if announces, link.isReady { _ = link.write(announcement(isLast: true).span) }
    timer?.close()
    announcer?.close()
    orderTimer?.close()
    link.stop()
  }

  // MARK: Time

  /// Wakes up when the time of the oldest ticket is over, or when one that gathers has waited long enough for others.
  func setTimer() {
    guard !isTimerSet else { return }
    let next = min(calls.nextDeadline, gathered.first.map { $0.arrival + Bounds.gatheringTime(timeout) } ?? .max)
    guard next < .max else { return }
    isTimerSet = true
    timer?.start(afterNanoseconds: max(0, next - loop.now))
  }

  /// Redeems what has waited too long, each ticket when its own time is over.
  private func expire() {
    let now = loop.freshNow()
    for call in calls.due(at: now) { expire(call, now) }
    let late = gathered.prefix { $0.arrival + timeout <= now }.count
    for ticket in gathered.prefix(late) {
      gatheredCharges -= ticket.redisCharges
      redeeming.append(ticket)
    }
    gathered.removeFirst(late)
    // Other workers may be well, so that the breaker stays closed: then it is this connection that is dead.
    if let oldest = calls.first, now - oldest.sentAt > max(Bounds.silence, 4 * timeout) {
      link.fail(.timeout, detail: "a call is unanswered for too long; \(RedisFailure.timeout.advice)")
    }
    redeem(.failed)
    if !gathered.isEmpty { loop.callAtTurnEnd(self) }
    setTimer()
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

  private var timeoutText: String {
    "no reply within \(timeout / 1_000_000) ms; \(RedisFailure.timeout.advice)"
  }

  /// Gives up everything that waits.
  func failAll() {
    var questions: [Question] = []
    redeeming.append(contentsOf: gathered)
    gathered.removeAll(keepingCapacity: true)
    gatheredCharges = 0
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
  func redeem(_ outcome: Ticket.Outcome) {
    guard !redeeming.isEmpty else { return }
    var tickets: [Ticket] = []
    swap(&tickets, &redeeming)
    for ticket in tickets {
      ticket.outcome = outcome
      ticket.holder?.redeemed(ticket)
    }
    tickets.removeAll(keepingCapacity: true)
    if redeeming.isEmpty { swap(&tickets, &redeeming) }
  }

  /// A call has failed. If that opened the breaker, the connection goes, and with it all that waits.
  func failed(_ failure: RedisFailure, _ detail: String) {
    observer.redisFailed(failure, detail: detail)
    if shared.breaker.failed(at: loop.now, isQuick: failure.isQuick) { link.breakerOpened() }
  }
}
