// LinearizabilityTests.swift: what threads that ask the memory store at once are told could have been told to one that
// asks, one check after the other.
//
// The first suite's counters regain nothing, and the model has no time. In the second each check brings its own instant,
// and every number of every answer is compared: what is left, the wait, the reset.

import Limiting
import Policies
import Stores
import Synchronization
import TestKit
import Testing

/// Threads that begin together, each with its number and its own random numbers.
private func together(_ threads: Int, seed: UInt64, _ body: @escaping @Sendable (Int, SeededGenerator) -> Void) throws {
  let ready = Atomic(0)
  try concurrently(threads) { thread in
    ready.add(1, ordering: .sequentiallyConsistent)
    while ready.load(ordering: .sequentiallyConsistent) < threads {}
    body(thread, SeededGenerator(seed: seed &* 1000 &+ UInt64(thread)))
  }
}

private let seeds = SystemSeeds()

/// A new seed for each test: what threads do is never the same anyway.
private struct SystemSeeds { func next() -> UInt64 { UInt64.random(in: 0..<1_000_000) } }

@Suite("concurrent checks of the memory store have an order") struct LinearizabilityTests {
  private typealias Call = Operation<CounterCall, CounterAnswer>

  private static let now = Now(monotonic: 1_000_000_000, unix: 1_700_000_000_000_000_000)

  /// Six threads ask for costs of some of the counters, which are slots; a seventh is the upkeep.
  private func history(
    _ capacities: [Int64], _ algorithm: Algorithm, parts: ClosedRange<Int>, seed: UInt64
  ) throws -> [Operation<CounterCall, CounterAnswer>] {
    let store = MemoryStore(maximumKeys: 1000)
    let recorder = HistoryRecorder<CounterCall, CounterAnswer>()
    let limits = capacities.map { Limit(algorithm: algorithm, limit: $0, period: 86_400_000_000_000) }
    try together(7, seed: seed) { thread, generator in
      var generator = generator
      if thread == 6 {
        for _ in 0..<40 { recorder.add(Self.upkeep(of: store, limits, parts: parts, &generator)) }
        return
      }
      var calls: [Call] = []
      for _ in 0..<160 {
        let count = Int.random(in: parts, using: &generator)
        let counters = Array(limits.indices.shuffled(using: &generator).prefix(count))
        if thread == 0, Int.random(in: 0..<40, using: &generator) == 0 {
          let key = Array("k".utf8)
          let invoked = monotonicNanoseconds()
          _ = store.reset(slot: UInt32(counters[0]), key: key.span)
          let answer = CounterAnswer(isAllowed: true, left: [])
          calls.append(Call(invoked, monotonicNanoseconds(), CounterCall(reset: counters[0]), answer))
          continue
        }
        let input = CounterCall(counters.map { .init($0, generator.pick([0, 1, 1, 1, 2, 7, 1000])) })
        var (charges, keys) = Self.check(input, limits)
        calls.append(Self.decide(input, &charges, keys, store))
      }
      recorder.add(calls)
    }
    return recorder.history
  }

  private static func check(_ input: CounterCall, _ limits: [Limit]) -> (charges: [Charge], keys: [UInt8]) {
    Ask.check(input.parts.map { Ask(slot: UInt32($0.counter), limits[$0.counter], cost: $0.cost) })
  }

  private static func decide(
    _ input: CounterCall, _ charges: inout [Charge], _ keys: [UInt8], _ store: MemoryStore
  ) -> Call {
    let invoked = monotonicNanoseconds()
    let isAllowed = store.decide(&charges, keys: keys.span, now: now)
    let answered = monotonicNanoseconds()
    let left = charges.map { Optional($0.decision.remaining) }
    return Call(invoked, answered, input, CounterAnswer(isAllowed: isAllowed, left: left))
  }

