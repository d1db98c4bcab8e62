// CallQueue.swift: what was asked of Redis and not yet answered, oldest first: replies come in this order.

import Limiting

/// One command that a reply belongs to.
final class Call {
  enum Kind {
    /// Checks, decided by the script.
    case charges
    /// The script that was found missing; the calls that need it stand behind.
    case load
    /// A sign of life.
    case announcement
  }

  var kind = Kind.charges
  /// Those that wait for it; none once its time is over, and the reply is dropped.
  var tickets: [Ticket] = []
  /// On the loop's clock.
  var sentAt: Int64 = 0
  var deadline: Int64 = 0
  /// Its time is over: it was counted as a failure, and only keeps its place.
  var isExpired = false
  /// It was sent again after the script was loaded anew, which happens once.
  var isRepeated = false
}

/// The calls in flight. Used again and again, so that a call allocates nothing.
struct CallQueue {
  private var calls: [Call] = []
  private var head = 0
  private var spare: [Call] = []
  /// Calls that still wait for their reply in time.
  private(set) var waiting = 0

  var isEmpty: Bool { head == calls.count }
  var first: Call? { isEmpty ? nil : calls[head] }

  /// The oldest whose time is not over.
  var firstWaiting: Call? {
    guard waiting > 0 else { return nil }
    return calls[head...].first { !$0.isExpired }
  }

  /// A call to fill in, which stands last from now on.
  mutating func append(_ kind: Call.Kind, sentAt: Int64, deadline: Int64) -> Call {
    if head > 64, head * 2 > calls.count {
      calls.removeFirst(head)
      head = 0
    }
    let call = spare.popLast() ?? Call()
    call.kind = kind
    call.sentAt = sentAt
    call.deadline = deadline
    call.isExpired = false
    call.isRepeated = false
    calls.append(call)
    waiting += 1
    return call
  }

  /// Marks a call whose time is over; its place stays.
  mutating func expire(_ call: Call) {
    call.isExpired = true
    waiting -= 1
  }

  /// Takes the first call out, to be given back by `recycle`.
  mutating func removeFirst() -> Call {
    let call = calls[head]
    head += 1
    if !call.isExpired { waiting -= 1 }
    if isEmpty {
      calls.removeAll(keepingCapacity: true)
      head = 0
    }
    return call
  }

  mutating func recycle(_ call: Call) {
    call.tickets.removeAll(keepingCapacity: true)
    spare.append(call)
  }
}
