// ConcurrencyTests.swift: many threads ask at once; together they get what one would.

import Foundation
import Limiting
import Policies
import Stores
import Synchronization
import TestKit
import Testing

@Suite("many threads") struct ConcurrencyTests {
  static let threads = 8
  static let now = Now(monotonic: 1_000_000_000, unix: 1_700_000_000_000_000_000)

  static func limit(_ algorithm: Algorithm, _ limit: Int64) -> Limit {
    Limit(algorithm: algorithm, limit: limit, period: 3_600_000_000_000)
  }

  /// Runs `body` on as many threads and waits for all of them.
  static func onThreads(_ body: @escaping @Sendable (Int) -> Void) {
    let done = DispatchGroup()
    for index in 0..<threads {
      done.enter()
      let thread = Thread {
        body(index)
        done.leave()
      }
      thread.start()
    }
    done.wait()
  }

  @Test("one key admits exactly its limit", arguments: Algorithm.allCases)
  func exactLimit(_ algorithm: Algorithm) {
    let store = MemoryStore(maximumKeys: 1000)
    let passed = Atomic<Int>(0)
    Self.onThreads { _ in
      var (charges, keys) = Ask.check([Ask(Self.limit(algorithm, 5000))])
      for _ in 0..<2000 where store.decide(&charges, keys: keys.span, now: Self.now) {
        passed.wrappingAdd(1, ordering: .relaxed)
      }
    }
    #expect(passed.load(ordering: .relaxed) == 5000)
  }

  @Test(
    "policies with overlapping keys neither block each other for ever nor lose or invent a charge",
    arguments: Algorithm.allCases)
  func overlapping(_ algorithm: Algorithm) {
    let store = MemoryStore(maximumKeys: 1000)
    let limits = [Self.limit(algorithm, 3000), Self.limit(algorithm, 2000), Self.limit(algorithm, 2500)]
    let passed = Mutex([0, 0, 0])
    Self.onThreads { index in
      var generator = SeededGenerator(seed: UInt64(index))
      for _ in 0..<1500 {
        // Each check takes two or three of three counters, in any order.
        let slots = [0, 1, 2].shuffled(using: &generator).prefix(Int.random(in: 2...3, using: &generator))
        var (charges, keys) = Ask.check(slots.map { Ask(slot: UInt32($0), limits[$0]) })
        guard store.decide(&charges, keys: keys.span, now: Self.now) else { continue }
        passed.withLock { for slot in slots { $0[slot] += 1 } }
      }
    }
    for slot in 0..<3 {
      var (charges, keys) = Ask.check([Ask(slot: UInt32(slot), limits[slot], cost: 0)])
      _ = store.decide(&charges, keys: keys.span, now: Self.now)
      #expect(charges[0].decision.remaining == limits[slot].limit - Int64(passed.withLock { $0[slot] }))
    }
  }

  @Test(
    "at the bound, with sweeps and give-backs running, the bound and the overflow cell's limit hold",
    arguments: Algorithm.allCases)
  func atTheBound(_ algorithm: Algorithm) {
    let store = MemoryStore(maximumKeys: 100)
    let limit = Self.limit(algorithm, 50)
    store.install([SlotRules(slot: 0, slowest: limit)])
    let kept = Mutex<[String]>([])
    let returned = Mutex<[String]>([])
    let worst = Atomic<Int>(0)
    Self.onThreads { index in
      for turn in 0..<1000 {
        let key = "\(index) \(turn)"
        var (charges, keys) = Ask.check([Ask(key: key, limit)])
        let isAllowed = store.decide(&charges, keys: keys.span, now: Self.now)
        worst.max(store.metrics.keys, ordering: .relaxed)
        if isAllowed, turn.isMultiple(of: 10) {
          kept.withLock { $0.append(key) }
        } else if isAllowed {
          store.giveBack(charges, keys: keys.span, chargedAt: Self.now, now: Self.now)
          returned.withLock { $0.append(key) }
        }
        if turn.isMultiple(of: 50) { store.sweep(budget: 500, now: Self.now) }
      }
    }
    // More than there can be room for, so that the overflow cell is full at the end.
    for turn in 0..<200 {
      let key = "late \(turn)"
      var (charges, keys) = Ask.check([Ask(key: key, limit)])
      if store.decide(&charges, keys: keys.span, now: Self.now) { kept.withLock { $0.append(key) } }
    }

    func state(_ key: String) -> KeyState {
      let bytes = Array(key.utf8)
      return store.state(slot: 0, key: bytes.span, limit: limit, now: Self.now)
    }
    func haveOwnCells(_ keys: [String]) -> Int { keys.count { state($0).place == .own } }
    let keptKeys = kept.withLock { $0 }
    let own = haveOwnCells(keptKeys)
    #expect(worst.load(ordering: .relaxed) == 100)
    #expect(own + haveOwnCells(returned.withLock { $0 }) == store.metrics.keys)
    // Every key is asked once, so the kept ones without a cell of their own are what the overflow cell has spent: its
    // limit, neither more nor less, whatever was given back to it.
    #expect(own <= 100)
    #expect(keptKeys.count - own == 50)
    #expect(state("never asked").decision.remaining == 0)
  }

  @Test(
    "where keys come and go at the bound, with give-backs and sweeps, none keeps more than its limit in all its cells",
    arguments: Algorithm.allCases)
  func movingAtTheBound(_ algorithm: Algorithm) {
    let store = MemoryStore(maximumKeys: 20)
    let limit = Self.limit(algorithm, 3)
    store.install([SlotRules(slot: 0, slowest: limit)])
    let kept = Mutex([String: Int]())
    Self.onThreads { index in
      var generator = SeededGenerator(seed: UInt64(index))
      for turn in 0..<2000 {
        let key = "\(Int.random(in: 0..<30 + turn / 20, using: &generator))"
        var (charges, keys) = Ask.check([Ask(key: key, limit)])
        if store.decide(&charges, keys: keys.span, now: Self.now) {
          if turn.isMultiple(of: 150) {
            kept.withLock { $0[key, default: 0] += 1 }
          } else {
            store.giveBack(charges, keys: keys.span, chargedAt: Self.now, now: Self.now)
          }
        }
        if turn.isMultiple(of: 10) { store.sweep(budget: 500, now: Self.now) }
      }
    }
    #expect(store.metrics.overflowed > 0)
    for (key, count) in kept.withLock({ $0 }) { #expect(count <= 3, "\(key)") }
  }
}
