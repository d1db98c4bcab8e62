import Limiting
import Policies
import TestKit
import Testing

@testable import RedisStore

@Suite("a state observed in Redis") struct ObservedStateTests {
  static let now: Int64 = 1_700_000_000_000_000_000
  static let second: Int64 = 1_000_000_000

  static func limit(_ algorithm: Algorithm, _ limit: Int64 = 10) -> Limit {
    Limit(algorithm: algorithm, limit: limit, period: second)
  }

  @Test("denies what it surely denies, and says nothing about a cost that it does not deny")
  func cells() {
    let limit = Self.limit(.tokenBucket)
    let state = ObservedState.cell(Cell(amount: 8, instant: Self.now, period: Self.second))
    #expect(state.denial(limit: limit, cost: 2, now: Self.now) == nil)
    #expect(state.denial(limit: limit, cost: 3, now: Self.now)?.retryAfter == 100_000_000)
    #expect(state.denial(limit: limit, cost: 3, now: Self.now + 99_999_999)?.retryAfter == 1)
    #expect(state.denial(limit: limit, cost: 3, now: Self.now + 100_000_000) == nil)
    #expect(state.denial(limit: limit, cost: 11, now: Self.now)?.outcome == .denyAlways)
    #expect(
      state.denial(limit: Self.limit(.tokenBucket, 20), cost: 11, now: Self.now) == nil, "by the numbers in force")
    #expect(state.denial(limit: Self.limit(.slidingLog), cost: 3, now: Self.now) == nil, "it is no log's")
    #expect(ObservedState.nothing.denial(limit: limit, cost: 11, now: Self.now) == nil)
  }

  @Test("of a log denies only the cost and limit it was observed for, until more is free")
  func logs() {
    let limit = Self.limit(.slidingLog)
    let summary = LogSummary(used: 9, newest: Self.now, freeing: Self.now - 7, fitting: Self.now - 5)
    let state = ObservedState.log(summary, limit, cost: 4)
    let free = Self.now - 7 + Self.second
    #expect(state.denial(limit: limit, cost: 4, now: Self.now)?.retryAfter == Self.second - 5)
    #expect(state.denial(limit: limit, cost: 4, now: free - 1)?.retryAfter == 3)
    #expect(state.denial(limit: limit, cost: 4, now: free) == nil)
    #expect(state.denial(limit: limit, cost: 3, now: Self.now) == nil)
    #expect(state.denial(limit: Self.limit(.slidingLog, 9), cost: 4, now: Self.now) == nil)
    #expect(state.denial(limit: Self.limit(.tokenBucket), cost: 4, now: Self.now) == nil)
  }

  @Test("answers as Redis would, as long as it answers and nothing else comes", arguments: Algorithm.allCases)
  func agrees(_ algorithm: Algorithm) throws {
    let store = EvalStore(try ScriptRig())
    var denials = 0
    for seed in 0..<6 {
      for turn in StoreTrace(.usual, algorithm, seed: UInt64(seed), turns: 60, slots: 1).turns {
        let ask = turn.asks[0]
        guard ask.effect == .limit else { continue }
        let answer = store.ask([ask], at: turn.instant)
        guard let decision = answer.decisions.first, !decision.isAllowed else { continue }
        let state = store.reply.states[0]
        let wait = decision.inMicroseconds.retryAfter
        for later in [0, 1, wait / 3, wait / 2, wait - 1, wait].sorted() where later >= 0 {
          let now = turn.instant + later
          guard let denial = state.denial(limit: ask.limit, cost: ask.cost, now: now * 1000) else { continue }
          denials += 1
          let seen = store.ask([ask], at: now)
          #expect(
            seen.decisions[0].inMicroseconds == denial.inMicroseconds,
            "seed \(seed), \(ask) at \(turn.instant) and \(later) us later")
        }
      }
    }
    #expect(denials > 10, "\(denials) denials were remembered")
  }
}

@Suite("what is remembered of a check's counters") struct ObservedStatesTests {
  private static let second: Int64 = 1_000_000_000
  private static let unix = ObservedStateTests.now

