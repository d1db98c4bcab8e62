// ChaosRules.swift: which failures of a check are stated somewhere, and under which words they are counted. Whatever has
// no reason here is a finding: a check that failed, or was decided without Redis, though nothing was wrong.
//
// Reasons that have to do with time allow for a driver that was itself held up (`ChaosHistory.stalls`), and for what
// weirs told of their breaker. Sources: README (Limits, Running it), docs/redis.md and docs/topologies.md.

struct ChaosRules {
  let history: ChaosHistory

  /// What was found: failures by their stated reason, and sentences about those without.
  struct Findings: Sendable {
    var stated: [String: Int] = [:]
    var unstated: [String] = []
  }

  /// A draining weir closes a connection on which nothing came for a second; less, since the driver sees it later.
  private static let drainIdleTime = 800 * millisecond
  /// How much longer than `--redis-timeout` an answer may take where nothing is known to be wrong: a busy machine.
  private static let patience = 1500 * millisecond
  /// A lost connection is made again after 50 ms, doubled up to 1 s; the same for the first one.
  private static let reconnecting = 3 * second
  /// A breaker that has opened for time-outs tries again after a second at first.
  private static let opening = 5 * second
  /// A breaker waits no longer than this between two trials.
  private static let longestWait = 30 * second
  /// How many replies of a run may come too late though nothing is known to be wrong: one processor may stand still while
  /// the driver runs on another. Fewer than open a breaker.
  private static let unexplained = 2

  func findings(_ checks: [ChaosCheck]) -> Findings {
    var findings = Findings()
    var timeouts: [Int: [Int]] = [:]
    for check in checks where hasTimedOut(check) && stoodStill(check) {
      timeouts[check.life, default: []].append(check.answered)
    }
    for check in checks {
      if let reason = slowness(check) { findings.unstated.append("\(reason): \(check.text)") }
      switch check.outcome {
      case .failed(let failure):
        note(reason(check, failure), "failed (\(failure.rawValue))", check, &findings)
      case .undecided:
        let mayRefuse = check.policies.contains { $0.onFailure == .deny }
        note(
          mayRefuse ? whyDegraded(check, timeouts[check.life] ?? []).map { "503, \($0)" } : nil, "503", check, &findings
        )
      case .allowed, .denied:
        guard check.isDegraded else { continue }
        note(whyDegraded(check, timeouts[check.life] ?? []).map { "degraded, \($0)" }, "degraded", check, &findings)
      }
    }
    let late = findings.stated.filter { $0.key.hasSuffix(Self.late) }.reduce(0) { $0 + $1.value }
    if late > Self.unexplained { findings.unstated.append("\(late) replies came too late, though nothing was wrong") }
    return findings
  }

  private func note(_ reason: String?, _ what: String, _ check: ChaosCheck, _ findings: inout Findings) {
    guard let reason else { return findings.unstated.append("\(what) for no stated reason: \(check.text)") }
    findings.stated[reason, default: 0] += 1
  }

  // MARK: no answer

  private func reason(_ check: ChaosCheck, _ failure: ChaosCheck.Failure) -> String? {
    switch failure {
    case .refused: isAway(check) ? "refused, weir away" : nil
    case .closed: whyClosed(check)
    case .full: isBeyondBound(check) ? "503, too many connections" : nil
    case .senseless: nil
    case .timedOut: nil
    }
  }

  /// Whether no process of the weir was there to listen, all the time that the client tried.
  private func isAway(_ check: ChaosCheck) -> Bool {
    !history.lives.values.contains { life in
      life.weir == check.weir
        && Span(from: life.ready, to: life.killed?.from ?? life.stopping?.from ?? life.span.to).contains(check.span)
    }
  }

  private func whyClosed(_ check: ChaosCheck) -> String? {
    guard let life = history.lives[check.life] else { return nil }
    if let killed = life.killed, killed.from <= check.answered { return "closed, weir killed" }
    if let stopping = life.stopping, stopping.from <= check.answered {
      // The listener closes: what the kernel accepted a moment later nobody sees.
      if check.connected >= stopping.from - 100 * millisecond { return "closed, connected to a draining weir" }
      if check.sent - check.lastUsed >= Self.drainIdleTime { return "closed, idle at a draining weir" }
    }
    return isBeyondBound(check) ? "closed, too many connections" : nil
  }

