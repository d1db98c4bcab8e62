// HoldScriptTests.swift: hold.lua and settle.lua in a real redis-server, under the contract of all stores and over random
// traces.

import Limiting
import Policies
import Stores
import TestKit
import Testing

@testable import RedisStore

@Suite("hold.lua") struct HoldScriptTests {
  static let start: Int64 = 1_700_000_000_000_000
  static let minute: Int64 = 60_000_000_000
  static let ways: [EvalStore.Way] = [.charges, .holds, .parts]

  static func limit(_ algorithm: Algorithm, _ limit: Int64, period: Int64 = minute) -> Limit {
    Limit(algorithm: algorithm, limit: limit, period: period)
  }

  @Test("keeps the contract of all stores", arguments: StoreContract.allCases, ways)
  func contract(_ rule: StoreContract, _ way: EvalStore.Way) throws {
    let rig = try ScriptRig()
    #expect(rule.failures { EvalStore(rig, way) } == [], "\(rule.rawValue)")
  }

  @Test("answers traces over mixed algorithms as the reference does", arguments: StoreTrace.Kind.allCases, ways)
  func mixed(_ kind: StoreTrace.Kind, _ way: EvalStore.Way) throws {
    let rig = try ScriptRig()
    for seed in Seeds.of(100..<120) {
      let failure = StoreTrace(kind, nil, seed: UInt64(seed), turns: 100, slots: 7).disagreement(
        of: EvalStore(rig, way))
      #expect(failure == nil, "seed \(seed), \(failure ?? "")")
    }
  }

