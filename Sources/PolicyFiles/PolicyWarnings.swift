// PolicyWarnings.swift: what is allowed but surely not meant: policies that never apply or deny everything, keys that a
// client can escape, overrides and policies that say the same twice. Each rule is sound: it stays silent where it
// cannot be certain.

import Limiting
import Policies

struct PolicyWarnings {
  private var shapes: [PolicyShape: SourceLine] = [:]

  /// Checks a policy by itself and against the ones before it.
  mutating func check(_ read: ReadPolicy, _ reader: inout SchemaReader) {
    warnOfEscapes(read, &reader)
    warnOfNeverMatching(read, &reader)
    warnOfNumbers(read, &reader)
    warnOfHiddenOverrides(read, &reader)
    let shape = PolicyShape(read.policy)
    if let first = shapes[shape] {
      reader.warn(
        read.marks.name,
        "policy \"\(read.policy.name)\" has the same match and key as the one at \(first.file):\(first.line)")
    } else {
      shapes[shape] = read.policy.source
    }
  }

  private func warnOfEscapes(_ read: ReadPolicy, _ reader: inout SchemaReader) {
    guard read.policy.missing == .skip else { return }
    for (name, mark) in zip(read.policy.key, read.marks.key) {
      let kind: String
      switch name {
      case .header: kind = "header"
      case .query: kind = "query parameter"
      default: continue
      }
      reader.warn(
        mark,
        "key \"\(name.text)\" with missing: skip: leaving the \(kind) out escapes the limit; use missing: share")
    }
  }

  private func warnOfNeverMatching(_ read: ReadPolicy, _ reader: inout SchemaReader) {
    let policy = read.policy
    let facts = Implication(policy)
    if let name = facts.contradiction {
      reader.warn(
        read.marks.match, "policy \"\(policy.name)\" never applies: it needs \(name.text) both absent and present")
    } else if let except = policy.except, facts.implies(except) {
      reader.warn(read.marks.except, "policy \"\(policy.name)\" never applies: except holds whenever match does")
    }
  }

  private func warnOfNumbers(_ read: ReadPolicy, _ reader: inout SchemaReader) {
    let limit = read.policy.limit
    let least =
      switch read.policy.cost {
      case .fixed(let cost): cost
      case .attribute(_, default: _, let min, max: _): min
      }
    let isOverridden = read.policy.overrides.contains { $0.effect.letsPass(cost: least) }
    if least > limit.capacity, !isOverridden {
      let name = limit.algorithm == .tokenBucket ? "burst" : "limit"
      reader.warn(read.marks.cost, "cost \(least) is above the \(name) \(limit.capacity): every check is denied")
    }
    if limit.algorithm == .slidingWindow, limit.limit == 1 {
      reader.warn(
        read.marks.limit,
        "limit 1 with sliding-window: under steady load only every second window lets one pass; use sliding-log")
    }
  }

  private func warnOfHiddenOverrides(_ read: ReadPolicy, _ reader: inout SchemaReader) {
    // The earliest override per exact key, and those with a "*": few, so that a scan of them is cheap.
    var exact: [[String]: Mark] = [:]
    var patterns: [(key: [String?], mark: Mark)] = []
    for (override, mark) in zip(read.policy.overrides, read.marks.overrides) {
      let values = override.key.compactMap { $0 }
      let isExact = values.count == override.key.count
      let hiding = (isExact ? exact[values] : nil) ?? patterns.first { Self.covers($0.key, override.key) }?.mark
      if let hiding {
        reader.warn(
          mark, "this override is never reached: the one at line \(hiding.line) comes first and matches its keys")
      } else if isExact {
        exact[values] = mark
      } else if patterns.count < 100 {
        patterns.append((override.key, mark))
      }
    }
  }

  private static func covers(_ pattern: [String?], _ key: [String?]) -> Bool {
    zip(pattern, key).allSatisfy { $0 == nil || $0 == $1 }
  }
}

extension Policy.Override.Effect {
  /// Whether a check of this cost passes from rest.
  fileprivate func letsPass(cost: Int64) -> Bool {
    switch self {
    case .limit(let limit): cost <= limit.capacity
    case .unlimited: true
    case .block: false
    }
  }
}