  /// What else a store does meanwhile: a reload, a sweep, and a check that another store denies, so that what it
  /// consumed here is given back.
  private static func upkeep(
    of store: MemoryStore, _ limits: [Limit], parts: ClosedRange<Int>, _ generator: inout SeededGenerator
  ) -> [Call] {
    store.install(limits.enumerated().map { SlotRules(slot: UInt32($0.offset), slowest: $0.element) })
    store.sweep(budget: 10_000, now: now)
    let count = Int.random(in: parts, using: &generator)
    let counters = Array(limits.indices.shuffled(using: &generator).prefix(count))
    let input = CounterCall(counters.map { .init($0, generator.pick([1, 2, 7])) })
    var (charges, keys) = check(input, limits)
    let call = decide(input, &charges, keys, store)
    guard call.output?.isAllowed == true else { return [call] }
    let invoked = monotonicNanoseconds()
    store.giveBack(charges, keys: keys.span, chargedAt: now, now: now)
    let answered = monotonicNanoseconds()
    // Each counter gets its own at an instant of its own.
    let returned = CounterAnswer(isAllowed: true, left: [])
    return [call] + input.parts.map { Call(invoked, answered, CounterCall(giveBack: $0), returned) }
  }

  @Test("one key, with resets", arguments: Algorithm.allCases)
  func oneKey(_ algorithm: Algorithm) throws {
    let seed = seeds.next()
    let history = try history([300], algorithm, parts: 1...1, seed: seed)
    let failure = Linearizability.check(history, CounterModel([300])).failure
    #expect(failure == nil, "seed \(seed): \(failure ?? "")")
  }

  @Test("some keys, each by itself", arguments: Algorithm.allCases)
  func someKeys(_ algorithm: Algorithm) throws {
    let seed = seeds.next()
    let capacities: [Int64] = [50, 100, 150, 200]
    let history = try history(capacities, algorithm, parts: 1...1, seed: seed)
    let failures = Linearizability.failures(
      history, by: { $0.parts[0].counter }, model: { _ in CounterModel(capacities) })
    #expect(failures == [], "seed \(seed)")
  }

  @Test("checks of several keys, all or nothing", arguments: Algorithm.allCases)
  func severalPolicies(_ algorithm: Algorithm) throws {
    let seed = seeds.next()
    let capacities: [Int64] = [250, 180, 220]
    let history = try history(capacities, algorithm, parts: 1...3, seed: seed)
    let failure = Linearizability.check(history, CounterModel(capacities)).failure
    #expect(failure == nil, "seed \(seed): \(failure ?? "")")
  }
}

@Suite("so have checks each at its own instant, with all their numbers") struct TimedLinearizabilityTests {
  /// Six threads on one clock that each of them moves; what a thread reads may be old when it asks.
  @Test(arguments: Algorithm.allCases)
  func instants(_ algorithm: Algorithm) throws {
    let seed = seeds.next()
    let store = MemoryStore(maximumKeys: 1000)
    var limits = [
      Limit(algorithm: algorithm, limit: 40, period: 1_000_003), Limit(algorithm: algorithm, limit: 7, period: 200_000),
    ]
    if algorithm == .tokenBucket { limits[0].burst = 25 }
    let recorder = HistoryRecorder<TimedCall, TimedAnswer>()
    let clock = Atomic<Int64>(1_700_000_000_000_000_000)
    let costs: [Int64] = [0, 1, 1, 2, 5, 50]
    try together(6, seed: seed) { [limits] _, generator in
      var generator = generator
      var calls: [Operation<TimedCall, TimedAnswer>] = []
      for _ in 0..<100 {
        let counters = generator.pick([[0], [1], [0, 1], [1, 0]])
        let invoked = monotonicNanoseconds()
        let step: Int64 = generator.pick([0, 1, 500, 2000, 9000])
        let now = clock.add(step, ordering: .relaxed).newValue
        let input = TimedCall(counters.map { .init($0, generator.pick(costs)) }, now: now)
        var (charges, keys) = Ask.check(
          input.parts.map { Ask(slot: UInt32($0.counter), limits[$0.counter], cost: $0.cost) })
        let isAllowed = store.decide(&charges, keys: keys.span, now: Now(monotonic: now, unix: now))
        let answered = monotonicNanoseconds()
        calls.append(Operation(invoked, answered, input, TimedAnswer(isAllowed: isAllowed, charges.map(\.decision))))
      }
      recorder.add(calls)
    }
    let failure = Linearizability.check(recorder.history, TimedModel(limits)).failure
    #expect(failure == nil, "seed \(seed): \(failure ?? "")")
    // Both answers came, so that there was something to get wrong.
    #expect(Set(recorder.history.compactMap { $0.output?.isAllowed }) == [true, false])
  }
}
