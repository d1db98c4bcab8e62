// StoreContract.swift: what every store promises, as rules that run over any of them.
//
// A rule asks a fresh store and returns what it got wrong, as sentences. Time is injected in whole microseconds, and
// waits are compared rounded up to microseconds, so that a store whose clock is no finer passes the same rules. The last
// rules compare random traces with `ReferenceStore`, which is the arithmetic of `Limiting` over a dictionary.

public import Limiting
public import Policies

/// A store, with its clock in the test's hands.
public protocol StoreUnderTest: AnyObject {
  /// Asks as `MemoryStore.decide` does. `microseconds` since the Unix epoch, the same on both clocks; may step back.
  func decide(_ charges: inout [Charge], keys: [UInt8], at microseconds: Int64) -> Bool
}

/// One charge of a check in the making.
public struct Ask: Sendable {
  public var slot: UInt32
  public var key: String
  public var limit: Limit
  public var cost: Int64
  public var effect: Charge.Effect
  public var blockedUntil: Int64
  public var isShadow: Bool

  public init(
    slot: UInt32 = 0, key: String = "k", _ limit: Limit, cost: Int64 = 1, effect: Charge.Effect = .limit,
    blockedUntil: Int64 = .max, isShadow: Bool = false
  ) {
    self.slot = slot
    self.key = key
    self.limit = limit
    self.cost = cost
    self.effect = effect
    self.blockedUntil = blockedUntil
    self.isShadow = isShadow
  }

  /// The charges of one check, and its bytes.
  public static func check(_ asks: [Ask]) -> (charges: [Charge], keys: [UInt8]) {
    var keys: [UInt8] = []
    var charges: [Charge] = []
    for (index, ask) in asks.enumerated() {
      let start = keys.count
      keys += Array(ask.key.utf8)
      charges.append(
        Charge(
          policy: Int32(index), slot: ask.slot, keyStart: Int32(start), keyCount: Int32(keys.count - start),
          effect: ask.effect, blockedUntil: ask.blockedUntil, isShadow: ask.isShadow, limit: ask.limit, cost: ask.cost))
    }
    return (charges, keys)
  }
}

extension StoreUnderTest {
  /// Asks one check; what it allowed, and each charge's decision.
  public func ask(_ asks: [Ask], at microseconds: Int64) -> (allowed: Bool, decisions: [Decision]) {
    var (charges, keys) = Ask.check(asks)
    let allowed = decide(&charges, keys: keys, at: microseconds)
    return (allowed, charges.map(\.decision))
  }
}

/// The pure model of a store: one dictionary, one thread, unlimited memory.
public final class ReferenceStore: StoreUnderTest {
  private struct Name: Hashable {
    var slot: UInt32
    var key: [UInt8]
  }

  private var cells: [Name: Cell] = [:]
  private var logs: [Name: Log] = [:]

  public init() {}

  public func decide(_ charges: inout [Charge], keys: [UInt8], at microseconds: Int64) -> Bool {
    let now = microseconds * 1000
    var allowed = true
    for index in charges.indices where charges[index].effect != .unlimited {
      charges[index].decision = answer(charges[index], name(charges[index], keys), charges[index].cost, now)
      if !charges[index].decision.isAllowed, !charges[index].isShadow { allowed = false }
    }
    for index in charges.indices where charges[index].effect == .limit && charges[index].decision.isAllowed {
      if allowed {
        spend(charges[index], name(charges[index], keys), now)
      } else {
        charges[index].decision = answer(charges[index], name(charges[index], keys), 0, now)
      }
    }
    return allowed
  }

  /// Forgets what a key has spent.
  public func forget(slot: UInt32, key: String) {
    let name = Name(slot: slot, key: Array(key.utf8))
    cells[name] = nil
    logs[name] = nil
  }

  private func name(_ charge: Charge, _ keys: [UInt8]) -> Name {
    Name(slot: charge.slot, key: Array(keys[Int(charge.keyStart)..<Int(charge.keyStart + charge.keyCount)]))
  }

