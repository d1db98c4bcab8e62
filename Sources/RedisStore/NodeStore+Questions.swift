// NodeStore+Questions.swift: single commands apart from the checks. They travel on the same connection, in order, and
// have the same time.

import EventLoop

extension NodeStore {
  /// Sends a command at once. Its answer comes on the loop, at the latest when its time is over; from inside this call
  /// where Redis is away.
  func ask(_ question: Question) { ask([question]) }

  /// Sends several in one write.
  func ask(_ questions: [Question]) {
    guard !questions.isEmpty else { return }
    if isOpening, breaker.isClosed, earlyQuestions.count + questions.count <= Bounds.earlyQuestions {
      earlyQuestions += questions
      earlyDeadline = min(earlyDeadline, loop.now + timeout)
      return setTimer()
    }
    guard canAsk(), link.isReady else {
      let detail =
        breaker.isClosed ? "there is no connection" : "it did not answer of late, and is not asked for a while"
      for question in questions {
        question.answer(.failure(WordFailure(.disconnected, detail, mayBeDone: false)))
      }
      return
    }
    out.removeAll(keepingCapacity: true)
    for question in questions {
      if question.isAsking {
        out.append(contentsOf: Self.asking)
        _ = calls.append(.asking, sentAt: loop.now, deadline: loop.now + timeout)
      }
      out.append(contentsOf: question.command)
      let call = calls.append(.question, sentAt: loop.now, deadline: loop.now + timeout)
      call.question = question
      call.isAsking = question.isAsking
    }
    send()
  }

  /// Tells who waits for a question that no reply will come, or none in time.
  func giveUp(_ question: Question?, _ failure: RedisFailure, _ detail: String) {
    question?.answer(.failure(WordFailure(failure, detail, mayBeDone: true)))
  }
}
