// AdmissionLedgerTests.swift: the ledger sees what is beyond a bound, and nothing else. A checker that cannot fail would
// prove nothing, so every rule is broken here once.

import TestKit
import Testing

@Suite struct AdmissionLedgerTests {
  /// Checks at the given milliseconds, each answered one millisecond later.
  private func checks(
    _ path: String, at times: [Int], cost: Int = 1, user: String = "ann", weir: Int = 0,
    outcome: ChaosCheck.Outcome = .allowed, isDegraded: Bool = false
  ) -> [ChaosCheck] {
    times.enumerated().map { number, time in
      ChaosCheck(
        client: number, weir: weir, life: weir, path: path, user: user, cost: cost, sent: time * millisecond,
        answered: (time + 1) * millisecond, outcome: outcome, isDegraded: isDegraded)
    }
  }

  private func excesses(_ checks: [ChaosCheck], _ change: (inout ChaosHistory) -> Void = { _ in }) -> [String] {
    var history = ChaosHistory()
    for weir in 0..<3 {
      history.lives[weir] = .init(weir: weir, span: .always, ready: 0)
      history.samples[weir] = (0..<100).map { .init(at: $0 * second - second, live: 3, isWell: true) }
    }
    change(&history)
    return AdmissionLedger(history: history, checks: checks).excesses()
  }

  private func policy(_ name: String) throws -> ChaosPolicy { try #require(ChaosPolicy.all.first { $0.name == name }) }

  @Test("a bucket: its burst at once and its rate since, and not one more")
  func bucket() throws {
    let numbers = try policy("deny").numbers
    let burst = Array(repeating: 1000, count: numbers.burst)
    // A second regains the limit.
    let more = Array(repeating: 2000, count: numbers.limit)
    #expect(excesses(checks("/deny", at: burst + more)) == [])
    #expect(excesses(checks("/deny", at: burst + [1001])).count == 1)
    #expect(excesses(checks("/deny", at: burst + more + [2001])).count == 1)
    #expect(
      excesses(checks("/deny", at: burst + [1001], user: "ann") + checks("/deny", at: [1001], user: "bob")).count == 1)
  }

  @Test("costs count: the same number of dearer checks is too much")
  func costs() throws {
    let half = Array(repeating: 1000, count: try policy("deny").numbers.burst / 2)
    #expect(excesses(checks("/deny", at: half, cost: 2)) == [])
    #expect(excesses(checks("/deny", at: half, cost: 3)).count == 1)
  }

  @Test("a sliding log: its limit in every period, wherever the period begins")
  func log() throws {
    let numbers = try policy("log").numbers
    let half = numbers.limit / 2
    let times = Array(repeating: 1500, count: half) + Array(repeating: 2900, count: numbers.limit - half)
    #expect(excesses(checks("/log", at: times)) == [])
    #expect(excesses(checks("/log", at: times + [3490])).count == 1)
    #expect(excesses(checks("/log", at: times + Array(repeating: 3502, count: half))) == [])
    #expect(excesses(checks("/log", at: times + Array(repeating: 3502, count: half + 1))).count == 1)
  }

  @Test("a fixed window: its limit in each window of the clock, twice that across an edge")
  func fixedWindow() throws {
    let numbers = try policy("fixed").numbers
    let late = Array(repeating: 3990, count: numbers.limit)
    let early = Array(repeating: 4010, count: numbers.limit)
    #expect(excesses(checks("/fixed", at: late + early)) == [])
    #expect(excesses(checks("/fixed", at: [3000] + late)).count == 1)
    // Where the clock's windows lie is Unix time's matter.
    #expect(excesses(checks("/fixed", at: late + early)) { $0.unixOffset = Span(from: second, to: second) }.count == 1)
  }

  @Test("a sliding window: the previous window's share counts")
  func slidingWindow() throws {
    let numbers = try policy("sliding").numbers
    let before = Array(repeating: 3900, count: numbers.limit)
    // Halfway into the next window half of it still counts.
    let room = numbers.limit / 2
    #expect(excesses(checks("/sliding", at: before + Array(repeating: 5000, count: room))) == [])
    #expect(excesses(checks("/sliding", at: before + Array(repeating: 4950, count: room + 1))).count == 1)
  }

  @Test("what memory counts, each process counts by itself; what Redis counts, all together")
  func places() throws {
    let local = Array(repeating: 1000, count: try policy("local-log").numbers.limit)
    #expect(excesses(checks("/local-log", at: local) + checks("/local-log", at: local, weir: 1)) == [])
    let shared = Array(repeating: 1000, count: try policy("log").numbers.limit)
    #expect(excesses(checks("/log", at: shared) + checks("/log", at: [1001], weir: 1)).count == 1)
  }

