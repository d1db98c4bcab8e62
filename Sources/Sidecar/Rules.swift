// Rules.swift: what a worker needs of one load, in one immutable object that is swapped in whole.

import CheckAPI
import Policies

/// The policy set in force, and the headers it makes a worker look for.
final class Rules: Sendable {
  let set: PolicySet
  let headers: HeaderTable

  init(_ set: PolicySet, _ settings: APISettings) {
    self.set = set
    headers = HeaderTable(settings, set)
  }
}
