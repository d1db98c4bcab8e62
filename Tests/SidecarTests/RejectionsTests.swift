// RejectionsTests.swift: which counter a refusal goes to. That each is counted once is tried from outside
// (RejectionMetricsTests).

import CheckAPI
import Telemetry
import Testing

@testable import Sidecar

@Suite struct RejectionsTests {
  @Test("a guard's refusals are told apart, also the two that have one status; its own failure is no rejection")
  func guardian() {
    #expect(WorkerCounter.rejection(byGuard: Refusal(401, "")) == .rejectedToken)
    #expect(WorkerCounter.rejection(byGuard: Refusal(403, "no token file")) == .rejectedToken)
    #expect(WorkerCounter.rejection(byGuard: AdminGuard.otherSite) == .rejectedOrigin)
    #expect(WorkerCounter.rejection(byGuard: Refusal(415, "")) == .rejectedMediaType)
    #expect(WorkerCounter.rejection(byGuard: Refusal(421, "")) == .rejectedHost)
    #expect(WorkerCounter.rejection(byGuard: Refusal(503, "")) == nil)
  }

  @Test("a page's refusals are told apart by status, and what was wrong by where it stood")
  func pages() {
    for takesBody in [true, false] {
      #expect(WorkerCounter.rejection(byPage: 404, takesBody: takesBody) == .rejectedPolicy)
      #expect(WorkerCounter.rejection(byPage: 409, takesBody: takesBody) == .rejectedConflict)
      #expect(WorkerCounter.rejection(byPage: 503, takesBody: takesBody) == nil)
    }
    #expect(WorkerCounter.rejection(byPage: 400, takesBody: true) == .rejectedJSON)
    #expect(WorkerCounter.rejection(byPage: 400, takesBody: false) == .rejectedQuery)
    #expect(WorkerCounter.rejection(forPage: 404) == .rejectedPath)
    #expect(WorkerCounter.rejection(forPage: 405) == .rejectedMethod)
  }
}
