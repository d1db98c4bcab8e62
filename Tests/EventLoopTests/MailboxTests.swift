// MailboxTests.swift: order, bound and end of messages between threads.

import Synchronization
import TestKit
import Testing

@testable import EventLoop

@Suite struct MailboxTests {
  @Test("messages of every thread arrive once, in that thread's order")
  func order() throws {
    let test = try TestLoop()
    var received: [[Int]] = [[], [], []]
    let mailbox = try Mailbox<(sender: Int, number: Int)>(loop: test.loop, capacity: 50) {
      received[$0.sender].append($0.number)
    }
    let senders = try (0..<3).map { sender in
      try Thread.start(name: "sender") {
        for number in 0..<5000 {
          while !mailbox.post((sender, number)) {}
        }
      }
    }
    #expect(test.run { received.map(\.count).reduce(0, +) >= 15_000 })
    for thread in senders { thread.join() }
    for numbers in received { #expect(numbers == Array(0..<5000)) }
  }

  @Test("a full mailbox refuses, and takes again once the loop has looked")
  func bound() throws {
    let test = try TestLoop()
    var received: [Int] = []
    let mailbox = try Mailbox<Int>(loop: test.loop, capacity: 3) { received.append($0) }
    #expect((0..<5).map { mailbox.post($0) } == [true, true, true, false, false])
    #expect(test.run { received.count >= 3 })
    #expect(mailbox.post(9))
    #expect(test.run { received == [0, 1, 2, 9] })
  }

  @Test("a handler that posts to its own mailbox does not keep the loop from other events")
  func selfPost() throws {
    let test = try TestLoop()
    let count = Mutex(0)
    let box = Mutex<Mailbox<Int>?>(nil)
    let mailbox = try Mailbox<Int>(loop: test.loop, capacity: 2) { number in
      count.withLock { $0 += 1 }
      _ = box.withLock { $0?.post(number) }
    }
    box.withLock { $0 = mailbox }
    #expect(mailbox.post(1))
    var fired = false
    let timer = Timer(loop: test.loop) { _ in fired = true }
    timer.start(afterNanoseconds: 1_000_000)
    #expect(test.run { fired })
    #expect(count.withLock { $0 } > 1)
    mailbox.close()
  }

  @Test("after `close`, also from inside, nothing is delivered and `close` gives back what was not")
  func closes() throws {
    let test = try TestLoop()
    var received: [Int] = []
    var rest: [Int] = []
    let box = Mutex<Mailbox<Int>?>(nil)
    let mailbox = try Mailbox<Int>(loop: test.loop, capacity: 10) { number in
      received.append(number)
      if number == 2 { rest = box.withLock { $0 }?.closeReturningRest() ?? [] }
    }
    box.withLock { $0 = mailbox }
    for number in 0..<6 { #expect(mailbox.post(number)) }
    #expect(test.run { received.count >= 3 })
    test.run(turns: 3)
    #expect(received == [0, 1, 2])
    #expect(rest == [3, 4, 5])
    #expect(!mailbox.post(7))
    #expect(mailbox.closeReturningRest() == [])
  }

  @Test("every message posted while the mailbox closes is delivered, given back or refused")
  func closeRace() throws {
    for _ in 0..<50 {
      let test = try TestLoop()
      var received = 0
      let mailbox = try Mailbox<Int>(loop: test.loop, capacity: 100) { _ in received += 1 }
      let accepted = Mutex(0)
      let sender = try Thread.start(name: "sender") {
        for number in 0..<300 where mailbox.post(number) { accepted.withLock { $0 += 1 } }
      }
      #expect(test.run { received > 5 })
      let rest = mailbox.closeReturningRest()
      sender.join()
      #expect(received + rest.count == accepted.withLock { $0 })
    }
  }
}
