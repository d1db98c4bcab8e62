// SplitTicket.swift: a check whose counters lie under several keys of a cluster, and so in several slots: acts as
// SplitCheck decides.
//
// The check is held in all parts at once, which is one round trip. If one denies, the check is denied, unless a part
// that fails closed did not answer, and what was held elsewhere is cancelled; nobody waits for that. If all hold, all are
// confirmed, which is the second round trip, and then the check is allowed. A check that only looks, or that another
// store's answer has denied, holds nothing.

import EventLoop
import Limiting
import Policies

/// One check in parts. Used again and again, so that a check allocates little once it is warm.
final class SplitTicket: TicketHolder {
  /// What lies under one key.
  private final class Part {
    /// Holds the part's charges, or looks at them.
    let asked = Ticket()
    /// Confirms, cancels or takes back.
    let settled = Ticket()
    /// The places of the part's charges in the check.
    var places: [Int] = []
    /// Whether what it held was spent.
    var isSpent = false
  }

  private unowned let router: ClusterRouter
  private var parent: Ticket?
  private var parts: [Part] = []
  /// Parts in use: the first of `parts`.
  private var count = 0
  private var course = SplitCheck(parts: 2)
  private var token: UInt64 = 0
  /// Whether nothing is held.
  private var looks = false
  /// Tickets that stores still have.
  private var outstanding = 0
  private var isBeginning = false
  private var isSettled = false

  init(_ router: ClusterRouter) { self.router = router }

  // MARK: Asking

  /// Asks for a check of at least two keys.
  ///
  /// - Parameter token: Names what is held for it.
  /// - Returns: Whether it is settled at once; else its holder is told later.
  func begin(_ parent: Ticket, token: UInt64) -> Bool {
    self.parent = parent
    self.token = token
    divide(parent)
    course.start(parts: count)
    isSettled = false
    looks = parent.onlyLooks || !parent.charges.contains { $0.isForRedis && $0.cost > 0 }
    isBeginning = true
    askAll(parent)
    isBeginning = false
    guard isSettled else { return false }
    recycleIfDone()
    return true
  }

  private func divide(_ parent: Ticket) {
    count = 0
    for index in parent.charges.indices where parent.charges[index].isForRedis {
      let part = part(of: parent.digests[index], parent)
      part.asked.add(parent.charges[index], parent.digests[index])
      part.places.append(index)
    }
  }

  private func part(of digest: KeyDigest, _ parent: Ticket) -> Part {
    for part in parts[..<count] where part.asked.tag == digest { return part }
    if count == parts.count { parts.append(Part()) }
    let part = parts[count]
    count += 1
    part.asked.begin(partOf: parent)
    part.asked.holder = self
    part.settled.holder = self
    part.places.removeAll(keepingCapacity: true)
    part.isSpent = false
    return part
  }

  /// A part that is known to deny denies the whole: then nothing is held for nothing, and the others are looked at, so
  /// that the answer has their numbers.
  private func askAll(_ parent: Ticket) {
    let now = router.loop.now
    let isKnown = parts[..<count].map { !looks && router.observed.deny($0.asked, at: now) }
    if isKnown.contains(true) { looks = true }
    for number in 0..<count {
      let ticket = parts[number].asked
      if !isKnown[number] {
        ticket.work = looks ? .charge : .hold
        ticket.onlyLooks = looks
        ticket.token = token
        ticket.holdLife = max(0, parent.arrival + router.timeout - now)
        if send(ticket) { continue }
      }
      answered(number, ticket)
    }
  }

  private func settle(_ number: Int, _ work: Ticket.Work) -> Bool {
    let part = parts[number]
    let ticket = part.settled
    ticket.begin(partOf: part.asked)
    for (charge, digest) in zip(part.asked.charges, part.asked.digests) { ticket.add(charge, digest) }
    ticket.work = work
    ticket.token = token
    // What nobody waits for has its own time.
    if work != .confirm { ticket.arrival = router.loop.now }
    return send(ticket)
  }

  private func send(_ ticket: Ticket) -> Bool {
    outstanding += 1
    if router.send(ticket) { return true }
    outstanding -= 1
    return false
  }

