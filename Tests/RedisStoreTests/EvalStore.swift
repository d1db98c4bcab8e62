// EvalStore.swift: the scripts that decide in a real Redis, as a store with its clock in the test's hands.

import Limiting
import Policies
import TestKit
import Testing

@testable import RedisStore

/// charge.lua or hold.lua as a store. Each has counters of its own.
final class EvalStore: StoreUnderTest {
  /// How it decides.
  enum Way: String, CaseIterable {
    case plain = "charge.lua"
    /// All counters under one key: a check of several keys is asked as one of several policies.
    case charges = "hold.lua, charging"
    case holds = "hold.lua, and what is held is confirmed at once"
    /// A check of several keys is asked key by key.
    case parts = "hold.lua for each key, then settle.lua for each"
  }

  private struct Counter: Hashable {
    var algorithm: Algorithm
    var slot: UInt32
    var key: String
  }

  let rig: ScriptRig
  let way: Way
  let domain: String
  /// The policies that were needed so far, and the place of each counter's.
  private var policies: [Policy] = []
  private var places: [Counter: Int] = [:]
  private(set) var names = KeyNames.none
  private var call: ChargeCall
  private var holdCall: HoldCall
  private var settleCall: SettleCall
  private var token: UInt64 = 0
  var reply = ChargeReply()

  /// - Parameter expires: See `ScriptRig.loadWithClock`.
  init(_ rig: ScriptRig, _ way: Way = .plain, expires: Bool = false) {
    self.rig = rig
    self.way = way
    domain = "d" + String(UInt64.random(in: 0...(.max)), radix: 36)
    call = ChargeCall(script: rig.loadWithClock(.charge, expires: expires))
    holdCall = HoldCall(script: rig.loadWithClock(.hold, expires: expires))
    settleCall = SettleCall(script: rig.loadWithClock(.settle, expires: expires))
  }

  // MARK: Tickets

  /// A check as the Sidecar would ask it: blocks are decided beforehand, and make what Redis is asked only a look.
  func ticket(_ charges: [Charge], keys: [UInt8]) -> Ticket {
    var redis = charges
    for index in redis.indices {
      let start = Int(redis[index].keyStart)
      let key = String(decoding: keys[start..<start + Int(redis[index].keyCount)], as: UTF8.self)
      redis[index].place = .redis
      let inName = way == .charges || way == .holds
      redis[index].policy = Int32(place(redis[index], key: inName ? key : ""))
      if inName { redis[index].keyCount = 0 }
    }
    let ticket = Ticket()
    ticket.fill(redis, keys: keys.span, names: names, arrival: 0)
    ticket.onlyLooks = charges.contains { $0.effect == .block && !$0.isShadow && $0.cost > 0 }
    return ticket
  }

  /// The place of a policy for a counter, which is made where it is new.
  private func place(_ charge: Charge, key: String) -> Int {
    let counter = Counter(algorithm: charge.limit.algorithm, slot: charge.slot, key: key)
    if let place = places[counter] { return place }
    places[counter] = policies.count
    policies.append(
      Policy(
        domain: domain, name: "slot-\(charge.slot).\(key)",
        limit: Limit(algorithm: charge.limit.algorithm, limit: 1, period: 1_000_000_000), store: .redis))
    names = KeyNames(policies)
    return policies.count - 1
  }

  func ticket(_ asks: [Ask]) -> Ticket {
    let (charges, keys) = Ask.check(asks)
    return ticket(charges, keys: keys)
  }

  /// The same charges, and only those of one key, for another work.
  func ticket(_ other: Ticket, digest: KeyDigest? = nil, _ work: Ticket.Work) -> Ticket {
    let ticket = Ticket()
    var charges = other.charges
    for index in charges.indices where digest != nil && other.digests[index] != digest {
      charges[index].place = .nowhere
    }
    ticket.fill(charges, keys: other.keys.span, names: other.names, arrival: 0)
    ticket.onlyLooks = other.onlyLooks
    ticket.work = work
    ticket.token = other.token
    ticket.holdLife = other.holdLife
    return ticket
  }

  /// The same, to hold under a new token.
  func holding(_ other: Ticket, digest: KeyDigest? = nil, life: Int64 = 50_000_000) -> Ticket {
    let hold = ticket(other, digest: digest, .hold)
    token += 1
    hold.token = token << 32 | 0x8000_0000_0000_0000
    hold.holdLife = life
    return hold
  }

  func hold(_ asks: [Ask], life: Int64 = 50_000_000, at microseconds: Int64) -> Ticket {
    let hold = holding(ticket(asks), life: life)
    decide([hold], at: microseconds)
    return hold
  }

  // MARK: Names

  /// The name of the key, in plain Redis, that `ask` charges.
  func name(of ask: Ask) -> [UInt8] {
    let ticket = ticket([ask])
    var name: [UInt8] = []
    names.append(policy: Int(ticket.charges[0].policy), key: ticket.digests[0], to: &name)
    return name
  }

