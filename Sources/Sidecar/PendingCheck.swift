// PendingCheck.swift: a check between its request and what Redis says of it.

import Limiting
import Policies
import RedisStore

/// A check that waits for Redis, and whom to answer then. Used again and again.
final class PendingCheck: TicketHolder {
  let ticket = Ticket()
  /// The client's address, for the log; set only where denials are logged.
  var ip: IPAddress?
  private unowned let responder: DataResponder
  private var request: (form: AnswerForm, asker: any Asker, since: Now)?

  init(_ responder: DataResponder) {
    self.responder = responder
  }

  func wait(for asker: any Asker, _ form: AnswerForm, since: Now) {
    request = (form, asker, since)
    ticket.holder = self
  }

  func redeemed(_ ticket: Ticket) {
    guard let request = request.take() else { return }
    ticket.holder = nil
    responder.redeemed(self, request.form, request.asker, since: request.since)
  }
}
