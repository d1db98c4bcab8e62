// LineSamplerTests.swift: at most so many lines a second, and no event is lost from the account.

import Testing

@testable import Telemetry

@Suite struct LineSamplerTests {
  private static let second: Int64 = 1_000_000_000

  @Test("the first events of a second get a line, and the first line after it tells how many got none")
  func counts() {
    let sampler = LineSampler(perSecond: 2)
    let start = 7 * Self.second
    #expect((0..<5).map { sampler.take(at: start + $0) } == [0, 0, nil, nil, nil])
    #expect(sampler.take(at: start + Self.second - 1) == nil)
    #expect((0..<3).map { sampler.take(at: start + Self.second + $0) } == [4, 0, nil])
    #expect(sampler.take(at: start + 100 * Self.second) == 1)
  }

  @Test("a time that lies back counts as the second that others are in")
  func stepsBack() {
    let sampler = LineSampler(perSecond: 1)
    #expect(sampler.take(at: 9 * Self.second) == 0)
    #expect(sampler.take(at: 8 * Self.second) == nil)
    #expect(sampler.take(at: -1) == nil)
    #expect(sampler.take(at: 10 * Self.second) == 2)
  }

  @Test("a line that could not be written is told by the next, with what it would have told")
  func failure() {
    let sampler = LineSampler(perSecond: 1)
    #expect(sampler.take(at: 0) == 0)
    #expect(sampler.take(at: 0) == nil)
    let told = sampler.take(at: Self.second)
    #expect(told == 1)
    sampler.failed(told ?? 0)
    #expect(sampler.take(at: 2 * Self.second) == 2)
  }

  @Test("the most lines and the latest time that there are do not stop the process", arguments: [1, 1_000_000])
  func extremes(perSecond: Int) {
    let sampler = LineSampler(perSecond: perSecond)
    #expect(sampler.take(at: .max) == 0)
    #expect(sampler.take(at: .min) == (perSecond == 1 ? nil : 0))
  }

  @Test("threads together get as many lines as one, and lines and left-out events add up to all")
  func threads() async {
    let sampler = LineSampler(perSecond: 100)
    let results = await withTaskGroup(of: (lines: UInt64, told: UInt64).self) { group in
      for _ in 0..<4 {
        group.addTask {
          var result: (lines: UInt64, told: UInt64) = (0, 0)
          for event in 0..<10_000 {
            // 2 500 events of each thread in each of four seconds.
            guard let told = sampler.take(at: Int64(event / 2_500) * Self.second) else { continue }
            result.lines += 1
            result.told += told
          }
          return result
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    let lines = results.reduce(0) { $0 + $1.lines }
    let told = results.reduce(0) { $0 + $1.told }
    #expect(lines == 400)
    let last = sampler.take(at: 100 * Self.second) ?? 0
    #expect(lines + told + last == 40_000)
  }
}
