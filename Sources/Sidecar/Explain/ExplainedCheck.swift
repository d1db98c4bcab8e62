// ExplainedCheck.swift: a check that was matched and is to be told: what applies, what the counters hold, what binds.
//
// The charges are those of the match, as a worker would make them; the explanations say why. A counter is told as it
// stands, before this check; what binds is settled by what an allowed check would leave, as in an answer.

import CheckAPI
import Limiting
import Policies
import RedisStore
import Stores

struct ExplainedCheck: Sendable {
  let rules: Rules
  let domain: String
  /// One for each policy of the domain, in the order of the set.
  let explanations: [Explanation]
  /// One for each policy that applies, in the order of the set.
  private(set) var charges: [Charge]
  /// The bytes that the charges' key offsets point into.
  let keys: [UInt8]
  /// What stands in the JSON as `order`, by policy; `null` where there is none.
  var orders: [Int: String] = [:]
  /// A policy that enforces and fails closed has no answer from Redis.
  private(set) var isUndecided = false
  /// Redis's own clock at its answer: what a reset of a charge that Redis decided counts from.
  private(set) var redisUnix: Int64?

  init(rules: Rules, domain: String, explanations: [Explanation], charges: [Charge], keys: [UInt8]) {
    self.rules = rules
    self.domain = domain
    self.explanations = explanations
    self.charges = charges
    self.keys = keys
  }

  /// The policy of a charge or an explanation.
  func policy(_ place: Int) -> Policy { rules.set.policies[place] }

  // MARK: Orders

  /// The key of a charge, by which orders know it.
  func key(of charge: Charge) -> [UInt8] {
    Array(keys[Int(charge.keyStart)..<Int(charge.keyStart) + Int(charge.keyCount)])
  }

  /// Changes the charges to what is ordered for their keys, as for a check. To be done before any look.
  mutating func obey(_ orders: Orders, at now: Now) {
    let keys = self.keys
    orders.apply(to: &charges, keys: keys.span, at: now.unix)
  }

  // MARK: Redis

  /// What a look in Redis said.
  enum RedisAnswer: Sendable {
    /// The charges of the ticket, in the order of this check's; `.nowhere` where their server was away.
    case decided([Charge], unixNow: Int64)
    case failed
  }

  /// Whether Redis is to be asked before the counters can be told.
  var needsRedis: Bool { Decider.needsRedis(charges) }

  /// Makes of `ticket` a look at the counters in Redis. Whoever asks does so on the thread of a `RedisStore`.
  func fill(_ ticket: Ticket, arrival: Int64) {
    ticket.fill(charges, keys: keys.span, names: rules.names, arrival: arrival)
    ticket.onlyLooks = true
  }

  /// Takes the answer to that look. Where there is none, each policy's `on_store_failure` holds.
  mutating func take(_ answer: RedisAnswer, live: LiveWeirs?) {
    switch answer {
    case .decided(let decided, let unixNow):
      precondition(decided.count == charges.count, "the answer to another check")
      redisUnix = unixNow
      isUndecided = Decider.leaveRedis(&charges, rules.set, live) { decided[$0].place == .nowhere }
      for index in charges.indices where charges[index].isForRedis { charges[index].decision = decided[index].decision }
    case .failed:
      isUndecided = Decider.leaveRedis(&charges, rules.set, live)
    }
  }

  // MARK: Memory

  /// Tells the counters of this weir.
  mutating func look(in memory: MemoryStore, at now: Now) {
    let keys = self.keys
    memory.look(&charges, keys: keys.span, now: now)
  }

  /// Tells every counter as unused, wherever it is counted.
  mutating func lookAtFreshCounters(at now: Now) {
    let memory = MemoryStore(maximumKeys: 1)
    let keys = self.keys
    for index in charges.indices {
      var alone = [charges[index]]
      alone[0].place = .memory
      memory.look(&alone, keys: keys.span, now: now)
      charges[index].decision = alone[0].decision
    }
  }

  // MARK: The decision

  /// Whether the check would pass.
  var isAllowed: Bool {
    !isUndecided && charges.allSatisfy { $0.isShadow || !Self.isCounted($0) || $0.decision.isAllowed }
  }

  /// The charge that binds, as in the answer to this check; nil where none does.
  var binding: Int? {
    guard !isUndecided else { return nil }
    let index = Answer.bindingIndex(isAllowed ? charges.map(Self.charged) : charges)
    return index < 0 ? nil : index
  }

  /// Whether a store gave the charge numbers; a block has its own.
  static func isCounted(_ charge: Charge) -> Bool { charge.isDecided }

  /// The charge as it is after it was made. A look counts whole units, and so does a cost, so that the difference is
  /// what the counter then tells.
  static func charged(_ charge: Charge) -> Charge {
    var charge = charge
    charge.decision.remaining = max(0, charge.decision.remaining - charge.cost)
    return charge
  }
}
