// RuleCompiler.swift: from loaded policies to rules that workers can adopt: counters assigned, indexes built. Runs on
// a background thread at a reload.

import CheckAPI
import EventLoop
import Policies
import PolicyFiles
import RedisStore
import Stores
import Synchronization

final class RuleCompiler: Sendable {
  private let registry = Mutex(CounterRegistry())
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
        loaded.policies, slots: install(loaded), ipv6Prefix: ipv6Prefix, shadowAll: isShadow), settings)
  }

  /// Tells the memory store which counters are in force, and by how much limits may be divided: again whenever the
  /// number of live weirs changes, since a cell is kept for as long as its slowest rate needs.
  @discardableResult
  func install(_ loaded: LoadedPolicies) -> [UInt32] {
    registry.withLock { registry in
      let slots = registry.assign(loaded.policies, share: live?.largestShare ?? 1, now: Loop.monotonicNow())
      store.install(registry.rules)
      return slots
    }
  }
}
