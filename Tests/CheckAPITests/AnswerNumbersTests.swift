// AnswerNumbersTests.swift: the numbers of an answer: seconds out of nanoseconds, the draft's fields, and their size.

import HTTP1
import Limiting
import Policies
import TestKit
import Testing

@testable import CheckAPI

@Suite struct AnswerNumbersTests {
  // MARK: Seconds

  @Test(
    "reset is rounded up to whole Unix seconds, and one that is whole already stays",
    arguments: [
      (0, 0, 0), (0, second, 1), (0, second + 1, 2), (0, 1, 1), (1, 0, 1), (1, second - 1, 1), (1, second, 2),
      (second - 1, 1, 1), (second - 1, 2, 2), (second / 2, 60 * second, 61),
    ] as [(Int64, Int64, Int)])
  func epoch(past: Int64, reset: Int64, expected: Int) throws {
    var scene = Scene([.allows(reset: reset)])
    scene.now.unix += past
    let response = try parsed(scene.json())
    #expect(response.int("X-RateLimit-Reset") == 1_700_000_000 + expected)
    #expect(response.json?["reset"]?.int == 1_700_000_000 + expected)
    #expect(try parsed(scene.gateway()).int("X-RateLimit-Reset") == 1_700_000_000 + expected)
  }

  @Test(
    "with --reset delta, reset is the seconds from now, rounded up, in both forms, header and body",
    arguments: [(0, 0), (1, 1), (second - 1, 1), (second, 1), (second + 1, 2), (60 * second, 60)] as [(Int64, Int)])
  func delta(reset: Int64, expected: Int) throws {
    var scene = Scene([.allows(reset: reset)])
    scene.settings.style.reset = .delta
    scene.now.unix += second / 2
    #expect(try parsed(scene.gateway()).int("X-RateLimit-Reset") == expected)
    #expect(try parsed(scene.json()).int("X-RateLimit-Reset") == expected)
    #expect(try parsed(scene.json()).json?["reset"]?.int == expected)
  }

  @Test(
    "Retry-After is rounded up, at least 1 and never earlier than the truth",
    arguments: [
      (0, 1), (1, 1), (second - 1, 1), (second, 1), (second + 1, 2), (2 * second, 2), (86_400 * second, 86_400),
      (Int64.max, 9_223_372_037),
    ] as [(Int64, Int)])
  func retryAfter(wait: Int64, expected: Int) throws {
    let response = try parsed(Scene(.denied, [.denies(wait: wait)]).json())
    #expect(response.int("Retry-After") == expected)
    #expect(response.json?["retry_after"]?.int == expected)
    #expect(response["RateLimit"] == "\"a\";r=0;t=\(expected)")
  }

  @Test("instants at the end of time are held, not wrapped")
  func saturation() throws {
    var scene = Scene(.denied, [.denies(wait: .max, reset: .max)])
    for reset in [AnswerStyle.Reset.epoch, .delta] {
      scene.settings.style.reset = reset
      #expect(try parsed(scene.json()).int("X-RateLimit-Reset") == 9_223_372_037)
    }
    scene.now.unix = .max
    #expect(try parsed(scene.json()).status == 429)
    scene.now.unix = 0
    #expect(try parsed(scene.json())["Date"] == "Thu, 01 Jan 1970 00:00:00 GMT")
  }

  // MARK: The fields of the draft

  @Test("w is the whole seconds in which q comes: the period, or for a bucket the time to fill it, rounded up")
  func window() throws {
    let year = Bounds.period.upperBound
    for (limit, expected) in [
      (Limit(algorithm: .fixedWindow, limit: 10, period: 60 * second), 60),
      (Limit(algorithm: .slidingWindow, limit: 10, period: 1_500_000_000), 2),
      (Limit(algorithm: .slidingLog, limit: 10, period: 1_000_000), 1),
      (Limit(algorithm: .tokenBucket, limit: 10, period: 60 * second), 60),
      (Limit(algorithm: .tokenBucket, limit: 10, period: 60 * second, burst: 20), 120),
      (Limit(algorithm: .tokenBucket, limit: 10, period: 60 * second, burst: 5), 30),
      (Limit(algorithm: .tokenBucket, limit: 3, period: second, burst: 1), 1),
      (Limit(algorithm: .tokenBucket, limit: 3, period: 9 * second, burst: 1), 3),
      (Limit(algorithm: .tokenBucket, limit: 3, period: 9 * second + 1, burst: 1), 4),
      (Limit(algorithm: .tokenBucket, limit: 1_000_000_000, period: 1_000_000, burst: 1), 1),
      (Limit(algorithm: .tokenBucket, limit: 1_000_000_000, period: year, burst: 999_999_999), 31_622_400),
      (Limit(algorithm: .tokenBucket, limit: 5_000_000, period: year, burst: 1_000_000_000), 6_324_480_000),
      // Above what 64 bits of nanoseconds hold: the result is held at 292 years.
      (Limit(algorithm: .tokenBucket, limit: 2_000_000, period: year, burst: 1_000_000_000), 9_223_372_037),
      (Limit(algorithm: .tokenBucket, limit: 1_714_287, period: year, burst: 1_000_000_000), 9_223_372_037),
      (Limit(algorithm: .tokenBucket, limit: 1, period: year, burst: 1_000_000_000), 9_223_372_037),
    ] as [(Limit, Int)] {
      let scene = Scene([.allows(limit: limit.capacity).under(limit)])
      #expect(try parsed(scene.json())["RateLimit-Policy"] == "\"a\";q=\(limit.capacity);w=\(expected)", "\(limit)")
    }
  }

