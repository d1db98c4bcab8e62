// ChaosRulesTests.swift: each failure of a check has a reason that is stated, or is reported.

import Testing

@Suite struct ChaosRulesTests {
  private func check(
    _ outcome: ChaosCheck.Outcome, path: String = "/log", sent: Int = 10 * second, takes: Int = millisecond,
    isDegraded: Bool = false
  ) -> ChaosCheck {
    ChaosCheck(
      weir: 0, life: 0, path: path, user: "ann", cost: 1, sent: sent, answered: sent + takes, outcome: outcome,
      isDegraded: isDegraded, connected: 0, lastUsed: sent - 50 * millisecond)
  }

  /// Whether a check is reported, in a history in which nothing happened but what `change` says.
  private func isReported(_ check: ChaosCheck, _ change: (inout ChaosHistory) -> Void = { _ in }) -> Bool {
    var history = ChaosHistory()
    history.lives[0] = .init(weir: 0, span: .always, ready: 0)
    history.samples[0] = (0..<100).map { .init(at: $0 * second / 2, live: 3, isWell: true) }
    change(&history)
    return ChaosRules(history: history).findings([check]).unstated.count == 1
  }

  @Test("a connection may end because its weir was killed, and for no other reason")
  func killed() {
    #expect(isReported(check(.failed(.closed))))
    #expect(!isReported(check(.failed(.closed))) { $0.lives[0]?.killed = Span(from: 9 * second, to: 9 * second) })
    #expect(isReported(check(.failed(.closed))) { $0.lives[0]?.killed = Span(from: 11 * second, to: 11 * second) })
  }

  @Test("a draining weir answers once more, unless the connection was idle or made too late")
  func draining() {
    let stopping = Span(from: 9 * second, to: 10 * second)
    #expect(isReported(check(.failed(.closed))) { $0.lives[0]?.stopping = stopping })
    var idle = check(.failed(.closed))
    idle.lastUsed = idle.sent - second
    #expect(!isReported(idle) { $0.lives[0]?.stopping = stopping })
    var late = check(.failed(.closed))
    late.connected = 9 * second + 1
    #expect(!isReported(late) { $0.lives[0]?.stopping = stopping })
  }

  @Test("while descriptors are full a new connection may be turned away, and one that was there may not")
  func full() {
    for failure in [ChaosCheck.Failure.closed, .full] {
      var fresh = check(.failed(failure))
      fresh.connected = fresh.lastUsed
      let flood = (weir: 0, span: Span(from: 9 * second, to: 11 * second))
      #expect(!isReported(fresh) { $0.floods = [flood] })
      #expect(isReported(check(.failed(failure))) { $0.floods = [flood] })
      #expect(isReported(fresh))
      #expect(isReported(fresh) { $0.floods = [(weir: 1, span: flood.span)] })
    }
  }

  @Test("nobody is refused while a weir is there")
  func refused() {
    #expect(isReported(check(.failed(.refused))))
    #expect(!isReported(check(.failed(.refused))) { $0.lives[0]?.killed = Span(from: 9 * second, to: 9 * second) })
    #expect(!isReported(check(.failed(.refused))) { $0.lives[0]?.ready = 11 * second })
  }

  @Test("no answer at all, and nonsense, are never stated")
  func never() {
    for failure in [ChaosCheck.Failure.timedOut, .senseless] {
      #expect(isReported(check(.failed(failure))) { $0.lives[0]?.killed = Span(from: 9 * second, to: 9 * second) })
    }
  }

