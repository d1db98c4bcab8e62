// ClusterRouter+Redirections.swift: a node has refused something unread, since its slot is elsewhere or on its way.

import EventLoop

extension ClusterRouter: NodeStoreOwner {
  func connected(_ node: NodeStore, trialReply: Reply) { whenConnected(node) }

  func redirected(_ ticket: Ticket, _ redirection: Redirection?, by node: NodeStore) {
    guard ticket.arrival + timeout > loop.now else { return failMoving(ticket) }
    guard let redirection else { return delay(ticket) }
    ticket.redirections += 1
    guard ticket.redirections <= Bounds.redirections else { return failMoving(ticket) }
    learn(redirection)
    ticket.isAsking = redirection.kind == .ask
    let other = redirection.node.flatMap { self.node(at: $0) } ?? self.node(of: redirection.slot)
    guard let other, other !== node, other.ask(ticket) else { return fail(ticket) }
  }

  func redirected(_ question: Question, _ redirection: Redirection?, by node: NodeStore) {
    var question = question
    question.redirections += 1
    if let redirection { learn(redirection) }
    guard question.redirections <= Bounds.questionRedirections, let redirection,
      let other = redirection.node.flatMap({ self.node(at: $0) }) ?? self.node(of: redirection.slot), other !== node
    else {
      let detail = "the slot of the key is on its way to another node; ask again"
      return question.answer(.failure(WordFailure(.cluster, detail, mayBeDone: false)))
    }
    question.isAsking = redirection.kind == .ask
    other.ask([question])
  }

  private func learn(_ redirection: Redirection) {
    if redirection.kind == .moved { cluster.map.moved(redirection.slot, to: redirection.node) }
  }

  // MARK: TRYAGAIN

  private func delay(_ ticket: Ticket) {
    if delayed.isEmpty { wakeUp(afterNanoseconds: Bounds.tryAgain) }
    delayed.append((ticket, loop.now + Bounds.tryAgain))
  }

  /// Sends what has waited long enough to the node of its slot, whoever that is by now.
  func retryDelayed() {
    let now = loop.freshNow()
    let due = delayed.prefix { $0.until <= now }.map(\.ticket)
    delayed.removeFirst(due.count)
    if let next = delayed.first { wakeUp(afterNanoseconds: max(0, next.until - now)) }
    for ticket in due {
      ticket.isAsking = false
      ticket.redirections = 0
      if ticket.arrival + timeout <= now {
        failMoving(ticket)
      } else if !send(ticket) {
        fail(ticket)
      }
    }
  }
}
