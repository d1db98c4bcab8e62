// CallQueue.swift: what was asked of Redis and not yet answered, oldest first: replies come in this order.

import Limiting

/// One command that a reply belongs to.
final class Call {
  enum Kind {
    /// Checks, decided by the script.
    case charges
    /// The script that was found missing; the calls that need it stand behind.
    case load
    /// What becomes of checks that were held.
    case settlement
    /// Lets the next call in where its slot is on its way to.
    case asking
    /// Anything else: a sign of life, orders, one key.
    case question
  }

  var kind = Kind.charges
  /// Its checks, in order. One whose time is over is replaced by a husk, so that the reply can still be read.
  var tickets: [Ticket] = []
  /// What a question asks and who waits for its answer; nil for other calls, and once it is answered.
  var question: Question?
  /// On the loop's clock.
  var sentAt: Int64 = 0
  /// When the time of the first of its tickets that still wait is over.
  var deadline: Int64 = 0
  /// A time-out of it was counted.
  var hasTimedOut = false
  /// Nobody waits for it any more: it only keeps its place, and its reply is dropped.
  var isExpired = false
  /// It was sent again after the script was loaded anew, which happens once.
  var isRepeated = false
  /// The node it went to has been told to let it in.
  var isAsking = false
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

  /// The next deadline of all that are waited for; `Int64.max` where there is none. Calls are few, and their deadlines
  /// need not rise: a call that is sent again is older than those before it.
  var nextDeadline: Int64 {
    var next = Int64.max
    if waiting > 0 {
      for index in head..<calls.count where !calls[index].isExpired { next = min(next, calls[index].deadline) }
    }
    return next
  }

  /// The calls whose deadline has passed at `now`.
  func due(at now: Int64) -> [Call] {
    waiting == 0 ? [] : calls[head...].filter { !$0.isExpired && $0.deadline <= now }
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
    call.hasTimedOut = false
    call.isAsking = false
    call.question = nil
    calls.append(call)
    waiting += 1
    return call
  }

  /// Marks a call that nobody waits for any more; its place stays.
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
    call.question = nil
    spare.append(call)
  }
}
