// ReadPolicy.swift: a policy together with where its parts stand, for rules about a policy as a whole.

import Policies

struct ReadPolicy {
  var policy: Policy
  var marks: Marks

  /// A part that the file leaves out stands where the policy does.
  struct Marks {
    var name: Mark
    var match: Mark
    var except: Mark
    var key: [Mark]
    var limit: Mark
    var cost: Mark
    var overrides: [Mark]
  }
}

/// A policy with a valid name, whatever else is wrong with it: its name is taken.
struct NamedPolicy {
  var name: String
  /// Where the name stands.
  var mark: Mark
  /// Nil where anything about it was reported as an error.
  var policy: ReadPolicy?
}