  /// The hash that holds what `ask` charges, and its field there.
  func field(of ask: Ask) -> (hash: [UInt8], field: [UInt8]) {
    let ticket = ticket([ask])
    var (hash, field): ([UInt8], [UInt8]) = ([], [])
    KeyNames.appendHash(key: ticket.digests[0], to: &hash)
    names.appendField(policy: Int(ticket.charges[0].policy), to: &field)
    return (hash, field)
  }

  // MARK: Asking

  /// What Redis answers to a call of all of them.
  func raw(_ tickets: [Ticket], at microseconds: Int64) -> ScriptRig.Reply {
    rig.setClock(microseconds)
    var bytes: [UInt8] = []
    for ticket in tickets { if way == .plain { call.append(ticket) } else { holdCall.append(ticket) } }
    if way == .plain { call.write(to: &bytes) } else { holdCall.write(to: &bytes) }
    rig.send(bytes)
    return rig.read()
  }

  /// Asks all of them in one call.
  func decide(_ tickets: [Ticket], at microseconds: Int64) {
    let answer = raw(tickets, at: microseconds)
    guard case .text(let text) = answer else {
      Issue.record("the script answered \(answer)")
      return
    }
    do {
      try reply.decode(text.span, into: tickets, holds: way != .plain)
    } catch {
      Issue.record("not a reply to the call: \(error), \(text)")
    }
  }

  func rawSettle(_ tickets: [Ticket], at microseconds: Int64) -> ScriptRig.Reply {
    rig.setClock(microseconds)
    var bytes: [UInt8] = []
    for ticket in tickets { settleCall.append(ticket) }
    settleCall.write(to: &bytes)
    rig.send(bytes)
    return rig.read()
  }

  /// Confirms or cancels what all of them held, in one call. What became of each.
  @discardableResult
  func settle(_ held: [Ticket], _ work: Ticket.Work, at microseconds: Int64) -> [Bool] {
    settle(held.map { ticket($0, work) }, at: microseconds)
  }

  func settle(_ tickets: [Ticket], at microseconds: Int64) -> [Bool] {
    let answer = rawSettle(tickets, at: microseconds)
    guard case .text(let text) = answer else {
      Issue.record("settle.lua answered \(answer)")
      return []
    }
    do {
      try SettleCall.decode(text.span, into: tickets)
    } catch {
      Issue.record("not a reply to the call: \(error), \(text)")
    }
    return tickets.map(\.isAllowed)
  }

  // MARK: As a store

  func decide(_ charges: inout [Charge], keys: [UInt8], at microseconds: Int64) -> Bool {
    var ticket = ticket(charges, keys: keys)
    if ticket.charges.contains(where: \.isForRedis) {
      switch way {
      case .plain, .charges: decide([ticket], at: microseconds)
      case .holds: ticket = heldAndConfirmed(ticket, at: microseconds)
      case .parts: inParts(ticket, at: microseconds)
      }
    }
    return take(ticket, into: &charges, at: microseconds)
  }

  private func heldAndConfirmed(_ check: Ticket, at microseconds: Int64) -> Ticket {
    let hold = holding(check)
    decide([hold], at: microseconds)
    if hold.holdsAnything { #expect(settle([hold], .confirm, at: microseconds) == [true]) }
    return hold
  }

  /// Holds everywhere, then confirms everywhere; or cancels, and looks where nothing denied.
  private func inParts(_ check: Ticket, at microseconds: Int64) {
    var digests: [KeyDigest] = []
    for index in check.charges.indices where check.charges[index].isForRedis {
      if !digests.contains(check.digests[index]) { digests.append(check.digests[index]) }
    }
    var parts = digests.map { holding(check, digest: $0) }
    for part in parts { decide([part], at: microseconds) }
    let isAllowed = parts.allSatisfy(\.isAllowed)
    for (index, part) in parts.enumerated() where part.isAllowed {
      if part.holdsAnything {
        #expect(settle([part], isAllowed ? .confirm : .cancel, at: microseconds) == [true])
      }
      if !isAllowed {
        parts[index] = ticket(part, .charge)
        parts[index].onlyLooks = true
        decide([parts[index]], at: microseconds)
      }
    }
    for part in parts {
      for index in part.charges.indices where part.charges[index].isForRedis {
        check.charges[index].decision = part.charges[index].decision
      }
    }
  }

  /// Whether the check passes; with what Redis and the blocks say.
  func take(_ ticket: Ticket, into charges: inout [Charge], at microseconds: Int64) -> Bool {
    var isAllowed = true
    for index in charges.indices {
      switch charges[index].effect {
      case .unlimited: continue
      case .block:
        charges[index].decision = charges[index].blocked(at: microseconds * 1000)
      case .limit: charges[index].decision = ticket.charges[index].decision
      }
      if !charges[index].decision.isAllowed, !charges[index].isShadow { isAllowed = false }
    }
    return isAllowed
  }
}

extension Ticket {
  /// Of one that was to hold: whether there is something to confirm.
  var holdsAnything: Bool { isAllowed && !onlyLooks && hasHold }
}