  private func answer(_ charge: Charge, _ name: Name, _ cost: Int64, _ now: Int64) -> Decision {
    if charge.effect == .block {
      guard charge.blockedUntil < .max else {
        return Decision(outcome: cost > 0 ? .denyAlways : .allow, limit: 0, remaining: 0)
      }
      let wait = max(1, charge.blockedUntil - now)
      return Decision(
        outcome: cost > 0 ? .deny : .allow, limit: 0, remaining: 0, retryAfter: cost > 0 ? wait : 0, reset: wait,
        nextUnit: wait)
    }
    guard charge.limit.algorithm == .slidingLog else {
      let result = Limiter.decide(cells[name] ?? .empty, limit: charge.limit, cost: cost, now: now)
      cells[name] = cells[name] == nil ? nil : result.decision.isAllowed && cost > 0 ? cells[name] : result.next
      return result.decision
    }
    return SlidingLog.decide(logs[name], limit: charge.limit, cost: cost, now: now)
  }

  private func spend(_ charge: Charge, _ name: Name, _ now: Int64) {
    guard charge.cost > 0 else { return }
    guard charge.limit.algorithm == .slidingLog else {
      cells[name] = Limiter.decide(cells[name] ?? .empty, limit: charge.limit, cost: charge.cost, now: now).next
      return
    }
    let log = logs[name] ?? Log()
    logs[name] = log
    SlidingLog.admit(log, cost: charge.cost, now: now)
    SlidingLog.trim(log, limit: charge.limit)
  }
}

/// A promise of every store.
public enum StoreContract: String, CaseIterable, Sendable {
  case exactLimit = "a key spends exactly its limit at one instant, and remaining counts down to 0"
  case separate = "keys and slots have counters of their own"
  case allOrNothing = "a denied check consumes from no policy, shadow ones included"
  case describes = "a denied check's other decisions are those of a look"
  case shadow = "a shadow charge that denies stops nobody and consumes nothing"
  case look = "cost 0 is allowed everywhere and consumes nothing"
  case never = "a cost above the capacity is denied for ever"
  case effects = "unlimited is not asked; block denies with limit 0, for ever or until it ends"
  case exactRetry = "at now + retry after the same cost passes, one microsecond earlier it is denied"
  case reset = "after reset the key is full again"
  case reload = "new numbers apply at once to what was spent"
  case traces = "random checks are answered as by the reference"
  case steps = "they are when the clock steps back"
  case reloads = "they are when numbers change"
  case extremes = "they are at the ends of every range"

  /// Runs the rule on fresh stores; what went wrong, or nothing.
  public func failures(in make: () -> any StoreUnderTest) -> [String] {
    var failures: [String] = []
    for algorithm in Algorithm.allCases {
      var run = ContractRun(store: make(), algorithm: algorithm)
      switch self {
      case .exactLimit: run.exactLimit()
      case .separate: run.separate()
      case .allOrNothing: run.allOrNothing()
      case .describes: run.describes()
      case .shadow: run.shadow()
      case .look: run.look()
      case .never: run.never()
      case .effects: run.effects()
      case .exactRetry: run.exactRetry()
      case .reset: run.reset()
      case .reload: run.reload()
      case .traces: run.traces(.usual, on: make)
      case .steps: run.traces(.steps, on: make)
      case .reloads: run.traces(.reloads, on: make)
      case .extremes: run.traces(.extremes, on: make)
      }
      failures += run.failures.map { "\(algorithm.name): \($0)" }
    }
    return failures
  }
}

/// One rule on one store and algorithm.
private struct ContractRun {
  let store: any StoreUnderTest
  let algorithm: Algorithm
  var failures: [String] = []
  let start: Int64 = 1_700_000_000_000_000

  init(store: any StoreUnderTest, algorithm: Algorithm) {
    self.store = store
    self.algorithm = algorithm
  }

  private func limit(_ limit: Int64, milliseconds: Int64 = 60_000, burst: Int64? = nil) -> Limit {
    Limit(
      algorithm: algorithm, limit: limit, period: milliseconds * 1_000_000,
      burst: algorithm == .tokenBucket ? burst : nil)
  }

  private mutating func expect(_ holds: Bool, _ what: @autoclosure () -> String, line: Int = #line) {
    if !holds { failures.append("line \(line): \(what())") }
  }

  mutating func exactLimit() {
    for left in stride(from: Int64(4), through: 0, by: -1) {
      let answer = store.ask([Ask(limit(5))], at: start)
      expect(answer.allowed && answer.decisions[0].remaining == left, "with \(left) left to come: \(answer)")
    }
    let answer = store.ask([Ask(limit(5))], at: start)
    expect(!answer.allowed && answer.decisions[0].outcome == .deny, "the sixth of 5: \(answer)")
    expect(answer.decisions[0].limit == 5 && answer.decisions[0].remaining == 0, "\(answer)")
  }

