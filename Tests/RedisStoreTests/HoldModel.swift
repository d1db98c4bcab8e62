// HoldModel.swift: hold.lua and settle.lua as a plain model over one key: the arithmetic of Limiting over a dictionary, and
// lists of holds and marks.

import Limiting
import Policies
import TestKit

@testable import RedisStore

/// One key, one thread. Times are in microseconds.
final class HoldModel {
  struct Name: Hashable {
    var slot: UInt32
    var key: String

    init(_ ask: Ask) { (slot, key) = (ask.slot, ask.key) }
  }

  private enum State {
    case cell(Cell)
    /// Instants in nanoseconds, oldest first.
    case log([(instant: Int64, cost: Int64)])
  }

  private struct Hold {
    var token: UInt64
    var ends: Int64
    var name: Name
    var amount: Int64
  }

  private struct Part {
    var name: Name
    var limit: Limit
    var amount: Int64
    /// What it became; of a log, the instant of the entry.
    var spent: Cell
  }

  private struct Mark {
    var ends: Int64
    var parts: [Part]
  }

  private var states: [Name: State] = [:]
  private var holds: [Hold] = []
  private var marks: [UInt64: Mark] = [:]
  private var queue: [(ends: Int64, token: UInt64)] = []

  static let longest = Bounds.hold / 1000
  static let grace = Bounds.cancelling / 1000

  /// What a call does first: holds that are over, or void, are forgotten.
  func begin(_ now: Int64) {
    holds.removeAll { now >= $0.ends || $0.ends - now > Self.longest }
  }

  // MARK: Deciding

  func check(_ asks: [Ask], token: UInt64?, life: Int64, _ now: Int64) -> (allowed: Bool, decisions: [Decision]) {
    var decisions: [Decision] = []
    var isAllowed = true
    for ask in asks {
      carry(ask, now)
      decisions.append(decide(ask, ask.cost, now))
      if !decisions.last!.isAllowed, !ask.isShadow { isAllowed = false }
    }
    for (index, ask) in asks.enumerated() where decisions[index].isAllowed {
      if !isAllowed {
        decisions[index] = decide(ask, 0, now)
      } else if ask.cost > 0, let token {
        holds.append(Hold(token: token, ends: now + life, name: Name(ask), amount: ask.cost))
      } else if ask.cost > 0 {
        _ = spend(Name(ask), ask.limit, ask.cost, now)
      }
    }
    return (isAllowed, decisions)
  }

  private func held(_ name: Name) -> Int64 { holds.reduce(0) { $0 + ($1.name == name ? $1.amount : 0) } }

  private static func anything(_ limit: Limit) -> Limit {
    var limit = limit
    if limit.algorithm == .tokenBucket { limit.burst = 1 << 40 } else { limit.limit = 1 << 40 }
    return limit
  }

  private func cell(_ name: Name) -> Cell { if case .cell(let cell) = states[name] { cell } else { .empty } }

  private func entries(_ name: Name) -> [(instant: Int64, cost: Int64)] {
    if case .log(let entries) = states[name] { entries } else { [] }
  }

  private func decide(_ ask: Ask, _ cost: Int64, _ now: Int64) -> Decision {
    let held = held(Name(ask))
    guard ask.limit.algorithm == .slidingLog else {
      var cell = cell(Name(ask))
      if held > 0 { cell = Limiter.decide(cell, limit: Self.anything(ask.limit), cost: held, now: now * 1000).next }
      return Limiter.decide(cell, limit: ask.limit, cost: cost, now: now * 1000).decision
    }
    let log = Log()
    for entry in entries(Name(ask)) { SlidingLog.admit(log, cost: entry.cost, now: entry.instant) }
    if held > 0 { SlidingLog.admit(log, cost: held, now: now * 1000) }
    return SlidingLog.decide(log, limit: ask.limit, cost: cost, now: now * 1000)
  }

  /// Brings what is there to now and the limit's period, as a look does.
  private func carry(_ ask: Ask, _ now: Int64) {
    let name = Name(ask)
    guard states[name] != nil else { return }
    guard ask.limit.algorithm == .slidingLog else {
      states[name] = .cell(Limiter.decide(cell(name), limit: ask.limit, cost: 0, now: now * 1000).next)
      return
    }
    rebase(name, ask.limit, now)
  }

