// HistogramTests.swift: what Histogram.swift promises: buckets that include their bound, exact sums, merging.

import Testing

@testable import Telemetry

@Suite struct HistogramTests {
  @Test("a duration equal to a bound is in that bound's bucket, one nanosecond more is in the next")
  func edges() {
    for (index, bound) in Histogram.bounds.enumerated() {
      #expect(Histogram.bucket(of: bound) == index)
      #expect(
        Histogram.bucket(of: bound - 1)
          == (bound - 1 > (index > 0 ? Histogram.bounds[index - 1] : 0) ? index : index - 1))
      #expect(Histogram.bucket(of: bound + 1) == index + 1)
    }
    #expect(Histogram.bucket(of: 0) == 0)
    #expect(Histogram.bucket(of: .max) == Histogram.bounds.count)
  }

  @Test("the bucket found by decades is the one that a search through the bounds finds")
  func agreesWithSearch() {
    let seed: UInt64 = 0x5eed
    var state = seed
    for _ in 0..<20_000 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let duration = state >> (state >> 58)
      let slow = Histogram.bounds.firstIndex { duration <= $0 } ?? Histogram.bounds.count
      #expect(Histogram.bucket(of: duration) == slow, "seed \(seed), duration \(duration)")
    }
  }

  @Test("each bound's text is its value in seconds")
  func texts() {
    #expect(Histogram.boundTexts.count == Histogram.bounds.count)
    for (bound, text) in zip(Histogram.bounds, Histogram.boundTexts) {
      #expect(Double(text) == Double(bound) / 1e9)
    }
    #expect(Histogram.sizeTexts.count == Histogram.bounds.count)
    for (bound, text) in zip(Histogram.bounds, Histogram.sizeTexts) { #expect(Double(text) == Double(bound) / 1e3) }
  }

  @Test("every observation is in one bucket and in the sum; a negative one counts as 0")
  func observes() {
    let histogram = Histogram()
    for duration: Int64 in [-5, 0, 1_000, 1_001, 3_000_000_000] { histogram.observe(nanoseconds: duration) }
    let seen = histogram.snapshot()
    #expect(seen.count == 5)
    #expect(seen.buckets[0] == 3)
    #expect(seen.buckets[1] == 1)
    #expect(seen.buckets.last == 1)
    #expect(seen.sum == 3_000_002_001)
  }

  @Test("what is observed several times at once counts as often")
  func times() {
    let histogram = Histogram()
    histogram.observe(nanoseconds: 2_000, times: 3)
    histogram.observe(nanoseconds: 9, times: 0)
    #expect(histogram.snapshot().buckets[1] == 3 && histogram.snapshot().count == 3)
    #expect(histogram.snapshot().sum == 6_000)
  }

  @Test("the longest duration there is does not stop the process")
  func maximum() {
    let histogram = Histogram()
    for _ in 0..<3 { histogram.observe(nanoseconds: .max) }
    #expect(histogram.snapshot().count == 3)
    #expect(histogram.snapshot().sum == UInt64(Int64.max) &* 3)
  }

  @Test("merging adds bucket by bucket")
  func merges() {
    let first = Histogram()
    let second = Histogram()
    first.observe(nanoseconds: 10)
    second.observe(nanoseconds: 20)
    second.observe(nanoseconds: 2_000)
    var both = Histogram.Snapshot.empty
    both.merge(first.snapshot())
    both.merge(second.snapshot())
    #expect(both.buckets[0] == 2)
    #expect(both.buckets[1] == 1)
    #expect(both.sum == 2_030)
  }
}