  mutating func separate() {
    _ = store.ask([Ask(limit(1))], at: start)
    expect(!store.ask([Ask(limit(1))], at: start).allowed, "the key itself is used up")
    for other in [Ask(key: "K", limit(1)), Ask(key: "", limit(1)), Ask(key: "kk", limit(1)), Ask(slot: 1, limit(1))] {
      expect(store.ask([other], at: start).allowed, "another counter: \(other)")
    }
  }

  mutating func allOrNothing() {
    let tight = Ask(slot: 1, limit(1))
    let asks = [
      Ask(slot: 2, limit(10)), Ask(slot: 3, key: "new", limit(10), isShadow: true), tight, Ask(slot: 4, limit(10)),
    ]
    _ = store.ask([tight], at: start)
    for _ in 0..<3 { expect(!store.ask(asks, at: start).allowed, "one policy denies") }
    for ask in asks where ask.slot != 1 {
      let seen = store.ask([ask], at: start).decisions[0]
      expect(seen.remaining == 9, "slot \(ask.slot) was charged by a denied check: \(seen)")
    }
  }

  mutating func describes() {
    let loose = Ask(slot: 2, limit(10), cost: 3)
    _ = store.ask([loose], at: start)
    _ = store.ask([Ask(slot: 1, limit(1))], at: start)
    let denied = store.ask([loose, Ask(slot: 1, limit(1))], at: start)
    let look = store.ask([Ask(slot: 2, limit(10), cost: 0)], at: start)
    expect(!denied.allowed && denied.decisions[0] == look.decisions[0], "\(denied) against a look \(look)")
    expect(denied.decisions[1].outcome == .deny && denied.decisions[1].retryAfter > 0, "\(denied)")
  }

  mutating func shadow() {
    let asks = [Ask(slot: 1, limit(2), isShadow: true), Ask(slot: 2, limit(5))]
    for turn in 0..<5 {
      let answer = store.ask(asks, at: start)
      expect(answer.allowed && answer.decisions[0].isAllowed == (turn < 2), "turn \(turn): \(answer)")
    }
    expect(!store.ask(asks, at: start).allowed, "the enforcing one is used up")
  }

  mutating func look() {
    let spent = [Ask(slot: 1, limit(1)), Ask(slot: 2, limit(3))]
    _ = store.ask(spent, at: start)
    for _ in 0..<3 {
      let answer = store.ask([Ask(slot: 1, limit(1), cost: 0), Ask(slot: 2, limit(3), cost: 0)], at: start)
      expect(answer.allowed && answer.decisions.map(\.remaining) == [0, 2], "\(answer)")
    }
    let fresh = store.ask([Ask(slot: 3, limit(3), cost: 0)], at: start)
    expect(fresh.allowed && fresh.decisions[0].remaining == 3 && fresh.decisions[0].reset == 0, "\(fresh)")
  }

  mutating func never() {
    _ = store.ask([Ask(limit(3))], at: start)
    let cost = Bounds.policyCost.upperBound * Bounds.checkCost.upperBound
    for cost in [4, cost] {
      let answer = store.ask([Ask(limit(3), cost: cost)], at: start)
      expect(!answer.allowed && answer.decisions[0].outcome == .denyAlways, "\(answer)")
      expect(answer.decisions[0].remaining == 2 && answer.decisions[0].retryAfter == 0, "\(answer)")
    }
  }

  mutating func effects() {
    let unlimited = Ask(slot: 1, limit(1), effect: .unlimited)
    for _ in 0..<3 { expect(store.ask([unlimited], at: start).allowed, "unlimited") }
    let block = Ask(slot: 2, limit(5), effect: .block)
    let denied = store.ask([block, Ask(slot: 3, limit(5))], at: start)
    expect(!denied.allowed && denied.decisions[0].outcome == .denyAlways, "\(denied)")
    expect(denied.decisions[0].limit == 0 && denied.decisions[0].reset == 0, "\(denied)")
    expect(denied.decisions[1].isAllowed && denied.decisions[1].remaining == 5, "charged beside a block: \(denied)")
    let look = store.ask([Ask(slot: 2, limit(5), cost: 0, effect: .block)], at: start)
    expect(look.allowed && look.decisions[0].limit == 0 && look.decisions[0].remaining == 0, "\(look)")
    let ends = Ask(slot: 2, limit(5), effect: .block, blockedUntil: (start + 7) * 1000)
    let waits = store.ask([ends, Ask(slot: 3, limit(5))], at: start)
    expect(!waits.allowed && waits.decisions[0].outcome == .deny && waits.decisions[0].limit == 0, "\(waits)")
    expect(waits.decisions[0].retryAfter == 7000 && waits.decisions[0].reset == 7000, "\(waits)")
  }

