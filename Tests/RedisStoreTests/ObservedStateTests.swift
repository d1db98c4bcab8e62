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