  @Test("many checks in one call are answered as one by one", arguments: StoreTrace.Kind.allCases)
  func together(_ kind: StoreTrace.Kind) throws {
    let rig = try ScriptRig()
    var generator = SeededGenerator(seed: 6)
    for seed in Seeds.of(200..<210) {
      let (one, many) = (EvalStore(rig, .charges), EvalStore(rig, .charges))
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

  // MARK: What a hold does

  static func store() throws -> EvalStore { EvalStore(try ScriptRig(), .charges) }

  @Test("a hold counts for every later check until its end, to the microsecond", arguments: Algorithm.allCases)
  func counts(_ algorithm: Algorithm) throws {
    let store = try Self.store()
    let ask = Ask(Self.limit(algorithm, 3), cost: 2)
    #expect(store.hold([ask], life: 7_000, at: Self.start).isAllowed)
    for instant in [Self.start, Self.start + 6] {
      let denied = store.ask([ask], at: instant)
      #expect(!denied.allowed && denied.decisions[0].outcome == .deny && denied.decisions[0].remaining == 1)
      #expect(denied.decisions[0].retryAfter > 0)
      #expect(store.reply.countsHolds == [true], "it is not to be remembered")
      #expect(!store.hold([ask], at: instant).isAllowed)
    }
    #expect(store.ask([ask], at: Self.start + 7).allowed)
    #expect(store.reply.countsHolds == [false])
  }

  @Test("what is held is answered as what is spent at that instant", arguments: Algorithm.allCases)
  func isSpent(_ algorithm: Algorithm) throws {
    let rig = try ScriptRig()
    let (holds, spends) = (EvalStore(rig, .charges), EvalStore(rig, .charges))
    let limit = Self.limit(algorithm, 10)
    for store in [holds, spends] { _ = store.ask([Ask(limit, cost: 2)], at: Self.start - 12_000_000) }
    for cost in [Int64(3), 4] {
      let hold = holds.hold([Ask(limit, cost: cost)], at: Self.start)
      let spent = spends.ask([Ask(limit, cost: cost)], at: Self.start)
      #expect(hold.charges.map(\.decision) == spent.decisions)
    }
    for cost in [Int64(0), 1, 2, 10, 11] {
      let answers = [holds, spends].map { $0.ask([Ask(limit, cost: cost)], at: Self.start) }
      #expect(answers[0].allowed == answers[1].allowed && answers[0].decisions == answers[1].decisions, "\(cost)")
    }
  }

  @Test("of two checks in one call the second sees what the first holds", arguments: Algorithm.allCases)
  func sees(_ algorithm: Algorithm) throws {
    let store = try Self.store()
    let asks = [Ask(Self.limit(algorithm, 3), cost: 2)]
    let tickets = [store.holding(store.ticket(asks)), store.holding(store.ticket(asks)), store.ticket(asks)]
    store.decide(tickets, at: Self.start)
    #expect(tickets.map(\.isAllowed) == [true, false, false])
    #expect(tickets.map { $0.charges[0].decision.remaining } == [1, 1, 1])
    #expect(store.reply.countsHolds == [false, true, true])
  }

  @Test("a check that is denied holds nothing, of shadow charges neither; others in its call do")
  func denied() throws {
    let store = try Self.store()
    let (wide, tight) = (Self.limit(.tokenBucket, 10), Self.limit(.fixedWindow, 1))
    let denied = store.holding(
      store.ticket([Ask(wide, cost: 4), Ask(slot: 1, wide, isShadow: true), Ask(slot: 2, tight, cost: 2)]))
    let allowed = store.holding(store.ticket([Ask(wide, cost: 5)]))
    store.decide([denied, allowed], at: Self.start)
    #expect(!denied.isAllowed && !denied.holdsAnything && allowed.isAllowed)
    #expect(denied.charges.map(\.decision.remaining) == [10, 10, 1], "as without the check")
    #expect(store.settle([denied, allowed], .confirm, at: Self.start) == [false, true])
    #expect(
      store.ask([Ask(wide, cost: 0), Ask(slot: 1, wide, cost: 0)], at: Self.start).decisions.map(\.remaining) == [
        5, 10,
      ])
  }

  @Test("a shadow charge that fits is held; one that denies is not, and stops nobody", arguments: Algorithm.allCases)
  func shadow(_ algorithm: Algorithm) throws {
    let store = try Self.store()
    let asks = [
      Ask(Self.limit(algorithm, 3), cost: 2, isShadow: true), Ask(slot: 1, Self.limit(algorithm, 9), cost: 2),
    ]
    let holds = (0..<2).map { _ in store.hold(asks, at: Self.start) }
    #expect(holds.map(\.isAllowed) == [true, true])
    #expect(holds.map { $0.charges[0].decision.isAllowed } == [true, false])
    #expect(store.settle(holds, .confirm, at: Self.start) == [true, true])
    let looks = asks.map { ask in
      var ask = ask
      ask.cost = 0
      return ask
    }
    #expect(store.ask(looks, at: Self.start).decisions.map(\.remaining) == [1, 5])
    let nothing = store.hold([asks[0]], at: Self.start)
    #expect(nothing.isAllowed && !nothing.holdsAnything, "there is nothing to confirm")
  }

  @Test(
    "two charges of one check on one counter both hold, and a denial takes both back", arguments: Algorithm.allCases)
  func sameCounterTwice(_ algorithm: Algorithm) throws {
    for way in [EvalStore.Way.charges, .holds] {
      let store = EvalStore(try ScriptRig(), way)
      let ask = Ask(Self.limit(algorithm, 3))
      let first = store.ask([ask, ask], at: Self.start)
      #expect(first.allowed && first.decisions.map(\.remaining) == [2, 1])
      let second = store.ask([ask, ask], at: Self.start)
      #expect(!second.allowed && second.decisions.map(\.isAllowed) == [true, false])
      #expect(second.decisions[0].remaining == 1, "as before the check")
      let third = store.ask(
        [ask, Ask(Self.limit(algorithm, 3), cost: 0), Ask(slot: 1, ask.limit, cost: 4)], at: Self.start)
      #expect(!third.allowed && third.decisions.map(\.remaining) == [1, 1, 3], "each as without the check")
    }
  }

  @Test("a look neither holds nor spends, and says what is held; nor does a cost of 0", arguments: Algorithm.allCases)
  func looks(_ algorithm: Algorithm) throws {
    let store = try Self.store()
    let limit = Self.limit(algorithm, 3)
    let none = store.hold([Ask(limit, cost: 0)], at: Self.start)
    #expect(none.isAllowed && !none.holdsAnything && store.rig.keys.isEmpty)
    #expect(store.hold([Ask(limit, cost: 2)], at: Self.start).isAllowed)
    for work in [Ticket.Work.charge, .hold] {
      let look = store.holding(store.ticket([Ask(limit, cost: 1)]))
      look.work = work
      look.onlyLooks = true
      for _ in 0..<3 { store.decide([look], at: Self.start) }
      #expect(look.isAllowed && look.charges[0].decision.remaining == 1)
    }
  }

  @Test("a hold that pretends to live longer than any may is void: a clock that stepped back locks nobody out")
  func void() throws {
    let store = try Self.store()
    let ask = Ask(Self.limit(.tokenBucket, 3), cost: 3)
    let hold = store.hold([ask], life: 100_000_000_000, at: Self.start)
    #expect(!store.ask([ask], at: Self.start + 9_999_999).allowed)
    #expect(!store.ask([ask], at: Self.start).allowed, "10 s is as long as it may")
    #expect(store.ask([ask], at: Self.start - 1).allowed)
    #expect(store.settle([hold], .confirm, at: Self.start) == [false], "who saw that it is void has forgotten it")
  }

  // MARK: Bounds

  @Test("one key holds so many charges; a check beyond them fails, and only if it would have held")
  func full() throws {
    let store = try Self.store()
    let limit = Self.limit(.tokenBucket, 1_000_000)
    let hash = store.field(of: Ask(limit)).hash
    let entry =
      ChargeReplyTests.big(7, 8) + ChargeReplyTests.big(Self.start + 1000, 7) + [0, 0, 0, 1, 5] + "other".utf8
    func plant(_ count: Int) {
      let holds = (0..<count).flatMap { _ in entry }
      store.rig.command([Array("HSET".utf8), hash, Array("holds".utf8), holds])
    }
    plant(Bounds.holds - 1)
    #expect(store.hold([Ask(limit)], at: Self.start).isAllowed)
    plant(Bounds.holds - 1)
    let two = store.holding(store.ticket([Ask(limit), Ask(slot: 1, limit)]))
    let one = store.holding(store.ticket([Ask(limit)]))
    let refused = store.holding(store.ticket([Ask(limit, cost: 1_000_001)]))
    let charge = store.ticket([Ask(limit)])
    let more = store.holding(store.ticket([Ask(limit)]))
    let before = two.charges.map(\.decision)
    store.decide([two, one, refused, charge, more], at: Self.start)
    #expect(two.outcome == .failed && !two.isAllowed && two.charges.map(\.decision) == before)
    #expect(one.outcome == .decided && one.isAllowed)
    #expect(refused.outcome == .decided && !refused.isAllowed)
    #expect(charge.isAllowed && charge.charges[0].decision.remaining == 1_000_000 - 2)
    #expect(more.outcome == .failed)
    #expect(store.settle([two, one, more], .confirm, at: Self.start) == [false, true, false])
    #expect(store.hold([Ask(limit)], at: Self.start + 1000).isAllowed, "they are over")
  }

  @Test("the scripts' bounds are those of Bounds")
  func bounds() {
    let text = String(decoding: Script.hold.text, as: UTF8.self)
    let values = "\(Bounds.hold / 1000), \(Bounds.cancelling / 1000), \(Bounds.holds), \(Bounds.marks)"
    #expect(text.contains("local LONGEST_HOLD, GRACE, HOLDS, MARKS = \(values)\n"))
  }

  // MARK: Expiry

  @Test(
    "what is counted lives at least as long as it says anything, and not for ever",
    arguments: [EvalStore.Way.charges, .holds])
  func expiry(_ way: EvalStore.Way) throws {
    let rig = try ScriptRig()
    for seed in Seeds.of(300..<306) {
      let store = EvalStore(rig, way, expires: true)
      let reference = ReferenceStore()
      for turn in StoreTrace(.extremes, nil, seed: UInt64(seed), turns: 60).turns {
        _ = store.ask(turn.asks, at: turn.instant)
        _ = reference.ask(turn.asks, at: turn.instant)
        for ask in turn.asks where ask.effect == .limit {
          let key = ask.limit.algorithm == .slidingLog ? store.name(of: ask) : store.field(of: ask).hash
          guard case .integer(let left) = rig.command([Array("PTTL".utf8), key]) else { continue }
          #expect(left != -1, "seed \(seed): a key without expiry, \(ask)")
          var look = ask
          look.cost = 0
          let reset = reference.ask([look], at: turn.instant).decisions[0].inMicroseconds.reset
          let needed = min(reset / 1000, 36_525 * 86_400_000)
          #expect(needed == 0 || left >= needed, "seed \(seed): \(left) ms for \(needed), \(ask) at \(turn.instant)")
        }
      }
    }
  }

  @Test("a hold keeps its key as long as it lasts, and no cell makes the others' lives shorter")
  func keeps() throws {
    let store = EvalStore(try ScriptRig(), .charges, expires: true)
    let long = Self.limit(.fixedWindow, 3, period: 86_400_000_000_000)
    let hash = store.field(of: Ask(long)).hash
    func life() -> Int64 {
      if case .integer(let left) = store.rig.command([Array("PTTL".utf8), hash]) { left } else { -3 }
    }
    #expect(store.hold([Ask(long)], life: 9_000_000_000, at: Self.start).isAllowed)
    #expect(life() > 9_000 && life() <= 19_000)
    _ = store.ask([Ask(long)], at: Self.start)
    let day = life()
    #expect(day > 60_000)
    _ = store.ask([Ask(slot: 1, Self.limit(.tokenBucket, 100, period: 1_000_000))], at: Self.start)
    #expect(life() <= day && life() > day - 5_000)
    #expect(store.rig.command([Array("PERSIST".utf8), hash]) == .integer(1))
    _ = store.ask([Ask(long)], at: Self.start)
    #expect(life() > 0, "it expires again once it is charged")
  }

  @Test("a denial under slower numbers makes the key live longer, also of a check that would hold")
  func slower() throws {
    for way in [EvalStore.Way.charges, .holds] {
      let store = EvalStore(try ScriptRig(), way, expires: true)
      for _ in 0..<10 { _ = store.ask([Ask(Self.limit(.tokenBucket, 10, period: 1_000_000_000))], at: Self.start) }
      let slow = Ask(Limit(algorithm: .tokenBucket, limit: 1, period: 60_000_000_000, burst: 10))
      let denied = store.ask([slow], at: Self.start).decisions[0]
      #expect(denied.outcome == .deny)
      guard case .integer(let left) = store.rig.command([Array("PTTL".utf8), store.field(of: slow).hash]) else {
        continue
      }
      #expect(left >= denied.reset / 1_000_000, "\(way)")
    }
  }

  // MARK: What stands under a key

  @Test("a look, a denial and what is no charge of Redis create no key", arguments: Algorithm.allCases)
  func createsNothing(_ algorithm: Algorithm) throws {
    for way in Self.ways {
      let store = EvalStore(try ScriptRig(), way)
      let limit = Self.limit(algorithm, 3)
      _ = store.ask([Ask(limit, cost: 0)], at: Self.start)
      _ = store.ask([Ask(limit, cost: 4)], at: Self.start)
      _ = store.ask([Ask(limit), Ask(slot: 1, limit), Ask(slot: 2, limit, cost: 4)], at: Self.start)
      _ = store.ask([Ask(limit), Ask(slot: 1, limit), Ask(slot: 2, key: "x", limit, cost: 4)], at: Self.start)
      _ = store.ask([Ask(limit), Ask(slot: 1, limit, effect: .block)], at: Self.start)
      #expect(store.rig.keys.isEmpty, "\(way)")
    }
  }

  @Test("what is no state of ours counts as none, and is replaced", arguments: Algorithm.allCases)
  func foreign(_ algorithm: Algorithm) throws {
    let store = try Self.store()
    let ask = Ask(Self.limit(algorithm, 5))
    let (hash, field) = store.field(of: ask)
    let list = store.name(of: ask)
    let hset = Array("HSET".utf8)
    let set = Array("SET".utf8)
    let rpush = Array("RPUSH".utf8)
    let values: [[[UInt8]]] = [
      [set, hash, [1]], [rpush, hash, [1]], [Array("SADD".utf8), hash, [1]], [hset, hash, field, []],
      [hset, hash, field, Array(repeating: 1, count: 22)], [hset, hash, field, Array(repeating: 0, count: 23)],
      [set, list, [1]], [rpush, list, Array("a:b:c".utf8)], [hset, list, [1], [1]],
    ]
    for value in values {
      for holds in [false, true] {
        store.rig.command("FLUSHALL")
        store.rig.command(value)
        for left in [Int64(4), 3] {
          if holds {
            let hold = store.hold([ask], at: Self.start)
            #expect(hold.charges[0].decision.remaining == left, "over \(value)")
            #expect(store.settle([hold], .confirm, at: Self.start) == [true])
          } else {
            #expect(store.ask([ask], at: Self.start).decisions[0].remaining == left, "over \(value)")
          }
        }
      }
    }
  }

  @Test("random bytes in place of holds never fail a call, and a hold among them counts", arguments: Algorithm.allCases)
  func garbage(_ algorithm: Algorithm) throws {
    let store = try Self.store()
    let ask = Ask(Self.limit(algorithm, 5), cost: 2)
    let (hash, field) = store.field(of: ask)
    var generator = SeededGenerator(seed: 13)
    let big = ChargeReplyTests.big
    for turn in 0..<300 {
      var bytes: [UInt8] = []
      for _ in 0..<generator.pick([0, 1, 2, 5]) {
        bytes += big(0, 8) + big(Self.start + generator.pick([-1, 0, 1, 9_000_000, 1 << 50]), 7)
        bytes += big(generator.pick([0, 1, 0xffff_ffff]), 4)
        let name = generator.pick([field, Array("x".utf8), []])
        bytes += [UInt8(name.count)] + name
      }
      bytes += (0..<generator.pick([0, 1, 19, 20, 300])).map { _ in generator.pick([0, 1, 255]) }
      store.rig.command([Array("HSET".utf8), hash, Array("holds".utf8), bytes])
      let look = store.ask([Ask(ask.limit, cost: 0)], at: Self.start).decisions[0]
      #expect(look.remaining >= 0 && look.remaining <= 5, "turn \(turn): \(look)")
      let hold = store.hold([ask], at: Self.start)
      #expect(hold.isAllowed == (look.remaining >= 2), "turn \(turn)")
      if hold.isAllowed {
        #expect(hold.charges[0].decision.remaining == look.remaining - 2, "turn \(turn)")
        #expect(store.settle([hold], .confirm, at: Self.start) == [true], "turn \(turn)")
      }
      store.rig.command("FLUSHALL")
    }
  }

  @Test("a full Redis answers with an error and has counted nothing, or counts the whole call", arguments: 0..<12)
  func fullRedis(_ seed: UInt64) throws {
    let store = try Self.store()
    let rig = store.rig
    var generator = SeededGenerator(seed: seed)
    let asks = Algorithm.allCases.flatMap { algorithm in
      [Ask(slot: 0, Self.limit(algorithm, 3)), Ask(slot: 1, Self.limit(algorithm, 1), isShadow: true)]
    }.shuffled(using: &generator)
    _ = store.ask(asks, at: Self.start)
    let now = Self.start + generator.pick([1, 121_000_000])
    let ticket = seed % 2 == 0 ? store.ticket(asks) : store.holding(store.ticket(asks))
    let before = Self.dump(rig)
    rig.setClock(now)
    rig.command("CONFIG", "SET", "maxmemory", "1")
    let reply = store.raw([ticket], at: now)
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
}