  // MARK: Answers

  func redeemed(_ ticket: Ticket) {
    outstanding -= 1
    if !isSettled, let number = parts[..<count].firstIndex(where: { $0.asked === ticket || $0.settled === ticket }) {
      if ticket === parts[number].asked { answered(number, ticket) } else { confirmed(number, ticket) }
    }
    recycleIfDone()
  }

  private func answered(_ number: Int, _ ticket: Ticket) {
    let answer: SplitCheck.Held =
      if ticket.outcome != .decided {
        // What only shadow policies would have said decides nothing.
        ticket.isShadow ? .nothing : ticket.failsClosed ? .failedClosed : .failed
      } else if !ticket.isAllowed {
        .denied
      } else {
        looks || !ticket.hasHold ? .nothing : .held
      }
    act(course.held(number, answer))
  }

  private func confirmed(_ number: Int, _ ticket: Ticket) {
    let isDone = ticket.outcome == .decided && ticket.isAllowed
    parts[number].isSpent = isDone
    let isGone = ticket.outcome == .decided && !isDone
    if isGone { router.holdEnded() }
    act(course.confirmed(number, isDone ? .done : isGone ? .gone : .failed))
  }

  private func act(_ action: SplitCheck.Action) {
    switch action {
    case .wait: return
    case .confirm(let list):
      // Where a node has gone meanwhile, nothing is spent at the others.
      guard list.allSatisfy({ router.canSend(parts[$0].asked) }) else {
        for number in list { act(course.confirmed(number, .failed)) }
        return
      }
      for number in list where !settle(number, .confirm) { confirmed(number, parts[number].settled) }
    case .allow:
      for part in parts[..<count] where !looks { router.observed.admitted(part.asked, at: router.loop.now) }
      finish(.decided, isAllowed: true)
    case .deny(let list):
      cancel(list)
      finish(.decided, isAllowed: false)
    case .fail(let list):
      cancel(list)
      finish(.failed, isAllowed: false)
    }
  }

  private func cancel(_ list: [Int]) {
    isSettled = true
    guard !looks else { return }
    for number in list { _ = settle(number, parts[number].isSpent ? .takeBack : .cancel) }
  }

  // MARK: The end

  private func finish(_ outcome: Ticket.Outcome, isAllowed: Bool) {
    isSettled = true
    guard let parent = parent.take() else { return }
    if outcome == .decided { describe(parent, isAllowed: isAllowed) }
    parent.isAllowed = isAllowed
    parent.outcome = outcome
    if !isBeginning { parent.holder?.redeemed(parent) }
  }

  /// Gives the check its numbers. Where it was denied, a part that would have allowed it describes its counters without
  /// it; a part that did not answer has none.
  private func describe(_ parent: Ticket, isAllowed: Bool) {
    for part in parts[..<count] where part.asked.outcome == .decided {
      parent.unixNow = max(parent.unixNow, part.asked.unixNow)
    }
    for part in parts[..<count] {
      let asked = part.asked
      guard asked.outcome == .decided else {
        for place in part.places { parent.charges[place].place = .nowhere }
        continue
      }
      if !isAllowed, asked.isAllowed, asked.work == .hold {
        asked.describeWithoutCost(observed: router.observed, at: router.loop.now)
      }
      for (index, place) in part.places.enumerated() {
        parent.charges[place].decision = asked.charges[index].decision
        // A part that was known to deny may have left one unasked.
        parent.charges[place].place = asked.charges[index].place
        // Counted from one instant, so that it is the same as in an answer of one node.
        let reset = asked.charges[index].decision.reset - (parent.unixNow - asked.unixNow)
        parent.charges[place].decision.reset = max(0, reset)
      }
    }
  }

  /// Once nobody has anything of it.
  private func recycleIfDone() {
    guard isSettled, outstanding == 0, !isBeginning else { return }
    isSettled = false
    for part in parts[..<count] {
      part.asked.holder = nil
      part.settled.holder = nil
    }
    count = 0
    router.recycle(self)
  }
}
