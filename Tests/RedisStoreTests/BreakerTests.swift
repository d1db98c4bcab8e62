// BreakerTests.swift: when a breaker opens, for how long, and who may try.

import TestKit
import Testing

@testable import RedisStore

private let second: Int64 = 1_000_000_000
/// Chance that takes nothing off a wait.
private let longest: UInt64 = 0
/// Chance that takes half of it off.
private let shortest = UInt64.max

/// A breaker by reference: `#expect` does not take calls that change a value.
private final class Subject {
  var breaker = Breaker()
  var state: Breaker.State { breaker.state }
  var isPristine: Bool { breaker.isPristine }

  func succeeded() { breaker.succeeded() }
  func failed(at now: Int64, isQuick: Bool, random: UInt64) -> Bool {
    breaker.failed(at: now, isQuick: isQuick, random: random)
  }
  func permission(at now: Int64) -> Breaker.Permission { breaker.permission(at: now) }
  func trialEnded(_ result: Breaker.TrialResult, at now: Int64, random: UInt64) {
    breaker.trialEnded(result, at: now, random: random)
  }
}

/// Failures until it opens.
private func opened(at now: Int64 = 0, isQuick: Bool = false, random: UInt64 = longest) -> Subject {
  let breaker = Subject()
  for _ in 1..<Breaker.threshold { #expect(!breaker.failed(at: now, isQuick: isQuick, random: random)) }
  #expect(breaker.failed(at: now, isQuick: isQuick, random: random))
  return breaker
}

/// The length of the wait that began at `start`, by asking.
private func wait(_ subject: Subject, from start: Int64) -> Int64 {
  var breaker = subject.breaker
  guard case .wait(let until) = breaker.permission(at: start) else { return 0 }
  return until - start
}

@Suite struct BreakerTests {
  @Test("five failures in a row open it, and the fifth says so")
  func opens() {
    let breaker = opened()
    #expect(breaker.state == .open)
    #expect(!breaker.failed(at: 0, isQuick: false, random: longest), "it opens once")
  }

  @Test("a success between failures starts the count anew")
  func success() {
    let breaker = Subject()
    for _ in 0..<10 {
      for _ in 1..<Breaker.threshold { _ = breaker.failed(at: 0, isQuick: false, random: longest) }
      breaker.succeeded()
    }
    #expect(breaker.state == .closed)
    #expect(breaker.isPristine)
    #expect(breaker.permission(at: 0) == .go)
  }

  @Test("while it is not closed, successes and failures of calls that were asked before change nothing")
  func late() {
    let breaker = opened()
    breaker.succeeded()
    #expect(breaker.state == .open)
    #expect(breaker.permission(at: second) == .trial)
    breaker.succeeded()
    #expect(!breaker.failed(at: second, isQuick: true, random: longest))
    #expect(breaker.state == .halfOpen)
    #expect(breaker.permission(at: second) == .wait(until: second + 100_000_000))
  }

  @Test("the wait is over exactly at its end, and then one may try, nobody else")
  func trial() {
    let breaker = opened(at: 7)
    #expect(breaker.permission(at: second + 6) == .wait(until: second + 7))
    #expect(breaker.state == .open)
    #expect(breaker.permission(at: second + 7) == .trial)
    #expect(breaker.state == .halfOpen)
    #expect(breaker.permission(at: 100 * second) == .wait(until: 100 * second + 100_000_000))
  }

  @Test("a trial that succeeds closes it for everybody")
  func closes() {
    let breaker = opened()
    _ = breaker.permission(at: second)
    breaker.trialEnded(.succeeded, at: second, random: longest)
    #expect(breaker.state == .closed)
    #expect(breaker.permission(at: second) == .go)
    for _ in 1..<Breaker.threshold { #expect(!breaker.failed(at: second, isQuick: true, random: longest)) }
  }

  @Test("each trial that fails doubles the wait, up to half a minute; where failures are quick, up to 5 s")
  func growth() {
    for (isQuick, waits) in [(false, [1, 2, 4, 8, 16, 30, 30]), (true, [1, 2, 4, 5, 5, 5])] {
      let breaker = opened(isQuick: isQuick)
      var now: Int64 = 0
      for expected in waits {
        #expect(wait(breaker, from: now) == Int64(expected) * second)
        now += Int64(expected) * second
        #expect(breaker.permission(at: now) == .trial)
        breaker.trialEnded(.failed(isQuick: isQuick), at: now, random: longest)
      }
    }
  }

  @Test("a trial alone does not make waits short again, an answered call after it does")
  func memory() {
    let breaker = opened()
    _ = breaker.permission(at: second)
    breaker.trialEnded(.failed(isQuick: false), at: second, random: longest)
    _ = breaker.permission(at: 3 * second)
    breaker.trialEnded(.succeeded, at: 3 * second, random: longest)
    #expect(!breaker.isPristine)
    let unproven = Subject()
    unproven.breaker = breaker.breaker
    for _ in 0..<Breaker.threshold { _ = unproven.failed(at: 0, isQuick: false, random: longest) }
    #expect(wait(unproven, from: 0) == 4 * second)
    breaker.succeeded()
    for _ in 0..<Breaker.threshold { _ = breaker.failed(at: 0, isQuick: false, random: longest) }
    #expect(wait(breaker, from: 0) == second)
  }

  @Test("a trial that was given up is given to the next who asks")
  func abandoned() {
    let breaker = opened()
    #expect(breaker.permission(at: second) == .trial)
    breaker.trialEnded(.abandoned, at: second, random: longest)
    #expect(breaker.state == .open)
    #expect(breaker.permission(at: second) == .trial)
  }

  @Test("the end of a trial that nobody has says nothing")
  func strayTrial() {
    var breaker = Subject()
    breaker.trialEnded(.failed(isQuick: false), at: 0, random: longest)
    #expect(breaker.isPristine)
    breaker = opened()
    breaker.trialEnded(.succeeded, at: 0, random: longest)
    #expect(breaker.state == .open)
  }

  @Test("chance takes between nothing and half off a wait, evenly")
  func jitter() {
    #expect(Breaker.jittered(1000, random: longest) == 1000)
    #expect(Breaker.jittered(1000, random: shortest) == 500)
    #expect(Breaker.jittered(1, random: shortest) == 1)
    #expect(Breaker.jittered(0, random: shortest) == 0)
    #expect(Breaker.jittered(.max, random: shortest) == .max - .max / 2)
    var generator = SeededGenerator(seed: 4)
    let waits = (0..<10_000).map { _ in Breaker.jittered(1000, random: generator.next()) }
    #expect(waits.allSatisfy { (500...1000).contains($0) })
    let mean: Int64 = waits.reduce(0, +) / 10_000
    #expect((746...754).contains(mean))
  }

  @Test("instants at the end of time do not overflow")
  func extremes() {
    let breaker = opened(at: .max - 1)
    #expect(wait(breaker, from: .max - 1) == 1)
  }

  @Test("whatever happens, at most one trial is under way, and whoever keeps asking gets one in the end")
  func property() {
    for seed in UInt64(0)..<40 {
      var generator = SeededGenerator(seed: seed)
      let breaker = Subject()
      var now: Int64 = 0
      var trials = 0
      for _ in 0..<400 {
        now += Int64.random(in: 0..<second, using: &generator)
        switch Int.random(in: 0..<5, using: &generator) {
        case 0: breaker.succeeded()
        case 1: _ = breaker.failed(at: now, isQuick: .random(using: &generator), random: generator.next())
        case 2 where trials > 0:
          let isQuick = Bool.random(using: &generator)
          breaker.trialEnded(
            generator.pick([.succeeded, .failed(isQuick: isQuick), .abandoned]), at: now, random: generator.next())
          trials -= 1
        default:
          let permission = breaker.permission(at: now)
          if permission == .trial { trials += 1 }
          #expect((permission == .go) == (breaker.state == .closed), "seed \(seed)")
          if case .wait(let until) = permission { #expect(until > now && until <= now + 30 * second, "seed \(seed)") }
        }
        #expect(trials <= 1, "seed \(seed)")
        #expect((trials == 1) == (breaker.state == .halfOpen), "seed \(seed)")
      }
      if trials == 1 { breaker.trialEnded(.abandoned, at: now, random: 0) }
      var last = breaker.permission(at: now)
      if case .wait(let until) = last { last = breaker.permission(at: until) }
      #expect(last == .go || last == .trial, "seed \(seed)")
    }
  }
}