  /// A worker's memory, and checks of a client's counter and one that everybody shares. Times are of the loop's clock.
  private final class Rig {
    let states = ObservedStates(AdmissionTimes())
    private let names = KeyNames([KeyNamesTests.policy("client"), KeyNamesTests.policy("all")])

    /// - Parameter policies: Of both: 0 is the client's, with 5 an hour; 1 is everybody's, with 1000 an hour.
    func ticket(
      _ policies: [Int] = [0, 1], cost: Int64 = 1, shadow: Int? = nil, failsClosed: Int? = nil
    ) -> Ticket {
      let ticket = Ticket()
      let charges = policies.map { policy in
        Charge(
          policy: Int32(policy), slot: UInt32(policy), keyStart: 0, keyCount: 1, effect: .limit,
          isShadow: policy == shadow, place: .redis, onStoreFailure: policy == failsClosed ? .deny : .memory,
          limit: Limit(algorithm: .tokenBucket, limit: policy == 0 ? 5 : 1000, period: 3_600 * second), cost: cost)
      }
      let key: [UInt8] = [7]
      ticket.fill(charges, keys: key.span, names: names, arrival: 0)
      return ticket
    }

    /// A reply shows what was spent of the counters of `ticket`.
    func saw(_ ticket: Ticket, _ spent: [Int64?], at now: Int64, unix: Int64 = ObservedStatesTests.unix) {
      ticket.unixNow = unix
      for (index, spent) in spent.enumerated() {
        guard let spent else { continue }
        let cell = Cell(amount: UInt32(spent), instant: unix, period: 3_600 * second)
        states.note(ticket, index, .cell(cell), askedAt: now - 1_000_000, at: now)
      }
    }

    /// Denies another check like `ticket`.
    func denies(_ ticket: Ticket, at now: Int64) -> Bool { states.deny(ticket, at: now) }
  }

  @Test("one counter that denies is enough, though others are admitted by the counter that they share")
  func shared() {
    let rig = Rig()
    rig.saw(rig.ticket(), [5, 10], at: 10 * Self.second)
    for step in 1...4 {
      let now = (10 + Int64(step)) * Self.second
      rig.states.admitted(rig.ticket([1]), at: now - 1)
      let ticket = rig.ticket()
      #expect(rig.denies(ticket, at: now))
      #expect(ticket.outcome == .decided && !ticket.isAllowed)
      #expect(ticket.charges.map(\.place) == [.redis, .redis])
      #expect(ticket.charges.map(\.decision.isAllowed) == [false, true])
      let left: Int64 = step < 4 ? 990 : 991
      #expect(ticket.charges.map(\.decision.remaining) == [0, left], "3.6 s bring one back")
      #expect(ticket.charges[0].decision.retryAfter == (720 - Int64(step)) * Self.second)
      #expect(ticket.unixNow == Self.unix + Int64(step) * Self.second)
    }
    #expect(!rig.denies(rig.ticket(), at: 15 * Self.second + 1), "for 5 s")
  }

  @Test("once something was admitted by the counter that denies, Redis is asked")
  func admitted() {
    let rig = Rig()
    rig.saw(rig.ticket(cost: 3), [3, 10], at: 10 * Self.second)
    #expect(rig.denies(rig.ticket(cost: 3), at: 11 * Self.second))
    rig.states.admitted(rig.ticket([0]), at: 11 * Self.second)
    #expect(!rig.denies(rig.ticket(cost: 3), at: 12 * Self.second))
  }

  @Test("a counter of which nothing is known is left out: it says neither yes nor no")
  func unknown() {
    let rig = Rig()
    rig.saw(rig.ticket([0]), [5], at: 10 * Self.second)
    for shadow in [nil, 1] {
      let ticket = rig.ticket(shadow: shadow)
      #expect(rig.denies(ticket, at: 11 * Self.second))
      #expect(ticket.charges.map(\.place) == [.redis, .unasked])
      #expect(ticket.charges.map(\.isDecided) == [true, false])
    }
  }

