// RuleCompiler.swift: from loaded policies to rules that workers can adopt: counters assigned, indexes built. Runs on
// a background thread at a reload.

import CheckAPI
import EventLoop
import Policies
import PolicyFiles
import Stores
import Synchronization

final class RuleCompiler: Sendable {
  private let registry = Mutex(CounterRegistry())
  private let store: MemoryStore
  private let settings: APISettings
  private let ipv6Prefix: Int
  private let isShadow: Bool

  init(store: MemoryStore, settings: APISettings, ipv6Prefix: Int, isShadow: Bool) {
    self.store = store
    self.settings = settings
    self.ipv6Prefix = ipv6Prefix
    self.isShadow = isShadow
  }

  /// Counters whose identity was in force keep their cells.
  func compile(_ loaded: LoadedPolicies) -> Rules {
    let slots = registry.withLock { registry in
      let slots = registry.assign(loaded.policies, now: Loop.monotonicNow())
      store.install(registry.rules)
      return slots
    }
    return Rules(
      PolicySet(loaded.policies, slots: slots, ipv6Prefix: ipv6Prefix, shadowAll: isShadow), settings)
  }
}
