// SettleScriptTests.swift: settle.lua in a real redis-server: what becomes of a hold, exactly, and over random histories
// as a plain model has it.

import Limiting
import Policies
import TestKit
import Testing

@testable import RedisStore

@Suite("settle.lua") struct SettleScriptTests {
  static let start = HoldScriptTests.start
  static let life: Int64 = 50_000
  static let grace = HoldModel.grace

  static func limit(_ algorithm: Algorithm, _ limit: Int64, period: Int64 = HoldScriptTests.minute) -> Limit {
    HoldScriptTests.limit(algorithm, limit, period: period)
  }

  static func store() throws -> EvalStore { EvalStore(try ScriptRig(), .charges) }

  static func left(_ store: EvalStore, _ limit: Limit, at instant: Int64) -> Int64 {
    store.ask([Ask(limit, cost: 0)], at: instant).decisions[0].remaining
  }

  // MARK: To confirm

  @Test("a confirmation spends what was held, once, however often it comes", arguments: Algorithm.allCases)
  func confirms(_ algorithm: Algorithm) throws {
    let store = try Self.store()
    let limit = Self.limit(algorithm, 10)
    let hold = store.hold([Ask(limit, cost: 3)], at: Self.start)
    #expect(hold.isAllowed && hold.holdsAnything && hold.charges[0].decision.remaining == 7)
    #expect(store.settle([hold, hold], .confirm, at: Self.start) == [true, true])
    #expect(store.settle([hold], .confirm, at: Self.start + 1) == [true])
    for instant in [Self.start + 1, Self.start + Self.life, Self.start + 5_000_000] {
      #expect(Self.left(store, limit, at: instant) == 7)
    }
  }

  @Test("at its end a hold is gone: the confirmation says so and spends nothing", arguments: Algorithm.allCases)
  func ends(_ algorithm: Algorithm) throws {
    let store = try Self.store()
    let limit = Self.limit(algorithm, 10)
    let holds = (0..<2).map { _ in store.hold([Ask(limit, cost: 3)], at: Self.start) }
    #expect(store.settle([holds[0]], .confirm, at: Self.start + Self.life - 1) == [true])
    #expect(store.settle([holds[1]], .confirm, at: Self.start + Self.life) == [false])
    #expect(Self.left(store, limit, at: Self.start + Self.life) == 7)
  }

  @Test("a confirmation counts in the window in which it comes", arguments: [Algorithm.fixedWindow, .slidingWindow])
  func rolls(_ algorithm: Algorithm) throws {
    let store = try Self.store()
    let limit = Self.limit(algorithm, 10)
    let edge = Self.start - Self.start % 60_000_000 + 60_000_000
    let hold = store.hold([Ask(limit, cost: 3)], at: edge - 1)
    #expect(Self.left(store, limit, at: edge) == 7)
    #expect(store.settle([hold], .confirm, at: edge) == [true])
    #expect(Self.left(store, limit, at: edge + 59_999_999) == 7, "in the second window")
    #expect(Self.left(store, limit, at: edge + 120_000_000) == 10)
  }

  @Test("a confirmation after a reload counts under the new numbers, even beyond them", arguments: Algorithm.allCases)
  func reloads(_ algorithm: Algorithm) throws {
    for period in [HoldScriptTests.minute, 2 * HoldScriptTests.minute] {
      let store = try Self.store()
      let hold = store.hold([Ask(Self.limit(algorithm, 10), cost: 6)], at: Self.start)
      let new = Self.limit(algorithm, 8, period: period)
      #expect(Self.left(store, new, at: Self.start) == 2)
      #expect(!store.ask([Ask(new, cost: 3)], at: Self.start).allowed)
      #expect(store.ask([Ask(new, cost: 2)], at: Self.start).allowed)
      let newer = Self.limit(algorithm, 7, period: period)
      #expect(Self.left(store, newer, at: Self.start) == 0)
      #expect(store.settle([hold], .confirm, at: Self.start) == [true])
      #expect(Self.left(store, new, at: Self.start) == 0)
      #expect(Self.left(store, Self.limit(algorithm, 9, period: period), at: Self.start) == 1)
    }
  }

  // MARK: To cancel

  @Test("a cancelled hold is gone at once, and nothing of it can be confirmed", arguments: Algorithm.allCases)
  func cancels(_ algorithm: Algorithm) throws {
    let store = try Self.store()
    let limit = Self.limit(algorithm, 10)
    let hold = store.hold([Ask(limit, cost: 3)], at: Self.start)
    #expect(store.settle([hold, hold], .cancel, at: Self.start + 1) == [true, false])
    #expect(store.settle([hold], .confirm, at: Self.start + 2) == [false])
    #expect(Self.left(store, limit, at: Self.start + 2) == 10)
    #expect(store.rig.keys.isEmpty, "nothing is left of it")
  }

