// ChaosPlan.swift: everything that a chaos run will do, decided beforehand from a seed: faults, targets, instants,
// durations, and the seeds of the clients.
//
// The same seed, scenario and length make the same plan, and each client takes the same decisions in the same order. How
// the kernel interleaves processes is not repeated, and a client that waits for an answer decides later.
//
// Faults come in three lanes, each one after the other: what befalls weirs and their policies, what befalls Redis, and
// what nobody should notice. So at most one weir is away at a time, and Redis may be away besides. Each lane shuffles all
// its faults before it repeats one.

import TestKit

struct ChaosPlan: Sendable, Equatable, CustomStringConvertible {
  enum Scenario: String, Sendable, CaseIterable { case redis, cluster }

  enum Kind: String, Sendable, CaseIterable {
    case killWeir, drainWeir, freezeWeir, raiseLimits, lowerLimits, shadowPolicies, breakPolicies, removePolicies
    case fillDescriptors
    case killRedis, freezeRedis, moveSlots
    case flushScripts, closeRedisConnections, fillLogDisk
  }

  struct Fault: Sendable, Equatable, CustomStringConvertible {
    var kind: Kind
    var span: Span
    /// The weir, or the node of the cluster; 0 where there is one only.
    var target: Int

    var description: String {
      "\(seconds(span.from))  \(kind.rawValue) \(target) for \(seconds(span.to - span.from))"
    }
  }

  static let weirs = 3
  /// This weir may open few files. It is never killed or asked to end, so that what it leaks adds up over the run.
  static let crampedWeir = 0
  /// This weir's log is on a disk that fills.
  static let chattyWeir = 1

  let seed: UInt64
  let scenario: Scenario
  /// Nanoseconds of faults; healing and the last checks come after.
  let length: Int
  /// One Redis only: whether it keeps its counters on disk when it is killed. The nodes of a cluster always do.
  let keepsData: Bool
  /// This weir's clock is off by so many seconds.
  let skewedWeir: Int
  let skew: Int
  let clientSeeds: [UInt64]
  let weirLane: [Fault]
  let redisLane: [Fault]
  let lightLane: [Fault]

  var faults: [Fault] { (weirLane + redisLane + lightLane).sorted { $0.span.from < $1.span.from } }

  init(seed: UInt64, scenario: Scenario, length: Int) {
    (self.seed, self.scenario, self.length) = (seed, scenario, length)
    var random = SeededGenerator(seed: seed)
    keepsData = scenario == .cluster || Bool.random(using: &random)
    skewedWeir = Int.random(in: 0..<Self.weirs, using: &random)
    skew = random.pick([-1, 1]) * Int.random(in: 61...900, using: &random)
    clientSeeds = (0..<Self.weirs * 3).map { _ in random.next() }

    weirLane = Self.lane(
      [
        .killWeir, .drainWeir, .freezeWeir, .raiseLimits, .lowerLimits, .shadowPolicies, .breakPolicies,
        .removePolicies, .fillDescriptors,
      ], gaps: 300...900, until: length, &random)
    redisLane = Self.lane(
      scenario == .redis ? [.killRedis, .freezeRedis] : [.killRedis, .freezeRedis, .moveSlots],
      // A node of a cluster serves 2 s after it came back.
      gaps: scenario == .redis ? 1200...3000 : 3500...5000, until: length, &random)
    lightLane = Self.lane(
      [.flushScripts, .closeRedisConnections, .fillLogDisk, .flushScripts], gaps: 500...1500, until: length, &random)
  }

  /// How long each fault lasts, in milliseconds.
  private static func duration(of kind: Kind) -> ClosedRange<Int> {
    switch kind {
    case .killWeir, .drainWeir: 200...1200
    case .freezeWeir: 500...2000
    case .raiseLimits, .lowerLimits, .shadowPolicies, .removePolicies: 600...1800
    case .breakPolicies: 300...800
    case .fillDescriptors: 500...1500
    case .killRedis: 500...2000
    case .freezeRedis: 2200...3500
    case .moveSlots: 200...600
    case .flushScripts, .closeRedisConnections: 0...0
    case .fillLogDisk: 500...2000
    }
  }

  private static func lane(
    _ kinds: [Kind], gaps: ClosedRange<Int>, until end: Int,
    _ random: inout SeededGenerator
  ) -> [Fault] {
    var faults: [Fault] = []
    var deck: [Kind] = []
    var at = Int.random(in: 300...1200, using: &random) * millisecond
    while true {
      if deck.isEmpty { deck = kinds.shuffled(using: &random) }
      let kind = deck.removeLast()
      let lasts = Int.random(in: duration(of: kind), using: &random) * millisecond
      let target = target(of: kind, &random)
      let span = Span(from: at, to: at + lasts)
      guard span.to <= end else { return faults }
      faults.append(Fault(kind: kind, span: span, target: target))
      at = span.to + Int.random(in: gaps, using: &random) * millisecond
    }
  }

  private static func target(of kind: Kind, _ random: inout SeededGenerator) -> Int {
    let mortal = kind == .killWeir || kind == .drainWeir
    let any = Int.random(in: (mortal ? crampedWeir + 1 : 0)..<weirs, using: &random)
    return switch kind {
    case .fillDescriptors: crampedWeir
    case .fillLogDisk: chattyWeir
    case .raiseLimits, .lowerLimits, .shadowPolicies, .breakPolicies, .removePolicies, .flushScripts: 0
    case .killWeir, .drainWeir, .freezeWeir, .killRedis, .freezeRedis, .moveSlots, .closeRedisConnections: any
    }
  }

  var description: String {
    """
    plan: seed \(seed), scenario \(scenario.rawValue), faults for \(seconds(length)); \
    Redis \(keepsData ? "keeps" : "loses") its counters when it is killed; \
    weir \(skewedWeir)'s clock is \(skew) s off; weir \(Self.crampedWeir) may open few files; \
    weir \(Self.chattyWeir)'s log is on a small disk

    """ + faults.map { "  \($0)\n" }.joined()
  }
}
