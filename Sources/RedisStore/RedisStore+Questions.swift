// RedisStore+Questions.swift: single commands apart from the checks. They travel on the same connection, in order, and
// have the same time.

import EventLoop

extension RedisStore {
  /// Sends a command at once. Its answer comes on the loop, at the latest when its time is over; from inside this call
  /// where Redis is away.
  func ask(_ question: Question) {
    guard canAsk() else {
      let detail =
        shared.breaker.isClosed ? "there is no connection" : "it did not answer of late, and is not asked for a while"
      return question.answer(.failure(WordFailure(.disconnected, detail, mayBeDone: false)))
    }
    out.removeAll(keepingCapacity: true)
    out.append(contentsOf: question.command)
    calls.append(.question, sentAt: loop.now, deadline: loop.now + timeout).question = question
    send()
  }

  /// Tells who waits for a question that no reply will come, or none in time.
  func giveUp(_ question: Question?, _ failure: RedisFailure, _ detail: String) {
    question?.answer(.failure(WordFailure(failure, detail, mayBeDone: true)))
  }
}