  private func rebase(_ name: Name, _ limit: Limit, _ now: Int64) {
    let entries = entries(name)
    guard let newest = entries.last?.instant, newest - now * 1000 > max(limit.period, 10_000_000_000) else { return }
    let used = entries.reduce(0) { $0 + ($1.instant > newest - limit.period ? $1.cost : 0) }
    states[name] = used > 0 ? .log([(now * 1000, used)]) : nil
  }

  /// The state once it is spent, whatever the limit; of a log, the instant.
  private func spend(_ name: Name, _ limit: Limit, _ amount: Int64, _ now: Int64) -> Cell {
    guard limit.algorithm == .slidingLog else {
      let next = Limiter.decide(cell(name), limit: Self.anything(limit), cost: amount, now: now * 1000).next
      states[name] = .cell(next)
      return next
    }
    rebase(name, limit, now)
    var entries = entries(name)
    let at = max(now * 1000, entries.last?.instant ?? 0)
    entries.append((at, amount))
    entries.removeAll { $0.instant <= at - limit.period }
    states[name] = .log(entries)
    return Cell(instant: at)
  }

  // MARK: Settling

  /// Confirms or cancels each; what became of them.
  func settle(_ asked: [(token: UInt64, isConfirmed: Bool, limits: [Name: Limit])], _ now: Int64) -> [Bool] {
    begin(now)
    var fresh: [(ends: Int64, token: UInt64)] = []
    let done = asked.map { asked in
      let mine = holds.filter { $0.token == asked.token }
      holds.removeAll { $0.token == asked.token }
      let mark = marks[asked.token].flatMap { now < $0.ends && $0.ends - now <= Self.longest + Self.grace ? $0 : nil }
      if let first = mine.first {
        guard asked.isConfirmed else { return true }
        let parts = mine.map { hold in
          let limit = asked.limits[hold.name]!
          return Part(
            name: hold.name, limit: limit, amount: hold.amount, spent: spend(hold.name, limit, hold.amount, now))
        }
        marks[asked.token] = Mark(ends: first.ends + Self.grace, parts: parts)
        fresh.append((first.ends + Self.grace, asked.token))
        return true
      }
      guard let mark else { return false }
      guard !asked.isConfirmed else { return true }
      for part in mark.parts { giveBack(part, now) }
      marks[asked.token] = nil
      return true
    }
    if !fresh.isEmpty {
      while let first = queue.first, now >= first.ends || first.ends - now > Self.longest + Self.grace {
        queue.removeFirst()
        if !fresh.contains(where: { $0.token == first.token }) { marks[first.token] = nil }
      }
      queue += fresh
    }
    return done
  }

  private func giveBack(_ part: Part, _ now: Int64) {
    guard states[part.name] != nil else { return }
    switch part.limit.algorithm {
    case .tokenBucket: giveBackToBucket(part, now)
    case .slidingLog:
      var entries = entries(part.name)
      var left = part.amount
      for index in entries.indices.reversed() where entries[index].instant == part.spent.instant {
        let taken = min(left, entries[index].cost)
        entries[index].cost -= taken
        left -= taken
      }
      entries.removeAll { $0.cost == 0 }
      states[part.name] = entries.isEmpty ? nil : .log(entries)
    case .fixedWindow, .slidingWindow:
      var cell = cell(part.name)
      guard cell.period == part.spent.period else { return }
      if cell.instant == part.spent.instant {
        cell.amount = UInt32(max(0, Int64(cell.amount) - part.amount))
      } else if part.limit.algorithm == .slidingWindow, cell.instant - part.spent.instant == cell.period {
        cell.previous = UInt32(max(0, Int64(cell.previous) - part.amount))
      }
      states[part.name] = .cell(cell)
    }
  }

  private func giveBackToBucket(_ part: Part, _ now: Int64) {
    let limit = Self.anything(part.limit)
    let cell = Limiter.decide(cell(part.name), limit: limit, cost: 0, now: now * 1000).next
    let owed = Limiter.decide(part.spent, limit: limit, cost: 1, now: now * 1000).next
    let period = Int128(limit.period)
    let left = Int128(owed.amount - 1) * period + Int128(owed.remainder)
    let debt = Int128(cell.amount) * period + Int128(cell.remainder) - min(Int128(part.amount) * period, left)
    var next = cell
    next.amount = UInt32(max(0, debt) / period)
    next.remainder = Int64(max(0, debt) % period)
    states[part.name] = debt > 0 ? .cell(next) : nil
  }
}
