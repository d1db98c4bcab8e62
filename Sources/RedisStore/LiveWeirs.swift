// LiveWeirs.swift: how many weirs count in this Redis, domain by domain, as last heard. While Redis is away each grants
// its share of a limit, so that all together grant about the limit and not as many times the limit as there are weirs.

import Synchronization

/// The last known numbers of live weirs. One for all workers; any thread may ask.
public final class LiveWeirs: Sendable {
  private struct State {
    var counts: [String: Int64] = [:]
    /// Until then numbers only grow.
    var growsUntil: Int64 = .min
  }

  private let state = Mutex(State())
  private let changes = Atomic<Int>(0)
  private let isShared: Bool

  /// - Parameter isShared: Whether limits are divided at all (`--fallback-share`).
  public init(isShared: Bool) { self.isShared = isShared }

  /// Rises with every change.
  public var version: Int { changes.load(ordering: .acquiring) }

  /// Weirs alive in `domain`, this one included; 1 where nothing is known.
  public func count(in domain: String) -> Int64 {
    state.withLock { max(1, $0.counts[domain] ?? 1) }
  }

  /// By how much a limit in `domain` is divided while Redis is away.
  public func share(in domain: String) -> Int64 { isShared ? count(in: domain) : 1 }

  /// The largest share of any domain.
  public var largestShare: Int64 {
    isShared ? state.withLock { max(1, $0.counts.values.max() ?? 1) } : 1
  }

  /// Redis was just reached anew, at `now` on the monotonic clock.
  func connected(now: Int64) {
    state.withLock { $0.growsUntil = now + Bounds.gathering }
  }

  /// Redis has counted those that serve `domains`.
  func heard(_ domains: [String], count: Int64, now: Int64) {
    change { state in
      for domain in domains {
        state.counts[domain] = now < state.growsUntil ? max(count, state.counts[domain] ?? 1) : max(count, 1)
      }
    }
  }

  /// Forgets domains that have no policies in Redis any more.
  func keep(_ domains: Set<String>) {
    change { state in
      if state.counts.count > domains.count { state.counts = state.counts.filter { domains.contains($0.key) } }
    }
  }

  private func change(_ body: (inout State) -> Void) {
    let hasChanged = state.withLock { state in
      let before = state.counts
      body(&state)
      return state.counts != before
    }
    if hasChanged { changes.add(1, ordering: .releasing) }
  }
}
