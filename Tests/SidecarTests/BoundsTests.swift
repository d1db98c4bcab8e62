// BoundsTests.swift: the numbers that README.md and the pages in docs promise. Other tests name the constants; whoever
// changes one changes what users were told.

import CheckAPI
import HTTP1
import Testing

@testable import Sidecar

@Suite struct BoundsTests {
  @Test("the bounds on connections and requests are those that are promised")
  func promised() {
    #expect(Bounds.connections == 10_000 && Bounds.adminConnections == 256)
    #expect(Bounds.requestTime == 10 * Bounds.second && Bounds.lingerTime == Bounds.second)
    #expect(Bounds.outputTime == 10 * Bounds.second)
    #expect(Bounds.idleTime == 3_600 * Bounds.second && Bounds.adminIdleTime == 10 * Bounds.second)
    #expect(HTTP1Bounds.head == 65_536 && HTTP1Bounds.target == 16_384 && JSONCheck.maximumBody == 65_536)
    #expect(Bounds.claims == 67_108_864)
    for (workers, share) in [(1, 67_108_864), (2, 33_554_432), (8, 8_388_608), (9, 8_388_608), (100, 8_388_608)] {
      #expect(Bounds.claims(workers: workers) == share)
    }
  }

  @Test("a change of the files is read within a second, without events within ten; the clock is read every second")
  func reload() {
    #expect(Bounds.reloadLatest <= Bounds.second / 2 && Bounds.reloadQuiet <= Bounds.reloadLatest)
    #expect(Bounds.reloadPoll == 10 * Bounds.second && Bounds.clockInterval == Bounds.second)
  }
}
