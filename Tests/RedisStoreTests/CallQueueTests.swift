// CallQueueTests.swift: calls leave in the order in which they came, whatever became of them meanwhile.

import TestKit
import Testing

@testable import RedisStore

@Suite struct CallQueueTests {
  @Test("an expired call keeps its place, but is not waited for")
  func expires() {
    var queue = CallQueue()
    let first = queue.append(.charges, sentAt: 0, deadline: 10)
    let second = queue.append(.question, sentAt: 1, deadline: 11)
    #expect(queue.waiting == 2 && queue.nextDeadline == 10 && queue.due(at: 10).count == 1)
    queue.expire(first)
    #expect(queue.waiting == 1 && queue.nextDeadline == 11 && queue.first === first && queue.due(at: 10).isEmpty)
    #expect(queue.removeFirst() === first && queue.waiting == 1)
    #expect(queue.removeFirst() === second && queue.waiting == 0 && queue.isEmpty && queue.nextDeadline == .max)
  }

  @Test("the next deadline is the earliest, wherever it stands")
  func deadlines() {
    var queue = CallQueue()
    _ = queue.append(.question, sentAt: 5, deadline: 55)
    let older = queue.append(.charges, sentAt: 6, deadline: 12)
    #expect(queue.nextDeadline == 12 && queue.due(at: 12).map { $0 === older } == [true])
  }

  @Test("a call that is used again remembers nothing")
  func recycles() {
    var queue = CallQueue()
    let call = queue.append(.charges, sentAt: 0, deadline: 10)
    call.tickets.append(Ticket())
    call.isRepeated = true
    queue.expire(call)
    queue.recycle(queue.removeFirst())
    let again = queue.append(.load, sentAt: 5, deadline: 15)
    #expect(again === call && again.tickets.isEmpty && !again.isExpired && !again.isRepeated)
    #expect(again.sentAt == 5 && again.deadline == 15 && again.kind == .load)
  }

  @Test("thousands of calls go through in order", arguments: 0..<4)
  func keepsOrder(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    var queue = CallQueue()
    var model: [Int64] = []
    var next: Int64 = 0
    for _ in 0..<5000 {
      if model.isEmpty || Bool.random(using: &generator) {
        _ = queue.append(.charges, sentAt: next, deadline: next)
        model.append(next)
        next += 1
      } else {
        let call = queue.removeFirst()
        #expect(call.sentAt == model.removeFirst(), "seed \(seed)")
        queue.recycle(call)
      }
      #expect(queue.isEmpty == model.isEmpty && queue.first?.sentAt == model.first && queue.waiting == model.count)
    }
  }
}
