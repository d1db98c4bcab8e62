// RuleCompiler.swift: from loaded policies to rules that workers can adopt: counters assigned, indexes built, on a
// background thread at a reload; and the sweep of cells by the newest of them, on the main thread.

import CheckAPI
import EventLoop
import Limiting
import Policies
import PolicyFiles
import RedisStore
import Stores
import Synchronization

final class RuleCompiler: Sendable {
  private struct Counters {
    var registry = CounterRegistry()
    /// Of the newest set compiled.
    var policies: [Policy] = []
    /// Of `live`, when the store was last told.
    var sharesVersion = 0
  }

  private let counters = Mutex(Counters())
  private let store: MemoryStore
  private let settings: APISettings
  private let ipv6Prefix: Int
  private let isShadow: Bool
  private let live: LiveWeirs?

  /// - Parameter live: With whom limits are shared while Redis is away; nil without a Redis.
  init(store: MemoryStore, settings: APISettings, ipv6Prefix: Int, isShadow: Bool, live: LiveWeirs? = nil) {
    self.store = store
    self.live = live
    self.settings = settings
    self.ipv6Prefix = ipv6Prefix
    self.isShadow = isShadow
  }

  /// Counters whose identity was in force keep their cells.
  func compile(_ loaded: LoadedPolicies) -> Rules {
    Rules(
      PolicySet(
        loaded.policies, slots: install(loaded.policies), ipv6Prefix: ipv6Prefix, shadowAll: isShadow), settings)
  }

  /// Drops cells that are idle, of at most `budget` places, after telling the memory store by how much limits may be
  /// divided now: by the numbers of before, a cell that was charged under this weir's share may look as if it had regained
  /// all.
  func sweep(budget: Int, now: Now) {
    counters.withLock { counters in
      if let live, live.version != counters.sharesVersion { _ = install(&counters) }
    }
    store.sweep(budget: budget, now: now)
  }

  private func install(_ policies: [Policy]) -> [UInt32] {
    counters.withLock { counters in
      counters.policies = policies
      return install(&counters)
    }
  }

  private func install(_ counters: inout Counters) -> [UInt32] {
    // Before the share is read: a change meanwhile is followed at the next sweep.
    counters.sharesVersion = live?.version ?? 0
    let slots = counters.registry.assign(
      counters.policies, share: live?.largestShare ?? 1, now: Loop.monotonicNow())
    store.install(counters.registry.rules)
    return slots
  }
}
