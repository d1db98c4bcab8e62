// SharedBreakerTests.swift: the breaker of a process, from several threads.

import Synchronization
import TestKit
import Testing

@testable import RedisStore

@Suite struct SharedBreakerTests {
  @Test("what is read without the lock is the breaker's state, and each change is told once")
  func mirror() {
    let observer = RecordingObserver()
    let breaker = SharedBreaker(observer: observer)
    #expect(breaker.isClosed && breaker.state == .closed)
    let event = SharedBreaker.oneEvent
    for index in 1..<Breaker.threshold { #expect(!breaker.failed(at: Int64(index) * event, isQuick: false)) }
    #expect(breaker.isClosed)
    #expect(breaker.failed(at: Int64(Breaker.threshold) * event, isQuick: false))
    #expect(!breaker.isClosed && breaker.state == .open)
    #expect(breaker.permission(at: 2_000_000_000) == .trial)
    #expect(!breaker.isClosed && breaker.state == .halfOpen)
    breaker.trialEnded(.succeeded, at: 0)
    #expect(breaker.isClosed && breaker.state == .closed)
    breaker.succeeded()
    #expect(observer.states == [.open, .halfOpen, .closed])
  }

  @Test("a success is never lost to the fast path: it starts the count anew")
  func fastPath() {
    let breaker = SharedBreaker()
    for index in 0..<20 {
      #expect(!breaker.failed(at: Int64(index) * SharedBreaker.oneEvent, isQuick: true))
      breaker.succeeded()
    }
    #expect(breaker.isClosed)
  }

  @Test("what several workers see of one event is one failure")
  func oneEvent() {
    let breaker = SharedBreaker()
    for _ in 0..<20 { #expect(!breaker.failed(at: 5, isQuick: true)) }
    #expect(breaker.isClosed)
  }

  @Test("of many who ask at once one gets the trial")
  func race() throws {
    let breaker = SharedBreaker()
    for index in 0..<Breaker.threshold { _ = breaker.failed(at: Int64(index) * SharedBreaker.oneEvent, isQuick: true) }
    let trials = Atomic(0)
    try concurrently(8) { _ in
      for _ in 0..<1000 where breaker.permission(at: 10_000_000_000) == .trial {
        trials.add(1, ordering: .relaxed)
      }
    }
    let count = trials.load(ordering: .relaxed)
    #expect(count == 1)
  }

  @Test("what was known of another server is forgotten, and a trial of it that ends later changes nothing")
  func forget() {
    let breaker = SharedBreaker()
    for index in 0..<Breaker.threshold { _ = breaker.failed(at: Int64(index) * SharedBreaker.oneEvent, isQuick: true) }
    #expect(breaker.permission(at: 10_000_000_000) == .trial)
    breaker.forget()
    #expect(breaker.isClosed && breaker.permission(at: 10_000_000_000) == .go)
    breaker.trialEnded(.failed(isQuick: true), at: 10_000_000_000)
    #expect(breaker.isClosed)
  }

  @Test("one that is never to open does not, whatever fails")
  func neverOpens() {
    let breaker = SharedBreaker(opens: false)
    for index in 0..<20 { #expect(!breaker.failed(at: Int64(index) * SharedBreaker.oneEvent, isQuick: false)) }
    #expect(breaker.isClosed && breaker.permission(at: 10_000_000_000) == .go)
  }
}
