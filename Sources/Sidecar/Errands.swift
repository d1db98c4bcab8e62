// Errands.swift: what the main thread asks of workers: a snapshot of what only they may touch, or a word with Redis.
//
// An errand runs on the worker's own thread, between requests. Its result comes back through a mailbox. Nobody waits for
// it for longer than a second: whoever asked then gets the results that there are.

import EventLoop
import RedisStore

/// What an errand may touch; on the worker's thread only.
struct WorkerView {
  let responder: DataResponder
  /// nil where there is no Redis.
  let redis: RedisStore?
}

/// Questions of the main thread to its workers. Lives on the main loop.
final class Errands {
  private let workers: [Worker]
  private var mailbox: Mailbox<Answer>?
  private var timer: Timer?
  private let loop: Loop
  private var open: [UInt64: Open] = [:]
  private var lastID: UInt64 = 0

  private struct Answer: Sendable {
    var id: UInt64
    var value: any Sendable
  }

  private struct Open {
    var missing: Int
    var deadline: Int64
    var values: [any Sendable] = []
    let finish: ([any Sendable]) -> Void
  }

  init(loop: Loop, workers: [Worker]) throws(UVError) {
    self.loop = loop
    self.workers = workers
    mailbox = try Mailbox(loop: loop, capacity: Bounds.errands * workers.count) { [unowned self] in receive($0) }
    timer = Timer(loop: loop) { [unowned self] _ in dropOld() }
    timer?.start(afterNanoseconds: Bounds.errandSweep, every: Bounds.errandSweep)
  }

  /// Asks every worker, or only the first.
  ///
  /// - Parameters:
  ///   - work: Runs on the worker's thread; calls `reply` once, now or later, from that thread.
  ///   - then: Called on the main loop with what came within a second, in no order.
  func ask<Value: Sendable>(
    onlyFirst: Bool = false, _ work: @escaping @Sendable (WorkerView, @escaping @Sendable (Value) -> Void) -> Void,
    then: @escaping ([Value]) -> Void
  ) {
    guard let mailbox else { return then([]) }
    let asked = onlyFirst ? Array(workers.prefix(1)) : workers
    lastID += 1
    let id = lastID
    open[id] = Open(missing: asked.count, deadline: loop.now + Bounds.errandTime) { values in
      then(values.compactMap { $0 as? Value })
    }
    for worker in asked {
      _ = worker.ask { view in work(view) { value in _ = mailbox.post(Answer(id: id, value: value)) } }
    }
  }

  func close() {
    mailbox?.close()
    timer?.close()
    (mailbox, timer) = (nil, nil)
  }

  private func receive(_ answer: Answer) {
    guard var question = open[answer.id] else { return }
    question.values.append(answer.value)
    question.missing -= 1
    guard question.missing == 0 else {
      open[answer.id] = question
      return
    }
    open[answer.id] = nil
    question.finish(question.values)
  }

  private func dropOld() {
    for (id, question) in open where question.deadline <= loop.now {
      open[id] = nil
      question.finish(question.values)
    }
  }
}
