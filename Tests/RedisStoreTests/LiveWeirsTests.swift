// LiveWeirsTests.swift: by how much limits are divided while Redis is away.

import Testing

@testable import RedisStore

@Suite struct LiveWeirsTests {
  @Test("nobody heard of is one weir: this one")
  func alone() {
    let live = LiveWeirs(isShared: true)
    #expect(live.share(in: "api") == 1 && live.count(in: "api") == 1 && live.largestShare == 1)
    live.heard([(domain: "api", count: 0)], now: 0)
    #expect(live.share(in: "api") == 1)
  }

  @Test("each domain has its own share, and the last number heard stays")
  func domains() {
    let live = LiveWeirs(isShared: true)
    live.heard([(domain: "api", count: 3), (domain: "web", count: 5)], now: 0)
    #expect(live.share(in: "api") == 3 && live.share(in: "web") == 5 && live.largestShare == 5)
    live.heard([(domain: "api", count: 2), (domain: "web", count: 5)], now: 1)
    #expect(live.share(in: "api") == 2 && live.share(in: "web") == 5)
    live.heard([(domain: "api", count: 2)], now: 2)
    #expect(live.share(in: "web") == 1 && live.largestShare == 2, "no policy there any more")
  }

  @Test("right after a connection numbers only grow, so that a Redis which lost its data does not raise the shares")
  func gathers() {
    let live = LiveWeirs(isShared: true)
    live.heard([(domain: "api", count: 3)], now: 0)
    live.connected(now: 10)
    live.heard([(domain: "api", count: 1)], now: 10)
    #expect(live.share(in: "api") == 3)
    live.heard([(domain: "api", count: 4)], now: 11)
    #expect(live.share(in: "api") == 4)
    live.heard([(domain: "api", count: 1)], now: 10 + Bounds.gathering)
    #expect(live.share(in: "api") == 1)
  }

  @Test("--fallback-share off divides nothing, and still counts")
  func unshared() {
    let live = LiveWeirs(isShared: false)
    live.heard([(domain: "api", count: 3)], now: 0)
    #expect(live.share(in: "api") == 1 && live.largestShare == 1 && live.count(in: "api") == 3)
  }

  @Test("the version rises with each change, and only then")
  func version() {
    let live = LiveWeirs(isShared: true)
    let first = live.version
    live.heard([(domain: "api", count: 3)], now: 0)
    let second = live.version
    live.heard([(domain: "api", count: 3)], now: 1)
    #expect(second == first + 1 && live.version == second)
  }
}

extension LiveWeirs {
  /// One reply about all domains.
  fileprivate func heard(_ counts: [(domain: String, count: Int64)], now: Int64) {
    for (domain, count) in counts { heard([domain], count: count, now: now) }
    keep(Set(counts.map(\.domain)))
  }
}
