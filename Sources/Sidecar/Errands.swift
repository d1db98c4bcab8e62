// Errands.swift: what the main thread asks of workers: a snapshot of what only they may touch, or a word with Redis.
//
// An errand runs on the worker's own thread, between requests. Its result comes back through a mailbox. Nobody waits
// for it for longer than a second. Whoever asked gets the results of all that were asked, or learns that one is
// missing: part of them would look like the whole.

import CheckAPI
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
    let finish: (Result<[any Sendable], Missing>) -> Void
  }

  /// Why there is no result.
  enum Missing: Error, Equatable {
    /// Too many errands wait for a worker. It will not run this one, others may.
    case refused
    /// A worker did not answer within a second. It may still do what it was asked.
    case late
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
  ///   - then: Called once on the main loop, with a result of each worker that was asked, in no order; before this
  ///     returns where one refuses.
  func ask<Value: Sendable>(
    onlyFirst: Bool = false, _ work: @escaping @Sendable (WorkerView, @escaping @Sendable (Value) -> Void) -> Void,
    then: @escaping (Result<[Value], Missing>) -> Void
  ) {
    guard let mailbox else { return then(.failure(.refused)) }
    let asked = onlyFirst ? Array(workers.prefix(1)) : workers
    lastID += 1
    let id = lastID
    for worker in asked {
      let isTaken = worker.ask { view in work(view) { value in _ = mailbox.post(Answer(id: id, value: value)) } }
      // Answers of those that were asked before find nobody.
      guard isTaken else { return then(.failure(.refused)) }
    }
    // Answers come through the main loop, so none has come yet.
    open[id] = Open(missing: asked.count, deadline: loop.now + Bounds.errandTime) { values in
      then(values.map { $0.compactMap { $0 as? Value } })
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
    question.finish(.success(question.values))
  }

  private func dropOld() {
    for (id, question) in open where question.deadline <= loop.now {
      open[id] = nil
      question.finish(.failure(.late))
    }
  }
}

extension Refusal {
  /// A 503, where the question changes nothing.
  init(_ missing: Errands.Missing) {
    switch missing {
    case .refused: self.init(503, "too many questions wait for the workers; ask again")
    case .late: self.init(503, "a worker did not answer within a second; ask again")
    }
  }
}