  /// Whether a connection was new while a weir had all that it may have: those that it had before go on.
  private func isBeyondBound(_ check: ChaosCheck) -> Bool {
    check.lastUsed == check.connected
      && history.floods.contains {
        $0.weir == check.weir && $0.span.widened(after: second).meets(Span(from: check.connected, to: check.connected))
      }
  }

  // MARK: an answer without Redis

  /// - Parameter timeouts: When this process answered checks after the time-out.
  private func whyDegraded(_ check: ChaosCheck, _ timeouts: [Int]) -> String? {
    guard check.policies.contains(where: \.isShared) else { return nil }
    for outage in history.outages {
      if outage.span.meets(check.span) { return "Redis away" }
      if isReturning(check, from: outage.span) { return "Redis was away, weir not yet back" }
    }
    for span in history.disturbances where span.widened(after: Self.reconnecting).meets(check.span) {
      if span.to >= check.sent || !wasWell(check, after: span.to) { return "connection to Redis closed" }
    }
    if let life = history.lives[check.life] {
      let isYoung = check.sent < life.ready + Self.reconnecting
      if isYoung, !wasWell(check, after: life.span.from) { return "weir just started" }
      let isThawing = life.frozen.contains { $0.widened(after: second).meets(check.span) }
      if isThawing { return "weir was frozen" }
    }
    if stoodStill(check) { return "machine stood still" }
    if hasTimedOut(check) { return Self.late }
    // What opened it must have been time-outs: nothing else is left.
    let near = check.span.widened(before: Self.opening)
    if timeouts.contains(where: { near.contains(Span(from: $0, to: $0)) }),
      history.wasUnwell(check.life, around: check.span)
    {
      return "breaker open after time-outs"
    }
    return nil
  }

  private static let late = "no reply in time"

  /// Whether a weir that lived through the end of an outage was not yet back, and need not have been: it must be by when
  /// its breaker has tried and its connections are made.
  private func isReturning(_ check: ChaosCheck, from outage: Span) -> Bool {
    guard outage.to < check.sent, let life = history.lives[check.life], life.span.from <= outage.to,
      !wasWell(check, after: outage.to)
    else { return false }
    // Each wait of a breaker is at most a second longer than twice the time that it had been failing.
    let failing = outage.to - failingSince(outage.from, life: check.life)
    let wait = min(Self.longestWait, second + 2 * failing)
    let since = Span(from: outage.to, to: check.sent)
    let lost = history.stalled(in: since) + life.frozen.reduce(0) { $0 + $1.overlap(since) }
    return check.sent - outage.to <= wait + Self.reconnecting + Self.patience + lost
  }

  /// When the failing began that goes on at an instant: outages between which a weir was not well are one.
  private func failingSince(_ instant: Int, life: Int) -> Int {
    history.outages.map(\.span).filter { $0.to < instant }.sorted { $0.from > $1.from }.reduce(instant) {
      since, earlier in
      let well = history.wellAgain(life, after: earlier.to)
      return well.map { $0 < since } == true ? since : min(since, earlier.from)
    }
  }

  /// Whether the driver did not run, and perhaps nobody, so that a reply to this check may have come too late; one that
  /// was decided at once only where that alone fills the time-out.
  private func stoodStill(_ check: ChaosCheck) -> Bool {
    history.stalls.contains { stall in
      let length = stall.to - stall.from
      return (hasTimedOut(check) || length >= history.redisTimeout)
        && stall.widened(after: history.redisTimeout + length).meets(check.span)
    }
  }

  /// Whether a weir has told between an instant and a check that it is well with Redis.
  private func wasWell(_ check: ChaosCheck, after instant: Int) -> Bool {
    history.wellAgain(check.life, after: instant).map { $0 < check.sent } == true
  }

  private func hasTimedOut(_ check: ChaosCheck) -> Bool {
    (check.isDegraded || check.outcome == .undecided) && check.answered - check.sent >= history.redisTimeout * 8 / 10
  }

  // MARK: time

  /// What is wrong with the time of an answer; nil where nothing is, or something explains it.
  private func slowness(_ check: ChaosCheck) -> String? {
    if case .failed = check.outcome { return nil }
    guard check.answered - check.sent > history.redisTimeout + Self.patience else { return nil }
    guard let life = history.lives[check.life], !life.frozen.contains(where: { $0.meets(check.span) }) else {
      return nil
    }
    guard !history.hasStall(in: check.span) else { return nil }
    return "answered after \(seconds(check.answered - check.sent))"
  }
}
