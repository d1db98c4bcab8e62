// ChargeScriptTests.swift: charge.lua in a real redis-server, under the contract of all stores and against the memory
// store's arithmetic over random traces; and what is its own: calls of many checks, looks, expiry, foreign values.

import Limiting
import Policies
import Stores
import TestKit
import Testing

@testable import RedisStore

@Suite("charge.lua") struct ChargeScriptTests {
  static let start: Int64 = 1_700_000_000_000_000
  static let minute: Int64 = 60_000_000_000

  static func limit(_ algorithm: Algorithm, _ limit: Int64, period: Int64 = minute) -> Limit {
    Limit(algorithm: algorithm, limit: limit, period: period)
  }

  @Test("keeps the contract of all stores", arguments: StoreContract.allCases)
  func contract(_ rule: StoreContract) throws {
    let rig = try ScriptRig()
    #expect(rule.failures { EvalStore(rig) } == [], "\(rule.rawValue)")
  }

  @Test("answers traces over mixed algorithms as the reference does", arguments: StoreTrace.Kind.allCases)
  func mixed(_ kind: StoreTrace.Kind) throws {
    let rig = try ScriptRig()
    for seed in Seeds.of(100..<140) {
      let failure = StoreTrace(kind, nil, seed: UInt64(seed), turns: 100, slots: 7).disagreement(of: EvalStore(rig))
      #expect(failure == nil, "seed \(seed), \(failure ?? "")")
    }
  }

