// ThreadTests.swift: a thread runs, has its name and its stack, and can be waited for.

import Synchronization
import Testing

@testable import EventLoop

@Suite struct ThreadTests {
  @Test(
    "a joined thread has run under its name, cut to what the system keeps",
    arguments: [
      ("weir-1", "weir-1"), ("a-name-that-is-too-long", "a-name-that-is-"), ("aaaaaaaaaaaaaaü", "aaaaaaaaaaaaaa"),
    ])
  func name(given: String, kept: String) throws {
    let seen = Mutex("")
    try Thread.start(name: given, stackSize: 256 * 1024) {
      seen.withLock { $0 = Platform.text(ofFile: "/proc/thread-self/comm") ?? "" }
    }.join()
    #expect(seen.withLock { $0 } == kept + "\n")
  }
}