  @Test("a cancelled confirmation leaves the counter as if it had never been", arguments: Algorithm.allCases)
  func givesBack(_ algorithm: Algorithm) throws {
    for delay in [Int64(0), 1, 20_000, 149_999] {
      let (store, other) = (try Self.store(), try Self.store())
      let limit = Self.limit(algorithm, 10)
      for store in [store, other] { _ = store.ask([Ask(limit, cost: 2)], at: Self.start - 1) }
      let hold = store.hold([Ask(limit, cost: 3)], at: Self.start)
      #expect(store.settle([hold], .confirm, at: Self.start) == [true])
      for store in [store, other] { _ = store.ask([Ask(limit)], at: Self.start) }
      for store in [store, other] where delay > 1 { _ = store.ask([Ask(limit)], at: Self.start + delay - 1) }
      #expect(store.settle([hold, hold], .cancel, at: Self.start + delay) == [true, false])
      #expect(store.settle([hold], .confirm, at: Self.start + delay) == [false])
      for instant in [Self.start + delay, Self.start + 30_000_000, Self.start + 60_000_000] {
        for cost in [Int64(0), 8, 10] {
          let asks = [Ask(limit, cost: cost, isShadow: true), Ask(slot: 1, Self.limit(algorithm, 1), cost: 2)]
          #expect(
            store.ask(asks, at: instant).decisions == other.ask(asks, at: instant).decisions, "\(delay), \(instant)")
        }
      }
    }
  }

  @Test("a confirmation can be cancelled shortly beyond the hold's end, and no longer", arguments: Algorithm.allCases)
  func cancelsLate(_ algorithm: Algorithm) throws {
    let store = try Self.store()
    let limit = Self.limit(algorithm, 10)
    let holds = (0..<2).map { _ in store.hold([Ask(limit, cost: 3)], at: Self.start) }
    #expect(store.settle(holds, .confirm, at: Self.start + 1) == [true, true])
    let last = Self.start + Self.life + Self.grace
    #expect(store.settle([holds[0]], .cancel, at: last - 1) == [true])
    #expect(store.settle([holds[1]], .cancel, at: last) == [false])
    #expect(Self.left(store, limit, at: last) == 7)
  }

  @Test("what time has given back of a bucket is not given back twice")
  func bucketEarns() throws {
    let store = try Self.store()
    // A unit each 10 ms.
    let limit = Self.limit(.tokenBucket, 10, period: 100_000_000)
    let hold = store.hold([Ask(limit, cost: 3)], at: Self.start)
    #expect(store.settle([hold], .confirm, at: Self.start) == [true])
    _ = store.ask([Ask(limit, cost: 5)], at: Self.start + 25_000)
    // Half a unit of the 3 is still owed when the 5 come; 10 ms later it is paid.
    #expect(store.settle([hold], .cancel, at: Self.start + 25_000) == [true])
    #expect(Self.left(store, limit, at: Self.start + 25_000) == 5)
  }

  @Test("a reset between loses nothing that is not the hold's", arguments: Algorithm.allCases)
  func reset(_ algorithm: Algorithm) throws {
    let store = try Self.store()
    let limit = Self.limit(algorithm, 10)
    let hold = store.hold([Ask(limit, cost: 3)], at: Self.start)
    #expect(store.settle([hold], .confirm, at: Self.start) == [true])
    let ticket = store.ticket([Ask(limit)])
    let name = Policy(domain: store.domain, name: "slot-0.k", limit: limit, store: .redis)
    store.rig.send(KeyNames.removal(CounterIdentity(name), ticket.digests[0]).command)
    #expect(store.rig.read() == .integer(1))
    #expect(Self.left(store, limit, at: Self.start) == 10)
    _ = store.ask([Ask(limit)], at: Self.start + 1)
    #expect(store.settle([hold], .cancel, at: Self.start + 2) == [true])
    #expect(Self.left(store, limit, at: Self.start + 2) >= 9)
  }

  @Test("entries of a log and the sums behind them are corrected, across pages, whatever shares the instant")
  func log() throws {
    let store = try Self.store()
    let limit = Self.limit(.slidingLog, 1000)
    let ask = Ask(limit, cost: 2)
    _ = store.ask([ask], at: Self.start - 1)
    let hold = store.hold([Ask(limit, cost: 5)], at: Self.start)
    #expect(store.settle([hold], .confirm, at: Self.start) == [true])
    for _ in 0..<3 { _ = store.ask([ask], at: Self.start) }
    for index in 1...250 { _ = store.ask([Ask(limit)], at: Self.start + Int64(index)) }
    #expect(store.settle([hold], .cancel, at: Self.start + 300) == [true])
    let key = store.name(of: ask)
    guard case .array(let entries) = store.rig.command([Array("LRANGE".utf8), key, Array("0".utf8), Array("-1".utf8)])
    else { return #expect(Bool(false), "no log") }
    var sum = 0
    for entry in entries {
      guard case .text(let text) = entry else { return #expect(Bool(false)) }
      let parts = String(decoding: text, as: UTF8.self).split(separator: ":").compactMap { Int($0) }
      sum += parts[2]
      #expect(parts[1] == sum && parts[2] > 0)
    }
    #expect(sum == 2 + 6 + 250)
    #expect(Self.left(store, limit, at: Self.start + 300) == 1000 - 258)
  }

  // MARK: Marks

  @Test("marks that are over go with a later confirmation")
  func marksGo() throws {
    let store = try Self.store()
    let limit = Self.limit(.tokenBucket, 100)
    let hash = store.field(of: Ask(limit)).hash
    func fields() -> ScriptRig.Reply { store.rig.command([Array("HLEN".utf8), hash]) }
    let holds = (0..<5).map { store.hold([Ask(limit)], at: Self.start + Int64($0)) }
    #expect(store.settle(holds, .confirm, at: Self.start + 5) == [true, true, true, true, true])
    #expect(fields() == .integer(1 + 1 + 5), "the cell, the queue, a mark each")
    let later = Self.start + Self.life + Self.grace + 2
    let next = store.hold([Ask(limit)], at: later)
    #expect(store.settle([next], .confirm, at: later) == [true])
    #expect(fields() == .integer(1 + 1 + 2 + 1), "three were over")
  }

  @Test("random bytes in place of marks and their queue never fail a call", arguments: Algorithm.allCases)
  func garbage(_ algorithm: Algorithm) throws {
    let store = try Self.store()
    let limit = Self.limit(algorithm, 5)
    let (hash, field) = store.field(of: Ask(limit))
    var generator = SeededGenerator(seed: 17)
    let big = ChargeReplyTests.big
    for turn in 0..<200 {
      let hold = store.hold([Ask(limit)], at: Self.start)
      #expect(store.settle([hold], .confirm, at: Self.start) == [true], "turn \(turn)")
      var mark = big(Self.start + generator.pick([0, 1, 50_000, 20_000_000]), 7)
      if generator.pick([true, false]) {
        mark += [algorithm.rawValue] + (0..<31).map { _ in generator.pick([0, 1, 255]) } + [UInt8(field.count)] + field
      }
      mark += (0..<generator.pick([0, 1, 32, 33, 40])).map { _ in generator.pick([0, 1, 255]) }
      let name = Array("m".utf8) + big(Int64(bitPattern: hold.token), 8)
      store.rig.command([Array("HSET".utf8), hash, name, generator.pick([mark, [], [1]]), Array("marks".utf8), mark])
      _ = store.settle([hold], .cancel, at: Self.start)
      let decision = store.ask([Ask(limit, cost: 0)], at: Self.start).decisions[0]
      #expect(decision.remaining >= 0 && decision.remaining <= 5, "turn \(turn): \(decision)")
      store.rig.command("FLUSHALL")
    }
  }

  @Test("a settlement on what is no hash finds nothing, and a full Redis has done nothing")
  func foreign() throws {
    let store = try Self.store()
    let limit = Self.limit(.tokenBucket, 5)
    let hold = store.hold([Ask(limit)], at: Self.start)
    let hash = store.field(of: Ask(limit)).hash
    store.rig.command("CONFIG", "SET", "maxmemory", "1")
    let answer = store.rawSettle([store.ticket(hold, .confirm)], at: Self.start)
    store.rig.command("CONFIG", "SET", "maxmemory", "0")
    guard case .error(let text) = answer else { return #expect(Bool(false), "\(answer)") }
    #expect(text.contains("OOM"))
    #expect(Self.left(store, limit, at: Self.start + Self.life) == 5)
    store.rig.command([Array("SET".utf8), hash, [1]])
    #expect(store.settle([hold], .confirm, at: Self.start) == [false])
    #expect(store.settle([hold], .cancel, at: Self.start) == [false])
    #expect(Self.left(store, limit, at: Self.start) == 5)
  }

  // MARK: Histories

  /// Buckets only where their period stays: the remainder of a debt is rescaled and rounded up, in units that differ
  /// between the model and the script.
  @Test(
    "random histories of charges, holds, confirmations and cancels are answered as by the model",
    arguments: StoreTrace.Kind.allCases, Algorithm.allCases)
  func histories(_ kind: StoreTrace.Kind, _ algorithm: Algorithm) throws {
    if kind == .reloads, algorithm == .tokenBucket { return }
    let rig = try ScriptRig()
    let seeds = Seeds.of(0..<8 as Range<UInt64>)
    var settled = [0, 0, 0]
    for seed in seeds {
      var history = HoldHistory(EvalStore(rig, .charges), kind, algorithm, seed: seed)
      let failure = history.disagreement()
      #expect(failure == nil, "seed \(seed): \(failure ?? "")")
      for index in 0..<3 { settled[index] += history.settled[index] }
    }
    #expect(settled.allSatisfy { $0 > seeds.count }, "confirmed, cancelled, gone: \(settled)")
  }
}

/// One random history, on the scripts and on the model.
private struct HoldHistory {
  private let store: EvalStore
  private let model = HoldModel()
  private var generator: SeededGenerator
  private let turns: [StoreTrace.Turn]
  /// What was held once, and under which numbers.
  private var held: [(ticket: Ticket, limits: [HoldModel.Name: Limit])] = []
  /// How many were confirmed, cancelled, and gone.
  private(set) var settled = [0, 0, 0]

  init(_ store: EvalStore, _ kind: StoreTrace.Kind, _ algorithm: Algorithm, seed: UInt64) {
    self.store = store
    generator = SeededGenerator(seed: seed &+ 1000)
    turns = StoreTrace(kind, algorithm, seed: seed, turns: 150).turns
  }

  mutating func disagreement() -> String? {
    var rest = turns[...]
    while let first = rest.first {
      let batch = rest.prefix(generator.pick([1, 1, 1, 2, 5]))
      rest = rest.dropFirst(batch.count)
      if let failure = ask(batch.map(\.asks), first.instant) { return "\(failure) at \(first.instant)" }
      if let failure = settle(first.instant + generator.pick([0, 0, 1, 1000, 49_999])) { return failure }
    }
    return nil
  }

  private mutating func ask(_ checks: [[Ask]], _ now: Int64) -> String? {
    var tickets: [Ticket] = []
    var expected: [(allowed: Bool, decisions: [Decision])] = []
    var described = ""
    model.begin(now)
    for check in checks {
      let asks = check.map { ask in
        var ask = ask
        ask.effect = .limit
        return ask
      }
      var ticket = store.ticket(asks)
      let holds = generator.pick([true, true, false])
      let life: Int64 = generator.pick([1, 50_000, 2_000_000, 10_000_000])
      if holds { ticket = store.holding(ticket, life: life * 1000) }
      tickets.append(ticket)
      expected.append(model.check(asks, token: holds ? ticket.token : nil, life: life, now))
      described += "\(holds ? "hold" : "charge") \(asks); "
      if holds, expected.last!.allowed {
        held.append((ticket, Dictionary(asks.map { (HoldModel.Name($0), $0.limit) }) { $1 }))
      }
    }
    store.decide(tickets, at: now)
    for (index, ticket) in tickets.enumerated() {
      let answer = ticket.charges.map(\.decision.inMicroseconds)
      guard ticket.isAllowed == expected[index].allowed, answer == expected[index].decisions.map(\.inMicroseconds)
      else { return "check \(index) of \(described) got \(answer), expected \(expected[index])" }
    }
    return nil
  }

  private mutating func settle(_ now: Int64) -> String? {
    var asked: [(token: UInt64, isConfirmed: Bool, limits: [HoldModel.Name: Limit])] = []
    var tickets: [Ticket] = []
    for _ in 0..<generator.pick([0, 1, 1, 2, 4]) where !held.isEmpty {
      let index = max(0, held.count - generator.pick([1, 1, 2, 3, 10]))
      let isConfirmed = generator.pick([true, true, false])
      tickets.append(store.ticket(held[index].ticket, isConfirmed ? .confirm : .cancel))
      asked.append((held[index].ticket.token, isConfirmed, held[index].limits))
    }
    guard !tickets.isEmpty else { return nil }
    let expected = model.settle(asked, now)
    let answer = store.settle(tickets, at: now)
    guard answer == expected else { return "settled \(asked) at \(now): \(answer), expected \(expected)" }
    for (index, done) in answer.enumerated() { settled[done ? asked[index].isConfirmed ? 0 : 1 : 2] += 1 }
    return nil
  }
}