  @Test("many checks in one call are answered as one by one", arguments: StoreTrace.Kind.allCases)
  func together(_ kind: StoreTrace.Kind) throws {
    let rig = try ScriptRig()
    var generator = SeededGenerator(seed: 5)
    for seed in Seeds.of(200..<220) {
      let one = EvalStore(rig)
      let many = EvalStore(rig)
      var rest = StoreTrace(kind, nil, seed: UInt64(seed), turns: 200).turns[...]
      while let first = rest.first {
        let turns = rest.prefix(Int.random(in: 1...30, using: &generator))
        rest = rest.dropFirst(turns.count)
        let checks = turns.map { Ask.check($0.asks) }
        let tickets = checks.map { many.ticket($0.charges, keys: $0.keys) }
        if tickets.contains(where: { $0.charges.contains(where: \.isForRedis) }) {
          many.decide(tickets, at: first.instant)
        }
        for (index, turn) in turns.enumerated() {
          let expected = one.ask(turn.asks, at: first.instant)
          var charges = checks[index].charges
          let allowed = many.take(tickets[index], into: &charges, at: first.instant)
          #expect(
            allowed == expected.allowed && charges.map(\.decision) == expected.decisions,
            "seed \(seed), check \(index) of \(turns.count), \(turn.asks)")
        }
      }
    }
  }

  @Test("a call whose keys are more than one MGET takes is answered whole")
  func manyKeys() throws {
    let store = EvalStore(try ScriptRig())
    let asks = (0..<2500).map { Ask(key: "\($0)", Self.limit(Algorithm.allCases[$0 % 4], 2)) }
    for left in [1, 0] {
      let answer = store.ask(asks, at: Self.start)
      #expect(answer.allowed && answer.decisions.allSatisfy { $0.remaining == Int64(left) })
    }
    let answer = store.ask(asks, at: Self.start)
    #expect(!answer.allowed && answer.decisions.allSatisfy { $0.outcome == .deny })
  }

  @Test(
    "two charges of one check on one counter both count, and a denial takes both back", arguments: Algorithm.allCases)
  func sameCounterTwice(_ algorithm: Algorithm) throws {
    let store = EvalStore(try ScriptRig())
    let ask = Ask(Self.limit(algorithm, 3))
    let first = store.ask([ask, ask], at: Self.start)
    #expect(first.allowed && first.decisions.map(\.remaining) == [2, 1])
    let second = store.ask([ask, ask], at: Self.start)
    #expect(!second.allowed && second.decisions.map(\.isAllowed) == [true, false])
    #expect(second.decisions[0].remaining == 1, "as before the check")
    #expect(store.ask([Ask(Self.limit(algorithm, 3), cost: 0)], at: Self.start).decisions[0].remaining == 1)
    let third = store.ask(
      [ask, Ask(Self.limit(algorithm, 3), cost: 0), Ask(slot: 1, ask.limit, cost: 4)], at: Self.start)
    #expect(!third.allowed && third.decisions.map(\.remaining) == [1, 1, 3], "each as without the check")
  }

  @Test(
    "where another store denied, nothing is consumed and each charge says what it would say",
    arguments: Algorithm.allCases)
  func onlyLooks(_ algorithm: Algorithm) throws {
    let store = EvalStore(try ScriptRig())
    let asks = [Ask(Self.limit(algorithm, 3), cost: 2), Ask(slot: 1, Self.limit(algorithm, 3), cost: 2)]
    _ = store.ask([asks[1]], at: Self.start)
    for _ in 0..<2 {
      let (charges, keys) = Ask.check(asks)
      let ticket = store.ticket(charges, keys: keys)
      ticket.onlyLooks = true
      store.decide([ticket], at: Self.start)
      #expect(!ticket.isAllowed && ticket.charges.map(\.decision.outcome) == [.allow, .deny])
      #expect(ticket.charges.map(\.decision.remaining) == [3, 1])
    }
  }

  @Test("a look, a denial and what is no charge of Redis create no key", arguments: Algorithm.allCases)
  func createsNothing(_ algorithm: Algorithm) throws {
    let store = EvalStore(try ScriptRig())
    let limit = Self.limit(algorithm, 3)
    _ = store.ask([Ask(limit, cost: 0)], at: Self.start)
    _ = store.ask([Ask(limit, cost: 4)], at: Self.start)
    _ = store.ask([Ask(limit), Ask(slot: 1, limit), Ask(slot: 2, limit, cost: 4)], at: Self.start)
    _ = store.ask([Ask(limit), Ask(slot: 1, limit, effect: .block)], at: Self.start)
    #expect(store.rig.keys.isEmpty)
  }

  // MARK: Expiry

  /// Not where the clock steps back: Redis's expiries are instants on its own clock, which the tests' stands beside. A
  /// real step moves both, so that a key lives longer by as much as its state does.
  @Test(
    "every key lives at least as long as its state says anything, and not for ever",
    arguments: [StoreTrace.Kind.usual, .reloads, .extremes])
  func expiry(_ kind: StoreTrace.Kind) throws {
    let rig = try ScriptRig()
    for seed in Seeds.of(300..<310) {
      let store = EvalStore(rig, expires: true)
      let reference = ReferenceStore()
      for turn in StoreTrace(kind, nil, seed: UInt64(seed), turns: 60).turns {
        let answer = store.ask(turn.asks, at: turn.instant)
        _ = reference.ask(turn.asks, at: turn.instant)
        for (ask, decision) in zip(turn.asks, answer.decisions) where ask.effect == .limit {
          guard case .integer(let left) = rig.command([Array("PTTL".utf8), store.name(of: ask)]) else { continue }
          #expect(left != -1, "seed \(seed): a key without expiry, \(ask)")
          // What a denied check did not consume from keeps the life that its last charge or denial gave it.
          if !answer.allowed, decision.isAllowed, kind == .reloads { continue }
          var look = ask
          look.cost = 0
          let reset = reference.ask([look], at: turn.instant).decisions[0].inMicroseconds.reset
          let needed = min(reset / 1000, 36_525 * 86_400_000)
          #expect(needed == 0 || left >= needed, "seed \(seed): \(left) ms for \(needed), \(ask) at \(turn.instant)")
        }
      }
    }
  }

  @Test("a denial under slower numbers makes the key live longer", arguments: [Algorithm.tokenBucket, .slidingLog])
  func slower(_ algorithm: Algorithm) throws {
    let store = EvalStore(try ScriptRig(), expires: true)
    for _ in 0..<10 { _ = store.ask([Ask(Self.limit(algorithm, 10, period: 1_000_000_000))], at: Self.start) }
    var slow = Self.limit(algorithm, 1, period: 3_600_000_000_000)
    if algorithm == .tokenBucket { slow = Limit(algorithm: algorithm, limit: 1, period: 1_000_000_000, burst: 10) }
    let denied = store.ask([Ask(slow)], at: Self.start).decisions[0]
    #expect(denied.outcome == .deny)
    guard case .integer(let left) = store.rig.command([Array("PTTL".utf8), store.name(of: Ask(slow))]) else {
      return #expect(Bool(false), "no key")
    }
    #expect(left >= denied.reset / 1_000_000)
  }

  @Test("a key that somebody made eternal expires again once it is charged", arguments: Algorithm.allCases)
  func persisted(_ algorithm: Algorithm) throws {
    let store = EvalStore(try ScriptRig(), expires: true)
    let ask = Ask(Self.limit(algorithm, 5))
    _ = store.ask([ask], at: Self.start)
    #expect(store.rig.command([Array("PERSIST".utf8), store.name(of: ask)]) == .integer(1))
    _ = store.ask([ask], at: Self.start)
    #expect(store.rig.command([Array("PTTL".utf8), store.name(of: ask)]) != .integer(-1))
  }

  @Test("a full Redis answers with an error and has counted nothing, or counts the whole call", arguments: 0..<24)
  func full(_ seed: UInt64) throws {
    let store = EvalStore(try ScriptRig())
    let rig = store.rig
    var generator = SeededGenerator(seed: seed)
    let asks = Algorithm.allCases.flatMap { algorithm in
      [Ask(slot: 0, Self.limit(algorithm, 3)), Ask(slot: 1, Self.limit(algorithm, 1), isShadow: true)]
    }.shuffled(using: &generator)
    _ = store.ask(asks, at: Self.start)
    // Two periods on, the logs' and windows' states are over: what is charged is trimmed and deleted first.
    let now = Self.start + generator.pick([1, 121_000_000])
    let (charges, keys) = Ask.check(asks)
    let before = Self.dump(rig)
    rig.setClock(now)
    rig.command("CONFIG", "SET", "maxmemory", "1")
    let reply = store.raw([store.ticket(charges, keys: keys)], at: now)
    rig.command("CONFIG", "SET", "maxmemory", "0")
    guard case .error(let text) = reply else { return #expect(Self.dump(rig) != before) }
    #expect(text.contains("OOM"))
    #expect(Self.dump(rig) == before)
  }

  private static func dump(_ rig: ScriptRig) -> [[UInt8]: ScriptRig.Reply] {
    var states: [[UInt8]: ScriptRig.Reply] = [:]
    for key in rig.keys { states[key] = rig.command([Array("DUMP".utf8), key]) }
    return states
  }

  // MARK: What stands under a key

  @Test("what is no state of ours counts as none, and is replaced", arguments: Algorithm.allCases)
  func foreign(_ algorithm: Algorithm) throws {
    let store = EvalStore(try ScriptRig())
    let ask = Ask(Self.limit(algorithm, 5))
    let name = store.name(of: ask)
    let set = Array("SET".utf8)
    let values: [[[UInt8]]] = [
      [set, name, []], [set, name, Array(repeating: 1, count: 22)], [set, name, Array(repeating: 1, count: 24)],
      [set, name, Array(repeating: 0, count: 23)], [Array("RPUSH".utf8), name, Array("a:b:c".utf8)],
      [Array("SADD".utf8), name, Array("x".utf8)],
    ]
    for value in values {
      store.rig.command([Array("DEL".utf8), name])
      store.rig.command(value)
      for left in [4, 3] {
        let answer = store.ask([ask], at: Self.start)
        #expect(answer.decisions[0].remaining == Int64(left), "over \(value)")
      }
    }
  }

  @Test("random bytes of a state's form never fail a call", arguments: Algorithm.allCases)
  func garbage(_ algorithm: Algorithm) throws {
    let store = EvalStore(try ScriptRig())
    let ask = Ask(Self.limit(algorithm, 5))
    let name = store.name(of: ask)
    var generator = SeededGenerator(seed: 3)
    for turn in 0..<500 {
      store.rig.command([Array("DEL".utf8), name])
      if algorithm == .slidingLog {
        for _ in 0..<generator.pick([1, 2, 5]) {
          let numbers = (0..<3).map { _ in String(generator.next() >> generator.pick([1, 11, 12, 13, 30, 60])) }
          store.rig.command([Array("RPUSH".utf8), name, Array(numbers.joined(separator: ":").utf8)])
        }
      } else {
        let bytes = (0..<23).map { _ in generator.pick([0, 0xff, UInt8.random(in: 0...255, using: &generator)]) }
        store.rig.command([Array("SET".utf8), name, bytes])
      }
      for cost in [Int64(0), 1] {
        let decision = store.ask([Ask(ask.limit, cost: cost)], at: Self.start).decisions[0]
        #expect(decision.remaining >= 0 && decision.remaining <= 5, "turn \(turn): \(decision)")
      }
    }
  }

  @Test("a log of 100 000 entries is searched, not walked, and forgets what has left at its next admission")
  func longLog() throws {
    let store = EvalStore(try ScriptRig())
    let limit = Self.limit(.slidingLog, 100_000)
    let name = store.name(of: Ask(limit))
    let first = Self.start - 50_000_000
    for thousand in 0..<100 {
      let entries = (1...1000).map { index in
        let number = thousand * 1000 + index
        return Array("\(first + 400 * Int64(number)):\(number):1".utf8)
      }
      store.rig.command([Array("RPUSH".utf8), name] + entries)
    }
    let denied = store.ask([Ask(limit, cost: 30_000)], at: Self.start).decisions[0]
    #expect(denied.outcome == .deny && denied.remaining == 0)
    #expect(denied.retryAfter == (first + 400 * 30_000 + 60_000_000 - Self.start) * 1000)
    #expect(denied.nextUnit == (first + 400 + 60_000_000 - Self.start) * 1000)
    // Half a minute on, what was made in the first 30 s of the log has left.
    let later = first + 400 * 70_000 + 60_000_000
    let look = store.ask([Ask(limit, cost: 0)], at: later).decisions[0]
    #expect(look.remaining == 70_000)
    #expect(store.rig.command([Array("LLEN".utf8), name]) == .integer(100_000))
    #expect(store.ask([Ask(limit)], at: later).decisions[0].remaining == 69_999)
    #expect(store.rig.command([Array("LLEN".utf8), name]) == .integer(30_001))
  }
}
