// SignalSourceTests.swift: signals arrive as events of the loop.

import Glibc
import TestKit
import Testing

@testable import EventLoop

@Suite struct SignalSourceTests {
  @Test("every signal that is waited for arrives, on the loop, until the source is closed")
  func arrives() throws {
    let test = try TestLoop()
    var received: [Signal] = []
    let source = try SignalSource(loop: test.loop, signals: [.hangup, .user1]) { received.append($0) }
    for signal in [Signal.hangup, .user1, .hangup] {
      let before = received.count
      kill(getpid(), signal.number)
      #expect(test.run { received.count > before })
      #expect(received.last == signal)
    }
    // A second source keeps the signal from its default, which would end the tests.
    let other = try SignalSource(loop: test.loop, signals: [.user1]) { _ in }
    source.close()
    source.close()
    kill(getpid(), Signal.user1.number)
    test.run(turns: 5)
    #expect(received == [.hangup, .user1, .hangup])
    other.close()
  }

  @Test("numbers and names are the platform's", arguments: Signal.allCases)
  func numbers(signal: Signal) {
    #expect(Signal(number: signal.number) == signal)
    #expect(signal.name.hasPrefix("SIG"))
  }
}
