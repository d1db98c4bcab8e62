// BoundsTests.swift: the numbers that README.md promises. Other tests name the constants; whoever changes one changes
// what users were told.

import Testing

@testable import EventLoop

@Suite struct EventLoopBoundsTests {
  @Test("a peer has 30 s to take something of what the system holds for it")
  func promised() {
    #expect(Bounds.untakenOutput == 30_000)
  }
}