  mutating func exactRetry() {
    for (index, period) in [1, 7, 1000, 60_000, 86_400_000].enumerated() {
      let ask = Ask(slot: UInt32(index), limit(3, milliseconds: Int64(period)))
      var now = start + 137 * Int64(index)
      for _ in 0..<3 { _ = store.ask([ask], at: now) }
      for _ in 0..<6 {
        let denied = store.ask([ask], at: now)
        guard denied.decisions[0].outcome == .deny else {
          now += 1
          continue
        }
        let wait = microseconds(denied.decisions[0].retryAfter)
        expect(!store.ask([ask], at: now + wait - 1).allowed, "period \(period) ms: earlier than \(denied)")
        expect(store.ask([ask], at: now + wait).allowed, "period \(period) ms: not at \(denied)")
        now += wait
      }
    }
  }

  mutating func reset() {
    let ask = Ask(limit(4))
    _ = store.ask([ask], at: start)
    let spent = store.ask([ask], at: start + 1_000).decisions[0]
    let full = start + 1_000 + microseconds(spent.reset)
    let before = store.ask([Ask(limit(4), cost: 0)], at: full - 1).decisions[0]
    expect(before.remaining < 4, "full before its reset: \(spent)")
    let after = store.ask([Ask(limit(4), cost: 0)], at: full).decisions[0]
    expect(after.remaining == 4 && after.reset == 0, "\(after) at the reset of \(spent)")
  }

  mutating func reload() {
    for _ in 0..<3 { _ = store.ask([Ask(limit(3))], at: start) }
    for (new, left) in [(limit(10), 7), (limit(2), 0), (limit(5), 2), (limit(5, milliseconds: 3_600_000), 2)] {
      let seen = store.ask([Ask(new, cost: 0)], at: start).decisions[0]
      expect(seen.remaining == Int64(left), "3 spent, limit \(new.limit): \(seen)")
    }
  }

  mutating func traces(_ kind: StoreTrace.Kind, on make: () -> any StoreUnderTest) {
    for seed in Seeds.of(0..<12) {
      let failure = StoreTrace(kind, algorithm, seed: UInt64(seed)).disagreement(of: make())
      expect(failure == nil, "seed \(seed), \(failure ?? "")")
    }
  }

  /// Rounded up.
  private func microseconds(_ nanoseconds: Int64) -> Int64 { nanoseconds.microsecondsUp }
}

extension StoreTrace {
  /// The first turn that `store`, a fresh one, answers otherwise than `ReferenceStore`; nil where there is none.
  public func disagreement(of store: any StoreUnderTest) -> String? {
    let reference = ReferenceStore()
    for (index, turn) in turns.enumerated() {
      let expected = reference.ask(turn.asks, at: turn.instant)
      let answer = store.ask(turn.asks, at: turn.instant)
      let agrees =
        answer.allowed == expected.allowed
        && answer.decisions.map(\.inMicroseconds) == expected.decisions.map(\.inMicroseconds)
      if !agrees { return "turn \(index) at \(turn.instant), \(turn.asks): \(answer), expected \(expected)" }
    }
    return nil
  }
}

extension Int64 {
  /// Nanoseconds, not negative, as microseconds, rounded up.
  fileprivate var microsecondsUp: Int64 { self / 1000 + (self % 1000 > 0 ? 1 : 0) }
}

extension Decision {
  /// With its waits rounded up to whole microseconds, the instants of a store in Redis.
  public var inMicroseconds: Decision {
    var decision = self
    decision.retryAfter = retryAfter.microsecondsUp
    decision.reset = reset.microsecondsUp
    decision.nextUnit = nextUnit.microsecondsUp
    return decision
  }
}