  @Test("no limit within the bounds makes a window that traps", arguments: [5, 6] as [UInt64])
  func anyWindow(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    func scaled(_ range: ClosedRange<Int64>) -> Int64 {
      let bits = Int64.random(in: 0...56, using: &random)
      return min(max(Int64.random(in: 0...(1 << bits), using: &random), range.lowerBound), range.upperBound)
    }
    for _ in 0..<3_000 {
      let limit = Limit(
        algorithm: .tokenBucket, limit: scaled(Bounds.limit), period: scaled(Bounds.period), burst: scaled(Bounds.limit)
      )
      let text = try #require(try parsed(Scene([.allows().under(limit)]).json())["RateLimit-Policy"])
      let window = try #require(text.split(separator: "w=").last.flatMap { Double($0) })
      let exact = Double(limit.period) / 1e9 * Double(limit.burst) / Double(limit.limit)
      // The nearest double may lie on either side of a whole second.
      #expect(window >= min(exact, 9.22e9) * 0.999_999 && window <= exact * 1.000_001 + 1, "seed \(seed): \(limit)")
    }
  }

  @Test("t is the seconds until more is available, not the reset; on a denial it is Retry-After; full, it is 0")
  func untilMore() throws {
    let cases: [(Bool, Scene.Part, String)] = [
      (true, .allows(reset: 60 * second, next: 6 * second), "\"a\";r=7;t=6"),
      (true, .allows(reset: 60 * second, next: 1), "\"a\";r=7;t=1"),
      (true, .allows(remaining: 10, reset: 0, next: 0), "\"a\";r=10;t=0"),
      (false, .denies(wait: 5, reset: 60 * second), "\"a\";r=0;t=1"),
    ]
    for (isAllowed, part, expected) in cases {
      let response = try parsed(Scene(isAllowed ? .allowed : .denied, [part]).json())
      #expect(response["RateLimit"] == expected)
      if !isAllowed { #expect(response["RateLimit"]?.hasSuffix("t=\(response["Retry-After"] ?? "")") == true) }
    }
  }

  @Test("the binding policy stands first, then the other enforcing ones, at most 16")
  func atMost16() throws {
    var parts = (0..<20).map { Scene.Part.allows("p\($0)", remaining: $0 == 18 ? 1 : 7) }
    parts.insert(.denies("shadow").shadow, at: 0)
    parts.insert(.exempts("free"), at: 1)
    let response = try parsed(Scene(parts).json())
    for name in ["RateLimit", "RateLimit-Policy"] {
      let names = try #require(response[name]).split(separator: ", ").map { String($0.split(separator: "\"")[0]) }
      #expect(names == ["p18"] + (0..<15).map { "p\($0)" }, "\(name)")
    }
    #expect(response.json?["policies"]?.int == 22)
    let few = try parsed(Scene(Array(parts.prefix(18))).json())
    #expect(few["RateLimit"]?.split(separator: ", ").count == 16)
    let fewer = try parsed(Scene(Array(parts.prefix(17))).json())
    #expect(fewer["RateLimit"]?.split(separator: ", ").count == 15)
  }

  @Test("in the gateway form the draft's fields are sent where they are asked for")
  func gatewayIETF() throws {
    var scene = Scene([.allows()])
    #expect(try parsed(scene.gateway())["RateLimit"] == nil)
    #expect(try parsed(scene.gateway())["RateLimit-Policy"] == nil)
    scene.settings.style.sendsIETFHeaders = true
    #expect(try parsed(scene.gateway())["RateLimit"] == "\"a\";r=7;t=60")
    #expect(try parsed(scene.gateway())["RateLimit-Policy"] == "\"a\";q=10;w=60")
    #expect(try parsed(scene.json())["RateLimit"] == "\"a\";r=7;t=60")
    scene = Scene(.denied, [.denies()])
    scene.settings.style.sendsIETFHeaders = true
    #expect(try parsed(scene.gateway())["RateLimit"] == "\"a\";r=0;t=30")
  }

  @Test("the largest head stays below 4 KB, and the body of any number of policies is JSON")
  func largest() throws {
    let widest = Limit(algorithm: .tokenBucket, limit: 1, period: Bounds.period.upperBound, burst: 1_000_000_000)
    func name(_ number: Int) -> String {
      String("\(number)-" + String(repeating: "n", count: 64)).prefix(64).description
    }
    for isAllowed in [true, false] {
      let parts = (0..<200).map { number in
        let part: Scene.Part =
          isAllowed
          ? .allows(name(number), limit: 1_000_000_000, remaining: 1_000_000_000, reset: .max, next: .max)
          : .denies(name(number), limit: 1_000_000_000, remaining: 1_000_000_000, wait: .max, reset: .max)
        return part.under(widest)
      }
      var scene = Scene(isAllowed ? .allowed : .denied, parts + parts.map(\.shadow))
      scene.settings.style.sendsIETFHeaders = true
      scene.after = .keepHTTP10
      for text in [scene.gateway(), scene.json(domain: String(repeating: "d", count: 64))] {
        let response = try parsed(text)
        #expect(response.headCount < 4_096)
        #expect(response.body.isEmpty || response.json?["policies"]?.int == 400)
      }
      let names = try parsed(scene.json()).json?["violated-policies"]?.array?.count
      #expect(names == (isAllowed ? nil : 200))
    }
  }
}