  @Test("but where its policy enforces and fails closed, only Redis can say whether it can decide")
  func failsClosed() {
    let rig = Rig()
    rig.saw(rig.ticket([0]), [5], at: 10 * Self.second)
    let ticket = rig.ticket(failsClosed: 1)
    #expect(!rig.denies(ticket, at: 11 * Self.second))
    #expect(ticket.outcome == .pending && ticket.charges.allSatisfy { $0.place == .redis })
    #expect(rig.denies(rig.ticket(shadow: 1, failsClosed: 1), at: 11 * Self.second))
    rig.saw(rig.ticket([1]), [10], at: 11 * Self.second)
    rig.states.admitted(rig.ticket([1]), at: 11 * Self.second)
    #expect(rig.denies(rig.ticket(failsClosed: 1), at: 12 * Self.second), "it did a moment ago")
  }

  @Test("what binds is a denial that surely has the right wait; where another would bind, Redis is asked")
  func binding() {
    let rig = Rig()
    // 720 s for the client; of the shared one 3.6 s, or for a shadow none that counts.
    rig.saw(rig.ticket(), [5, 1000], at: 10 * Self.second)
    rig.states.admitted(rig.ticket([1]), at: 10 * Self.second)
    let ticket = rig.ticket()
    #expect(rig.denies(ticket, at: 11 * Self.second))
    #expect(ticket.charges.allSatisfy { !$0.decision.isAllowed })
    #expect(ticket.charges[0].decision.binds(over: ticket.charges[1].decision))

    // 720 s, and 900 s and more: something was admitted since.
    rig.saw(rig.ticket(), [5, 1249], at: 12 * Self.second)
    #expect(rig.denies(rig.ticket(), at: 13 * Self.second))
    rig.states.admitted(rig.ticket([1]), at: 13 * Self.second)
    #expect(!rig.denies(rig.ticket(), at: 13 * Self.second))
    #expect(rig.denies(rig.ticket(shadow: 1), at: 13 * Self.second))
  }

  @Test("a denial by a shadow policy, or of another cost, is none; cost 0 is always asked")
  func others() {
    let rig = Rig()
    rig.saw(rig.ticket(), [5, 10], at: 10 * Self.second)
    #expect(!rig.denies(rig.ticket(shadow: 0), at: 11 * Self.second))
    #expect(!rig.denies(rig.ticket(cost: 0), at: 11 * Self.second))
    rig.saw(rig.ticket(), [3, 10], at: 11 * Self.second)
    #expect(rig.denies(rig.ticket(cost: 3), at: 12 * Self.second) && !rig.denies(rig.ticket(), at: 12 * Self.second))
  }

  @Test("a check that is denied elsewhere is told what was seen of each counter, or Redis is asked")
  func looks() {
    let rig = Rig()
    func look() -> Ticket {
      let ticket = rig.ticket()
      ticket.onlyLooks = true
      return ticket
    }
    rig.saw(look(), [3, nil], at: 10 * Self.second)
    #expect(!rig.denies(look(), at: 11 * Self.second))
    rig.saw(look(), [3, 10], at: 11 * Self.second)
    rig.states.admitted(rig.ticket([1]), at: 11 * Self.second)
    let ticket = look()
    #expect(rig.denies(ticket, at: 12 * Self.second) && ticket.isAllowed)
    #expect(ticket.charges.map(\.decision.remaining) == [2, 990])
    rig.saw(look(), [5, 1249], at: 12 * Self.second)
    rig.states.admitted(rig.ticket([1]), at: 12 * Self.second)
    #expect(!rig.denies(look(), at: 13 * Self.second), "a wait that is too short is not told")
  }

  @Test("times count from one instant, whatever the clocks of two servers show")
  func clocks() {
    let rig = Rig()
    rig.saw(rig.ticket([0]), [5], at: 10 * Self.second, unix: Self.unix + 7 * Self.second)
    rig.saw(rig.ticket([1]), [10], at: 10 * Self.second)
    let ticket = rig.ticket()
    #expect(rig.denies(ticket, at: 11 * Self.second))
    #expect(ticket.unixNow == Self.unix + 8 * Self.second)
    let full = ticket.charges.map { ticket.unixNow + $0.decision.reset - Self.unix }
    #expect(full == [3_607 * Self.second, 36 * Self.second])
  }
}
