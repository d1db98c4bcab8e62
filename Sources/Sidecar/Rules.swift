// Rules.swift: what a worker needs of one load, in one immutable object that is swapped in whole.

import CheckAPI
import Policies
import RedisStore

/// The policy set in force, the headers it makes a worker look for, and what its counters are called in Redis.
final class Rules: Sendable {
  let set: PolicySet
  let headers: HeaderTable
  let names: KeyNames

  init(_ set: PolicySet, _ settings: APISettings) {
    self.set = set
    headers = HeaderTable(settings, set)
    names = KeyNames(set.policies)
  }
}