  @Test("a degraded answer needs a reason: Redis away, a weir not yet back, a lost connection, the time-out")
  func degraded() {
    let degraded = check(.allowed, isDegraded: true)
    #expect(isReported(degraded))
    #expect(
      !isReported(degraded) { $0.outages = [.init(span: Span(from: 9 * second, to: 11 * second), isFreeze: false)] })
    let over = ChaosHistory.Outage(span: Span(from: second, to: 2 * second), isFreeze: false)
    #expect(isReported(degraded) { $0.outages = [over] })
    #expect(
      !isReported(degraded) {
        $0.outages = [.init(span: Span(from: second, to: 9 * second), isFreeze: false)]
        $0.samples[0] = (0..<100).map { .init(at: $0 * second / 2, live: 3, isWell: $0 > 30) }
      })
    let lost = Span(from: 9 * second + 900 * millisecond, to: 9 * second + 901 * millisecond)
    #expect(!isReported(degraded) { $0.disturbances = [lost] })
    // It told half a second before the check that it was connected again.
    #expect(isReported(degraded) { $0.disturbances = [Span(from: 9 * second, to: 9 * second)] })
    #expect(
      !isReported(degraded) {
        $0.lives[0]?.ready = 9 * second + 800 * millisecond
        $0.lives[0]?.span.from = 9 * second + 700 * millisecond
      })
  }

  @Test("an outage is no reason for a weir that started later, nor for one that is not back when its breaker has tried")
  func notYetBack() {
    let degraded = check(.allowed, isDegraded: true)
    let over = ChaosHistory.Outage(span: Span(from: second, to: 2 * second), isFreeze: false)
    let unwell: (inout ChaosHistory) -> Void = {
      $0.outages = [over]
      $0.samples[0] = []
    }
    // A second away, so that the breaker tries within 3 s and the weir is back within 7.5 s.
    #expect(!isReported(check(.allowed, sent: 9 * second, isDegraded: true), unwell))
    #expect(isReported(degraded, unwell))
    for away in [Span(from: 0, to: 2 * second), Span(from: second, to: 3 * second)] {
      #expect(
        !isReported(degraded) {
          unwell(&$0)
          $0.outages = [.init(span: away, isFreeze: false)]
        })
    }
    // What came before counts as long as the weir was not well between.
    let earlier = ChaosHistory.Outage(span: Span(from: 0, to: second / 2), isFreeze: false)
    #expect(
      !isReported(degraded) {
        unwell(&$0)
        $0.outages = [earlier, over]
      })
    #expect(
      isReported(degraded) {
        unwell(&$0)
        $0.outages = [earlier, over]
        $0.samples[0] = [.init(at: second * 3 / 4, live: 3, isWell: true)]
      })
    // Time in which nothing ran does not count.
    #expect(
      !isReported(degraded) {
        unwell(&$0)
        $0.stalls = [Span(from: 3 * second, to: 5 * second)]
      })
    #expect(
      !isReported(degraded) {
        unwell(&$0)
        $0.lives[0]?.frozen = [Span(from: 3 * second, to: 5 * second)]
      })
    let young = check(.allowed, sent: 8 * second, isDegraded: true)
    #expect(!isReported(young, unwell))
    #expect(
      isReported(young) {
        unwell(&$0)
        $0.lives[0]?.span.from = 3 * second
        $0.lives[0]?.ready = 4 * second
      })
  }

  @Test(
    "a machine that stood still explains a reply that was late by as much, and others only where it filled the time-out"
  )
  func stalls() {
    let late = check(.allowed, takes: 250 * millisecond, isDegraded: true)
    let stall = { (ending: Int, length: Int) in
      Span(from: 10 * second - (ending + length) * millisecond, to: 10 * second - ending * millisecond)
    }
    #expect(!isReported(late) { $0.stalls = [stall(300, 70)] })
    let atOnce = check(.allowed, isDegraded: true)
    #expect(isReported(atOnce) { $0.stalls = [stall(300, 70)] })
    #expect(!isReported(atOnce) { $0.stalls = [stall(300, 260)] })
    #expect(isReported(atOnce) { $0.stalls = [stall(600, 260)] })
  }

  @Test("of replies that come too late for no reason few are borne, and none opens a breaker")
  func late() {
    var history = ChaosHistory()
    history.lives[0] = .init(weir: 0, span: .always, ready: 0)
    history.samples[0] = (0..<100).map { .init(at: $0 * second / 2, live: 3, isWell: $0 != 20) }
    let late = (0..<3).map { check(.allowed, sent: (9 + $0) * second, takes: 250 * millisecond, isDegraded: true) }
    let rules = ChaosRules(history: history)
    #expect(rules.findings(Array(late.prefix(2))).unstated == [])
    #expect(rules.findings(late).unstated.count == 1)
    #expect(rules.findings([late[0], check(.allowed, isDegraded: true)]).unstated.count == 1)
  }

  @Test("an open breaker is a reason only after time-outs: what else opens it is reported")
  func breaker() {
    var history = ChaosHistory()
    history.lives[0] = .init(weir: 0, span: .always, ready: 0)
    history.samples[0] = (0..<100).map { .init(at: $0 * second / 2, live: 3, isWell: $0 != 20) }
    history.stalls = [Span(from: 9 * second, to: 9 * second + 70 * millisecond)]
    let rules = ChaosRules(history: history)
    let degraded = check(.allowed, isDegraded: true)
    let late = check(.allowed, sent: 9 * second, takes: 260 * millisecond, isDegraded: true)
    #expect(rules.findings([degraded]).unstated.count == 1)
    #expect(rules.findings([late, degraded]).unstated == [])
  }

  @Test("memory is never degraded, and only a policy that refuses gives 503")
  func impossible() {
    let away = ChaosHistory.Outage(span: Span(from: 9 * second, to: 11 * second), isFreeze: false)
    #expect(isReported(check(.allowed, path: "/local-log", isDegraded: true)) { $0.outages = [away] })
    #expect(isReported(check(.undecided)) { $0.outages = [away] })
    #expect(!isReported(check(.undecided, path: "/deny")) { $0.outages = [away] })
    #expect(isReported(check(.undecided, path: "/deny")))
  }

  @Test("an answer that waits for Redis beyond the time-out is reported, unless weir or driver stood still")
  func slow() {
    let slow = check(.allowed, takes: 3 * second)
    #expect(isReported(slow))
    #expect(!isReported(slow) { $0.stalls = [Span(from: 11 * second, to: 12 * second)] })
    #expect(!isReported(slow) { $0.lives[0]?.frozen = [Span(from: 11 * second, to: 12 * second)] })
  }
}