  @Test("a Redis that forgot may admit as much again; one that did not, may not")
  func epochs() throws {
    let quota = try policy("quota").numbers.limit
    let times = (0..<quota).map { 1000 + $0 } + (0..<quota).map { 5000 + $0 }
    let forgot = [Span(from: -second, to: 3 * second), Span(from: 4 * second, to: 99 * second)]
    #expect(excesses(checks("/quota", at: times)) { $0.epochs = forgot } == [])
    #expect(excesses(checks("/quota", at: times + [6000])) { $0.epochs = forgot }.count == 1)
    #expect(excesses(checks("/quota", at: times)).count >= 1)
  }

  @Test("a degraded weir grants its share, by the number of weirs that it told")
  func shares() throws {
    let share = try policy("log").numbers.limit / 3
    let times = Array(repeating: 1500, count: share)
    #expect(excesses(checks("/log", at: times, isDegraded: true)) == [])
    #expect(excesses(checks("/log", at: times + [1501], isDegraded: true)).count == 1)
    // It may have known of itself alone.
    #expect(excesses(checks("/log", at: times + [1501], isDegraded: true)) { $0.samples[0] = [] } == [])
  }

  @Test("a reload's numbers hold from when they may be in force; shadow admissions are nobody's excess")
  func reloads() throws {
    var policy = try policy("log")
    let before = Array(repeating: 1500, count: policy.numbers.limit)
    let raised = policy.numbers.scaled(2, 1)
    let times = before + before
    #expect(excesses(checks("/log", at: times)).count == 1)
    #expect(
      excesses(checks("/log", at: times)) {
        $0.phases["log"] = [
          .init(span: .always, numbers: policy.numbers),
          .init(span: Span(from: second, to: 9 * second), numbers: raised),
        ]
      } == [])
    #expect(
      excesses(checks("/log", at: times)) {
        $0.phases["log"] = [
          .init(span: .always, numbers: policy.numbers),
          .init(span: Span(from: 2 * second, to: 9 * second), numbers: raised),
        ]
      }.count == 1)
    policy.isExtra = false
    #expect(
      excesses(checks("/log", at: times)) {
        $0.phases["log"] = [.init(span: .always, numbers: policy.numbers, isEnforced: false)]
      } == [])
  }

  @Test("all or nothing: each policy of a check is charged")
  func several() throws {
    let burst = try policy("local-bucket").numbers.burst
    let times = Array(repeating: 1000, count: burst)
    #expect(excesses(checks("/both", at: times)) == [])
    #expect(excesses(checks("/both", at: times) + checks("/local-bucket", at: [1001])).count == 1)
    #expect(excesses(checks("/both", at: times) + checks("/bucket", at: times)).count == 1)
  }

  @Test("a plain model's admissions are never too many, and one more at any instant that it denied is; random traces")
  func model() throws {
    let seed = UInt64.random(in: 0 ... .max)
    var random = SeededGenerator(seed: seed)
    for round in 0..<40 {
      let numbers = try policy("deny").numbers
      var denied: [ChaosCheck] = []
      var debt = 0.0
      var last = 0
      var admitted: [ChaosCheck] = []
      var refused: ChaosCheck?
      var time = 1000
      // Long enough that the bucket never regains what it owed at first.
      for _ in 0..<500 {
        time += Int.random(in: 0...60, using: &random)
        let cost = Int.random(in: 1...3, using: &random)
        debt = max(0, debt - Double((time - last) * numbers.limit) / 1000)
        last = time
        let check = checks("/deny", at: [time], cost: cost)[0]
        // A check that would exceed by less than what a millisecond regains proves nothing: its instant is not known.
        if debt + Double(cost) <= Double(numbers.burst) {
          debt += Double(cost)
          admitted.append(check)
        } else if debt + Double(cost) > Double(numbers.burst) + 0.1 {
          refused = refused ?? check
          var denial = check
          denial.client = 1000
          denial.outcome = .denied(by: ["deny"])
          denied.append(denial)
        }
      }
      #expect(excesses(admitted) == [], "seed \(seed), round \(round)")
      #expect(needless(admitted + denied) == [], "seed \(seed), round \(round)")
      // Half of the admissions are enough to see that the other half is missing.
      let half = admitted.enumerated().filter { $0.offset % 2 == 0 }.map(\.element)
      #expect(needless(half + denied).count > denied.count / 2, "seed \(seed), round \(round)")
      if let refused { #expect(excesses(admitted + [refused]).count == 1, "seed \(seed), round \(round)") }
    }
  }

  // MARK: room

  private func needless(_ checks: [ChaosCheck], _ change: (inout ChaosHistory) -> Void = { _ in }) -> [String] {
    var history = ChaosHistory()
    change(&history)
    return AdmissionLedger(history: history, checks: checks).needlessDenials()
  }

  @Test("a denial with room is reported, for every algorithm and store; one without is not")
  func room() throws {
    for policy in ChaosPolicy.all where policy.name != "everybody" {
      let path = policy.paths[0]
      let capacity = policy.algorithm == .tokenBucket ? policy.numbers.burst : policy.numbers.limit
      let denial = checks(path, at: [1002], outcome: .denied(by: [policy.name]))
      #expect(
        needless(checks(path, at: Array(repeating: 1001, count: capacity - 1)) + denial).count == 1, "\(policy.name)")
      #expect(needless(checks(path, at: Array(repeating: 1001, count: capacity)) + denial) == [], "\(policy.name)")
    }
  }

  @Test("what may have been charged counts as charged: no answer, degraded, undecided, a frozen Redis that thaws")
  func possibleCharges() throws {
    let policy = try policy("deny")
    let denial = checks("/deny", at: [1002], outcome: .denied(by: ["deny"]))
    let some = checks("/deny", at: Array(repeating: 1001, count: policy.numbers.burst - 1))
    #expect(needless(some + checks("/deny", at: [1000], outcome: .failed(.closed)) + denial) == [])
    #expect(needless(some + checks("/deny", at: [1000], outcome: .undecided) + denial) == [])
    #expect(needless(some + checks("/deny", at: [1000], isDegraded: true) + denial) == [])
    #expect(needless(some + checks("/deny", at: [1000], user: "bob") + denial).count == 1)
    // Denied checks were charged nowhere; in a cluster they may have held something for a while.
    var denied = checks("/deny", at: [1001], outcome: .denied(by: ["deny"]))
    denied[0].client = 1000
    #expect(needless(some + denied + denial).count == 2)
    #expect(needless(some + denied + denial) { $0.isCluster = true } == [])
    // Long over, unless Redis was frozen when it was asked.
    let old = checks("/deny", at: [1], cost: 20, outcome: .failed(.closed))
    let late = checks("/deny", at: [9000], outcome: .denied(by: ["deny"]))
    #expect(needless(old + late).count == 1)
    #expect(needless(old + late) { $0.outages = [.init(span: Span(from: 0, to: 8 * second), isFreeze: true)] } == [])
  }

  @Test("what memory gave back to a denied check is there again at once; while that check waits it may not be")
  func givenBack() throws {
    let numbers = try policy("local-bucket").numbers
    var waiting = checks("/both", at: [1000], cost: numbers.burst, outcome: .denied(by: ["bucket"]))[0]
    waiting.client = 1000
    waiting.answered = 1010 * millisecond
    let denial = { (time: Int) in self.checks("/local-bucket", at: [time], outcome: .denied(by: ["local-bucket"])) }
    // The one that waits is denied by a bucket that had room: that is reported in any case.
    #expect(needless([waiting] + denial(1005)).count == 1)
    #expect(needless([waiting] + denial(1050)).count == 2)
  }

  @Test("a bucket in memory may keep of a charge that it gave back what it regains in the time that the check waited")
  func keptBack() throws {
    let numbers = try policy("local-bucket").numbers
    let charged = checks("/local-bucket", at: Array(repeating: 1240, count: numbers.burst - 1))
    let denial = checks("/local-bucket", at: [1251], outcome: .denied(by: ["local-bucket"]))
    var waited = checks("/both", at: [1000], cost: 2, outcome: .denied(by: ["bucket"]))[0]
    waited.client = 1000
    waited.isDegraded = true
    waited.answered = 1250 * millisecond
    #expect(needless(charged + denial).count == 1)
    #expect(needless(charged + [waited] + denial) == [])
    // All of it at most, and soon it has regained that.
    let later = checks("/local-bucket", at: [1600], outcome: .denied(by: ["local-bucket"]))
    #expect(needless(charged + [waited] + later).count == 1)
    waited.sent = 1249 * millisecond
    #expect(needless(charged + [waited] + denial) == [])
    waited.outcome = .allowed
    waited.isDegraded = false
    #expect(needless(charged.dropLast(2) + [waited] + denial).count == 1)
    waited.isDegraded = true
    waited.sent = 1000 * millisecond
    #expect(needless(charged.dropLast(2) + [waited] + denial) == [])
  }

  @Test("a denial by nobody, or by a policy in shadow mode, is reported")
  func names() throws {
    let numbers = try policy("log").numbers
    let charged = checks("/log", at: Array(repeating: 1000, count: numbers.limit))
    #expect(needless(charged + checks("/log", at: [1001], outcome: .denied(by: []))).count == 1)
    #expect(
      needless(charged + checks("/log", at: [1001], outcome: .denied(by: ["log"]))) {
        $0.phases["log"] = [.init(span: .always, numbers: numbers, isEnforced: false)]
      }.count == 1)
  }
}
